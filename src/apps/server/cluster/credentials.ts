/**
 * By what edges and the key server know each other: certificates of an authority that serves nothing else (`edge-authority.ts`). `limen
 * cluster issue` makes the folder that an edge is given; who holds it is that edge. What the edge has renewed since is in one file beside.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { BACKDATE_MS } from '../../../adapters/node/certificate-fields.ts'
import { readPrivateFile, writePrivateFile } from '../../../adapters/node/private-file.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import { EDGE_ID } from '../config/session-schema.ts'

/** What one end shows, and whom it believes. */
export interface ClusterCertificate {
  readonly certPem: string
  readonly keyPem: string
  readonly caPem: string
}

export interface EdgeCredentials extends ClusterCertificate {
  /** The edge's name, as its certificate says. */
  readonly id: string
  /** The identity key of the key server: 32 bytes. */
  readonly identity: Uint8Array
  /** Shown to the key server where it answers clients. */
  readonly token: string
  /** Who has signed its certificate: a key in custody, or a CA in files. */
  readonly by: keyof typeof KEY_SERVER_NAMES
  /** When it was signed, and when it ends; milliseconds since 1970. */
  readonly issuedAt: number
  readonly notAfter: number
}

/** Of the key server, in certificates; edges are called alike. By its name it knows whom an edge believes. */
export const KEY_SERVER_NAMES = { files: 'keys.limen', custody: 'keys.custody.limen' } as const
/** Key, certificate and authorities, one behind the other: written at once, or not at all. */
const RENEWED_FILE = 'renewed.pem'
const PEM = /-----BEGIN ([A-Z0-9 ]+)-----\n[\w+/=\n]+-----END \1-----\n/g
const FILES = {
  cert: 'cert.pem',
  key: 'key.pem',
  ca: 'ca.pem',
  identity: 'identity',
  token: 'token',
} as const

export function edgeName(id: string): string {
  return `${id}.limen`
}

/** The id in a certificate that our CA made; undefined for none. */
function edgeIdOf(certificate: X509Certificate): string | undefined {
  const [, id = ''] = /^DNS:([a-z0-9-]{1,32})\.limen$/.exec(certificate.subjectAltName ?? '') ?? []
  return EDGE_ID.test(id) && edgeName(id) !== KEY_SERVER_NAMES.files ? id : undefined
}

/** Who is at the other end of a connection that TLS has already verified. */
export function peerOf(socket: TLSSocket): string | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined ? undefined : edgeIdOf(certificate)
}

/** @throws LimenError `usage` for what is no name of an edge */
export function checkEdgeName(id: string): void {
  if (EDGE_ID.test(id) && edgeName(id) !== KEY_SERVER_NAMES.files) return
  const text = `An edge is called by a lower-case DNS label other than "keys", not "${id}"`
  throw new LimenError('usage', text, { side: 'operator', retry: false })
}

/** Makes the folder for an edge, or writes it anew. */
export function writeCredentials(
  folder: string,
  { certPem, keyPem, caPem }: ClusterCertificate,
  known: { readonly identity: Uint8Array; readonly token: string },
): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const files: Readonly<Record<keyof typeof FILES, string>> = {
    cert: certPem,
    key: keyPem,
    ca: caPem,
    identity: `${Buffer.from(known.identity).toString('base64')}\n`,
    token: `${known.token}\n`,
  }
  for (const [name, text] of Object.entries(files)) {
    writePrivateFile(join(folder, FILES[name as keyof typeof FILES]), text)
  }
  rmSync(join(folder, RENEWED_FILE), { force: true })
}

/** What an edge has renewed by itself: from then on its own, also after a restart. */
export function writeRenewed(folder: string, { certPem, keyPem, caPem }: ClusterCertificate): void {
  writePrivateFile(join(folder, RENEWED_FILE), keyPem + certPem + caPem)
}

function readRenewed(folder: string): ClusterCertificate | undefined {
  const text = readPrivateFile(join(folder, RENEWED_FILE))?.toString()
  if (text === undefined) return undefined
  const [keyPem = '', certPem = '', ...authorities] = text.match(PEM) ?? []
  return { keyPem, certPem, caPem: authorities.join('') }
}

/** Of a folder that was put together by hand, or half renewed. */
function checkPair(
  certificate: X509Certificate,
  keyPem: string,
  caPem: string,
  bad: (what: string, cause?: unknown) => LimenError,
): void {
  let [isKeys, isOfCa] = [false, false]
  try {
    isKeys = certificate.checkPrivateKey(createPrivateKey(keyPem))
    isOfCa = certificate.verify(new X509Certificate(caPem).publicKey)
  } catch (error) {
    throw bad(`${FILES.key} or ${FILES.ca} holds what it should not`, error)
  }
  if (!isKeys) throw bad(`${FILES.key} is not the key of ${FILES.cert}`)
  if (!isOfCa) throw bad(`${FILES.cert} is not by ${FILES.ca}`)
}

/** @throws LimenError `credentials-bad` that says what is wrong with which file */
export function readCredentials(folder: string): EdgeCredentials {
  const bad = (what: string, cause?: unknown): LimenError =>
    new LimenError('credentials-bad', `sessions.server.credentials: ${what}`, {
      ...{ side: 'operator', retry: false, cause },
    })
  const read = (name: string): string => {
    try {
      return readFileSync(join(folder, name), 'utf8')
    } catch (error) {
      throw bad(`cannot read ${join(folder, name)}`, error)
    }
  }
  const issued = { certPem: read(FILES.cert), keyPem: read(FILES.key), caPem: read(FILES.ca) }
  const identity = Buffer.from(read(FILES.identity).trim(), 'base64')
  const token = read(FILES.token).trim()
  const renewed = readRenewed(folder)
  const own = withDates(issued, join(folder, FILES.cert), bad)
  const later = renewed && withDates(renewed, join(folder, RENEWED_FILE), bad)
  const newest = later !== undefined && later.issuedAt >= own.issuedAt ? later : own
  if (identity.length !== 32) throw bad(`${join(folder, FILES.identity)} holds no key`)
  if (!/^[\w-]{43}$/.test(token)) throw bad(`${join(folder, FILES.token)} holds no token`)
  return { ...newest, identity, token }
}

/** The same edge under another certificate. @throws LimenError `credentials-bad` for one of another edge */
export function renewedCredentials(
  { id, identity, token }: EdgeCredentials,
  pems: ClusterCertificate,
): EdgeCredentials {
  const bad = (what: string, cause?: unknown): LimenError =>
    new LimenError('credentials-bad', `What the key server has signed: ${what}`, {
      ...{ side: 'upstream', retry: true, cause },
    })
  const next = withDates(pems, 'the certificate', bad)
  if (next.id !== id) throw bad('it is of another edge')
  return { ...next, identity, token }
}

/** What is read from the certificate itself. @param file for what is said of it */
function withDates(
  pems: ClusterCertificate,
  file: string,
  bad: (what: string, cause?: unknown) => LimenError,
): Omit<EdgeCredentials, 'identity' | 'token'> {
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(pems.certPem)
  } catch (error) {
    throw bad(`${file} holds no certificate`, error)
  }
  checkPair(certificate, pems.keyPem, pems.caPem, bad)
  const id = edgeIdOf(certificate)
  if (id === undefined) throw bad(`${file} is of no edge`)
  const notAfter = certificate.validToDate.getTime()
  const issuedAt = certificate.validFromDate.getTime() + BACKDATE_MS
  // A key in custody is of Ed25519 (FROST), and signs so; that of a CA in files is of P-256.
  const isByCustody = new X509Certificate(pems.caPem).publicKey.asymmetricKeyType === 'ed25519'
  return { ...pems, id, by: isByCustody ? 'custody' : 'files', issuedAt, notAfter }
}
