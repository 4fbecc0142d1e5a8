/**
 * Certificates (X.509, RFC 5280) with Ed25519 (RFC 8410) by an authority whose private key need not be here: what is to be signed goes to
 * whoever signs, in one piece or in shares (FROST, RFC 9591). A leaf has one name, a URI or a host, and is for both ends of a connection.
 * Certificates for browsers are `local-ca.ts`.
 *
 * @module
 */
// x509 resolves its parts through reflect-metadata and throws without it.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import { privateKeyPem, serialNumber, validity } from './certificate-fields.ts'

export interface CertificateAuthority {
  /** Ed25519, 32 octets. */
  readonly publicKey: Uint8Array
  /** Common name of the authority. */
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  /** Ed25519, 64 octets. */
  sign(octets: Uint8Array): Promise<Uint8Array>
}

const ALGORITHM = { name: 'Ed25519' } as const
const SIGNATURE_BYTES = 64

/** Of the authority itself, signed by itself; PEM. */
export async function authorityCertificate(
  authority: CertificateAuthority,
  lifeMs: number,
): Promise<string> {
  const key = await publicKeyOf(authority.publicKey)
  return await signed(authority, key, `CN=${authority.name}`, lifeMs, [
    new x509.BasicConstraintsExtension(true, 0, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    await x509.SubjectKeyIdentifierExtension.create(key, false, crypto()),
  ])
}

/** A new key with a certificate for `name`, a URI; PEM. */
export async function nameCertificate(
  authority: CertificateAuthority,
  name: string,
  lifeMs: number,
): Promise<{ readonly certificate: string; readonly key: string }> {
  const pair = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const { publicKey, privateKey } = pair as webcrypto.CryptoKeyPair
  const certificate = await leaf(authority, publicKey, { type: 'url', value: name }, lifeMs)
  return { certificate, key: privateKeyPem(privateKey) }
}

/** Of a key that is somebody else's: Ed25519, 32 octets. PEM. */
export async function hostCertificate(
  authority: CertificateAuthority,
  host: string,
  publicKey: Uint8Array,
  lifeMs: number,
): Promise<string> {
  const key = await publicKeyOf(publicKey)
  return await leaf(authority, key, { type: 'dns', value: host }, lifeMs)
}

async function leaf(
  authority: CertificateAuthority,
  publicKey: webcrypto.CryptoKey,
  name: { readonly type: 'url' | 'dns'; readonly value: string },
  lifeMs: number,
): Promise<string> {
  const issuer = await publicKeyOf(authority.publicKey)
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
  return await signed(authority, publicKey, 'CN=Limen', lifeMs, [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
    new x509.SubjectAlternativeNameExtension([name]),
    await x509.AuthorityKeyIdentifierExtension.create(issuer, false, crypto()),
  ])
}

async function signed(
  { name, clock, random, sign }: CertificateAuthority,
  publicKey: webcrypto.CryptoKey,
  subject: string,
  lifeMs: number,
  extensions: x509.Extension[],
): Promise<string> {
  // Signed by a key that is thrown away: the library wants one.
  const throwaway = await webcrypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify'])
  const draft = await x509.X509CertificateGenerator.create(
    {
      ...{ serialNumber: serialNumber(random), subject, issuer: `CN=${name}`, publicKey },
      ...{ ...validity(clock, lifeMs), extensions },
      signingKey: (throwaway as webcrypto.CryptoKeyPair).privateKey,
      signingAlgorithm: ALGORITHM,
    },
    crypto(),
  )
  const der = new Uint8Array(draft.rawData)
  const signature = await sign(toBeSigned(der))
  // The last octets of a BIT STRING that is the last of the certificate (RFC 5280, section 4.1).
  der.set(signature, der.length - SIGNATURE_BYTES)
  return `${new x509.X509Certificate(der).toString('pem')}\n`
}

/** TBSCertificate: the first part of the sequence that a certificate is. A copy. */
function toBeSigned(der: Uint8Array): Uint8Array {
  const begin = contentAt(der, 0).begin
  return der.slice(begin, contentAt(der, begin).end)
}

/** DER (X.690, section 8.1.3): where the content of the value at `at` begins and ends. */
function contentAt(der: Uint8Array, at: number): { readonly begin: number; readonly end: number } {
  const first = der[at + 1] ?? 0
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  const begin = at + 2 + lengthBytes
  const length = lengthBytes === 0 ? first : Buffer.from(der).readUIntBE(at + 2, lengthBytes)
  return { begin, end: begin + length }
}

async function publicKeyOf(octets: Uint8Array): Promise<webcrypto.CryptoKey> {
  return await webcrypto.subtle.importKey('raw', Buffer.from(octets), ALGORITHM, true, ['verify'])
}

function crypto(): Crypto {
  return webcrypto as Crypto
}
