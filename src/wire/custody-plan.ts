/**
 * LCP1: a change of a key's shares, as the cluster's identity has ordered it (LCU/1, `docs/wire/custody.md`): who deals, and who
 * holds afterwards. And LCN1: a node's card, what shares for it are sealed to. Bytes only.
 *
 *  0  4  "LCP1"                          0  4  "LCN1"
 *  4  1  1 (version)                     4  1  1 (version)
 *  5  1  kind                            5  3  0
 *  6  1  scheme                          8 16  node
 *  7  1  threshold                      24 32  X25519 public key, for shares
 *  8 16  key id                         56 32  Ed25519 public key, for statements
 * 24  4  generation to be               88 64  Ed25519 signature over "limen/lcu/1 node" 0x00 and all before
 * 28  4  generation the dealers hold
 * 32 16  attempt, drawn by chance
 * 48  1  d, dealers                    then d times: point u8, ascending
 *     1  n, holders                    then n times: point u8 | node 16 | X25519 key 32, ascending by point
 *    64  Ed25519 signature over "limen/lcu/1 plan" 0x00 and all before
 *
 * Kinds: 1, the dealers make a new key together; 2, the dealers share their shares anew; 3, one dealer at point 0, the
 * coordinator, shares a secret of its own.
 *
 * @module
 */
import { toHex } from '../ground/hex.ts'
import { joinOctets } from '../ground/octets.ts'
import { u32 } from './big-endian.ts'
import { isScheme, KEY_ID_BYTES, NODE_ID_BYTES, type Scheme } from './share-record.ts'

export const PLAN_LABEL = 'limen/lcu/1 plan\0'
export const CARD_LABEL = 'limen/lcu/1 node\0'
export const CARD_BYTES = 152
/** 255 dealers and holders. */
export const PLAN_BYTES_MAX = 13_200
const PLAN_MAGIC = [0x4c, 0x43, 0x50, 0x31]
const CARD_MAGIC = [0x4c, 0x43, 0x4e, 0x31]
const VERSION = 1
const KINDS = ['make', 'reshare', 'import'] as const
const HEAD_BYTES = 48
const KEY_BYTES = 32
const HOLDER_BYTES = 1 + NODE_ID_BYTES + KEY_BYTES
const SIGNATURE_BYTES = 64
const ATTEMPT_BYTES = 16

export interface Receiver {
  readonly point: number
  readonly node: Uint8Array
  readonly sealingKey: Uint8Array
}

export interface CustodyPlan {
  readonly kind: (typeof KINDS)[number]
  readonly scheme: Scheme
  readonly keyId: Uint8Array
  readonly generation: number
  /** Of the dealers' shares; 0 unless they reshare. */
  readonly from: number
  readonly threshold: number
  readonly attempt: Uint8Array
  readonly dealers: readonly number[]
  readonly receivers: readonly Receiver[]
}

export interface NodeCard {
  readonly node: Uint8Array
  readonly sealingKey: Uint8Array
  readonly signingKey: Uint8Array
}

interface Signed<T> {
  readonly value: T
  /** What the signature is over, without the label. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Views of `bytes`; undefined for anything but one whole plan. The signature is not looked at. Never throws. */
export function readCustodyPlan(bytes: Uint8Array): Signed<CustodyPlan> | undefined {
  const end = bytes.length - SIGNATURE_BYTES
  if (end < HEAD_BYTES + 2 || !begins(bytes, PLAN_MAGIC)) return undefined
  const kind = KINDS[(bytes[5] as number) - 1]
  const scheme = bytes[6] as number
  const threshold = bytes[7] as number
  if (kind === undefined || !isScheme(scheme)) return undefined
  const holdersAt = HEAD_BYTES + 1 + (bytes[HEAD_BYTES] as number)
  const count = bytes[holdersAt] ?? 0
  if (end !== holdersAt + 1 + count * HOLDER_BYTES) return undefined
  const dealers = [...bytes.subarray(HEAD_BYTES + 1, holdersAt)]
  const receivers: Receiver[] = []
  for (let at = holdersAt + 1; at < end; at += HOLDER_BYTES) {
    const keyAt = at + 1 + NODE_ID_BYTES
    receivers.push({
      point: bytes[at] as number,
      node: bytes.subarray(at + 1, keyAt),
      sealingKey: bytes.subarray(keyAt, keyAt + KEY_BYTES),
    })
  }
  const value: CustodyPlan = {
    ...{ kind, scheme, threshold, dealers, receivers },
    keyId: bytes.subarray(8, 8 + KEY_ID_BYTES),
    generation: u32(bytes, 24),
    from: u32(bytes, 28),
    attempt: bytes.subarray(32, 32 + ATTEMPT_BYTES),
  }
  if (!isPossible(value)) return undefined
  return { value, signed: bytes.subarray(0, end), signature: bytes.subarray(end) }
}

function isPossible(plan: CustodyPlan): boolean {
  const { kind, threshold, dealers, receivers, generation, from } = plan
  const points = receivers.map(({ point }) => point)
  const nodes = new Set(receivers.map(({ node }) => toHex(node)))
  if (threshold < 2 || threshold > points.length || nodes.size !== points.length) return false
  if (generation === 0) return false
  if (!ascend(points) || !ascend(dealers.map((dealer) => dealer + 1))) return false
  if (kind === 'import') return dealers.length === 1 && dealers[0] === 0 && from === 0
  if (dealers.length < 2 || dealers[0] === 0) return false
  return kind === 'make' ? from === 0 : from > 0 && generation > from
}

/** From 1, each above the one before. */
function ascend(numbers: readonly number[]): boolean {
  return numbers.every((number, i) => number > (numbers[i - 1] ?? 0))
}

/** Bytes to be signed. @throws RangeError for a plan that no reader would take */
export function writeCustodyPlan(plan: CustodyPlan): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES)
  head.set([...PLAN_MAGIC, VERSION, KINDS.indexOf(plan.kind) + 1, plan.scheme, plan.threshold])
  head.set(plan.keyId, 8)
  const view = new DataView(head.buffer)
  view.setUint32(24, plan.generation)
  view.setUint32(28, plan.from)
  head.set(plan.attempt, 32)
  const { dealers, receivers } = plan
  const bytes = joinOctets(
    head,
    Uint8Array.of(dealers.length, ...dealers, receivers.length),
    ...receivers.flatMap(({ point, node, sealingKey }) => [Uint8Array.of(point), node, sealingKey]),
  )
  if (readCustodyPlan(joinOctets(bytes, new Uint8Array(SIGNATURE_BYTES))) === undefined) {
    throw new RangeError('Cannot write a plan that contradicts itself')
  }
  return bytes
}

/** Views of `bytes`; undefined for anything but one whole card. The signature is not looked at. Never throws. */
export function readNodeCard(bytes: Uint8Array): Signed<NodeCard> | undefined {
  if (bytes.length !== CARD_BYTES || !begins(bytes, CARD_MAGIC)) return undefined
  if (bytes[5] !== 0 || bytes[6] !== 0 || bytes[7] !== 0) return undefined
  const end = CARD_BYTES - SIGNATURE_BYTES
  return {
    value: {
      node: bytes.subarray(8, 24),
      sealingKey: bytes.subarray(24, 56),
      signingKey: bytes.subarray(56, end),
    },
    signed: bytes.subarray(0, end),
    signature: bytes.subarray(end),
  }
}

/** Bytes to be signed. */
export function writeNodeCard({ node, sealingKey, signingKey }: NodeCard): Uint8Array {
  return joinOctets(Uint8Array.of(...CARD_MAGIC, VERSION, 0, 0, 0), node, sealingKey, signingKey)
}

function begins(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((octet, i) => bytes[i] === octet) && bytes[4] === VERSION
}
