/**
 * A request of HTTP/2 as the session check sees it (`session-check.ts`), and without what is only for the edge.
 *
 * @module
 */
import { type BodyOpener, isOfSeal, openedCodings } from './body-sealing.ts'
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
    ...{ target: fields.path, hasBody, upgrade: false, webSocket: false },
    contentDigest: fields.onlyText('content-digest'),
    codings: () => codingsOf(fields.lines),
  }
}

/** What of the field lines is sent on where bodies are sealed. @param opener of a body, if there is one */
export function linesWithoutSeal(lines: string, opener: BodyOpener | undefined): string {
  const kept = linesOf(lines).filter((line) => {
    const name = nameOf(line)
    return !isOfSeal(name) || (opener === undefined && name.startsWith('content-'))
  })
  const text = kept.map((line) => `${line}\r\n`).join('')
  return opener === undefined ? text : text + openedCodings(codingsOf(lines))
}

/** Of all its fields, joined (RFC 9110 section 5.3). */
function codingsOf(lines: string): string {
  return linesOf(lines)
    .filter((line) => nameOf(line) === 'content-encoding')
    .map((line) => line.slice(line.indexOf(':') + 1))
    .join(', ')
}

function linesOf(lines: string): string[] {
  return lines.split('\r\n').filter((line) => line !== '')
}

/** In lower case, as HTTP/2 has it. */
function nameOf(line: string): string {
  return line.slice(0, line.indexOf(':'))
}

/** What of the Cookie field is sent on. */
export function cookiesWithoutSession(cookies: string): string {
  return takeSessionCookie(cookies)?.rest ?? cookies
}
