/**
 * Puts the proof of LSK/1 on a request (RFC 9421, the one form of `wire/session-proof.ts`).
 *
 * @module
 */
import {
  type ProofParameters,
  proofBase,
  WEBSOCKET_METHOD,
  writeProofParameters,
  writeQueryToken,
} from '../../wire/session-proof.ts'
import { base64, base64Url } from './base64.ts'
import type { Session } from './session-handshake.ts'

/** Bytes of a nonce: 16 characters of base64url. */
const NONCE_BYTES = 12
const KEY_ID_CHARS = 11

export interface SigningRequest {
  readonly method: string
  readonly url: URL
  /** The whole body, where its digest is to be covered. */
  readonly body?: ArrayBuffer
  /** Its `Content-Digest` instead, where that is known. */
  readonly contentDigest?: string | undefined
}

/**
 * The fields to be added to the request.
 *
 * @param now seconds since 1970
 */
export async function proofFields(
  session: Session,
  { method, url, body, contentDigest }: SigningRequest,
  now: number,
): Promise<Record<string, string>> {
  const digest = body === undefined ? contentDigest : await digestOf(body)
  const { parameters, signature } = await prove(session, method, url, digest, now)
  return {
    sessionkey: session.ticket,
    'signature-input': `lim=${parameters.raw}`,
    signature: `lim=:${signature}:`,
    ...(digest === undefined ? {} : { 'content-digest': digest }),
  }
}

/**
 * `url` for a WebSocket: with a proof that is good once. Fragments are cut.
 *
 * @param now seconds since 1970
 */
export async function webSocketUrl(session: Session, url: URL, now: number): Promise<string> {
  const target = new URL(url)
  target.hash = ''
  const { parameters, signature } = await prove(session, WEBSOCKET_METHOD, target, undefined, now)
  const token = writeQueryToken(session.ticket, parameters, signature)
  // Not by `search`: what is signed must stay as it is.
  const { href, search } = target
  return search === '' ? `${href.replace(/\?$/, '')}?${token}` : `${href}&${token}`
}

/** RFC 9530. */
export function digestField(hash: Uint8Array): string {
  return `sha-256=:${base64(hash)}:`
}

async function digestOf(body: ArrayBuffer): Promise<string> {
  return digestField(new Uint8Array(await crypto.subtle.digest('SHA-256', body)))
}

/** The signature in base64, and what it is over. */
async function prove(
  session: Session,
  method: string,
  url: URL,
  contentDigest: string | undefined,
  now: number,
): Promise<{ readonly parameters: ProofParameters; readonly signature: string }> {
  const parameters = writeProofParameters({
    created: Math.floor(now),
    nonce: base64Url(crypto.getRandomValues(new Uint8Array(NONCE_BYTES))),
    keyId: base64Url(session.sessionId).slice(0, KEY_ID_CHARS),
    coversDigest: contentDigest !== undefined,
  })
  const request = {
    method,
    authority: url.host,
    path: url.pathname,
    query: url.search === '' ? '?' : url.search,
    sessionKey: session.ticket,
    contentDigest,
  }
  const base = new TextEncoder().encode(proofBase(request, parameters))
  const mac = await crypto.subtle.sign('HMAC', session.requestKey, base)
  return { parameters, signature: base64(new Uint8Array(mac)) }
}
