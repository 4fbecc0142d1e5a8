/**
 * Secrets of any octets in custody (LCU/1): shared by Shamir's scheme, and what is public beside the shares, so that wrong and mixed
 * ones are noticed: a salted commitment to each share and a check value of the secret. Keys of groups are never put together:
 * `group-shares.ts`.
 *
 * A dealer of these shares can lie, which shows only when the secret is put together. So a new generation is proven, in
 * one node, before an old one is destroyed: {@link proveOctets}.
 *
 * @module
 */

import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import {
  areConsistent,
  contribution,
  generateShares,
  reconstructSecret,
  type Sharing,
  sharesAt,
  sumOfShares,
} from '../../crypto/shamir.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import { CHECK_VALUE_BYTES, type CustodyManifest } from '../../wire/custody-manifest.ts'
import { SALT_BYTES } from '../../wire/share-record.ts'

/** Which key, and which of its generations. */
export interface KeyGeneration {
  readonly keyId: Uint8Array
  readonly generation: number
}

/** What a node holds. Secret. */
export interface OctetShare {
  readonly generation: number
  /** The point last, as in `crypto/shamir.ts`. */
  readonly share: Uint8Array
  /** Keeps the commitment from telling anything about a share that could be guessed. */
  readonly salt: Uint8Array
}

/**
 * Why shares give no secret: too few; two of one point; of another generation; not what was committed to; not of one secret;
 * not of this secret.
 */
export type CustodyRefusal =
  | 'below-threshold'
  | 'dup-x'
  | 'share-gen'
  | 'share-commit'
  | 'inconsistent'
  | 'kcv'

export type Combined =
  | { readonly kind: 'combined'; readonly secret: Uint8Array }
  /** `points`: whose shares are at fault, as far as that can be told. */
  | {
      readonly kind: 'refused'
      readonly code: CustodyRefusal
      readonly points: readonly number[]
    }

/** The first generation of a secret. @throws RangeError as `generateShares()` */
export function dealOctets(
  key: KeyGeneration,
  secret: Uint8Array,
  sharing: Sharing,
  random: Random,
): { readonly shares: readonly OctetShare[]; readonly checkValue: Uint8Array } {
  const shares = generateShares(secret, sharing, random).map((share) =>
    holdOctets(key.generation, [share], random),
  )
  return { shares, checkValue: keyCheckValue(key, secret) }
}

/**
 * What an old holder deals in a reshare: shares of its contribution, for every new holder.
 *
 * @param contributors points of all who deal, as many as the old threshold or more
 */
export function dealReshare(
  held: OctetShare,
  contributors: readonly number[],
  points: readonly number[],
  threshold: number,
  random: Random,
): Uint8Array[] {
  const part = contribution(held.share, contributors)
  const shares = sharesAt(points, part, threshold, random)
  part.fill(0)
  return shares
}

/**
 * What a holder of the new generation holds: the sum of what it was dealt.
 *
 * @throws RangeError for shares of different points or lengths
 */
export function holdOctets(
  generation: number,
  dealt: readonly Uint8Array[],
  random: Random,
): OctetShare {
  return { generation, share: sumOfShares(dealt), salt: random.bytes(SALT_BYTES) }
}

/** What a manifest says of a share: C = SHA-256("limen/share/1" 0x00 | key id | generation u32 | x | share | salt). */
export function commitmentTo(keyId: Uint8Array, held: OctetShare): Uint8Array {
  return sha256
    .create()
    .update(COMMITMENT_LABEL)
    .update(keyId)
    .update(fourOctets(held.generation))
    .update(Uint8Array.of(pointOf(held)))
    .update(held.share)
    .update(held.salt)
    .digest()
}

/** What a manifest says of the secret, for as long as it is the same: 8 octets of an HMAC under a key derived from it. */
export function keyCheckValue(
  { keyId, generation }: KeyGeneration,
  secret: Uint8Array,
): Uint8Array {
  const key = hkdf(sha256, secret, undefined, CHECK_LABEL, 32)
  const mac = hmac(sha256, key, joinOctets(keyId, fourOctets(generation)))
  key.fill(0)
  return mac.slice(0, CHECK_VALUE_BYTES)
}

/** The secret, once everything fits the manifest. @throws RangeError for a manifest of a group */
export function combineOctets(manifest: CustodyManifest, held: readonly OctetShare[]): Combined {
  const { keyId, dealt, checkValue } = manifest
  if (checkValue === undefined) throw new RangeError('Cannot combine shares of a group')
  const fault = faultOf(manifest, held)
  if (fault !== undefined) return fault
  const shares = held.map(({ share }) => share)
  const [first = new Uint8Array()] = shares
  const isOneLength = first.length > 1 && shares.every(({ length }) => length === first.length)
  if (!isOneLength || !areConsistent(shares, manifest.threshold)) return refused('inconsistent', [])
  const secret = reconstructSecret(shares.slice(0, manifest.threshold))
  if (isSame(keyCheckValue({ keyId, generation: dealt }, secret), checkValue)) {
    return { kind: 'combined', secret }
  }
  secret.fill(0)
  return refused('kcv', [])
}

/**
 * Whether a new generation holds the secret, to be asked before the old one is destroyed: the shares of all its holders are as
 * committed to, of one polynomial, and give the secret. Whoever asks has the secret for that long.
 */
export function proveOctets(
  manifest: CustodyManifest,
  held: readonly OctetShare[],
): { readonly kind: 'proven' } | Exclude<Combined, { readonly kind: 'combined' }> {
  if (held.length < manifest.holders.length) return refused('below-threshold', [])
  const combined = combineOctets(manifest, held)
  if (combined.kind === 'refused') return combined
  combined.secret.fill(0)
  return { kind: 'proven' }
}

/** Whether a share is what the manifest says; asked by a node when it gets it and before it uses it. */
export function faultOfShare(
  { keyId, generation, holders, commitments }: CustodyManifest,
  held: OctetShare,
): 'share-gen' | 'share-commit' | undefined {
  if (held.generation !== generation) return 'share-gen'
  const at = holders.findIndex(({ point }) => point === pointOf(held))
  const commitment = commitments[at]
  if (commitment === undefined) return 'share-commit'
  return isSame(commitmentTo(keyId, held), commitment) ? undefined : 'share-commit'
}

function faultOf(manifest: CustodyManifest, held: readonly OctetShare[]) {
  const points = held.map(pointOf)
  const twice = points.filter((point, i) => points.indexOf(point) < i)
  if (twice.length > 0) return refused('dup-x', [...new Set(twice)])
  if (held.length < manifest.threshold) return refused('below-threshold', [])
  for (const code of ['share-gen', 'share-commit'] as const) {
    const bad = held.filter((one) => faultOfShare(manifest, one) === code).map(pointOf)
    if (bad.length > 0) return refused(code, bad)
  }
  return undefined
}

function refused(code: CustodyRefusal, points: readonly number[]) {
  return { kind: 'refused', code, points } as const
}

function pointOf({ share }: OctetShare): number {
  return share[share.length - 1] ?? 0
}

/** In constant time: a check value is derived from the secret. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] ?? 0)
  return difference === 0
}

function fourOctets(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
}

const COMMITMENT_LABEL = octetsOf('limen/share/1\0')
const CHECK_LABEL = octetsOf('limen/kcv/1')
