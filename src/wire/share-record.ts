/**
 * LSH1: one share of a key as a node keeps it (LCU/1, `docs/wire/custody.md`). Layout only: sealing is the node's, meaning is
 * `keys/custody/`.
 *
 *  0  4  "LSH1"                      28  1  n, holders
 *  4  1  1 (version)                 29  1  t, threshold
 *  5  1  scheme                      30  1  x, this share's point
 *  6  2  0 (flags)                   31  1  0
 *  8 16  key id                      32 16  node
 * 24  4  generation                  48 16  reference of the key that wraps the data key
 *                                    64 12  nonce
 *                                    76  4  length of what follows
 *                                    80     AES-256-GCM ciphertext and tag; AAD: the first 64 bytes
 *
 * Sealed is, of octets (scheme 1), the share, its point last, and 32 octets of salt; of a group (2, 3) the scalar, 32 octets.
 *
 * @module
 */
import { u16, u32 } from './big-endian.ts'

export const SCHEME = { octets: 1, ed25519: 2, ristretto255: 3 } as const
export type Scheme = (typeof SCHEME)[keyof typeof SCHEME]

export const KEY_ID_BYTES = 16
export const NODE_ID_BYTES = 16
/** Of the salt that commitments to shares of octets take. */
export const SALT_BYTES = 32
const MAGIC = [0x4c, 0x53, 0x48, 0x31]
const VERSION = 1
const AAD_BYTES = 64
const NONCE_BYTES = 12
const HEAD_BYTES = 80
const TAG_BYTES = 16
const SCALAR_BYTES = 32
/** 64 KiB: a keystore. What is larger is sealed under a key, and that is shared. */
export const SECRET_BYTES_MAX = 65_536

export interface ShareHeader {
  readonly scheme: Scheme
  readonly keyId: Uint8Array
  readonly generation: number
  readonly holders: number
  readonly threshold: number
  readonly point: number
  readonly node: Uint8Array
  /** Which key wraps the key that this record is sealed with. */
  readonly wrappingKey: Uint8Array
}

export interface ShareRecord extends ShareHeader {
  readonly aad: Uint8Array
  readonly nonce: Uint8Array
  readonly ciphertext: Uint8Array
  readonly tag: Uint8Array
}

/** Views of `bytes`; undefined for anything but one whole record. Never throws. */
export function readShareRecord(bytes: Uint8Array): ShareRecord | undefined {
  const sealed = bytes.length - HEAD_BYTES
  if (sealed < TAG_BYTES || sealed !== u32(bytes, 76)) return undefined
  if (MAGIC.some((octet, i) => bytes[i] !== octet) || bytes[4] !== VERSION) return undefined
  const scheme = bytes[5] as number
  const holders = bytes[28] as number
  const threshold = bytes[29] as number
  const point = bytes[30] as number
  if (!isScheme(scheme) || u16(bytes, 6) !== 0 || bytes[31] !== 0) return undefined
  if (threshold < 2 || threshold > holders || point === 0) return undefined
  if (!isSealedLength(scheme, sealed - TAG_BYTES)) return undefined
  const tagAt = bytes.length - TAG_BYTES
  return {
    scheme,
    keyId: bytes.subarray(8, 24),
    generation: u32(bytes, 24),
    holders,
    threshold,
    point,
    node: bytes.subarray(32, 48),
    wrappingKey: bytes.subarray(48, AAD_BYTES),
    aad: bytes.subarray(0, AAD_BYTES),
    nonce: bytes.subarray(AAD_BYTES, AAD_BYTES + NONCE_BYTES),
    ciphertext: bytes.subarray(HEAD_BYTES, tagAt),
    tag: bytes.subarray(tagAt),
  }
}

/** What a record begins with, which is what its seal is bound to. */
export function writeShareHeader(header: ShareHeader): Uint8Array {
  const head = new Uint8Array(AAD_BYTES)
  head.set([...MAGIC, VERSION, header.scheme, 0, 0])
  head.set(header.keyId, 8)
  new DataView(head.buffer).setUint32(24, header.generation)
  head.set([header.holders, header.threshold, header.point, 0], 28)
  head.set(header.node, 32)
  head.set(header.wrappingKey, 48)
  return head
}

/** The whole record. `head` is of {@link writeShareHeader}. */
export function writeShareRecord(
  head: Uint8Array,
  sealed: Pick<ShareRecord, 'nonce' | 'ciphertext' | 'tag'>,
): Uint8Array {
  const { nonce, ciphertext, tag } = sealed
  const bytes = new Uint8Array(HEAD_BYTES + ciphertext.length + tag.length)
  bytes.set(head)
  bytes.set(nonce, AAD_BYTES)
  new DataView(bytes.buffer).setUint32(76, ciphertext.length + tag.length)
  bytes.set(ciphertext, HEAD_BYTES)
  bytes.set(tag, HEAD_BYTES + ciphertext.length)
  return bytes
}

export function isScheme(value: number): value is Scheme {
  return value === SCHEME.octets || value === SCHEME.ed25519 || value === SCHEME.ristretto255
}

/** A secret of one octet or more, its point, and the salt; or a scalar. */
function isSealedLength(scheme: Scheme, length: number): boolean {
  if (scheme !== SCHEME.octets) return length === SCALAR_BYTES
  const secret = length - 1 - SALT_BYTES
  return secret >= 1 && secret <= SECRET_BYTES_MAX
}
