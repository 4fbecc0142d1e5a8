/**
 * A cluster as its configuration describes it, opened to be looked after: a client of its nodes and, where the identity's private key is, a
 * driver of changes.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { type SodiumGroups, sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { ClusterConfig } from './cluster-config.ts'
import {
  type CustodyClient,
  type CustodyClientOptions,
  openCustodyClient,
} from './custody-client.ts'
import { ShareDriver } from './drive-change.ts'
import { bytesOf, credentialError, secretOf, splitAddress } from './read-file.ts'

export interface OpenCluster {
  readonly config: ClusterConfig
  readonly identity: KeyObject
  readonly groups: SodiumGroups
  readonly random: Random
  readonly client: CustodyClient
  /** undefined: without the identity's private key shares are looked at, and not changed. */
  readonly changes: Changes | undefined
  close(): Promise<void>
}

export interface Changes {
  readonly driver: ShareDriver
  /** Ed25519 by the cluster's identity. */
  sign(octets: Uint8Array): Promise<Uint8Array>
}

/** @throws LimenError `credentials-bad`, `custody-card` */
export async function openCluster(
  config: ClusterConfig,
  options: Pick<CustodyClientOptions, 'chanceOf'> & { readonly graceMs?: number } = {},
): Promise<OpenCluster> {
  const { cluster, identityKey } = config
  const random = systemRandom()
  const groups = await sodiumGroups()
  const identity = identityFrom(config.identity, bytesOf(config.identity))
  const { chanceOf, graceMs } = options
  const client = openCustodyClient({
    ...{ cluster, identity, groups, random, clock: systemClock },
    nodes: config.nodes.map(({ id, address, card }) => ({
      ...{ id, ...splitAddress(address), card: new Uint8Array(bytesOf(card)) },
    })),
    ...{ certificate: bytesOf(config.certificate).toString() },
    ...{ authority: bytesOf(config.authority).toString() },
    key: secretOf(config.key).toString(),
    ...(chanceOf === undefined ? {} : { chanceOf }),
  })
  const { links, manifests } = client
  const privateKey = identityKey === undefined ? undefined : privateFrom(identityKey, identity)
  const signed = async (octets: Uint8Array) =>
    new Uint8Array(sign(null, octets, privateKey as KeyObject))
  const parts = { links, manifests, groups, random, sign: signed }
  const driver = new ShareDriver({ ...parts, ...(graceMs === undefined ? {} : { graceMs }) })
  return {
    ...{ config, identity, groups, random, client },
    changes: privateKey && { driver, sign: signed },
    close: () => client.close(),
  }
}

/** @throws LimenError `custody-identity`: only who has the identity's private key changes shares */
export function changesOf({ changes }: OpenCluster): Changes {
  if (changes !== undefined) return changes
  const text = 'Shares are changed with the identity: identityKey is not configured'
  throw new LimenError('custody-identity', text, { side: 'operator', retry: false })
}

function identityFrom(path: string, bytes: Buffer): KeyObject {
  try {
    const key = createPublicKey(bytes)
    if (key.asymmetricKeyType === 'ed25519') return key
    throw new RangeError('it is not of Ed25519')
  } catch (cause) {
    throw credentialError(`${path} is no public key: ${(cause as Error).message}`, cause)
  }
}

function privateFrom(path: string, identity: KeyObject): KeyObject {
  const pem = secretOf(path)
  try {
    const key = createPrivateKey(pem)
    if (createPublicKey(key).equals(identity)) return key
    throw new RangeError('it is another one')
  } catch (cause) {
    // The kind alone: what a parser says may show what it read.
    const why = cause instanceof RangeError ? cause.message : 'it cannot be read'
    throw credentialError(`${path} is not the private key of the identity: ${why}`)
  } finally {
    pem.fill(0)
  }
}
