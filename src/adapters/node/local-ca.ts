/**
 * A certificate authority of one's own, so that TLS works before there is a real certificate (RFC 5280 profile,
 * ECDSA P-256). Kept in a folder and renewed before it expires; whoever wants no browser warning trusts
 * `ca.pem`. Not for the public Internet.
 *
 * @module
 */
// x509 resolves its parts through reflect-metadata and throws without it.
import 'reflect-metadata'
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import { DAY_MS, privateKeyPem, serialNumber, validity } from './certificate-fields.ts'
import { type CertificatePair, checkPair } from './certificate-files.ts'
import { readPrivateFile, writePrivateFile } from './private-file.ts'
import { plainFiles, type SecretFiles } from './secret-files.ts'

export interface LocalCaOptions {
  /** Where the CA and the leaf are kept. */
  readonly folder: string
  /** Host names and IP addresses the leaf is good for, at least one. */
  readonly names: readonly string[]
  readonly clock: Clock
  readonly random: Random
  /** Where the private keys are; {@link plainFiles} by default. */
  readonly files?: SecretFiles
}

/** Made once and trusted by hand: long. */
const CA_DAYS = 3650
/** Browsers accept at most 825 days from a CA added by hand; renewed without anybody noticing, so short. */
const LEAF_DAYS = 90
/** A third of the life left, as ACME clients do. */
const RENEW_DAYS = 30
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** The leaf for `names`, from the folder when it is there and good for long enough, else made now. */
export async function localCertificate(options: LocalCaOptions): Promise<CertificatePair> {
  const kept = keptLeaf(options)
  if (kept !== undefined) return kept
  const authority = await readOrMakeAuthority(options)
  const { certPem, keyPem } = await makeLeaf(options, authority)
  filesOf(options).write(join(options.folder, 'leaf.key'), keyPem)
  writePrivateFile(join(options.folder, 'leaf.pem'), certPem)
  const made = checkPair(certPem, keyPem)
  if (made.kind === 'bad') throw new TypeError(`The local CA made a bad certificate: ${made.text}`)
  return made.pair
}

/** A certificate of the CA in `folder` that is not kept there: for somebody else, as a client and as a server. */
export async function issuedCertificate(
  options: LocalCaOptions,
  days: number,
): Promise<{ readonly certPem: string; readonly keyPem: string; readonly caPem: string }> {
  const authority = await readOrMakeAuthority(options)
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage
  const leaf = await makeLeaf(options, authority, { days, usages: [serverAuth, clientAuth] })
  return { ...leaf, caPem: `${authority.certificate.toString('pem')}\n` }
}

function filesOf({ files = plainFiles }: LocalCaOptions): SecretFiles {
  return files
}

function keptLeaf(options: LocalCaOptions): CertificatePair | undefined {
  const { folder, names, clock } = options
  const certPem = readPrivateFile(join(folder, 'leaf.pem'))?.toString()
  const keyPem = filesOf(options).read(join(folder, 'leaf.key'))?.toString()
  const caPem = readPrivateFile(join(folder, 'ca.pem'))?.toString()
  if (certPem === undefined || keyPem === undefined || caPem === undefined) return undefined
  const found = checkPair(certPem, keyPem)
  if (found.kind === 'bad' || found.pair.notAfter < clock.now() + RENEW_DAYS * DAY_MS)
    return undefined
  const leaf = new X509Certificate(certPem)
  const covers = (name: string): boolean =>
    (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) !== undefined
  return names.every(covers) && leaf.verify(new X509Certificate(caPem).publicKey)
    ? found.pair
    : undefined
}

interface Authority {
  readonly certificate: x509.X509Certificate
  readonly privateKey: webcrypto.CryptoKey
}

async function readOrMakeAuthority(options: LocalCaOptions): Promise<Authority> {
  const certFile = join(options.folder, 'ca.pem')
  const keyFile = join(options.folder, 'ca.key')
  const certPem = readPrivateFile(certFile)?.toString()
  const keyPem = filesOf(options).read(keyFile)
  if (certPem !== undefined && keyPem !== undefined) {
    const kept = authorityOf(certPem, keyPem)
    const needed = options.clock.now() + LEAF_DAYS * DAY_MS
    if (kept !== undefined && kept.certificate.notAfter.getTime() > needed) return kept
  }
  const { certificate, keys } = await makeAuthority(options)
  filesOf(options).write(keyFile, privateKeyPem(keys.privateKey))
  writePrivateFile(certFile, `${certificate.toString('pem')}\n`)
  return { certificate, privateKey: keys.privateKey }
}

/** undefined when they do not belong together. Zeroes the key. */
function authorityOf(certPem: string, keyPem: Buffer): Authority | undefined {
  try {
    const key = createPrivateKey(keyPem)
    if (!new X509Certificate(certPem).checkPrivateKey(key)) return undefined
    const privateKey = key.toCryptoKey(ALGORITHM, false, ['sign'])
    return { certificate: new x509.X509Certificate(certPem), privateKey }
  } catch {
    return undefined
  } finally {
    keyPem.fill(0)
  }
}

async function makeAuthority({ clock, random }: LocalCaOptions) {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const mark = Buffer.from(random.bytes(3)).toString('hex')
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(random),
      // The mark tells two of them apart in a browser's list.
      name: `CN=Limen local CA ${mark}`,
      ...validity(clock, CA_DAYS * DAY_MS),
      keys,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(
          x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
          true,
        ),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto as Crypto),
      ],
    },
    webcrypto as Crypto,
  )
  return { certificate, keys }
}

async function makeLeaf(
  { names, clock, random }: LocalCaOptions,
  { certificate: ca, privateKey }: Authority,
  { days, usages } = { days: LEAF_DAYS, usages: [x509.ExtendedKeyUsage.serverAuth] },
): Promise<{ certPem: string; keyPem: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const subjects = names.map((value) => ({
    type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
    value,
  }))
  const leaf = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(random),
      // Names belong into subjectAltName; nothing reads the subject (RFC 9525, section 2).
      subject: 'CN=Limen',
      issuer: ca.subject,
      ...validity(clock, days * DAY_MS),
      signingKey: privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: ALGORITHM,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension(usages),
        new x509.SubjectAlternativeNameExtension(subjects),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto as Crypto),
        await x509.AuthorityKeyIdentifierExtension.create(ca.publicKey, false, webcrypto as Crypto),
      ],
    },
    webcrypto as Crypto,
  )
  return { certPem: `${leaf.toString('pem')}\n`, keyPem: privateKeyPem(keys.privateKey) }
}
