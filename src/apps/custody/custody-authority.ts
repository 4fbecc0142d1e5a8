/**
 * An authority of certificates whose key is in custody: it signs by FROST, and the key is nowhere. Its own certificate is kept in a file, and
 * made anew when there is none of this key.
 *
 * @module
 */
import { X509Certificate } from 'node:crypto'
import {
  authorityCertificate,
  type CertificateAuthority,
} from '../../adapters/node/name-certificate.ts'
import { readPrivateFile, writePrivateFile } from '../../adapters/node/private-file.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import type { CustodyClient, KeyName } from './custody-client.ts'

export interface CustodyAuthorityOptions {
  /** With use `sign`. */
  readonly key: KeyName
  /** Common name. */
  readonly name: string
  /** Of its certificate. */
  readonly path: string
  readonly clock: Clock
  readonly random: Random
}

export interface CustodyAuthority extends CertificateAuthority {
  /** Its own; PEM. */
  readonly certificate: string
}

/** Whoever has its key is custody; new ones need no trust by hand. */
const LIFE_MS = 3650 * 86_400_000

/** @throws LimenErrors as {@link CustodyClient.sign} does */
export async function custodyAuthority(
  { key, name, path, clock, random }: CustodyAuthorityOptions,
  client: Pick<CustodyClient, 'publicKey' | 'sign'>,
): Promise<CustodyAuthority> {
  const publicKey = await client.publicKey({ ...key, use: 'sign' })
  const sign = (octets: Uint8Array) => client.sign(key, octets)
  const authority = { clock, random, name, publicKey, sign }
  const kept = readPrivateFile(path)?.toString()
  if (kept !== undefined && isOf(kept, publicKey)) return { ...authority, certificate: kept }
  const certificate = await authorityCertificate(authority, LIFE_MS)
  writePrivateFile(path, certificate)
  return { ...authority, certificate }
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
