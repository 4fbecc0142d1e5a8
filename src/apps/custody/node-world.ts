/**
 * What a custody node is made of, for the parts that answer requests.
 *
 * @module
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { HpkeKeyPair } from '../../adapters/node/hpke.ts'
import type { SodiumGroups } from '../../adapters/node/sodium-groups.ts'
import type { PrimeGroup } from '../../crypto/prime-group.ts'
import type { Clock } from '../../ground/clock.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import type { DecideAccess } from '../../keys/custody/access-policy.ts'
import type { AuditCheckpoint } from '../../keys/custody/audit-checkpoint.ts'
import type { CustodyAudit } from '../../ports/custody-audit.ts'
import type { ShareVault } from '../../ports/share-vault.ts'
import { DELETION_LABEL } from '../../wire/custody-deletion.ts'
import { MANIFEST_LABEL } from '../../wire/custody-manifest.ts'
import type { Fields, Outcome } from '../../wire/custody-message.ts'
import { CARD_LABEL, PLAN_LABEL } from '../../wire/custody-plan.ts'
import { SCHEME, type Scheme } from '../../wire/share-record.ts'

export interface NodeWorld {
  readonly cluster: string
  /** As manifests name this node. */
  readonly node: Uint8Array
  /** The cluster's: signs manifests, plans and cards. Ed25519. */
  readonly identity: KeyObject
  /** Opens shares for this node. */
  readonly sealing: HpkeKeyPair
  /** Signs what this node says of its shares. Ed25519. */
  readonly signing: KeyObject
  readonly vault: ShareVault
  readonly groups: SodiumGroups
  readonly decide: DecideAccess
  readonly audit: Pick<CustodyAudit, 'append' | 'keepCheckpointOf'> & {
    /** What this node has signed of its log last, since it began. */
    newest(): AuditCheckpoint | undefined
  }
  readonly clock: Clock
  readonly random: Random
  /** Told what has failed and was answered with `failed`. */
  onFault(operation: string, error: unknown): void
}

/** What a request comes to. */
export interface Reply {
  readonly outcome: Outcome
  readonly generation?: number
  readonly fields?: Fields
}

/** @throws RangeError for octets, which are in no group */
export function groupOf({ ed25519, ristretto255 }: SodiumGroups, scheme: Scheme): PrimeGroup {
  if (scheme === SCHEME.ed25519) return ed25519
  if (scheme === SCHEME.ristretto255) return ristretto255
  throw new RangeError('Octets are in no group')
}

const LABELS = {
  manifest: MANIFEST_LABEL,
  plan: PLAN_LABEL,
  card: CARD_LABEL,
  deletion: DELETION_LABEL,
} as const

/** What the cluster's identity signs, of a document without its signature. */
export function toBeSigned(kind: keyof typeof LABELS, signed: Uint8Array): Uint8Array {
  return joinOctets(octetsOf(LABELS[kind]), signed)
}

export function isSignedBy(
  identity: KeyObject,
  kind: keyof typeof LABELS,
  { signed, signature }: { readonly signed: Uint8Array; readonly signature: Uint8Array },
): boolean {
  return verify(null, toBeSigned(kind, signed), identity, signature)
}

/** @param raw 32 octets @throws for what is no key */
export function ed25519PublicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({
    key: Buffer.from(raw),
    format: 'raw-public',
    asymmetricKeyType: 'ed25519',
  })
}
