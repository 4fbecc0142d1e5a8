/**
 * The proof that comes with a request under a session key: an HTTP message signature (RFC 9421) of one exact form, so
 * that it can be read and rebuilt without a general parser (LSK/1, `docs/wire/session-keys.md`).
 *
 *   SessionKey: :<base64>:
 *   Signature-Input: lim=("@method" "@authority" "@path" "@query" "sessionkey"[ "content-digest"]);created=<10 digits>;
 *                    nonce="<11 to 22 of base64url>";keyid="<11 of base64url>";alg="hmac-sha256";tag="limen"
 *   Signature: lim=:<base64 of 32 bytes>:
 *
 * A WebSocket takes no fields in a browser: its proof is the last parameter of the query,
 *
 *   limen=<base64url of the ticket>.<created>.<nonce>.<keyid>.<base64url of the signature>
 *
 * made over the same base with `WS` for the method and the query without that parameter.
 *
 * @module
 */

/** What a Signature-Input says. Text as it came. */
export interface ProofParameters {
  /** Seconds since 1970. */
  readonly created: number
  readonly nonce: string
  readonly keyId: string
  readonly coversDigest: boolean
  /** All behind `lim=`: the last line of what is signed. */
  readonly raw: string
}

/** What is signed, of the request. */
export interface ProvenRequest {
  readonly method: string
  readonly authority: string
  readonly path: string
  /** With its question mark; `?` alone when there is none (RFC 9421 section 2.2.7). */
  readonly query: string
  readonly sessionKey: string
  readonly contentDigest: string | undefined
}

const LABEL = 'lim='
const COVERED = `${LABEL}("@method" "@authority" "@path" "@query" "sessionkey"`
const DIGEST_COVERED = ' "content-digest"'
const CREATED = ');created='
const CREATED_DIGITS = 10
const DIGIT_ZERO = 48
const NONCE = ';nonce="'
const NONCE_CHARS_MIN = 11
const NONCE_CHARS_MAX = 22
const KEY_ID = '";keyid="'
const KEY_ID_CHARS = 11
const END = '";alg="hmac-sha256";tag="limen"'
const SIGNATURE_BEGIN = 'lim=:'
const SIGNATURE_END = '=:'
/** With its brackets: 43 characters of base64 and one of padding hold 32 bytes. */
const SIGNATURE_CHARS = 50

/** By code unit below 128: 1 of those in `text`. */
function charactersOf(text: string): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) =>
    text.includes(String.fromCharCode(code)) ? 1 : 0,
  )
}
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const DIGIT = charactersOf('0123456789')
const URL_CHARACTER = charactersOf(`${LETTERS}0123456789-_`)
const BASE64_CHARACTER = charactersOf(`${LETTERS}0123456789+/`)
/** The 43rd character holds four bits. */
const LAST_CHARACTER = charactersOf('AEIMQUYcgkosw048')

/** Whether `text[from..to)` is of `set` alone; they are read once per request: no regular expression. */
function isOf(set: Uint8Array, text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (set[text.charCodeAt(at)] !== 1) return false
  return true
}

/** undefined unless `field` has exactly this form. Never throws. */
export function readProofParameters(field: string): ProofParameters | undefined {
  if (!field.startsWith(COVERED)) return undefined
  const coversDigest = field.startsWith(DIGEST_COVERED, COVERED.length)
  const listEnd = COVERED.length + (coversDigest ? DIGEST_COVERED.length : 0)
  if (!field.startsWith(CREATED, listEnd)) return undefined
  const createdAt = listEnd + CREATED.length
  const createdEnd = createdAt + CREATED_DIGITS
  const nonceAt = createdEnd + NONCE.length
  // All but the nonce is of one length: where it ends is known from where the field does.
  const keyIdEnd = field.length - END.length
  const keyIdAt = keyIdEnd - KEY_ID_CHARS
  const nonceEnd = keyIdAt - KEY_ID.length
  const nonceChars = nonceEnd - nonceAt
  if (nonceChars < NONCE_CHARS_MIN || nonceChars > NONCE_CHARS_MAX) return undefined
  if (!field.startsWith(NONCE, createdEnd) || !field.startsWith(KEY_ID, nonceEnd)) return undefined
  if (!isOf(DIGIT, field, createdAt, createdEnd)) return undefined
  if (!isOf(URL_CHARACTER, field, nonceAt, nonceEnd)) return undefined
  if (!isOf(URL_CHARACTER, field, keyIdAt, keyIdEnd) || !field.endsWith(END)) return undefined
  let created = 0
  for (let at = createdAt; at < createdEnd; at++) {
    created = created * 10 + field.charCodeAt(at) - DIGIT_ZERO
  }
  return {
    created,
    nonce: field.slice(nonceAt, nonceEnd),
    keyId: field.slice(keyIdAt, keyIdEnd),
    coversDigest,
    raw: field.slice(LABEL.length),
  }
}

/** The base64 of a Signature field, undefined unless it has exactly this form. Never throws. */
export function readProofSignature(field: string): string | undefined {
  if (field.length !== SIGNATURE_CHARS) return undefined
  if (!field.startsWith(SIGNATURE_BEGIN) || !field.endsWith(SIGNATURE_END)) return undefined
  const last = SIGNATURE_CHARS - SIGNATURE_END.length - 1
  if (!isOf(BASE64_CHARACTER, field, SIGNATURE_BEGIN.length, last)) return undefined
  if (LAST_CHARACTER[field.charCodeAt(last)] !== 1) return undefined
  return field.slice(SIGNATURE_BEGIN.length, last + 2)
}

/** What {@link readProofParameters} takes; apart from it, for browsers that only write. */
const WRITABLE = /^\d{10} [\w-]{11,22} [\w-]{11}$/

/** Parameters for {@link proofBase} and the field. @throws RangeError for what the form cannot say */
export function writeProofParameters(parameters: Omit<ProofParameters, 'raw'>): ProofParameters {
  const { created, nonce, keyId, coversDigest } = parameters
  const digest = coversDigest ? ' "content-digest"' : ''
  const raw =
    `("@method" "@authority" "@path" "@query" "sessionkey"${digest});created=${created};` +
    `nonce="${nonce}";keyid="${keyId}";alg="hmac-sha256";tag="limen"`
  if (!WRITABLE.test(`${created} ${nonce} ${keyId}`)) {
    throw new RangeError('Cannot write a proof with these parameters')
  }
  return { ...parameters, raw }
}

/** What the MAC is over (RFC 9421 section 2.5). */
export function proofBase(request: ProvenRequest, parameters: ProofParameters): string {
  const digest = parameters.coversDigest ? `"content-digest": ${request.contentDigest ?? ''}\n` : ''
  return (
    `"@method": ${request.method}\n"@authority": ${request.authority}\n"@path": ${request.path}\n` +
    `"@query": ${request.query}\n"sessionkey": ${request.sessionKey}\n${digest}` +
    `"@signature-params": ${parameters.raw}`
  )
}

/** The method in the proof of a WebSocket: no other request can be made of it. */
export const WEBSOCKET_METHOD = 'WS'
const QUERY_PARAMETER = 'limen='
/** 337 bytes of ticket, and what follows it. */
const QUERY_TOKEN_CHARS_MAX = 560
const QUERY_TOKEN =
  /^([A-Za-z0-9_-]{1,450})\.(\d{10})\.([A-Za-z0-9_-]{11,22})\.([A-Za-z0-9_-]{11})\.([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])$/

/** The proof of a WebSocket, in the words of the fields that it stands for. */
export interface QueryToken {
  /** As `SessionKey` has it. */
  readonly sessionKey: string
  readonly parameters: ProofParameters
  /** As `Signature` has it. */
  readonly signature: string
}

/**
 * Takes the token from the end of a request target (path and query). undefined when the last parameter is no token;
 * `target` is what is left of it. Never throws.
 */
export function cutQueryToken(
  target: string,
): { readonly target: string; readonly token: string } | undefined {
  const mark = target.indexOf('?')
  const at = target.lastIndexOf(QUERY_PARAMETER)
  if (mark < 0 || at <= mark || target.indexOf('&', at) >= 0) return undefined
  if (at !== mark + 1 && target[at - 1] !== '&') return undefined
  return { target: target.slice(0, at - 1), token: target.slice(at + QUERY_PARAMETER.length) }
}

/** undefined unless `token` has exactly this form. Never throws. */
export function readQueryToken(token: string): QueryToken | undefined {
  if (token.length > QUERY_TOKEN_CHARS_MAX) return undefined
  const match = QUERY_TOKEN.exec(token)
  if (match === null) return undefined
  const [, ticket = '', created = '', nonce = '', keyId = '', signature = ''] = match
  return {
    sessionKey: `:${fromUrl(ticket)}:`,
    parameters: writeProofParameters({
      ...{ created: Number(created), nonce, keyId },
      coversDigest: false,
    }),
    signature: `lim=:${fromUrl(signature)}:`,
  }
}

/** The parameter with its name, to be put behind `?` or `&`. @param signature base64, without `lim=` */
export function writeQueryToken(
  sessionKey: string,
  { created, nonce, keyId }: ProofParameters,
  signature: string,
): string {
  const ticket = toUrl(sessionKey.slice(1, -1))
  return `${QUERY_PARAMETER}${ticket}.${created}.${nonce}.${keyId}.${toUrl(signature)}`
}

/** base64url without padding (RFC 4648 section 5) as base64 with it. */
function fromUrl(text: string): string {
  const padding = '='.repeat((4 - (text.length % 4)) % 4)
  return text.replaceAll('-', '+').replaceAll('_', '/') + padding
}

function toUrl(base64: string): string {
  return base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
