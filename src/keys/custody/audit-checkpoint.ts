/**
 * What a custody node signs of its audit log every so often: how many lines there are and the hash of the last. The other nodes keep
 * it, so that a node's log cannot be written anew or cut short without them. One JSON object per line in a file. Whether the signature
 * is right is for who has Ed25519 (RFC 8032): the bytes are {@link checkpointBytes}.
 *
 * @module
 */
import { fromHex, toHex } from '../../ground/hex.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'

export interface AuditCheckpoint {
  /** 16 octets. */
  readonly node: Uint8Array
  /** Lines so far, 1 at least. */
  readonly count: number
  /** Of line `count`, 32 octets. */
  readonly hash: Uint8Array
  /** Milliseconds since 1970. */
  readonly at: number
  /** Ed25519, 32 octets: who signed. */
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
}

/** Entries after which a node signs, or this long after the first that is not signed: LCU/1, section 2.4. */
export const CHECKPOINT_ENTRIES = 64
export const CHECKPOINT_MS = 10_000

const LABEL = octetsOf('limen/lcu/1 audit checkpoint\0')
const HEX = { node: 16, hash: 32, key: 32, signature: 64 } as const

/** What is signed: label | node | count u64 | at u64 | hash. */
export function checkpointBytes({
  node,
  count,
  at,
  hash,
}: Omit<AuditCheckpoint, 'publicKey' | 'signature'>): Uint8Array {
  const numbers = new Uint8Array(16)
  const view = new DataView(numbers.buffer)
  view.setBigUint64(0, BigInt(count))
  view.setBigUint64(8, BigInt(at))
  return joinOctets(LABEL, node, numbers, hash)
}

/** One line without its end. */
export function writeCheckpoint(checkpoint: AuditCheckpoint): string {
  const { at, count, hash, publicKey, node, signature } = checkpoint
  return JSON.stringify({
    ...{ at, count, hash: toHex(hash), key: toHex(publicKey) },
    ...{ node: toHex(node), signature: toHex(signature) },
  })
}

/** undefined for anything that {@link writeCheckpoint} does not write. Never throws. */
export function readCheckpoint(line: string): AuditCheckpoint | undefined {
  // All values are of known length but two numbers of 16 digits at most.
  if (line.length > 512) return undefined
  let value: Readonly<Record<string, unknown>>
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { at, count } = value
  if (!isWhole(at) || !isWhole(count) || count < 1) return undefined
  const node = octetsAt(value, 'node')
  const hash = octetsAt(value, 'hash')
  const publicKey = octetsAt(value, 'key')
  const signature = octetsAt(value, 'signature')
  if (!node || !hash || !publicKey || !signature) return undefined
  const checkpoint = { at, count, hash, publicKey, node, signature }
  return writeCheckpoint(checkpoint) === line ? checkpoint : undefined
}

function octetsAt(
  value: Readonly<Record<string, unknown>>,
  name: keyof typeof HEX,
): Uint8Array | undefined {
  const text = value[name]
  if (typeof text !== 'string' || text.length !== 2 * HEX[name]) return undefined
  return /^[0-9a-f]*$/.test(text) ? fromHex(text) : undefined
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
