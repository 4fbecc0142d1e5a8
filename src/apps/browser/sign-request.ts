/**
 * Puts the proof of LSK/1 on a request (RFC 9421, the one form of `wire/session-proof.ts`).
 *
 * @module
 */
import { proofBase, writeProofParameters } from '../../wire/session-proof.ts'
import { base64, type Session } from './session-handshake.ts'

/** Bytes of a nonce: 16 characters of base64url. */
const NONCE_BYTES = 12
const KEY_ID_CHARS = 11

export interface SigningRequest {
  readonly method: string
  readonly url: URL
  /** The whole body, where its digest is to be covered. */
  readonly body?: ArrayBuffer
}

/**
 * The fields to be added to the request.
 *
 * @param now seconds since 1970
 */
export async function proofFields(
  session: Session,
  { method, url, body }: SigningRequest,
  now: number,
): Promise<Record<string, string>> {
  const contentDigest = body === undefined ? undefined : await digestOf(body)
  const parameters = writeProofParameters({
    created: Math.floor(now),
    nonce: base64Url(crypto.getRandomValues(new Uint8Array(NONCE_BYTES))),
    keyId: base64Url(session.sessionId).slice(0, KEY_ID_CHARS),
    coversDigest: contentDigest !== undefined,
  })
  const base = proofBase(
    {
      method,
      authority: url.host,
      path: url.pathname,
      query: url.search === '' ? '?' : url.search,
      sessionKey: session.ticket,
      contentDigest,
    },
    parameters,
  )
  const mac = await crypto.subtle.sign('HMAC', session.requestKey, new TextEncoder().encode(base))
  return {
    sessionkey: session.ticket,
    'signature-input': `lim=${parameters.raw}`,
    signature: `lim=:${base64(new Uint8Array(mac))}:`,
    ...(contentDigest === undefined ? {} : { 'content-digest': contentDigest }),
  }
}

/** RFC 9530. */
async function digestOf(body: ArrayBuffer): Promise<string> {
  return `sha-256=:${base64(new Uint8Array(await crypto.subtle.digest('SHA-256', body)))}:`
}

function base64Url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
