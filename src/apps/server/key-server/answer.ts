/**
 * What the key server answers, without sockets (LSK/1, `/.well-known/limen/`): `GET keys`, `GET jwks.json`, the scripts of
 * browsers, `POST session` and `POST rotate`. What opens a session is `opening.ts`, refusals are `key-refusals.ts`.
 *
 * @module
 */
import type { Tier } from '../../../behavior/tier.ts'
import { KEY_PATH } from '../config/key-server-settings.ts'
import type { ClientFiles } from './client-files.ts'
import { type KeyAnswer, refusal } from './key-refusals.ts'
import { answerOpening, type OpeningDesk } from './opening.ts'

/** A request as the edge hands it on. */
export interface KeyRequest {
  readonly method: string
  /** Without its query. */
  readonly path: string
  readonly contentType: string
  /** Of the page, as the browser says; '' when it does not. */
  readonly origin: string
  readonly host: string
  readonly secure: boolean
  readonly sessionKey: string
  /** More than the largest message: it was not read to its end. */
  readonly body: Uint8Array
  /** What our own edge says of the client; tier 1 and '' when nobody says. */
  readonly tier: Tier
  readonly address: string
}

/** What it answers from. */
export interface KeyDesk extends OpeningDesk {
  config(): Uint8Array
  jwks(): Uint8Array
  readonly clientFiles: ClientFiles
}

/** Section 1.1. Far below the day that two keys overlap. */
const KEYS_AGE_S = 3600
/** Who meets a key it does not know asks again anyhow. */
const JWKS_AGE_S = 300
const NO_BODY = new Uint8Array(0)

/**
 * At once, but for a message with a login proof, which takes a signature to be looked at.
 *
 * @param nowMs milliseconds since 1970
 */
export function answerKeyRequest(
  desk: KeyDesk,
  request: KeyRequest,
  nowMs: number,
): KeyAnswer | Promise<KeyAnswer> {
  const { method, path } = request
  const name = path.startsWith(`${KEY_PATH}/`) ? path.slice(KEY_PATH.length + 1) : ''
  if (name === 'session' || name === 'rotate') {
    if (method !== 'POST') return refusal('method', '', { allow: 'POST' })
    return answerOpening(desk, request, name === 'rotate', nowMs)
  }
  const found = fileOf(desk, name)
  if (found === undefined) {
    return refusal(isScript(desk, name) ? 'not_built' : 'not_found', '')
  }
  if (method !== 'GET' && method !== 'HEAD') return refusal('method', '', { allow: 'GET, HEAD' })
  const { body, fields } = found
  return { status: 200, fields, body: method === 'HEAD' ? NO_BODY : body, result: '' }
}

interface Found {
  readonly body: Uint8Array
  readonly fields: Readonly<Record<string, string>>
}

function fileOf(desk: KeyDesk, name: string): Found | undefined {
  if (name === 'keys') return fresh(desk.config(), 'application/limen-keys', KEYS_AGE_S)
  if (name === 'jwks.json') return fresh(desk.jwks(), 'application/jwk-set+json', JWKS_AGE_S)
  return desk.clientFiles.files.get(name)
}

function isScript({ clientFiles }: KeyDesk, name: string): boolean {
  return clientFiles.missing !== undefined && /^[a-z]{1,16}\.js$/.test(name)
}

function fresh(body: Uint8Array, type: string, ageS: number): Found {
  const fields = {
    'content-type': type,
    'cache-control': `max-age=${ageS}`,
    'content-length': String(body.length),
  }
  return { body, fields }
}
