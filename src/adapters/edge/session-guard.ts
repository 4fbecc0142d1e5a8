/**
 * What the edge asks about session keys (LSK/1): is this request made by who holds its session's key, was it made
 * before, should that client rotate, and what is the server told? By what the worker holds; who fills it is the worker's
 * process (`apps/server`).
 *
 * @module
 */
import type { RotationHint } from '../../keys/session/rotation-hints.ts'
import type {
  KnownSession,
  ProofRefusal,
  ProofSeen,
  Validation,
} from '../../keys/session/validate-request.ts'
import type { ReplayMet, ReplayScopeName } from '../../ports/replay-scope.ts'
import type { ProvenRequest } from '../../wire/session-proof.ts'
import type { BodySealing } from './body-sealing.ts'

/** `Key` is the guard's own: the edge hands sessions back as they came. */
export interface SessionGuard<Key = unknown> {
  /** Which key group a host's sessions are of; undefined: any. @param host in lower case, without a port */
  groupOf(host: string): number | undefined
  /**
   * Remembers the proof of a valid request: asking twice about one is a replay.
   *
   * @param now seconds since 1970, may have a fraction
   */
  validate(request: ProvenRequest, proof: ProofSeen, now: number): Validation<Key>
  /** The session of a ticket that came without a proof, or why it does not count. */
  bearer(
    sessionKey: string,
    group: number | undefined,
    now: number,
  ): KnownSession<Key> | ProofRefusal
  /** How many revocations were heard: when there are more, what goes on is asked about again. */
  readonly revocations: number
  /** Was it ended, whatever its ticket says? */
  isRevoked(session: KnownSession<Key>): boolean
  /**
   * Asks beyond this worker whether a valid proof is fresh: for requests that must not be made twice. Never rejects;
   * `failed` only where the policy is closed.
   */
  meet(scope: ReplayScopeName, session: string, nonce: string): Promise<ReplayMet>
  /**
   * What to say in `SessionKey-Rotate` with the answer to a valid request, if anything. The same hint until the client
   * has followed it, so it may be asked with each request.
   *
   * @param tier of the client as it is now; above its ticket's: at once
   * @param everyS the route's own interval, where it has one
   */
  hintFor(
    session: KnownSession<Key>,
    tier: 1 | 2 | 3,
    now: number,
    everyS?: number,
  ): RotationHint | undefined
  /** How bodies of a session are opened and sealed. */
  sealing(session: KnownSession<Key>): BodySealing
  /** The field that tells a server who asks; undefined while there is no key to sign it with. */
  assertionFor(
    session: KnownSession<Key>,
    about: AssertionAbout,
    now: number,
  ): AssertionLine | undefined
}

/** How sure it is who asks: by a proof of the key, or by a ticket alone. */
export type AssuranceLevel = 'proof' | 'bearer'

export interface AssertionAbout {
  /** In lower case, without a port: for whom the assertion is. */
  readonly host: string
  readonly tier: number
  readonly level: AssuranceLevel
}

/** A whole field line with CR LF, as text and as octets. */
export interface AssertionLine {
  readonly text: string
  readonly octets: Buffer
}

/** Of an edge that was given no guard: it knows no key, so that nobody passes where one is asked for. */
export const NO_SESSIONS: SessionGuard = {
  groupOf: () => undefined,
  validate: () => ({ kind: 'refused', code: 'stek_unknown' }),
  bearer: () => 'stek_unknown',
  revocations: 0,
  isRevoked: () => false,
  meet: async () => 'failed',
  hintFor: () => undefined,
  sealing: () => {
    throw new TypeError('Cannot seal the bodies of a session: none is known')
  },
  assertionFor: () => undefined,
}
