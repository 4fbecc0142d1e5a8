/**
 * Key material of SRT (draft-sharabayko-srt-01, section 3.2.2): keys of the media, wrapped (RFC 3394) under a key that is made of the
 * passphrase. Says which keys there are; what opens them is `adapters/media/srt-passphrase.ts`.
 *
 *  0  1  0 | version 1 | type 2 (packet type)      8  1  cipher: 2 AES-CTR, 4 AES-GCM
 *  1  2  0x2029                                   9  1  authentication: 0 none, 1 AES-GCM
 *  3  1  0 | keys: 1 even, 2 odd, 3 both          10  4  encapsulation 2, reserved
 *  4  4  0 (key of the passphrase)                14  1  salt / 4
 *                                                 15  1  key length / 4
 * 16 16  salt, then 8 + length * keys of wrapped keys
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'

export interface SrtKeyMaterial {
  /** 1: even, 2: odd, 3: both. */
  readonly keys: number
  readonly keyBytes: 16 | 24 | 32
  /** 16 octets, a view. */
  readonly salt: Uint8Array
  /** A view. */
  readonly wrapped: Uint8Array
}

const FIRST = 0x12
const SIGN = 0x2029
const SALT_AT = 16
const SALT_BYTES = 16
/** Integrity of RFC 3394. */
const CHECK_BYTES = 8
/** AES-CTR without, AES-GCM with authentication. */
const CIPHERS = [0x0200, 0x0401]
const STREAM = 2

/** Undefined for anything else, as the single word of an answer that says no. Never throws. */
export function readSrtKeyMaterial(bytes: Uint8Array): SrtKeyMaterial | undefined {
  const [first, keys = 0] = [bytes[0], bytes[3]]
  const isHead = first === FIRST && u16(bytes, 1) === SIGN && keys >= 1 && keys <= 3
  if (!isHead || u32(bytes, 4) !== 0) return undefined
  if (!CIPHERS.includes(u16(bytes, 8)) || bytes[10] !== STREAM) return undefined
  if (bytes[14] !== SALT_BYTES / 4) return undefined
  const keyBytes = 4 * (bytes[15] ?? 0)
  if (keyBytes !== 16 && keyBytes !== 24 && keyBytes !== 32) return undefined
  const wrappedAt = SALT_AT + SALT_BYTES
  const count = keys === 3 ? 2 : 1
  if (bytes.length !== wrappedAt + CHECK_BYTES + count * keyBytes) return undefined
  return {
    ...{ keys, keyBytes, salt: bytes.subarray(SALT_AT, wrappedAt) },
    wrapped: bytes.subarray(wrappedAt),
  }
}
