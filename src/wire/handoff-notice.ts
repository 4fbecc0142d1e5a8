/**
 * What a server behind the edge is told when a session goes on at another (LSK/1 section 1.11), and what is signed of the
 * requests that say so (RFC 9421, `ed25519`). Who sends them is the edge's control process; hashing and signing is its.
 *
 * @module
 */

export const HANDOFF_PATH = '/.well-known/limen/handoff'
/** The session's id follows. */
export const SESSION_STATE_PATH = '/.well-known/limen/session-state/'
/** A server may hand over as much state. */
export const STATE_BYTES_MAX = 65_536

/** Why a session goes elsewhere; `tier`: its client is trusted less, or more, than before. */
export type HandoffReason = 'load' | 'fail' | 'drain' | 'tier'

export interface HandoffNotice {
  /** base64url. */
  readonly session: string
  readonly generation: number
  /** Ids of servers: of the same pool, but where the reason is `tier`. */
  readonly from: string
  readonly to: string
  readonly reason: HandoffReason
  /** Milliseconds since 1970. */
  readonly at: number
  /** base64url: the same notice may come twice. */
  readonly nonce: string
}

/** JSON, one line. */
export function writeHandoffNotice(notice: HandoffNotice): string {
  const { session: sid, generation: gen, from, to, reason, at, nonce } = notice
  return JSON.stringify({ v: 1, sid, gen, from, to, reason, at_ms: at, nonce })
}

/** A request of the edge's own, as it is signed. */
export interface SignedRequest {
  readonly method: string
  /** As in Host. */
  readonly authority: string
  readonly path: string
  readonly contentType: string
  /** Value of Content-Digest. */
  readonly contentDigest: string
}

export interface SignedBy {
  /** Seconds since 1970. */
  readonly created: number
  /** As in the JWKS of the key server. */
  readonly keyId: string
}

const COVERED = '("@method" "@authority" "@path" "content-type" "content-digest")'

/** What stands in `Signature-Input` behind `lim=`. */
export function signedParameters({ created, keyId }: SignedBy): string {
  return `${COVERED};created=${created};keyid="${keyId}";alg="ed25519";tag="limen-handoff"`
}

/** The signature base (RFC 9421 section 2.5). */
export function signedBase(request: SignedRequest, parameters: string): string {
  return [
    `"@method": ${request.method}`,
    `"@authority": ${request.authority}`,
    `"@path": ${request.path}`,
    `"content-type": ${request.contentType}`,
    `"content-digest": ${request.contentDigest}`,
    `"@signature-params": ${parameters}`,
  ].join('\n')
}

/** Is this path, as plain as a server may read it, for the edge alone to ask for? */
export function isHandoffPath(plainPath: string): boolean {
  return (
    plainPath === HANDOFF_PATH ||
    plainPath.startsWith(SESSION_STATE_PATH) ||
    plainPath === SESSION_STATE_PATH.slice(0, -1)
  )
}
