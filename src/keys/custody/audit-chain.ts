/**
 * The audit log of a custody node: one JSON object per line, each with the hash of itself and of all before it,
 * h_i = SHA-256(h_(i-1) | JSON of i). Anybody can compute hashes: what keeps a whole log from being written anew are checkpoints that
 * the node signs and other nodes keep (`audit-checkpoint.ts`). Who reads it: `verify-audit.ts`.
 *
 * @module
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { fromHex, toHex } from '../../ground/hex.ts'
import { octetsOf } from '../../ground/octets.ts'

export interface AuditEntry {
  /** 1 in the first line. */
  readonly n: number
  /** Milliseconds since 1970. */
  readonly at: number
  /** Role and id, as its certificate says; or what acted by itself. */
  readonly caller: string
  /** Name or id of the key; '' when it is about none. */
  readonly key: string
  readonly operation: string
  /** `done`, or the code of the refusal. */
  readonly result: string
  /** Never a secret. */
  readonly detail?: Readonly<Record<string, string | number | boolean>>
}

export interface ReadAuditLine {
  readonly entry: AuditEntry
  /** What the line says its hash is. */
  readonly hash: Uint8Array
  /** What its hash is, given that of the line before. */
  hashAfter(previous: Uint8Array): Uint8Array
}

/** Of operation `audit-start`, which a node writes whenever it opens its log: who signs from here on. */
export const AUDIT_START = 'audit-start'
/** Before the first line. */
export const CHAIN_START: Uint8Array = sha256(octetsOf('limen/lcu/1 audit\0'))
/** Octets without the end of the line: a page. Names are shorter than 256 characters wherever they come from. */
export const AUDIT_LINE_MAX = 4096
const HASH_HEX = 64
const HASH_MARK = ',"hash":"'
const LINE = /^\{[ -~]+,"hash":"[0-9a-f]{64}"\}$/
const NAMES = ['at', 'caller', 'detail', 'key', 'n', 'operation', 'result']

/** One line without its end, and its hash. @throws RangeError for an entry that no reader would take, or too long a one */
export function writeAuditLine(
  entry: AuditEntry,
  previous: Uint8Array,
): { readonly line: string; readonly hash: Uint8Array } {
  const json = canonical(entry)
  const hash = hashOf(previous, json)
  const line = `${json.slice(0, -1)}${HASH_MARK}${toHex(hash)}"}`
  if (line.length > AUDIT_LINE_MAX || !isEntry(entry) || !LINE.test(line)) {
    throw new RangeError('Cannot write an audit entry that nobody could read')
  }
  return { line, hash }
}

/** undefined for anything that {@link writeAuditLine} does not write. Never throws. */
export function readAuditLine(line: string): ReadAuditLine | undefined {
  if (line.length > AUDIT_LINE_MAX || !LINE.test(line)) return undefined
  const markAt = line.length - HASH_MARK.length - HASH_HEX - 2
  const json = `${line.slice(0, markAt)}}`
  const entry = entryOf(json)
  if (entry === undefined || canonical(entry) !== json) return undefined
  const hash = fromHex(line.slice(markAt + HASH_MARK.length, -2))
  return { entry, hash, hashAfter: (previous) => hashOf(previous, json) }
}

function entryOf(json: string): AuditEntry | undefined {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  return isEntry(value) ? value : undefined
}

function isEntry(value: unknown): value is AuditEntry {
  if (!isRecord(value)) return false
  const { n, at, caller, key, operation, result, detail } = value
  const isKnown = Object.keys(value).every((name) => NAMES.includes(name))
  const isCounted = isWhole(n) && n > 0 && isWhole(at) && at >= 0
  const isText = [caller, key, operation, result].every((text) => typeof text === 'string')
  const isDetail =
    detail === undefined ||
    (isRecord(detail) &&
      Object.values(detail).every(
        (one) => typeof one === 'string' || typeof one === 'boolean' || isWhole(one),
      ))
  return isKnown && isCounted && isText && isDetail
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value)
}

/** JSON with its names in order, without spaces, in printable ASCII: anything else is escaped, so octets are characters. */
function canonical({ detail, ...entry }: AuditEntry): string {
  const whole = detail === undefined ? entry : { ...entry, detail: inOrder(detail) }
  return JSON.stringify(inOrder(whole)).replace(
    /[^ -~]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function inOrder(record: object): object {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function hashOf(previous: Uint8Array, json: string): Uint8Array {
  return sha256.create().update(previous).update(octetsOf(json)).digest()
}
