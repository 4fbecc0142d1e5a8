/**
 * Whether two manifests of one id are of one secret. Names are chosen by people, so two keys may have been made under one, out of sight of each other; a
 * refresh keeps the secret, so what stands for it stays the same.
 *
 * @module
 */
import { isSameOctets } from '../../crypto/prime-group.ts'
import type { CustodyManifest } from '../../wire/custody-manifest.ts'

/** Of a group the public key; of octets the check value, which names the generation it was dealt in. */
export function isOneKey(a: CustodyManifest, b: CustodyManifest): boolean {
  if (a.scheme !== b.scheme) return false
  if (a.checkValue !== undefined && b.checkValue !== undefined) {
    return a.dealt === b.dealt && isSameOctets(a.checkValue, b.checkValue)
  }
  const [[one], [other]] = [a.commitments, b.commitments]
  return one !== undefined && other !== undefined && isSameOctets(one, other)
}
