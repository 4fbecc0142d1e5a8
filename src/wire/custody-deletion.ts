/**
 * LCD1: a key is deleted, as the cluster's identity has ordered it (LCU/1, `docs/wire/custody.md`). Shares of its generation and of all before
 * go, and none of them comes back. Bytes only.
 *
 *  0  4  "LCD1"
 *  4  1  1 (version)
 *  5  3  0
 *  8 16  key id
 * 24  4  generation: above all that any node has seen
 * 28 64  Ed25519 signature over "limen/lcu/1 deletion" 0x00 and all before
 *
 * @module
 */
import { u32 } from './big-endian.ts'
import { KEY_ID_BYTES } from './share-record.ts'

export const DELETION_LABEL = 'limen/lcu/1 deletion\0'
export const DELETION_BYTES = 92
const MAGIC = [0x4c, 0x43, 0x44, 0x31, 1, 0, 0, 0]
const SIGNED_BYTES = 28

export interface CustodyDeletion {
  readonly keyId: Uint8Array
  readonly generation: number
}

export interface SignedDeletion {
  readonly value: CustodyDeletion
  /** What the signature is over, without the label. */
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Views of `bytes`; undefined for anything but one whole deletion. The signature is not looked at here. Never throws. */
export function readCustodyDeletion(bytes: Uint8Array): SignedDeletion | undefined {
  if (bytes.length !== DELETION_BYTES || MAGIC.some((octet, i) => bytes[i] !== octet)) {
    return undefined
  }
  const value = { keyId: bytes.subarray(8, 8 + KEY_ID_BYTES), generation: u32(bytes, 24) }
  return { value, signed: bytes.subarray(0, SIGNED_BYTES), signature: bytes.subarray(SIGNED_BYTES) }
}

/** Bytes to be signed. */
export function writeCustodyDeletion({ keyId, generation }: CustodyDeletion): Uint8Array {
  const bytes = new Uint8Array(SIGNED_BYTES)
  bytes.set(MAGIC)
  bytes.set(keyId, 8)
  new DataView(bytes.buffer).setUint32(24, generation)
  return bytes
}
