/**
 * HMAC-SHA-256 (RFC 2104) by two of OpenSSL's one-shot hashes: for keys that are used once, where an HMAC object costs
 * a third more. Keys that stay are kept padded (`session-crypto.ts`).
 *
 * @module
 */
import { hash } from 'node:crypto'

const BLOCK_BYTES = 64
const HASH_BYTES = 32
/** Longer than what key schedules hash; for more, memory is made and zeroed. */
const ROOM_BYTES = 4096

// One is made at a time: what is hashed for it is zeroed before the next.
const room = Buffer.alloc(ROOM_BYTES)
const outer = Buffer.alloc(BLOCK_BYTES + HASH_BYTES)

/** @throws RangeError for a key of more than 64 bytes */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Buffer {
  if (key.length > BLOCK_BYTES) {
    throw new RangeError(`Cannot use a key of ${key.length} bytes: at most ${BLOCK_BYTES}`)
  }
  const end = BLOCK_BYTES + data.length
  const inner = end > ROOM_BYTES ? Buffer.alloc(end) : room
  pad(key, 0x36, inner)
  inner.set(data, BLOCK_BYTES)
  pad(key, 0x5c, outer)
  // As text this would take a third of the time, but in HKDF, whose key may be public, it is as good as the secret.
  const innerHash = hash('sha256', inner.subarray(0, end), 'buffer')
  outer.set(innerHash, BLOCK_BYTES)
  const mac = hash('sha256', outer, 'buffer')
  for (const each of [inner.subarray(0, end), innerHash, outer]) each.fill(0)
  return mac
}

function pad(key: Uint8Array, pad: number, block: Buffer): void {
  block.fill(pad, 0, BLOCK_BYTES)
  for (let i = 0; i < key.length; i++) block[i] = (key[i] as number) ^ pad
}
