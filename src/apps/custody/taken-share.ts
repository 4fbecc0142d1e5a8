/**
 * What a node has been dealt in a change of shares, before it is prepared, and whether a manifest is the one of it.
 *
 * @module
 */
import { isSameOctets } from '../../crypto/prime-group.ts'
import type { CustodyManifest } from '../../wire/custody-manifest.ts'
import type { CustodyPlan } from '../../wire/custody-plan.ts'
import { SCHEME } from '../../wire/share-record.ts'

/** What a node has been dealt, and what it has to find in the manifest. */
export interface TakenShare {
  readonly plan: CustodyPlan
  readonly point: number
  /** As a vault keeps it. */
  readonly secret: Uint8Array
  /** Octets: to this share alone; a group: of the new polynomial. */
  readonly commitments: readonly Uint8Array[]
  readonly old: CustodyManifest | undefined
  readonly until: number
  /** Once it is prepared. */
  manifest: CustodyManifest | undefined
}

/** Whether this is the manifest of what was planned and taken. */
export function isManifestOf(
  { plan, point, commitments, old }: TakenShare,
  manifest: CustodyManifest,
): boolean {
  const { holders } = manifest
  const areHolders =
    holders.length === plan.receivers.length &&
    plan.receivers.every((receiver, i) => {
      const holder = holders[i]
      return holder?.point === receiver.point && isSameOctets(holder.node, receiver.node)
    })
  const isPlanned =
    areHolders &&
    isSameOctets(manifest.keyId, plan.keyId) &&
    manifest.generation === plan.generation &&
    manifest.scheme === plan.scheme &&
    manifest.threshold === plan.threshold &&
    manifest.dealt === (old?.dealt ?? plan.generation)
  if (!isPlanned) return false
  if (plan.scheme !== SCHEME.octets) {
    return commitments.every((one, k) =>
      isSameOctets(one, manifest.commitments[k] ?? one.subarray(1)),
    )
  }
  const own = manifest.commitments[holders.findIndex((holder) => holder.point === point)]
  const isOwn = own !== undefined && commitments.every((one) => isSameOctets(one, own))
  const isSameSecret =
    old?.checkValue === undefined ||
    (manifest.checkValue !== undefined && isSameOctets(old.checkValue, manifest.checkValue))
  return isOwn && isSameSecret
}
