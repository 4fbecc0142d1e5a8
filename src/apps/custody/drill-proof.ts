/**
 * Proof that a share is still good (LCU/1, drill), against a fresh challenge, without telling anything of the share.
 *
 * Of a group it is of knowing the logarithm of the share's image, which anybody with the manifest checks (`crypto/schnorr.ts`).
 * A commitment to a share of octets opens only by telling the share: there the node reads and compares it itself, and signs that it did.
 * Whoever believes the node's key believes that; a node that lies is found out when its share is put together with others.
 *
 * @module
 */
import { type KeyObject, sign, verify } from 'node:crypto'
import type { SodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { imageAt } from '../../crypto/feldman.ts'
import { isLogarithmKnown, proveLogarithm, type SchnorrContext } from '../../crypto/schnorr.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import type { CustodyManifest } from '../../wire/custody-manifest.ts'
import { SCHEME } from '../../wire/share-record.ts'
import type { HeldKey } from './held-keys.ts'
import { groupOf } from './node-world.ts'

/** @param held read from the disk just now, and compared with its commitment */
export function proveShare(
  groups: SodiumGroups,
  signing: KeyObject,
  { manifest, point, share }: HeldKey,
  challenge: Uint8Array,
  random: Random,
): Uint8Array {
  const context = contextOf(manifest, point, challenge)
  if (manifest.scheme === SCHEME.octets) return sign(null, statementOf(context), signing)
  return proveLogarithm(groupOf(groups, manifest.scheme), share, context, random)
}

/** @param signingKey the node's, of its card */
export function isShareProven(
  groups: SodiumGroups,
  signingKey: KeyObject,
  manifest: CustodyManifest,
  point: number,
  challenge: Uint8Array,
  proof: Uint8Array,
): boolean {
  const context = contextOf(manifest, point, challenge)
  if (manifest.scheme === SCHEME.octets) {
    return verify(null, statementOf(context), signingKey, proof)
  }
  const group = groupOf(groups, manifest.scheme)
  return isLogarithmKnown(group, proof, imageAt(group, point, manifest.commitments), context)
}

function contextOf(
  { keyId, generation }: CustodyManifest,
  point: number,
  challenge: Uint8Array,
): SchnorrContext {
  const numbers = new Uint8Array(5)
  new DataView(numbers.buffer).setUint32(0, generation)
  numbers[4] = point
  return { prefix: LABEL, context: joinOctets(keyId, numbers, challenge) }
}

function statementOf({ prefix, context }: SchnorrContext): Uint8Array {
  return joinOctets(prefix, context)
}

const LABEL = octetsOf('limen/lcu/1 drill\0')
