/**
 * Where a signed request goes on to (Fetch standard, HTTP-redirect fetch): the next step is signed for its own place. A
 * browser follows by itself, with the fields of the first step; the edge refuses those, which is when we step in.
 *
 * @module
 */
import type { Session } from './session-handshake.ts'
import type { SessionWorld } from './session-world.ts'

/** A request, as far as redirects change it. */
export interface Step {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: Blob | undefined
}

/** What a step led to, and the session it was made under in the end. */
export interface Stepped {
  readonly response: Response
  readonly session: Session
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
const OF_THE_BODY = ['content-type', 'content-length', 'content-encoding', 'content-language']

/** undefined where the response is the last. @throws TypeError where redirects are an error */
export function followed(
  { response }: Stepped,
  step: Step,
  redirect: Request['redirect'],
  { origin, followsRedirects }: SessionWorld,
): Step | undefined {
  if (!followsRedirects) return followedByBrowser(response, step, origin)
  const location = response.headers.get('location')
  if (!REDIRECTS.has(response.status) || redirect === 'manual') return undefined
  if (redirect === 'error') throw new TypeError('A redirect came where none is wanted')
  const url = location === null ? null : URL.parse(location, step.url)
  if (url === null) return undefined
  if (url.hash === '') url.hash = step.url.hash
  const { method } = step
  const isRead = method === 'GET' || method === 'HEAD'
  const isPostMoved = (response.status === 301 || response.status === 302) && method === 'POST'
  const becomesGet = isPostMoved || (response.status === 303 && !isRead)
  return becomesGet ? withoutBody(step, 'GET', url) : { ...step, url }
}

/**
 * The browser followed, and an edge refused what arrived there. A POST is taken to have become a GET, as after a form: with a
 * 307 it would not have, but reading twice does no harm.
 */
function followedByBrowser(response: Response, step: Step, origin: string): Step | undefined {
  if (!response.redirected || !response.headers.has('sessionkey-error')) return undefined
  const url = new URL(response.url)
  if (url.origin !== origin) return undefined
  const { method } = step
  if (method === 'GET' || method === 'HEAD') return { ...step, url }
  return method === 'POST' ? withoutBody(step, 'GET', url) : undefined
}

function withoutBody({ headers }: Step, method: string, url: URL): Step {
  const fields = new Headers(headers)
  for (const name of OF_THE_BODY) fields.delete(name)
  return { method, url, headers: fields, body: undefined }
}
