/**
 * HMAC-SHA-256 (RFC 2104) by two of OpenSSL's one-shot hashes: for keys that are used once, where an HMAC object costs
 * nearly twice as much. Keys that stay are kept padded (`session-crypto.ts`).
 *
 * @module
 */
import { hash } from 'node:crypto'

const BLOCK_BYTES = 64

/** @throws RangeError for a key of more than 64 bytes */
export function hmacSha256(key: Uint8Array, data: Uint8Array): Buffer {
  if (key.length > BLOCK_BYTES) {
    throw new RangeError(`Cannot use a key of ${key.length} bytes: at most ${BLOCK_BYTES}`)
  }
  const inner = padded(key, 0x36, data)
  const outer = padded(key, 0x5c, hash('sha256', inner, 'buffer'))
  const mac = hash('sha256', outer, 'buffer')
  inner.fill(0)
  outer.fill(0)
  return mac
}

function padded(key: Uint8Array, pad: number, data: Uint8Array): Buffer {
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES + data.length).fill(pad, 0, BLOCK_BYTES)
  for (let i = 0; i < key.length; i++) block[i] = (key[i] as number) ^ pad
  block.set(data, BLOCK_BYTES)
  return block
}
