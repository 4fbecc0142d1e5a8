/**
 * HMAC-SHA-256 (RFC 2104). Of short messages, and of a key that is used once, by `sha256-module.ts`: it takes half as long as two of OpenSSL's one-shot
 * hashes, and a third of an HMAC object. Of longer ones under a key that stays OpenSSL hashes the text, in one call, and the module what comes of it: from
 * the state that the outer hash begins with, in a third of a call.
 *
 * @module
 */
import { hash, timingSafeEqual } from 'node:crypto'
import { keptSecret } from './secret-slab.ts'
import {
  BLOCK_AT,
  BLOCK_BYTES,
  HASH_BYTES,
  INNER_AT,
  KEY_AT,
  MAC_AT,
  sha256Module,
  TEXT_AT,
  TEXT_BYTES_MAX,
} from './sha256-module.ts'

/** A key as HMAC begins with it: its block for the inner hash, the state after that of the outer. Secret. */
export interface HmacKey {
  readonly inner: Uint8Array
  readonly outer: Uint8Array
}

const MAC_CHARS = 44

// One message is hashed at a time: what is secret of it is zeroed before the next.
const sha256 = sha256Module()
const memory = Buffer.from(sha256.memory.buffer)
/** The same; a Buffer looks at what it is filled with, and slices without a copy. */
const octets = new Uint8Array(sha256.memory.buffer)
const block = octets.subarray(BLOCK_AT, BLOCK_AT + BLOCK_BYTES)
const made = memory.subarray(MAC_AT, MAC_AT + HASH_BYTES)
const given = Buffer.alloc(HASH_BYTES)
const OUTER_AT = KEY_AT + HASH_BYTES
/** Longer than what is signed of most requests; others get a buffer of their own. */
const ROOM_BYTES = 4096
const room = Buffer.alloc(ROOM_BYTES)
/** Its beginnings, by length, as they were asked for: made with each request they are a tenth of it. */
const beginnings: (Buffer | undefined)[] = new Array(ROOM_BYTES + 1)

/** @throws RangeError for a key of more than 64 bytes */
export function hmacKey(key: Uint8Array): HmacKey {
  checkKey(key)
  pad(key, 0x36)
  const inner = new Uint8Array(block)
  pad(key, 0x5c)
  sha256.begin(OUTER_AT)
  const outer = octets.slice(OUTER_AT, OUTER_AT + HASH_BYTES)
  octets.fill(0, KEY_AT, TEXT_AT)
  return { inner, outer }
}

/**
 * Of the parts one after the other.
 *
 * @throws RangeError for a key of more than 64 bytes, or parts of more than a megabyte
 */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0
  for (const part of parts) length += part.length
  if (length > TEXT_BYTES_MAX) throw new RangeError(`Cannot hash ${length} bytes at once`)
  checkKey(key)
  loadKey(key)
  let end = TEXT_AT
  for (const part of parts) {
    octets.set(part, end)
    end += part.length
  }
  sha256.mac(length)
  const mac = keptSecret(made)
  octets.fill(0, KEY_AT, end)
  return mac
}

/**
 * Is `mac` (base64) that of `text`, which is not secret? In constant time for texts of one length.
 *
 * @param text one octet per character
 */
export function isHmacOf(key: HmacKey, text: string, mac: string): boolean {
  if (mac.length !== MAC_CHARS || given.write(mac, 'base64') !== HASH_BYTES) return false
  const end = BLOCK_BYTES + text.length
  const whole = roomOf(end)
  whole.set(key.inner)
  whole.write(text, BLOCK_BYTES, 'latin1')
  memory.write(hash('sha256', whole, 'latin1'), INNER_AT, 'latin1')
  octets.set(key.outer, OUTER_AT)
  sha256.finish()
  // Base64 can be written in several ways: only the one that is usual is taken.
  return timingSafeEqual(made, given) && given.toString('base64') === mac
}

function roomOf(bytes: number): Buffer {
  if (bytes > ROOM_BYTES) return Buffer.alloc(bytes)
  const known = beginnings[bytes]
  if (known !== undefined) return known
  const beginning = room.subarray(0, bytes)
  beginnings[bytes] = beginning
  return beginning
}

function checkKey(key: Uint8Array): void {
  if (key.length > BLOCK_BYTES) {
    throw new RangeError(`Cannot use a key of ${key.length} bytes: at most ${BLOCK_BYTES}`)
  }
}

function loadKey(key: Uint8Array): void {
  pad(key, 0x36)
  sha256.begin(KEY_AT)
  pad(key, 0x5c)
  sha256.begin(OUTER_AT)
}

function pad(key: Uint8Array, pad: number): void {
  block.fill(pad)
  for (let i = 0; i < key.length; i++) block[i] = (key[i] as number) ^ pad
}
