/**
 * The certificate authority of a key service of video sources: ECDSA P-256, certificates whose common name is a party's name, which is what
 * a broker of MQTT goes by. Parties keep their keys: only the public half comes here.
 *
 * @module
 */
// x509 resolves its parts through reflect-metadata and throws without it.
import 'reflect-metadata'
import { createPrivateKey, KeyObject, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import { DAY_MS, serialNumber, validity } from './certificate-fields.ts'

export interface DeviceAuthority {
  /** PEM. */
  readonly certificate: string
  /** PKCS #8, PEM. */
  readonly key: string
}

export interface DeviceLeaf {
  readonly name: string
  /** SubjectPublicKeyInfo of ECDSA P-256, DER. */
  readonly publicKey: Uint8Array
  /** Of a server: where it is. None: a client. */
  readonly hosts: readonly string[]
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** Renewed by enrolling all again: long. */
const AUTHORITY_DAYS = 3650
/** Renewed by enrolling again; a device that is revoked is off the broker's list at once, whatever its certificate says. */
const LEAF_DAYS = 730

export async function makeDeviceAuthority(clock: Clock, random: Random): Promise<DeviceAuthority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const root = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...{ serialNumber: serialNumber(random), name: 'CN=Limen device keys', keys },
      ...{ signingAlgorithm: ALGORITHM, ...validity(clock, AUTHORITY_DAYS * DAY_MS) },
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    },
    webcrypto as Crypto,
  )
  const key = KeyObject.from(keys.privateKey).export({ format: 'pem', type: 'pkcs8' }).toString()
  return { certificate: `${root.toString('pem')}\n`, key }
}

/** PEM. @throws Error for what is no such key */
export async function issueDeviceCertificate(
  authority: DeviceAuthority,
  { name, publicKey, hosts }: DeviceLeaf,
  clock: Clock,
  random: Random,
): Promise<string> {
  const signingKey = createPrivateKey(authority.key).toCryptoKey(ALGORITHM, false, ['sign'])
  const subtle = webcrypto.subtle
  const der = new Uint8Array(publicKey)
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
  const names = hosts.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const)
  const leaf = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(random),
      // As a list, nothing in a name can be taken for more of a name.
      subject: [{ CN: [name] }],
      issuer: new x509.X509Certificate(authority.certificate).subject,
      publicKey: await subtle.importKey('spki', der, ALGORITHM, true, ['verify']),
      ...{ signingKey, signingAlgorithm: ALGORITHM, ...validity(clock, LEAF_DAYS * DAY_MS) },
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(
          hosts.length === 0 ? [clientAuth] : [serverAuth, clientAuth],
        ),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
      ],
    },
    webcrypto as Crypto,
  )
  return `${leaf.toString('pem')}\n`
}
