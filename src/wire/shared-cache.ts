/**
 * What a shared cache may do with a request and with a response: a strict subset of RFC 9111. What is not surely meant
 * to be shared is not. Of a request only what the server gets is to be looked at, so what is asked is what is kept.
 *
 * Not here: keeping (`adapters/edge/response-cache.ts`).
 *
 * @module
 */
import { fieldValue } from './field-value.ts'

/** A request that may be answered from a cache. */
export interface CacheRequest {
  /** Accept-Encoding as it came; '' when absent. Part of what is asked for. */
  readonly encoding: string
  /** If-None-Match as it came; '' when absent. */
  readonly ifNoneMatch: string
  /** It has an answer already and asks whether that will do. */
  readonly isConditional: boolean
  /** It says on whose behalf it is made: only what is `public` answers it, or is kept of its answer. */
  readonly isBound: boolean
}

/** A response that may be kept. */
export interface StorableResponse {
  /** Of what is left of its freshness, s, above 0. */
  readonly freshS: number
  /** How old it came, s (RFC 9111 section 5.1). */
  readonly ageS: number
  /** `Cache-Control: public`: meant for everybody, whoever asked. */
  readonly isPublic: boolean
  /** '' when there is none. */
  readonly etag: string
}

/**
 * Fields that a request may have. Others may change what a server answers without being part of what is asked for
 * (X-Original-URL, X-HTTP-Method-Override, Range, Origin, ...): the way caches are poisoned.
 * Cache-Control is left out too: who asks for a fresh answer gets one.
 */
const REQUEST_FIELDS: ReadonlySet<string> = new Set([
  ...['host', 'accept', 'accept-encoding', 'accept-language', 'user-agent', 'referer'],
  ...['cookie', 'authorization', 'if-none-match', 'if-modified-since'],
  ...['dnt', 'sec-gpc', 'priority', 'upgrade-insecure-requests', 'save-data'],
  ...['sec-fetch-dest', 'sec-fetch-mode', 'sec-fetch-site', 'sec-fetch-user'],
  ...['sec-ch-ua', 'sec-ch-ua-mobile', 'sec-ch-ua-platform'],
])

/** Fields of responses that are for one client, or a part of something. */
const NOT_SHARED =
  /^(?:set-cookie2?|content-range|www-authenticate|proxy-authenticate|authentication-info|proxy-authentication-info|clear-site-data|trailer|upgrade|limen-.*)$/
/** Fields of which there is one, or none of them counts. */
const SINGLE: ReadonlySet<string> = new Set(['age', 'etag'])
/** RFC 9111 section 1.2.2; more digits than any time to live has. */
const SECONDS = /^\d{1,10}$/
/** RFC 9110 section 8.8.3; obs-text is not taken. */
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]*"$/
const ETAGS = /^[ \t]*(?:W\/)?("[\x21\x23-\x7e]*")[ \t]*(?:,|$)/
/** A directive: `name`, `name=token` or `name="text"`; and what follows it. */
const DIRECTIVE =
  /[ \t]*(?:([!#$%&'*+.^_`|~\w-]+)(?:=(?:([!#$%&'*+.^_`|~\w-]+)|("(?:[^"\\]|\\.)*")))?)?[ \t]*(,|$)/y
/** Longer ones are not honest. */
const CACHE_CONTROL_MAX = 1024
const FORBIDDING: ReadonlySet<string> = new Set(['no-store', 'no-cache', 'private'])
const TIMES: ReadonlySet<string> = new Set(['max-age', 's-maxage'])

/**
 * @param lines field lines as the server gets them, each with CR LF; without what the edge adds
 * @returns undefined when it is no business of a cache
 */
export function readCacheRequest(lines: string): CacheRequest | undefined {
  const fields = new Map<string, string>()
  for (const [name, value] of fieldsOf(lines)) {
    if (!REQUEST_FIELDS.has(name) || fields.has(name)) return undefined
    fields.set(name, value)
  }
  return {
    encoding: fields.get('accept-encoding') ?? '',
    ifNoneMatch: fields.get('if-none-match') ?? '',
    isConditional: fields.has('if-none-match') || fields.has('if-modified-since'),
    isBound: fields.has('cookie') || fields.has('authorization'),
  }
}

/**
 * Whether an answer with status 200 may be kept, and for how long: only by `s-maxage`, or `max-age` with `public`.
 *
 * @param lines all its field lines as they came, each with CR LF
 */
export function readStorable(lines: string): StorableResponse | undefined {
  const singles = new Map<string, string>()
  let control = ''
  for (const [name, value] of fieldsOf(lines)) {
    if (NOT_SHARED.test(name) || isAgainst(name, value)) return undefined
    if (name === 'cache-control') control += control === '' ? value : `,${value}`
    if (!SINGLE.has(name)) continue
    if (singles.has(name)) return undefined
    singles.set(name, value)
  }
  const age = singles.get('age') ?? '0'
  const etag = singles.get('etag') ?? ''
  const said = readCacheControl(control)
  if (said === undefined || !SECONDS.test(age) || (etag !== '' && !ETAG.test(etag)))
    return undefined
  const freshS = said.freshS - Number(age)
  return freshS > 0 ? { freshS, ageS: Number(age), isPublic: said.isPublic, etag } : undefined
}

/** Vary by what is not part of what is asked for; fields that are of one hop only (RFC 9111 section 3.1). */
function isAgainst(name: string, value: string): boolean {
  if (name === 'vary') return !/^[ \t]*accept-encoding[ \t]*$/i.test(value)
  return name === 'connection' && !/^[ \t]*(?:close|keep-alive)[ \t]*$/i.test(value)
}

/** What Cache-Control allows (RFC 9111 section 5.2.2); undefined when it does not, or cannot be read one way only. */
export function readCacheControl(
  value: string,
): { readonly freshS: number; readonly isPublic: boolean } | undefined {
  if (value.length > CACHE_CONTROL_MAX) return undefined
  const seen = new Map<string, string>()
  DIRECTIVE.lastIndex = 0
  for (let end = ','; end !== ''; ) {
    const match = DIRECTIVE.exec(value)
    if (match === null) return undefined
    const [, name = '', token, text] = match
    end = match[4] ?? ''
    const directive = name.toLowerCase()
    if (FORBIDDING.has(directive)) return undefined
    if (TIMES.has(directive) && (seen.has(directive) || !SECONDS.test(token ?? '')))
      return undefined
    if (directive === 'public' && (token ?? text) !== undefined) return undefined
    if (directive !== '') seen.set(directive, token ?? text ?? '')
  }
  const isPublic = seen.has('public')
  const seconds = seen.get('s-maxage') ?? (isPublic ? seen.get('max-age') : undefined)
  return seconds === undefined ? undefined : { freshS: Number(seconds), isPublic }
}

/** If-None-Match by weak comparison (RFC 9110 section 13.1.2); false when it is malformed. */
export function matchesEtag(ifNoneMatch: string, etag: string): boolean {
  if (etag === '') return false
  if (fieldValue(ifNoneMatch) === '*') return true
  const opaque = etag.replace(/^W\//, '')
  let isFound = false
  for (let rest = ifNoneMatch; rest !== ''; ) {
    const match = ETAGS.exec(rest)
    if (match === null) return false
    isFound ||= match[1] === opaque
    rest = rest.slice(match[0].length)
  }
  return isFound
}

function* fieldsOf(lines: string): Generator<readonly [name: string, value: string]> {
  for (const line of lines.split('\r\n')) {
    if (line === '') continue
    const colon = line.indexOf(':')
    yield [line.slice(0, colon).toLowerCase(), fieldValue(line, colon + 1)]
  }
}
