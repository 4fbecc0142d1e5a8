/**
 * What the edge asks about session keys (LSK/1): is this request made by who holds its session's key, and should that
 * client rotate? Synchronous, by what the worker holds; who fills it is the worker's process (`apps/server`).
 *
 * @module
 */
import type { RotationHint } from '../../keys/session/rotation-policy.ts'
import type { KnownSession, Validation } from '../../keys/session/validate-request.ts'
import type { ProvenRequest } from '../../wire/session-proof.ts'

/** `Key` is the guard's own: the edge hands sessions back as they came. */
export interface SessionGuard<Key = unknown> {
  /**
   * Remembers the proof of a valid request: asking twice about one is a replay.
   *
   * @param now seconds since 1970, may have a fraction
   */
  validate(
    request: ProvenRequest,
    proof: { readonly input: string; readonly signature: string; readonly needsDigest: boolean },
    now: number,
  ): Validation<Key>
  /**
   * What to say in `SessionKey-Rotate` with the answer to a valid request, if anything. The same hint until the client
   * has followed it, so it may be asked with each request.
   *
   * @param tier of the client as it is now; above its ticket's: at once
   */
  hintFor(session: KnownSession<Key>, tier: 1 | 2 | 3, now: number): RotationHint | undefined
}
