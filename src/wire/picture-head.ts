/**
 * How pictures of H.264 (ITU-T H.264, sections 7.3.2.1.1 and 7.3.3) and H.265 (ITU-T H.265, sections 7.3.2.2, 7.3.2.3 and 7.3.6) are
 * numbered: what parameter sets say of it, and the numbers at the beginning of a slice. Nothing behind them is read.
 *
 * @module
 */
import { RbspBits } from './rbsp-bits.ts'

/** Where the numbers of slices are; one form for both codecs. */
export interface PictureNumbering {
  /** Of `frame_num`; 0 in H.265. */
  readonly frameNumBits: number
  /** Of `pic_order_cnt_lsb`; 0: slices have none. */
  readonly orderBits: number
  /** H.265: `num_extra_slice_header_bits`. */
  readonly extraBits: number
  /** H.265: `output_flag_present_flag`. */
  readonly hasOutputFlag: boolean
}

export interface PictureHead {
  /** An IDR picture: numbers begin anew, and all pictures before it are shown before it. */
  readonly isReset: boolean
  /** Of H.264. */
  readonly frameNum: number | undefined
  /** The lower bits of its place in the order of output. */
  readonly order: number | undefined
  /** `idr_pic_id` of H.264. */
  readonly keyId: number | undefined
}

type Numbering<K extends keyof PictureNumbering> = Pick<PictureNumbering, K>

/** Profiles whose sequence parameter sets say more of colours (section 7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([
  ...[100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135],
])
const H264_IDR = 5
const H265_IDRS: ReadonlySet<number> = new Set([19, 20])
const H265_RANDOM_ACCESS = { from: 16, to: 23 } as const
/** Both standards: 4 to 16. */
const BITS_MAX = 16
const ORDER_CYCLE_MAX = 255

/** @param set behind its header @returns undefined for what is not read here: fields, gaps in `frame_num`, planes apart, and what is no such set */
export function readH264Numbering(
  set: Uint8Array,
): Numbering<'frameNumBits' | 'orderBits'> | undefined {
  const bits = new RbspBits(set)
  const profile = bits.u(8)
  bits.skip(16)
  bits.ue()
  if (HIGH_PROFILES.has(profile) && skipColours(bits)) return undefined
  const frameNumBits = bits.ue() + 4
  const orderType = bits.ue()
  const orderBits = orderType === 0 ? bits.ue() + 4 : 0
  if (orderType === 1) skipOrderCycle(bits)
  bits.ue()
  const hasGaps = bits.u(1) === 1
  bits.ue()
  bits.ue()
  const isOfFrames = bits.u(1) === 1
  const isKnown = orderType <= 2 && frameNumBits <= BITS_MAX && orderBits <= BITS_MAX
  if (bits.isOver || hasGaps || !isOfFrames || !isKnown) return undefined
  return { frameNumBits, orderBits }
}

/** @returns whether colour planes are apart */
function skipColours(bits: RbspBits): boolean {
  const chroma = bits.ue()
  const isApart = chroma === 3 && bits.u(1) === 1
  bits.ue()
  bits.ue()
  bits.skip(1)
  if (bits.u(1) === 1) {
    for (let i = 0; i < (chroma === 3 ? 12 : 8); i++) {
      if (bits.u(1) === 1) skipScaling(bits, i < 6 ? 16 : 64)
    }
  }
  return isApart
}

function skipScaling(bits: RbspBits, size: number): void {
  let [last, next] = [8, 8]
  for (let i = 0; i < size; i++) {
    if (next !== 0) next = (last + bits.se() + 256) % 256
    if (next !== 0) last = next
  }
}

function skipOrderCycle(bits: RbspBits): void {
  bits.skip(1)
  bits.se()
  bits.se()
  const cycle = Math.min(bits.ue(), ORDER_CYCLE_MAX)
  for (let i = 0; i < cycle; i++) bits.se()
}

/** @param set a sequence parameter set behind its header */
export function readH265Sequence(set: Uint8Array): Numbering<'orderBits'> | undefined {
  const bits = new RbspBits(set)
  bits.skip(4)
  skipProfile(bits)
  bits.ue()
  const chroma = bits.ue()
  const isApart = chroma === 3 && bits.u(1) === 1
  bits.ue()
  bits.ue()
  if (bits.u(1) === 1) for (let i = 0; i < 4; i++) bits.ue()
  bits.ue()
  bits.ue()
  const orderBits = bits.ue() + 4
  return bits.isOver || isApart || orderBits > BITS_MAX ? undefined : { orderBits }
}

/** Sub-layers less one, nesting, `profile_tier_level` (section 7.3.3). */
function skipProfile(bits: RbspBits): void {
  const layers = bits.u(3)
  bits.skip(1 + 88 + 8)
  const present = Array.from({ length: layers }, () => [bits.u(1), bits.u(1)] as const)
  if (layers > 0) bits.skip(2 * (8 - layers))
  for (const [profile, level] of present) bits.skip(88 * profile + 8 * level)
}

/** @param set a picture parameter set behind its header */
export function readH265Picture(
  set: Uint8Array,
): Numbering<'extraBits' | 'hasOutputFlag'> | undefined {
  const bits = new RbspBits(set)
  bits.ue()
  bits.ue()
  bits.skip(1)
  const hasOutputFlag = bits.u(1) === 1
  const extraBits = bits.u(3)
  return bits.isOver ? undefined : { extraBits, hasOutputFlag }
}

/** @param slice behind its header @returns undefined for one that does not begin a picture, or ends too soon */
export function readH264Head(
  type: number,
  slice: Uint8Array,
  { frameNumBits, orderBits }: PictureNumbering,
): PictureHead | undefined {
  const bits = new RbspBits(slice)
  if (bits.ue() !== 0) return undefined
  bits.ue()
  bits.ue()
  const frameNum = bits.u(frameNumBits)
  const isReset = type === H264_IDR
  const keyId = isReset ? bits.ue() : undefined
  const order = orderBits > 0 ? bits.u(orderBits) : undefined
  return bits.isOver ? undefined : { isReset, frameNum, order, keyId }
}

/** @param slice behind its header @returns undefined for one that does not begin a picture, or ends too soon */
export function readH265Head(
  type: number,
  slice: Uint8Array,
  { orderBits, extraBits, hasOutputFlag }: PictureNumbering,
): PictureHead | undefined {
  const bits = new RbspBits(slice)
  if (bits.u(1) === 0) return undefined
  const { from, to } = H265_RANDOM_ACCESS
  if (type >= from && type <= to) bits.skip(1)
  bits.ue()
  bits.skip(extraBits)
  bits.ue()
  if (hasOutputFlag) bits.skip(1)
  const isReset = H265_IDRS.has(type)
  const order = isReset ? 0 : bits.u(orderBits)
  return bits.isOver ? undefined : { isReset, frameNum: undefined, order, keyId: undefined }
}
