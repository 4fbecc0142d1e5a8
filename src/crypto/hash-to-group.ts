/**
 * Messages to elements and scalars of a group (RFC 9380): expand_message_xmd with SHA-512 to 64 octets (section 5.3.1), then the map of
 * ristretto255 (appendix B), or reduction.
 *
 * @module
 */
import { sha512 } from '@noble/hashes/sha2.js'
import type { MappedGroup, PrimeGroup } from './prime-group.ts'

/** @param tag domain separation, 1 to 255 octets @throws RangeError for another */
export function hashToElement(
  group: MappedGroup,
  message: Uint8Array,
  tag: Uint8Array,
): Uint8Array {
  return group.fromUniform(expandMessage(message, tag))
}

/** @param tag domain separation, 1 to 255 octets @throws RangeError for another */
export function hashToScalar(group: PrimeGroup, message: Uint8Array, tag: Uint8Array): Uint8Array {
  return group.reduce(expandMessage(message, tag))
}

/** Section 5.3.1, for as many octets as the hash gives: one round. */
function expandMessage(message: Uint8Array, tag: Uint8Array): Uint8Array {
  if (tag.length === 0 || tag.length > 255) throw new RangeError('Cannot use a tag of this length')
  const length = Uint8Array.of(tag.length)
  const first = sha512.create().update(new Uint8Array(sha512.blockLen)).update(message)
  const start = first
    .update(Uint8Array.of(0, sha512.outputLen, 0))
    .update(tag)
    .update(length)
  const round = sha512.create().update(start.digest()).update(Uint8Array.of(1))
  return round.update(tag).update(length).digest()
}
