/**
 * Certificates of an embedded cluster, good for an hour and replaced after half of it: of its nodes, and of the Limen that uses them. They
 * are by an authority whose key is in custody itself (FROST). Nodes need certificates before they can sign any, so the first ones are by an
 * authority in memory, whose key is gone as soon as it has signed.
 *
 * @module
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { join } from 'node:path'
import {
  authorityCertificate,
  type CertificateAuthority,
  nameCertificate,
} from '../../adapters/node/name-certificate.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import { NODE_ROLE } from './caller.ts'
import { custodyAuthority } from './custody-authority.ts'
import type { CustodyClient, KeyName } from './custody-client.ts'
import type { Credentials } from './listener.ts'

export interface NodeCertificatesOptions {
  readonly cluster: string
  /** Of the nodes. */
  readonly ids: readonly string[]
  readonly caller: { readonly role: string; readonly id: string }
  /** Where the authority's certificate is kept. */
  readonly folder: string
  readonly lifeMs: number
  readonly clock: Clock
  readonly random: Random
}

/** All certificates at one time. */
export interface Issued {
  readonly caller: Credentials
  /** By id. */
  readonly nodes: ReadonlyMap<string, Credentials>
}

export const AUTHORITY_FILE = 'authority.pem'
export const AUTHORITY_KEY: KeyName = { name: 'limen/authority', version: 1 }
const AUTHORITY_NAME = 'Limen custody'

/** By an authority of this moment. */
export async function firstCertificates(options: NodeCertificatesOptions): Promise<Issued> {
  const { clock, random } = options
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const authority: CertificateAuthority = {
    ...{ clock, random, name: `${AUTHORITY_NAME} start` },
    publicKey: new Uint8Array(publicKey.export({ format: 'raw-public' })),
    sign: async (octets) => new Uint8Array(sign(null, octets, privateKey)),
  }
  return await issue(options, authority, await authorityCertificate(authority, options.lifeMs))
}

/** By custody. @throws LimenErrors as {@link CustodyClient.sign} does */
export async function certificatesByCustody(
  options: NodeCertificatesOptions,
  client: CustodyClient,
): Promise<Issued> {
  const { clock, random } = options
  const path = join(options.folder, AUTHORITY_FILE)
  const named = { key: AUTHORITY_KEY, name: AUTHORITY_NAME, path, clock, random }
  const authority = await custodyAuthority(named, client)
  return await issue(options, authority, authority.certificate)
}

async function issue(
  { cluster, ids, caller, lifeMs }: NodeCertificatesOptions,
  by: CertificateAuthority,
  authority: string,
): Promise<Issued> {
  const one = async (role: string, id: string): Promise<Credentials> => ({
    ...(await nameCertificate(by, `limen://${cluster}/${role}/${id}`, lifeMs)),
    authority,
  })
  // Each by itself: holders have a limited number of nonces for one who asks.
  const nodes = new Map<string, Credentials>()
  for (const id of ids) nodes.set(id, await one(NODE_ROLE, id))
  return { nodes, caller: await one(caller.role, caller.id) }
}
