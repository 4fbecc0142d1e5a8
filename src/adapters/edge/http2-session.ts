/**
 * A request of HTTP/2 as the session check sees it (`session-check.ts`), and without what is only for the edge.
 *
 * @module
 */
import type { RequestFields } from './http2-request.ts'
import type { SessionRequest } from './session-check.ts'
import { takeSessionCookie } from './session-cookie.ts'

/** @param ended there is nothing behind the fields */
export function sessionRequest(
  fields: RequestFields,
  ended: boolean,
  of: Pick<SessionRequest, 'secure' | 'tier'>,
): SessionRequest {
  const { method, authority, sessionKey, signature, signatureInput, proofDoubled, cookies } = fields
  const hasBody = !ended && fields.contentLength !== 0
  return {
    ...{ ...of, method, authority, sessionKey, signature, signatureInput, proofDoubled, cookies },
    ...{ target: fields.path, hasBody, upgrade: false },
    contentDigest: fields.onlyText('content-digest'),
  }
}

/** What of the Cookie field is sent on. */
export function cookiesWithoutSession(cookies: string): string {
  return takeSessionCookie(cookies)?.rest ?? cookies
}
