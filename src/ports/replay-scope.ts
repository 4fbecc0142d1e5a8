/**
 * "Was this proof used before?" asked beyond one edge (LSK/1, replay scopes `owner` and `cluster`): of the edge that
 * owns the session, or of a store that all edges share. Within one edge it is `keys/session/replay-window.ts`.
 *
 * @module
 */

/** This edge; the one edge that a session's proofs belong to; a store shared by all. */
export type ReplayScopeName = 'edge' | 'owner' | 'cluster'

/** `failed`: nobody could say in time; what then is the policy's (`sessions.onReplayError`). */
export type ReplayMet = 'fresh' | 'replay' | 'failed'

export interface ReplayScope {
  /**
   * Remembers a proof for as long as it may be shown (70 s), and says whether it was here before. Of two that ask about
   * one proof at once exactly one hears `fresh`. Never rejects: a world that fails is `failed`.
   *
   * @param session its id, base64url
   * @param nonce of the proof, base64url
   * @param now seconds since 1970, may have a fraction
   */
  meet(session: string, nonce: string, now: number): Promise<ReplayMet>
}
