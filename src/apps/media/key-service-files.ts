/**
 * What a key service of video sources has in its folder: its authority, its identity, its own certificate, the token of operators, and what a
 * Mosquitto beside it needs. Made at the first start.
 *
 * @module
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import { readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { mosquittoAcl, mosquittoConf } from '../../adapters/mqtt/mosquitto-files.ts'
import {
  type DeviceAuthority,
  issueDeviceCertificate,
  makeDeviceAuthority,
} from '../../adapters/node/device-authority.ts'
import {
  readOrMakePrivateFile,
  readPrivateFile,
  writePrivateFile,
} from '../../adapters/node/private-file.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import type { PartyKind } from '../../wire/media-topic.ts'
import type { Address } from './datagrams.ts'
import type { SealedFolder } from './sealed-folder.ts'

export interface KeyServiceFilesOptions {
  /** Absolute. */
  readonly folder: string
  /** Of the same folder: what is secret and nobody else's is in it sealed. */
  readonly sealed: SealedFolder
  /** Where devices find the service and the broker. */
  readonly hosts: readonly string[]
  /** Where Mosquitto listens. */
  readonly broker: Address
  readonly clock: Clock
  readonly random: Random
}

export interface KeyServiceFiles {
  readonly authority: DeviceAuthority
  readonly identity: KeyObject
  /** Ed25519, 32 octets. */
  readonly identityPublic: Buffer
  readonly certificate: string
  readonly key: string
  readonly token: string
}

/** Name of the service at the broker; no party may have it. */
export const SERVICE_NAME = 'limen-key-service'
const IDENTITY_FILE = 'identity.key'
const AUTHORITY_FILE = 'ca.key'
const TOKEN_BYTES = 32
const DAY_MS = 86_400_000
const RENEW_DAYS = 90

/** @throws Error as the disk does */
export async function keyServiceFiles(options: KeyServiceFilesOptions): Promise<KeyServiceFiles> {
  const { folder, broker, sealed } = options
  const authority = await authorityIn(options)
  const kept = sealed.read(IDENTITY_FILE)
  const identityPem = kept ?? newIdentity()
  if (kept === undefined) sealed.write(IDENTITY_FILE, identityPem)
  const identity = createPrivateKey(identityPem)
  identityPem.fill(0)
  const own = await leafIn(join(folder, 'service'), SERVICE_NAME, authority, options, {
    read: () => sealed.read('service.key'),
    write: (pem) => sealed.write('service.key', pem),
  })
  // Mosquitto reads its own.
  const brokerKey = join(folder, 'broker', 'broker.key')
  await leafIn(join(folder, 'broker', 'broker'), 'limen-broker', authority, options, {
    read: () => readPrivateFile(brokerKey),
    write: (pem) => writePrivateFile(brokerKey, pem),
  })
  keepPrivateFile(join(folder, 'broker', 'ca.pem'), authority.certificate)
  const conf = mosquittoConf({
    ...{ host: broker.host, port: broker.port, user: userInfo().username },
    caFile: join(folder, 'broker', 'ca.pem'),
    certificateFile: join(folder, 'broker', 'broker.pem'),
    keyFile: join(folder, 'broker', 'broker.key'),
    aclFile: join(folder, 'broker', 'acl'),
    pidFile: join(folder, 'broker', 'mosquitto.pid'),
  })
  keepPrivateFile(join(folder, 'broker', 'mosquitto.conf'), conf)
  const token = readOrMakePrivateFile(join(folder, 'token'), () =>
    randomBytes(TOKEN_BYTES).toString('base64url'),
  )
  return {
    ...{ authority, identity, token: token.toString('utf8') },
    ...{ certificate: own.certificate, key: own.key },
    identityPublic: createPublicKey(identity).export({ format: 'raw-public' }),
  }
}

/** Mosquitto reads it again when told to: false when there is none here to be told. */
export function writeBrokerAcl(
  folder: string,
  parties: readonly { readonly party: string; readonly kind: PartyKind }[],
): boolean {
  keepPrivateFile(join(folder, 'broker', 'acl'), mosquittoAcl(SERVICE_NAME, parties))
  try {
    const pid = Number(readFileSync(join(folder, 'broker', 'mosquitto.pid'), 'utf8').trim())
    // A number may be another's by now (Linux; elsewhere who runs the broker tells it).
    if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'mosquitto') return false
    process.kill(pid, 'SIGHUP')
    return true
  } catch {
    return false
  }
}

/** Written when it is another: a start needs no room on the disk. */
function keepPrivateFile(path: string, text: string): void {
  if (readPrivateFile(path)?.toString('utf8') !== text) writePrivateFile(path, text)
}

function newIdentity(): Buffer {
  const { privateKey } = generateKeyPairSync('ed25519')
  return Buffer.from(privateKey.export({ format: 'pem', type: 'pkcs8' }))
}

async function authorityIn({ folder, sealed, clock, random }: KeyServiceFilesOptions) {
  const certFile = join(folder, 'ca.pem')
  const certificate = readPrivateFile(certFile)?.toString('utf8')
  const key = textOf(sealed.read(AUTHORITY_FILE))
  if (certificate !== undefined && key !== undefined) return { certificate, key }
  const made = await makeDeviceAuthority(clock, random)
  sealed.write(AUTHORITY_FILE, Buffer.from(made.key))
  writePrivateFile(certFile, made.certificate)
  return made
}

/** The one there is, as long as it is good for these hosts. */
async function leafIn(
  path: string,
  name: string,
  authority: DeviceAuthority,
  { hosts, clock, random }: KeyServiceFilesOptions,
  keyFile: { read(): Buffer | undefined; write(pem: Buffer): void },
): Promise<{ readonly certificate: string; readonly key: string }> {
  const kept = readPrivateFile(`${path}.pem`)?.toString('utf8')
  const keptKey = textOf(keyFile.read())
  if (kept !== undefined && keptKey !== undefined) {
    const leaf = new X509Certificate(kept)
    const isLong = leaf.validToDate.getTime() - clock.now() > RENEW_DAYS * DAY_MS
    const isFor = (host: string) => (leaf.checkHost(host) ?? leaf.checkIP(host)) !== undefined
    if (isLong && hosts.every(isFor)) return { certificate: kept, key: keptKey }
  }
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicKey = pair.publicKey.export({ format: 'der', type: 'spki' })
  const certificate = await issueDeviceCertificate(
    ...([authority, { name, publicKey, hosts }, clock, random] as const),
  )
  const key = pair.privateKey.export({ format: 'pem', type: 'pkcs8' })
  keyFile.write(Buffer.from(key))
  writePrivateFile(`${path}.pem`, certificate)
  return { certificate, key }
}

/** TLS and the authority take PEM as text. */
function textOf(pem: Buffer | undefined): string | undefined {
  const text = pem?.toString('utf8')
  pem?.fill(0)
  return text
}
