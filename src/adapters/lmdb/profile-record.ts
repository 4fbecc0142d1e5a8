/**
 * A profile as the bytes that are sealed. What cannot be read is no profile: it is learned anew.
 *
 * | bytes | what |
 * |---|---|
 * | 1 | version, 1 |
 * | 6 | last seen, ms since the Unix epoch: this and the next two are enough to know how useful it is |
 * | 4 | connections, at most 2^32 - 1 |
 * | 1 | label: 0 none, 1 good, 2 bad |
 * | n | the profile as JSON in UTF-8, deflated (RFC 1951) with a dictionary: a third of the JSON, so that a page of LMDB holds several (above some 2000 bytes a record takes pages of its own) |
 *
 * @module
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Profile } from '../../behavior/handshake/profile.ts'

/** Another one is of another Limen, whose profiles mean something else. Goes up when the dictionary changes. */
const VERSION = 1
const HEAD_BYTES = 12
const LAST_SEEN_MAX = 2 ** 48 - 1
const CONNECTIONS_MAX = 2 ** 32 - 1
const LABELS = ['', 'good', 'bad'] as const

export type ProfileHead = Pick<Profile, 'lastSeen' | 'connections' | 'label'>

/** A profile is some 2 KB of JSON; its history and counts are bounded. */
const JSON_BYTES_MAX = 64 * 1024
/** What profiles have in common: deflate refers to it instead of spelling it out. The most common last. */
const DICTIONARY = Buffer.from(
  `"label":"bad","labelledBy":"rigorous-pool","code":"random-repeated","text":"","weight":,"detector":"randomness"\
"form":"","client":"python"OpenSSL"curl"Firefox"Chromium","firstSeen":1790000000000,"lastSeen":179,"connections":1,\
"flagged":0,"unflagged":1,"counts":{"at":179,"hellos":1,"resumptionsOffered":0,"full":1,"resumed":0,"incomplete":0,\
"helloRetries":0,"checksPassed":0,"checksFailed":0},"rate":{"second":1790000000,"counts":[0,0,0],"means":[0,0,0],\
"seconds":0},"ja4s":["t13d1516h2_8daaf6152771_d8a2da3f94cd"],"ja4Changes":0,"features":{"weight":0.99999,"means":[0.,\
0.],"variances":[0,0,0,0]},"score":0.,"tier":1,"reasons":[],"history":[{"at":1790000000000,"score":0,"tier":1},{"at":179\
0000000000,"score":0.,"tier":1},],"label":"","labelledBy":""}{"id":"`,
)
/** A window that holds the dictionary and a profile. */
const DEFLATE = { level: 1, windowBits: 13, memLevel: 5, dictionary: DICTIONARY } as const

export function writeProfileRecord(profile: Profile): Uint8Array {
  const { lastSeen, connections, label } = profile
  const head = Buffer.alloc(HEAD_BYTES)
  head[0] = VERSION
  head.writeUIntBE(Math.min(lastSeen, LAST_SEEN_MAX), 1, 6)
  head.writeUInt32BE(Math.min(connections, CONNECTIONS_MAX), 7)
  head[11] = LABELS.indexOf(label)
  return Buffer.concat([head, deflateRawSync(JSON.stringify(profile), DEFLATE)])
}

/** What says how useful it is, without unpacking it; undefined when the bytes are no profile. */
export function readProfileHead(bytes: Uint8Array): ProfileHead | undefined {
  const label = LABELS[bytes[11] ?? LABELS.length]
  if (bytes[0] !== VERSION || label === undefined) return undefined
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return { lastSeen: view.readUIntBE(1, 6), connections: view.readUInt32BE(7), label }
}

/** undefined when the bytes are no profile called `id`. Never throws. */
export function readProfileRecord(id: string, bytes: Uint8Array): Profile | undefined {
  if (readProfileHead(bytes) === undefined) return undefined
  let value: unknown
  try {
    const options = { ...DEFLATE, maxOutputLength: JSON_BYTES_MAX }
    value = JSON.parse(inflateRawSync(bytes.subarray(HEAD_BYTES), options).toString())
  } catch {
    return undefined
  }
  return isProfile(value) && value.id === id ? value : undefined
}

/** What storing, listing and forgetting need; the rest was written by the same version, and is under the seal. */
function isProfile(value: unknown): value is Profile {
  if (typeof value !== 'object' || value === null) return false
  const { id, lastSeen, firstSeen, connections, label } = value as Partial<
    Record<keyof Profile, unknown>
  >
  return (
    typeof id === 'string' &&
    isCount(firstSeen) &&
    isCount(lastSeen) &&
    isCount(connections) &&
    (label === '' || label === 'good' || label === 'bad')
  )
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
