/**
 * The certificate authority of a custody cluster: ECDSA P-256, certificates on both sides of a connection, whose only name is `limen://CLUSTER/ROLE/ID`
 * (RFC 5280, section 4.2.1.6). Its key is in a file; what issues certificates of hosts is `local-ca.ts`.
 *
 * @module
 */
// x509 resolves its parts through reflect-metadata and throws without it.
import 'reflect-metadata'
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import { DAY_MS, privateKeyPem, serialNumber, validity } from './certificate-fields.ts'

export interface Credentials {
  /** PEM. */
  readonly certificate: string
  /** PKCS #8, PEM. */
  readonly key: string
}

export interface ClusterAuthority extends Credentials {
  /** @param name `limen://CLUSTER/ROLE/ID` */
  issue(name: string): Promise<Credentials>
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** Renewed by hand, with all certificates: long. */
const AUTHORITY_DAYS = 3650
/** Renewed by `limen custody issue`, one after the other. */
const LEAF_DAYS = 365

/** A new one. */
export async function makeClusterAuthority(
  cluster: string,
  clock: Clock,
  random: Random,
): Promise<ClusterAuthority> {
  const crypto = webcrypto as Crypto
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const root = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...{ serialNumber: serialNumber(random), name: `CN=Limen custody ${cluster}`, keys },
      ...{ signingAlgorithm: ALGORITHM, ...validity(clock, AUTHORITY_DAYS * DAY_MS) },
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    },
    crypto,
  )
  return {
    certificate: pem(root),
    key: privateKeyPem(keys.privateKey),
    issue: issuer(root, keys.privateKey, clock, random),
  }
}

/** The one that was made before. @throws RangeError for a key that is none, or not that of the certificate */
export async function openClusterAuthority(
  { certificate, key }: Credentials,
  clock: Clock,
  random: Random,
): Promise<ClusterAuthority> {
  try {
    const root = new x509.X509Certificate(certificate)
    const own = createPrivateKey(key)
    if (!new X509Certificate(certificate).checkPrivateKey(own)) throw new RangeError('Another key')
    const der = own.export({ format: 'der', type: 'pkcs8' })
    const signingKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
    der.fill(0)
    return { certificate, key, issue: issuer(root, signingKey, clock, random) }
  } catch (cause) {
    throw new RangeError('The key is not that of the authority', { cause })
  }
}

function issuer(
  root: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
  clock: Clock,
  random: Random,
): ClusterAuthority['issue'] {
  return async (name) => {
    const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
    const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
    const { notBefore, notAfter } = validity(clock, LEAF_DAYS * DAY_MS)
    const leaf = await x509.X509CertificateGenerator.create(
      {
        ...{ serialNumber: serialNumber(random), subject: '', issuer: root.subject, signingKey },
        ...{ publicKey: own.publicKey, signingAlgorithm: ALGORITHM, notBefore },
        // Nobody believes it after its authority's end.
        notAfter: notAfter < root.notAfter ? notAfter : root.notAfter,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.ExtendedKeyUsageExtension([serverAuth, clientAuth]),
          // Critical: there is no other name (RFC 5280, section 4.2.1.6).
          new x509.SubjectAlternativeNameExtension([{ type: 'url', value: name }], true),
        ],
      },
      webcrypto as Crypto,
    )
    return { certificate: pem(leaf), key: privateKeyPem(own.privateKey) }
  }
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`
}
