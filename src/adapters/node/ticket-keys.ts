/**
 * The keys that seal TLS session tickets (RFC 5077, section 4), kept in one file and replaced daily.
 * Whoever holds one can read the tickets sealed with it, and TLS 1.2 sessions resumed from those: so they live
 * short. Not the session keys of the S1 engine, which will take over from here.
 *
 * | bytes | what, repeated, the newest first |
 * |---|---|
 * | 8 | made at, ms since the Unix epoch |
 * | 48 | name 16, HMAC key 16, AES key 16 |
 *
 * @module
 */
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import { plainFiles, type SecretFiles } from './secret-files.ts'

const KEY_BYTES = 48
const ENTRY_BYTES = 8 + KEY_BYTES
/** A day each, the last one still opened: a ticket is good for at least a day. */
const REPLACE_AFTER_MS = 86_400_000
const KEPT = 2

/**
 * The keys in force now, the newest first. Makes, and replaces, as time passes; a damaged file is replaced, one whose seal does not open
 * is not.
 */
export function readTicketKeys(
  path: string,
  clock: Clock,
  random: Random,
  files: SecretFiles = plainFiles,
): readonly Uint8Array[] {
  const kept = entriesOf(files.read(path))
  const newest = kept[0]
  const now = clock.now()
  // A key from the future (the clock was set back) is replaced too, or it would live for ever.
  if (newest !== undefined && newest.madeAt <= now && newest.madeAt + REPLACE_AFTER_MS > now) {
    return kept.map(({ key }) => key)
  }
  const entries = [{ madeAt: now, key: Buffer.from(random.bytes(KEY_BYTES)) }, ...kept].slice(
    0,
    KEPT,
  )
  files.write(path, Buffer.concat(entries.map(bytesOf)))
  return entries.map(({ key }) => key)
}

interface Entry {
  readonly madeAt: number
  readonly key: Buffer
}

function entriesOf(bytes: Buffer | undefined): readonly Entry[] {
  if (bytes === undefined || bytes.length % ENTRY_BYTES !== 0) return []
  return Array.from({ length: Math.min(KEPT, bytes.length / ENTRY_BYTES) }, (_, i) => {
    const entry = bytes.subarray(i * ENTRY_BYTES, (i + 1) * ENTRY_BYTES)
    return { madeAt: Number(entry.readBigUInt64BE()), key: entry.subarray(8) }
  })
}

function bytesOf({ madeAt, key }: Entry): Buffer {
  const entry = Buffer.alloc(ENTRY_BYTES)
  entry.writeBigUInt64BE(BigInt(madeAt))
  key.copy(entry, 8)
  return entry
}
