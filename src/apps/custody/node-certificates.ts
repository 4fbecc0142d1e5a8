/**
 * Certificates of an embedded cluster, good for an hour and replaced after half of it: of its nodes, and of the Limen that uses them. They
 * are by an authority whose key is in custody itself (FROST). Nodes need certificates before they can sign any, so the first ones are by an
 * authority in memory, whose key is gone as soon as it has signed.
 *
 * @module
 */
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import {
  authorityCertificate,
  type CertificateAuthority,
  nameCertificate,
} from '../../adapters/node/name-certificate.ts'
import { readPrivateFile, writePrivateFile } from '../../adapters/node/private-file.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import { NODE_ROLE } from './caller.ts'
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
/** Whoever has its key is custody; new ones need no trust by hand. */
const AUTHORITY_LIFE_MS = 3650 * 86_400_000

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
  const authority = await authorityInCustody(options, client)
  const path = join(options.folder, AUTHORITY_FILE)
  const kept = readPrivateFile(path)?.toString()
  if (kept !== undefined && isOf(kept, authority.publicKey)) {
    return await issue(options, authority, kept)
  }
  const made = await authorityCertificate(authority, AUTHORITY_LIFE_MS)
  writePrivateFile(path, made)
  return await issue(options, authority, made)
}

/** An authority that signs by FROST. @throws LimenErrors as {@link CustodyClient.sign} does */
export async function authorityInCustody(
  { clock, random }: Pick<NodeCertificatesOptions, 'clock' | 'random'>,
  client: CustodyClient,
): Promise<CertificateAuthority> {
  const publicKey = await client.publicKey({ ...AUTHORITY_KEY, use: 'sign' })
  const signed = (octets: Uint8Array) => client.sign(AUTHORITY_KEY, octets)
  return { clock, random, name: AUTHORITY_NAME, publicKey, sign: signed }
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

/** A file that somebody has changed is no authority. */
function isOf(pem: string, publicKey: Uint8Array): boolean {
  try {
    const key = new X509Certificate(pem).publicKey.export({ format: 'raw-public' })
    return Buffer.compare(key, publicKey) === 0
  } catch {
    return false
  }
}
