/**
 * A request head of HTTP/1.x as the session check sees it (`session-check.ts`), and without what is only for the edge.
 *
 * @module
 */
import type { FieldPlace, RequestHeadReader } from '../../wire/request-head.ts'
import { type BodyOpener, isOfSeal, openedCodings } from './body-sealing.ts'
import { cookies } from './http1-head.ts'
import { OCTETS, textOf } from './octets.ts'
import type { SessionRequest } from './session-check.ts'
import { takeSessionCookie } from './session-cookie.ts'

const NOTHING: Buffer = Buffer.alloc(0)

/** From the head in `OCTETS` that `head` describes. */
export function sessionRequest(
  head: RequestHeadReader,
  of: Pick<SessionRequest, 'authority' | 'secure' | 'upgrade' | 'webSocket' | 'tier'>,
): SessionRequest {
  const { start, sessionKey, signature, signatureInput, contentDigest } = head
  // Made to text once: what is cut from text costs a fraction of what is cut from octets.
  const text = textOf(start, head.end)
  const valueAt = (place: FieldPlace): string =>
    place.count === 0 ? '' : text.slice(place.start - start, place.end - start)
  return {
    ...of,
    method: text.slice(0, head.methodEnd - start),
    target: text.slice(head.targetStart - start, head.targetEnd - start),
    hasBody: head.chunked || head.contentLength > 0,
    // By itself: it is kept with its session, and a piece would keep the whole.
    sessionKey: sessionKey.count === 0 ? '' : textOf(sessionKey.start, sessionKey.end),
    signature: valueAt(signature),
    signatureInput: valueAt(signatureInput),
    contentDigest: contentDigest.count === 1 ? valueAt(contentDigest) : '',
    proofDoubled:
      sessionKey.count > 1 ||
      signature.count > 1 ||
      signatureInput.count > 1 ||
      head.cookieCount > 1,
    cookies: cookies(),
    codings: () => codingsOf(head),
  }
}

/**
 * Takes the proof and the session cookie out of a head that has been checked; what is to be added in their place, as field
 * lines. undefined when there are too many fields to take out.
 */
export function withoutProof(head: RequestHeadReader, cookies: string): Buffer | undefined {
  for (const place of [head.sessionKey, head.signature, head.signatureInput]) {
    if (place.count > 0 && !head.cut(place.line, lineEnd(place.end))) return undefined
  }
  const seen = takeSessionCookie(cookies)
  if (seen === undefined) return NOTHING
  let line = head.cookieStart
  while (OCTETS[line - 1] !== 10) line--
  if (!head.cut(line, lineEnd(head.cookieEnd))) return undefined
  return seen.rest === '' ? NOTHING : Buffer.from(`Cookie: ${seen.rest}\r\n`, 'latin1')
}

/**
 * Takes out of a head what is not for the server where bodies are sealed; what is to be added in its place.
 * undefined when there are too many fields to take out.
 */
export function withoutSeal(
  head: RequestHeadReader,
  { opener }: { readonly opener: BodyOpener | undefined },
): Buffer | undefined {
  const codings = codingsOf(head)
  for (const { name, from, to } of linesOf(head)) {
    const isKept = opener === undefined && /^content-/i.test(name)
    if (isOfSeal(name) && !isKept && !head.cut(from, to)) return undefined
  }
  return opener === undefined ? NOTHING : Buffer.from(openedCodings(codings), 'latin1')
}

/** Of all its fields, joined (RFC 9110 section 5.3). */
function codingsOf(head: RequestHeadReader): string {
  return linesOf(head)
    .filter(({ name }) => name.toLowerCase() === 'content-encoding')
    .map(({ value }) => value)
    .join(', ')
}

function linesOf(head: RequestHeadReader) {
  const lines: { name: string; value: string; from: number; to: number }[] = []
  for (let from = lineEnd(head.targetEnd); OCTETS[from] !== 13; ) {
    const to = lineEnd(from)
    const colon = OCTETS.indexOf(58, from)
    lines.push({ name: textOf(from, colon), value: textOf(colon + 1, to - 2), from, to })
    from = to
  }
  return lines
}

/** One past the line feed. */
function lineEnd(from: number): number {
  let at = from
  while (OCTETS[at] !== 10) at++
  return at + 1
}
