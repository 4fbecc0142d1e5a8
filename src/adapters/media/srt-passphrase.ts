/**
 * Passphrases of SRT by epoch: what an encoder and its receiver are given is made of the epoch's master key, and whether a caller has it
 * shows in the key material of its handshake. No media is decrypted: keys that open are zeroed.
 *
 * @module
 */
import { createDecipheriv, hkdfSync, pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import type { SrtKeyMaterial } from '../../wire/srt-key-material.ts'

const SECRET_BYTES = 16
const HEX = Buffer.from('0123456789abcdef')
/** draft-sharabayko-srt-01, section 6.1.4: PBKDF2 with HMAC-SHA-1, 2048 times, over the last 64 bits of the salt. */
const ROUNDS = 2048
const SALT_BYTES = 8
const WRAPS = { 16: 'id-aes128-wrap', 24: 'id-aes192-wrap', 32: 'id-aes256-wrap' } as const
/** RFC 3394, section 2.2.3.1. */
const WRAP_IV = Buffer.alloc(8, 0xa6)
const derive = promisify(pbkdf2)

/**
 * HKDF-SHA-256 (RFC 5869) of the master key with the master salt, info `"limen/srt/1 passphrase" 0x00 | device`, 16 octets.
 *
 * @returns 32 hex digits, as octets: SRT takes 10 to 79. Zero it afterwards
 */
export function srtPassphrase(
  { key, salt }: { readonly key: Uint8Array; readonly salt: Uint8Array },
  device: string,
): Buffer {
  const info = `limen/srt/1 passphrase\0${device}`
  const secret = new Uint8Array(hkdfSync('sha256', key, salt, info, SECRET_BYTES))
  const text = Buffer.alloc(2 * SECRET_BYTES)
  for (const [i, octet] of secret.entries()) {
    text[2 * i] = HEX[octet >> 4] ?? 0
    text[2 * i + 1] = HEX[octet & 15] ?? 0
  }
  secret.fill(0)
  return text
}

/** Whether the keys were wrapped under that passphrase. Takes about a millisecond of another thread. */
export async function opensWith(material: SrtKeyMaterial, passphrase: Buffer): Promise<boolean> {
  const { salt, wrapped, keyBytes } = material
  const key = await derive(passphrase, salt.subarray(-SALT_BYTES), ROUNDS, keyBytes, 'sha1')
  try {
    const unwrap = createDecipheriv(WRAPS[keyBytes], key, WRAP_IV)
    unwrap.update(wrapped).fill(0)
    unwrap.final()
    return true
  } catch {
    return false
  } finally {
    key.fill(0)
  }
}
