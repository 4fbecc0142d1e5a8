/**
 * By what edges and the key server know each other: certificates of a CA in the key server's `data` that serves nothing
 * else. `limen cluster issue` makes the folder that an edge is given; who holds it is that edge.
 *
 * @module
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { issuedCertificate, localCertificate } from '../../../adapters/node/local-ca.ts'
import { writePrivateFile } from '../../../adapters/node/private-file.ts'
import type { Clock } from '../../../ground/clock.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { Random } from '../../../ground/random.ts'
import { EDGE_ID } from '../config/session-schema.ts'
import { STATE_FILES } from '../state-files.ts'

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
  /** Milliseconds since 1970. */
  readonly notAfter: number
}

export interface Issuing {
  /** The key server's `data`. */
  readonly data: string
  readonly clock: Clock
  readonly random: Random
}

/** Of the key server, in certificates; edges are called alike. */
export const KEY_SERVER_NAME = 'keys.limen'
/** An operator renews it once a year, by the same command. */
const EDGE_DAYS = 397
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
  return EDGE_ID.test(id) && edgeName(id) !== KEY_SERVER_NAME ? id : undefined
}

/** Who is at the other end of a connection that TLS has already verified. */
export function peerOf(socket: TLSSocket): string | undefined {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined
  return certificate === undefined ? undefined : edgeIdOf(certificate)
}

/** The key server's own certificate; made, and renewed, on first use. */
export async function keyServerCertificate(options: Issuing): Promise<ClusterCertificate> {
  const { clock, random } = options
  const folder = join(options.data, STATE_FILES.clusterCa)
  const { certPem, keyPem } = await localCertificate({
    ...{ folder, clock, random, names: [KEY_SERVER_NAME] },
  })
  return { certPem, keyPem, caPem: readFileSync(join(folder, 'ca.pem'), 'utf8') }
}

/** Makes the folder for an edge. @throws LimenError `usage` for what is no name of an edge */
export async function issueCredentials(
  id: string,
  folder: string,
  known: { readonly identity: Uint8Array; readonly token: string },
  { data, clock, random }: Issuing,
): Promise<void> {
  if (!EDGE_ID.test(id) || edgeName(id) === KEY_SERVER_NAME) {
    const text = `An edge is called by a lower-case DNS label other than "keys", not "${id}"`
    throw new LimenError('usage', text, { side: 'operator', retry: false })
  }
  const ca = join(data, STATE_FILES.clusterCa)
  const issued = await issuedCertificate(
    { folder: ca, names: [edgeName(id)], clock, random },
    EDGE_DAYS,
  )
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const files: Readonly<Record<keyof typeof FILES, string>> = {
    cert: issued.certPem,
    key: issued.keyPem,
    ca: issued.caPem,
    identity: `${Buffer.from(known.identity).toString('base64')}\n`,
    token: `${known.token}\n`,
  }
  for (const [name, text] of Object.entries(files)) {
    writePrivateFile(join(folder, FILES[name as keyof typeof FILES]), text)
  }
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
  const [certPem, keyPem, caPem] = [read(FILES.cert), read(FILES.key), read(FILES.ca)]
  const identity = Buffer.from(read(FILES.identity).trim(), 'base64')
  const token = read(FILES.token).trim()
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(certPem)
  } catch (error) {
    throw bad(`${join(folder, FILES.cert)} holds no certificate`, error)
  }
  checkPair(certificate, keyPem, caPem, bad)
  const id = edgeIdOf(certificate)
  if (id === undefined) throw bad(`${join(folder, FILES.cert)} is of no edge`)
  if (identity.length !== 32) throw bad(`${join(folder, FILES.identity)} holds no key`)
  if (!/^[\w-]{43}$/.test(token)) throw bad(`${join(folder, FILES.token)} holds no token`)
  const notAfter = certificate.validToDate.getTime()
  return { id, certPem, keyPem, caPem, identity, token, notAfter }
}
