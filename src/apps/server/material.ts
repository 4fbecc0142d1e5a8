/**
 * What a configuration only points at, read from the disk and checked: certificates, tokens, keys.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readBearerToken } from '../../adapters/node/bearer-token.ts'
import { type CertificatePair, readCertificatePair } from '../../adapters/node/certificate-files.ts'
import { localCertificate } from '../../adapters/node/local-ca.ts'
import { readOrMakePrivateFile } from '../../adapters/node/private-file.ts'
import { readOrMakeSecret, type SecretFiles } from '../../adapters/node/secret-files.ts'
import { readTicketKeys } from '../../adapters/node/ticket-keys.ts'
import type { Clock } from '../../ground/clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { Role } from './config/admin-schema.ts'
import type { Blame, Complaint, ConfigPath } from './config/complaint.ts'
import type { Material } from './config/data-plane-settings.ts'
import type { Config } from './config/schema.ts'
import { checkSignalFiles } from './config/signals-checks.ts'
import { checkWebhookSecrets } from './scaling-webhook.ts'
import { checkSessionFiles } from './session-files.ts'
import { STATE_FILES } from './state-files.ts'

/** As `AdmissionSettings.profileKey` wants it. */
const PROFILE_KEY_BYTES = 16

export interface TokenHolder {
  readonly name: string
  readonly role: Role
  /** SHA-256 of the token. */
  readonly digest: Buffer
}

export interface ServerMaterial extends Material {
  readonly certificates: readonly CertificatePair[]
  readonly adminCertificate: CertificatePair | undefined
  readonly tokens: readonly TokenHolder[]
}

export type MaterialOutcome =
  | { readonly kind: 'read'; readonly material: ServerMaterial }
  | { readonly kind: 'refused'; readonly complaints: readonly Complaint[] }

export interface MaterialOptions {
  readonly config: Config
  readonly blame: Blame
  readonly clock: Clock
  readonly random: Random
  /** Where the secrets of `data` are. */
  readonly secrets: SecretFiles
}

/** Reads all of it; makes in `data` what is made on first use. */
export async function readMaterial(options: MaterialOptions): Promise<MaterialOutcome> {
  const { config, clock, random, secrets } = options
  const found = checkFiles(options)
  if (found.complaints.length > 0) return { kind: 'refused', complaints: found.complaints }
  const certificates: CertificatePair[] = []
  for (const [index, entry] of config.certificates.entries()) {
    const pair =
      'localCa' in entry
        ? await localCertificate({
            ...localCaOf(config, index),
            names: entry.localCa,
            clock,
            random,
            files: secrets,
          })
        : found.pairs.get(index)
    if (pair !== undefined) certificates.push(pair)
  }
  const inData = (name: string): string => join(config.data, name)
  const make = (): Uint8Array => random.bytes(32)
  return {
    kind: 'read',
    material: {
      certificates,
      adminCertificate: found.admin,
      agentTokens: found.agentTokens,
      tokens: found.tokens.length > 0 ? found.tokens : [ownToken(config, random)],
      affinityKey: readOrMakeSecret(secrets, inData(STATE_FILES.affinityKey), make),
      profileKey: profileKeyIn(config, secrets, random),
      ticketKeys: readTicketKeys(inData(STATE_FILES.ticketKeys), clock, random, secrets),
    },
  }
}

/** Complaints about files the configuration names, without making anything: what `limen check` does. */
export function checkFiles({ config, blame }: Pick<MaterialOptions, 'config' | 'blame'>) {
  const complaints: Complaint[] = []
  const pairs = new Map<number, CertificatePair>()
  const readPair = (
    { certFile, keyFile }: { certFile: string; keyFile: string },
    path: ConfigPath,
  ): CertificatePair | undefined => {
    const outcome = readCertificatePair(certFile, keyFile)
    if (outcome.kind === 'read') return outcome.pair
    complaints.push(blame([...path, outcome.file], outcome.text))
    return undefined
  }
  for (const [index, entry] of config.certificates.entries()) {
    if (!('certFile' in entry)) continue
    const pair = readPair(entry, ['certificates', index])
    if (pair !== undefined) pairs.set(index, pair)
  }
  const { certificate } = config.admin
  const admin =
    certificate === undefined ? undefined : readPair(certificate, ['admin', 'certificate'])
  const tokens = config.admin.tokens.flatMap((token, index): TokenHolder[] => {
    const { name, role } = token
    if ('sha256' in token) return [{ name, role, digest: Buffer.from(token.sha256, 'hex') }]
    try {
      return [{ name, role, digest: digestOf(readFileSync(token.tokenFile, 'utf8').trim()) }]
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      complaints.push(blame(['admin', 'tokens', index, 'tokenFile'], `cannot be read: ${code}`))
      return []
    }
  })
  const agentTokens = new Map<string, string>()
  for (const [index, { name, load }] of config.pools.entries()) {
    if (load?.agentTokenFile === undefined) continue
    try {
      agentTokens.set(name, readBearerToken(load.agentTokenFile))
    } catch (error) {
      const text = `cannot be read: ${(error as Error).message}`
      complaints.push(blame(['pools', index, 'load', 'agentTokenFile'], text))
    }
  }
  const { certificate: signals } = config.signals
  if (signals !== undefined) readPair(signals, ['signals', 'certificate'])
  complaints.push(...checkSessionFiles(config, blame), ...checkWebhookSecrets(config, blame))
  complaints.push(...checkSignalFiles(config, blame))
  return { complaints, pairs, admin, tokens, agentTokens }
}

/** Every file whose change means a reload. */
export function filesOf(config: Config): readonly string[] {
  const pairs = [
    ...config.certificates,
    ...(config.admin.certificate ? [config.admin.certificate] : []),
  ]
  return [
    ...pairs.flatMap((entry) => ('certFile' in entry ? [entry.certFile, entry.keyFile] : [])),
    ...config.admin.tokens.flatMap((token) => ('tokenFile' in token ? [token.tokenFile] : [])),
    ...config.pools.flatMap(({ load }) => load?.agentTokenFile ?? []),
  ]
}

export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Keys the ids of profiles: with another one nobody is known any more. */
function profileKeyIn({ data }: Config, secrets: SecretFiles, random: Random): Uint8Array {
  const key = readOrMakeSecret(secrets, join(data, STATE_FILES.profileKey), () =>
    random.bytes(PROFILE_KEY_BYTES),
  )
  if (key.length === PROFILE_KEY_BYTES) return key
  const text = `${STATE_FILES.profileKey} in ${data} must hold ${PROFILE_KEY_BYTES} bytes`
  throw new LimenError('profile-key-bad', text, { side: 'operator', retry: false })
}

/** With no token configured: one for the operator, made on first start. Random, so a plain hash is enough. */
function ownToken(config: Config, random: Random): TokenHolder {
  const path = join(config.data, STATE_FILES.adminToken)
  const make = (): string => `${Buffer.from(random.bytes(32)).toString('base64url')}\n`
  const token = readOrMakePrivateFile(path, make).toString().trim()
  return { name: STATE_FILES.adminToken, role: 'operator', digest: digestOf(token) }
}

/** One CA for all; a folder per further entry, since each has its own names. */
function localCaOf({ data, certificates }: Config, index: number): { readonly folder: string } {
  const first = certificates.findIndex((entry) => 'localCa' in entry)
  return {
    folder: join(data, first === index ? STATE_FILES.localCa : `${STATE_FILES.localCa}-${index}`),
  }
}
