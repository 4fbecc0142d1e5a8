/**
 * Whether a share is the one that a manifest gives a node, as far as that can be told without arithmetic: which key, generation,
 * scheme, point, and how long. Whether it is as committed to: `octet-shares.ts`, `group-shares.ts`. A node asks here whenever it keeps
 * a share or finds one it has kept.
 *
 * @module
 */
import type { CustodyManifest } from '../../wire/custody-manifest.ts'
import { SALT_BYTES, SCHEME, SECRET_BYTES_MAX, type ShareHeader } from '../../wire/share-record.ts'

const SCALAR_BYTES = 32

/** Where a share belongs; `wrappingKey` is of no matter here. */
export type HeldAt = Omit<ShareHeader, 'wrappingKey'>

export function isShareOf(manifest: CustodyManifest, held: HeldAt): boolean {
  const holder = manifest.holders.find(({ point }) => point === held.point)
  return (
    holder !== undefined &&
    isSame(holder.node, held.node) &&
    isSame(manifest.keyId, held.keyId) &&
    manifest.scheme === held.scheme &&
    manifest.generation === held.generation &&
    manifest.holders.length === held.holders &&
    manifest.threshold === held.threshold
  )
}

/** A share of octets ends with its point and a salt; a scalar is 32 octets. */
export function isSecretOf({ scheme, point }: HeldAt, secret: Uint8Array): boolean {
  if (scheme !== SCHEME.octets) return secret.length === SCALAR_BYTES
  const octets = secret.length - SALT_BYTES - 1
  return octets >= 1 && octets <= SECRET_BYTES_MAX && secret[octets] === point
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i])
}
