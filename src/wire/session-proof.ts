/**
 * The proof that comes with a request under a session key: an HTTP message signature (RFC 9421) of one exact form, so
 * that it can be read and rebuilt without a general parser (LSK/1, `docs/wire/session-keys.md`).
 *
 *   SessionKey: :<base64>:
 *   Signature-Input: lim=("@method" "@authority" "@path" "@query" "sessionkey"[ "content-digest"]);created=<10 digits>;
 *                    nonce="<11 to 22 of base64url>";keyid="<11 of base64url>";alg="hmac-sha256";tag="limen"
 *   Signature: lim=:<base64 of 32 bytes>:
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

const INPUT =
  /^lim=(\("@method" "@authority" "@path" "@query" "sessionkey"( "content-digest")?\);created=(\d{10});nonce="([A-Za-z0-9_-]{11,22})";keyid="([A-Za-z0-9_-]{11})";alg="hmac-sha256";tag="limen")$/
/** 43 characters of base64 and one of padding hold 32 bytes, the last character four bits. */
const SIGNATURE = /^lim=:([A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=):$/
/** Longer fields than any of this form are not looked at. */
const INPUT_CHARS_MAX = 220

/** undefined unless `field` has exactly this form. Never throws. */
export function readProofParameters(field: string): ProofParameters | undefined {
  if (field.length > INPUT_CHARS_MAX) return undefined
  const match = INPUT.exec(field)
  if (match === null) return undefined
  const [, raw = '', digest, created = '', nonce = '', keyId = ''] = match
  return { created: Number(created), nonce, keyId, coversDigest: digest !== undefined, raw }
}

/** The base64 of a Signature field, undefined unless it has exactly this form. Never throws. */
export function readProofSignature(field: string): string | undefined {
  return field.length === 50 ? SIGNATURE.exec(field)?.[1] : undefined
}

/** Parameters for {@link proofBase} and the field. @throws RangeError for what the form cannot say */
export function writeProofParameters(parameters: Omit<ProofParameters, 'raw'>): ProofParameters {
  const { created, nonce, keyId, coversDigest } = parameters
  const digest = coversDigest ? ' "content-digest"' : ''
  const raw =
    `("@method" "@authority" "@path" "@query" "sessionkey"${digest});created=${created};` +
    `nonce="${nonce}";keyid="${keyId}";alg="hmac-sha256";tag="limen"`
  if (readProofParameters(`lim=${raw}`) === undefined) {
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
