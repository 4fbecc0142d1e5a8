/**
 * How a device or a transport gets to be known: it makes its keys, which it keeps sealed (`sealed-folder.ts`), shows a one-time code to the key service, and keeps what that answers. The
 * code also says which certificate the key service has, so that it is shown to nobody else.
 *
 * @module
 */
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { type HpkeKeyPair, hpkeKeyPair } from '../../adapters/node/hpke.ts'
import { askKeyService } from '../../adapters/node/key-service-client.ts'
import { readPrivateFile, writePrivateFile } from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { KEM } from '../../wire/key-config.ts'
import { isMediaParty } from '../../wire/media-key-message.ts'
import type { PartyKind } from '../../wire/media-topic.ts'
import type { SealedFolder } from './sealed-folder.ts'

/** What a party knows and has. */
export interface Enrolled {
  readonly party: string
  readonly kind: PartyKind
  /** The key service's identity: 32 octets of Ed25519. */
  readonly identity: Uint8Array
  readonly broker: string
  readonly tls: { readonly ca: string; readonly certificate: string; readonly key: string }
  readonly pair: HpkeKeyPair
}

export const ENROLLED = z.strictObject({
  party: z.string().refine(isMediaParty),
  kind: z.enum(['device', 'transport']),
  /** Base64url. */
  identity: z.string().regex(/^[\w-]{43}$/),
  broker: z
    .string()
    .max(300)
    .regex(/^mqtts?:\/\//),
  ca: z.string().max(4000),
  certificate: z.string().max(4000),
})

const FILES = { party: 'party.json', tlsKey: 'tls.key', seed: 'x25519.seed' } as const
const SEED_BYTES = 32
const CODE = /^([\w.-]{1,64}):([\w-]{43}):([\w-]{22})$/

/** For a person to carry. @param certificate of the key service, DER */
export function enrolmentCode(party: string, certificate: Uint8Array, secret: string): string {
  return `${party}:${pinOf(certificate)}:${secret}`
}

/** SHA-256, base64url. */
export function pinOf(certificate: Uint8Array): string {
  return createHash('sha256').update(certificate).digest('base64url')
}

/** @param url of the key service. @throws LimenError `devices.code`, and what the service refuses or the disk says */
export async function enrol(
  folder: string,
  url: string,
  code: string,
  sealed: SealedFolder,
): Promise<void> {
  const [, party, pin, secret] = CODE.exec(code.trim()) ?? []
  if (party === undefined || pin === undefined) {
    throw new LimenError('devices.code', 'That is no enrolment code', {
      ...{ side: 'operator', retry: false },
    })
  }
  const tls = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const seed = randomBytes(SEED_BYTES)
  // Before the code is spent: what cannot be kept is not asked for.
  sealed.write(FILES.seed, seed)
  const pem = Buffer.from(tls.privateKey.export({ format: 'pem', type: 'pkcs8' }))
  sealed.write(FILES.tlsKey, pem)
  pem.fill(0)
  const { publicKey } = hpkeKeyPair(KEM.x25519, seed)
  seed.fill(0)
  const answer = await askKeyService({ url, pin }, 'POST', '/v1/enrol', {
    ...{ party, secret, publicKey: publicKey.toString('base64url') },
    tlsKey: tls.publicKey.export({ format: 'der', type: 'spki' }).toString('base64url'),
  })
  writePrivateFile(join(folder, FILES.party), JSON.stringify(ENROLLED.parse(answer)))
}

/** Undefined: not enrolled yet. @throws LimenError `devices.enrolled` for files that Limen did not write */
export function readEnrolled(folder: string, sealed: SealedFolder): Enrolled | undefined {
  const text = readPrivateFile(join(folder, FILES.party))?.toString('utf8')
  if (text === undefined) return undefined
  const pem = sealed.read(FILES.tlsKey)
  // TLS takes it as text or octets; MQTT's client keeps it as long as it runs.
  const key = pem?.toString('utf8')
  pem?.fill(0)
  const seed = sealed.read(FILES.seed)
  const read = ENROLLED.safeParse(jsonOf(text))
  if (!read.success || key === undefined || seed?.length !== SEED_BYTES) {
    const message = `Cannot read ${folder}: it is not what Limen wrote`
    throw new LimenError('devices.enrolled', message, { side: 'operator', retry: false })
  }
  const { party, kind, broker, ca, certificate, identity } = read.data
  const pair = hpkeKeyPair(KEM.x25519, seed)
  seed.fill(0)
  return {
    ...{ party, kind, broker, pair, tls: { ca, certificate, key } },
    identity: Buffer.from(identity, 'base64url'),
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
