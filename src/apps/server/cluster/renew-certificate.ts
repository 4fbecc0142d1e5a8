/**
 * An edge renews its own certificate over its connection to the key server, before it ends: `POST /v1/edges/<id>/certificate`, with a new key
 * that stays here. Only an authority in custody answers that; certificates of a CA in files are renewed by an operator.
 *
 * @module
 */
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { z } from 'zod'
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { ClusterPeer } from './client.ts'
import { type EdgeCredentials, renewedCredentials } from './credentials.ts'

export interface RenewCertificateOptions {
  /** The key server, under the certificate in force. */
  readonly peer: Pick<ClusterPeer, 'ask'>
  readonly current: () => EdgeCredentials
  readonly clock: Clock
  readonly log: Log
  /** Uses what is new from here on, and keeps it. */
  onRenewed(next: EdgeCredentials): void
}

/** Of its life, when a new one is asked for: two thirds are left for a key server that is away. */
const RENEW_AFTER = 1 / 3
/** Looked at so often, or, of one with a short life, so often in it. */
const LOOK_MS = 60_000
const LOOKS = 60
/** A CA in files does not renew, until its key server has custody: asked so often. */
const ASK_FILES_MS = 3_600_000
/** Custody signs meanwhile. */
const TIMEOUT_MS = 10_000
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const PEM_CHARS_MAX = 8192

const base64url = (octets: number) =>
  z
    .string()
    .regex(/^[\w-]*$/)
    .transform((text) => Buffer.from(text, 'base64url'))
    .refine((bytes) => bytes.length === octets)
const asked = z.strictObject({ publicKey: base64url(KEY_BYTES), proof: base64url(SIGNATURE_BYTES) })
const answered = z.strictObject({
  certificate: z.string().max(PEM_CHARS_MAX),
  authority: z.string().max(2 * PEM_CHARS_MAX),
})

/** Returns the way to stop. */
export function renewCertificate(options: RenewCertificateOptions): () => void {
  const { clock, log, current } = options
  let isClosed = false
  let askedAt = 0
  let lastWhy = ''
  const look = async (): Promise<void> => {
    if (!isDue(current(), clock.now(), askedAt)) return
    try {
      const next = await ask(options)
      askedAt = clock.now()
      if (next !== undefined && !isClosed) options.onRenewed(next)
      lastWhy = ''
    } catch (error) {
      const why = (error as Error).message
      if (why !== lastWhy) log.warn({ why }, 'The certificate of this edge is not renewed yet')
      lastWhy = why
    }
  }
  let timer: NodeJS.Timeout
  // The next one may live for another time.
  const later = (delayMs: number): void => {
    if (isClosed) return
    timer = setTimeout(() => void look().finally(() => later(lookMs(current()))), delayMs)
    timer.unref()
  }
  later(0)
  return () => {
    isClosed = true
    clearTimeout(timer)
  }
}

/** The key that an edge asks a certificate for, and has; undefined for any other request. */
export function keyToCertify(edge: string, body: Uint8Array): Uint8Array | undefined {
  const read = asked.safeParse(parseJson(body))
  if (!read.success) return undefined
  const { publicKey, proof } = read.data
  try {
    const key = createPublicKey({
      key: publicKey,
      format: 'raw-public',
      asymmetricKeyType: 'ed25519',
    })
    return verify(null, toBeProven(edge), key, proof) ? new Uint8Array(publicKey) : undefined
  } catch {
    return undefined
  }
}

function isDue(credentials: EdgeCredentials, now: number, askedAt: number): boolean {
  const { by, issuedAt } = credentials
  if (by === 'files') return now - askedAt >= ASK_FILES_MS
  return now - issuedAt >= lifeOf(credentials) * RENEW_AFTER
}

function lookMs(credentials: EdgeCredentials): number {
  return Math.min(LOOK_MS, lifeOf(credentials) / LOOKS)
}

function lifeOf({ issuedAt, notAfter }: EdgeCredentials): number {
  return notAfter - issuedAt
}

/** undefined: this key server does not. */
async function ask({
  peer,
  current,
}: RenewCertificateOptions): Promise<EdgeCredentials | undefined> {
  const { id } = current()
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const body = {
    publicKey: publicKey.export({ format: 'raw-public' }).toString('base64url'),
    proof: sign(null, toBeProven(id), privateKey).toString('base64url'),
  }
  const question = { method: 'POST', path: `/v1/edges/${id}/certificate`, body } as const
  const { status, body: bytes } = await peer.ask(question, TIMEOUT_MS)
  if (status === 404) return undefined
  if (status !== 200) throw new Error(`status ${status}`)
  const { certificate, authority } = answered.parse(parseJson(bytes))
  const keyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  return renewedCredentials(current(), { certPem: certificate, keyPem, caPem: authority })
}

/** For this edge, and nothing else. */
function toBeProven(edge: string): Buffer {
  return Buffer.from(`limen/edge-certificate\0${edge}`)
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString())
  } catch {
    return undefined
  }
}
