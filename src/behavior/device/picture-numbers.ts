/**
 * Whether the pictures of a stream go on where those before ended: numbers that an encoder gives (`frame_num` of H.264 section 7.4.3,
 * the order of output of both codecs), key frames that begin them anew, pictures that were announced and did not come. A network loses
 * packets, and then nothing is said; it does not renumber pictures. Who takes over from another encoder has to.
 *
 * @module
 */
import {
  type PictureHead,
  type PictureNumbering,
  readH264Head,
  readH264Numbering,
  readH265Head,
  readH265Picture,
  readH265Sequence,
} from '../../wire/picture-head.ts'
import type { Frame } from './frame-builder.ts'
import { median } from './stream-features.ts'
import type { VideoCodec } from './stream-packet.ts'

export interface NumberTraits {
  /** null: not read here, or not the same all the time. */
  readonly numbering: PictureNumbering | null
  /** RTP ticks of one step in the order of output; 0: they do not go together. */
  readonly orderTicks: number
  /** Between pictures shown one after the other; 0: not regular. */
  readonly frameTicks: number
  /** Pictures are sent before others that are shown earlier. */
  readonly isReordered: boolean
  /** Key frames begin numbers anew, each of them or some. */
  readonly isReset: boolean
  /** `idr_pic_id` of one, and of the one after it: only where the first says the second. */
  readonly keyIds: readonly (readonly [from: number, to: number])[]
}

/** `numbers`: they do not go on; `restart`: an encoder begins. */
export type NumberFault = 'numbers' | 'restart'

interface Picture {
  readonly frame: Frame
  readonly head: PictureHead
}

const SPS: Readonly<Record<VideoCodec, number>> = { h264: 7, h265: 33 }
const PPS: Readonly<Record<VideoCodec, number>> = { h264: 8, h265: 34 }
/** How far RTP time may be from the order of output, in steps of it: H.264 has two a frame. */
const ORDER_ERROR = 0.75
/** Of a frame: how far frames may be from being regular, and how many of them are. */
const FRAME_ERROR = 0.5
const REGULAR_SHARE = 0.9
/** Frames, to say how far they are apart. */
const TIMES_MAX = 600
/** Pictures that one sent ahead may wait for: the standards let decoders hold 16. */
const AHEAD_MAX = 16
/** Key frames after the first, to say what they do. */
const KEYS_MIN = 2
export const KEY_IDS_MAX = 64

export class PictureNumbers {
  readonly #codec: VideoCodec
  readonly #known: NumberTraits | undefined
  readonly #sequence = new Once<PictureNumbering>()
  readonly #picture = new Once<PictureNumbering>()
  readonly #orderTicks = new Once<number>()
  readonly #times: number[] = []
  readonly #keyIds = new Map<number, Once<number>>()
  #isReordered = false
  #keys = 0
  #resets = 0
  #before: Picture | undefined
  #highest = Number.NEGATIVE_INFINITY
  /** RTP times of pictures that are shown before one that came already. */
  #awaited: number[] = []
  /** The last key frame, when nothing was lost since. */
  #keyBefore: PictureHead | undefined

  /** @param known undefined: it is learned */
  constructor(codec: VideoCodec, known?: NumberTraits) {
    this.#codec = codec
    this.#known = known
  }

  /** A whole parameter set, while they are learned. @param body behind its header */
  meetSet(type: number, body: Uint8Array): void {
    if (type === SPS[this.#codec]) this.#sequence.meet(this.#numberingOf(body))
    if (type === PPS[this.#codec] && this.#codec === 'h265') {
      const read = readH265Picture(body)
      this.#picture.meet(read === undefined ? undefined : { ...NONE, ...read })
    }
  }

  /** Packets between are of nobody: numbers go on from elsewhere. */
  forget(): void {
    this.#before = undefined
    this.#keyBefore = undefined
    this.#highest = Number.NEGATIVE_INFINITY
    this.#awaited = []
  }

  /** @param frame in the order sent @returns what is wrong with it, of a stream that is known */
  meet(frame: Frame): NumberFault | undefined {
    if (this.#known === undefined) this.#learnTime(frame)
    const head = this.#headOf(frame)
    if (frame.lost > 0 || head === undefined) {
      const highest = Math.max(this.#highest, frame.timestamp)
      this.forget()
      this.#highest = highest
      return undefined
    }
    const fault = this.#check({ frame, head })
    this.#await(frame, head)
    if (frame.isKey) this.#keyBefore = head
    this.#before = { frame, head }
    return fault
  }

  traits(): NumberTraits {
    const keyIds = [...this.#keyIds].flatMap(([from, { value: to }]) =>
      to === undefined ? [] : [[from, to] as const],
    )
    return {
      numbering: this.#numbering() ?? null,
      orderTicks: this.#orderTicks.value ?? 0,
      frameTicks: regularTicks(this.#times),
      isReordered: this.#isReordered,
      isReset: this.#keys < KEYS_MIN || this.#resets > 0,
      keyIds: keyIds.slice(0, KEY_IDS_MAX),
    }
  }

  #numbering(): PictureNumbering | undefined {
    if (this.#known !== undefined) return this.#known.numbering ?? undefined
    const sequence = this.#sequence.value
    if (this.#codec === 'h264' || sequence === undefined) return sequence
    const picture = this.#picture.value
    if (picture === undefined) return undefined
    const { extraBits, hasOutputFlag } = picture
    return { ...sequence, extraBits, hasOutputFlag }
  }

  #numberingOf(body: Uint8Array): PictureNumbering | undefined {
    const read = this.#codec === 'h264' ? readH264Numbering(body) : readH265Sequence(body)
    return read === undefined ? undefined : { ...NONE, ...read }
  }

  #headOf({ start }: Frame): PictureHead | undefined {
    const numbering = this.#numbering()
    if (numbering === undefined || start === undefined) return undefined
    const read = this.#codec === 'h264' ? readH264Head : readH265Head
    return read(start.type, start.head, numbering)
  }

  #check(picture: Picture): NumberFault | undefined {
    const known = this.#known
    if (known === undefined) {
      this.#learn(picture)
      return undefined
    }
    const { frame, head } = picture
    if (frame.isKey && this.#isRestart(head, known)) return 'restart'
    return this.#isOff(picture, known) ? 'numbers' : undefined
  }

  #isRestart({ isReset, keyId }: PictureHead, known: NumberTraits): boolean {
    if (isReset && !known.isReset) return true
    const from = this.#keyBefore?.keyId
    const due = known.keyIds.find(([one]) => one === from)?.[1]
    return from !== undefined && due !== undefined && keyId !== due
  }

  #isOff({ frame, head }: Picture, known: NumberTraits): boolean {
    const before = this.#before
    if (before === undefined) return false
    if (head.isReset) {
      const isEarly = frame.timestamp <= this.#highest
      // What was lost is awaited no more, but not all that is awaited after a loss was not sent.
      const isWhole = this.#keyBefore !== undefined
      const isMissing = known.isReordered && isWhole && this.#awaited.length > 0
      return isEarly || isMissing || (head.frameNum ?? 0) !== 0
    }
    const isNext = isNextNumber(before, head, known.numbering?.frameNumBits ?? 0)
    return !isNext || isOutOfOrder(before, { frame, head }, known)
  }

  #await({ timestamp }: Frame, { isReset }: PictureHead): void {
    const ticks = this.#known?.frameTicks ?? 0
    if (timestamp <= this.#highest) {
      const isIt = (time: number): boolean => Math.abs(time - timestamp) < FRAME_ERROR * ticks
      this.#awaited = this.#awaited.filter((time) => !isIt(time))
      return
    }
    const steps = ticks === 0 || isReset ? 0 : Math.round((timestamp - this.#highest) / ticks)
    this.#awaited =
      steps > 1 && steps <= AHEAD_MAX
        ? Array.from({ length: steps - 1 }, (_, i) => this.#highest + (i + 1) * ticks)
        : []
    this.#highest = timestamp
  }

  #learnTime({ timestamp }: Frame): void {
    if (timestamp < (this.#times.at(-1) ?? timestamp)) this.#isReordered = true
    if (this.#times.length < TIMES_MAX) this.#times.push(timestamp)
  }

  #learn({ frame, head }: Picture): void {
    if (frame.isKey) this.#learnKey(head)
    const before = this.#before
    if (before === undefined) return
    const ticks = frame.timestamp - before.frame.timestamp
    if (!head.isReset) {
      const steps = stepsOf(before.head, head, this.#numbering()?.orderBits ?? 0)
      if (steps !== undefined) this.#orderTicks.meet(ticks / steps, (one) => one * ORDER_ERROR)
    }
  }

  #learnKey(head: PictureHead): void {
    const from = this.#keyBefore?.keyId
    if (from !== undefined && head.keyId !== undefined) {
      const to = this.#keyIds.get(from) ?? new Once<number>()
      to.meet(head.keyId)
      if (this.#keyIds.size < KEY_IDS_MAX) this.#keyIds.set(from, to)
    }
    if (this.#before === undefined) return
    this.#keys++
    if (head.isReset) this.#resets++
  }
}

function regularTicks(times: readonly number[]): number {
  const sorted = Float64Array.from(times).sort()
  const steps = [...sorted.subarray(1)].map((time, i) => time - (sorted[i] ?? time))
  const ticks = median(steps)
  const regular = steps.filter((step) => Math.abs(step - ticks) <= FRAME_ERROR * ticks)
  return regular.length > 0 && regular.length >= REGULAR_SHARE * steps.length ? ticks : 0
}

const NONE: PictureNumbering = {
  ...{ frameNumBits: 0, orderBits: 0, extraBits: 0, hasOutputFlag: false },
}

/** A value that was the same each time. */
class Once<T> {
  #value: T | undefined
  #isOther = false

  get value(): T | undefined {
    return this.#isOther ? undefined : this.#value
  }

  /** @param errorOf how far numbers may be apart */
  meet(value: T | undefined, errorOf: (value: number) => number = () => 0): void {
    const before = this.#value
    if (value === undefined) this.#isOther = true
    else if (before === undefined) this.#value = value
    else if (typeof value === 'number' && typeof before === 'number') {
      if (!(Math.abs(value - before) <= errorOf(before))) this.#isOther = true
    } else if (JSON.stringify(value) !== JSON.stringify(before)) this.#isOther = true
  }
}

/** H.264 section 7.4.3: one more than of the reference picture before. */
function isNextNumber({ frame, head: before }: Picture, head: PictureHead, bits: number): boolean {
  if (head.frameNum === undefined || before.frameNum === undefined) return true
  const due = before.frameNum + (frame.isDisposable ? 0 : 1)
  return head.frameNum === due % 2 ** bits
}

/** Both go on by as much. Where more time went by than pictures did, the camera left some out. */
function isOutOfOrder(before: Picture, { frame, head }: Picture, known: NumberTraits): boolean {
  const steps = stepsOf(before.head, head, known.numbering?.orderBits ?? 0)
  if (steps === undefined || known.orderTicks === 0) return false
  const ticks = frame.timestamp - before.frame.timestamp
  const due = steps * known.orderTicks
  if (Math.abs(ticks - due) <= ORDER_ERROR * known.orderTicks) return false
  return Math.sign(ticks) !== Math.sign(due) || Math.abs(ticks) < Math.abs(due)
}

function stepsOf(before: PictureHead, head: PictureHead, bits: number): number | undefined {
  if (before.order === undefined || head.order === undefined || bits === 0) return undefined
  const turn = 2 ** bits
  const ahead = (head.order - before.order + turn) % turn
  return ahead >= turn / 2 ? ahead - turn : ahead
}
