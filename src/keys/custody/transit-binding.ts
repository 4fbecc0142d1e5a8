/**
 * What a ciphertext of the operations API is bound to: the context of a derived key and associated data, in 32 octets of which each pair
 * has its own: SHA-256("limen/transit/1" 0x00 | context length u32 | context | associated data).
 *
 * @module
 */
import { sha256 } from '@noble/hashes/sha2.js'
import { joinOctets, octetsOf } from '../../ground/octets.ts'

const LABEL = octetsOf('limen/transit/1\0')

export function transitBinding(context: Uint8Array, associatedData: Uint8Array): Uint8Array {
  const length = new Uint8Array(4)
  new DataView(length.buffer).setUint32(0, context.length)
  return sha256(joinOctets(LABEL, length, context, associatedData))
}
