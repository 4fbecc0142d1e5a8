/**
 * What all parts of the edge share in one worker: settings, pools, counters, gatekeeper.
 *
 * @module
 */
import type { HandshakeOutcome } from '../../behavior/handshake/observation.ts'
import type { DataPlaneSettings } from '../../ports/data-plane.ts'
import type { Gatekeeper } from './admission.ts'
import type { Affinity } from './affinity.ts'
import type { BehaviorSessions } from './behavior-sessions.ts'
import type { Certificates } from './certificates.ts'
import type { ClientConnection } from './client-connection.ts'
import type { FittingRequest } from './client-kinds.ts'
import type { Meter } from './meter.ts'
import type { ProofsOfWork } from './proof-of-work.ts'
import type { RequestCaptures } from './request-captures.ts'
import type { ResponseCache } from './response-cache.ts'
import type { RigorousPool } from './rigorous-pool.ts'
import type { SessionTerms } from './session-check.ts'
import type { SessionGuard } from './session-guard.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/** Where a request goes, and what it must be like. */
export interface ServedRoute {
  readonly pool: UpstreamPool
  /** Instead, of sessions whose behavior is in tier 2, or 3; undefined: the same. */
  readonly tierPools?: readonly [tier2: UpstreamPool, tier3: UpstreamPool] | undefined
  /** undefined: session keys are not looked at. */
  readonly session: SessionTerms | undefined
  /** undefined: nothing is kept. */
  readonly cache: ResponseCache | undefined
}

export interface EdgeContext {
  readonly settings: DataPlaneSettings
  readonly meter: Meter
  readonly affinity: Affinity
  readonly certificates: Certificates
  readonly gatekeeper: Gatekeeper
  readonly rigorous: RigorousPool
  readonly proofs: ProofsOfWork
  readonly sessions: SessionGuard
  /** undefined: nobody's behavior is watched. */
  readonly behavior: BehaviorSessions | undefined
  /** undefined: no request is captured. */
  readonly captures: RequestCaptures | undefined
  readonly draining: boolean
  /** Milliseconds from an arbitrary start, monotonic. */
  now(): number
  /** The same, as it was at the last sweep: good enough for deadlines, and free. */
  readonly lately: number
  /** Milliseconds since the Unix epoch. */
  wallClock(): number
  /** What became of a handshake, or of a check behind one. */
  onOutcome(outcome: HandshakeOutcome): void
  /** For a request to a pool that chooses by what suits the client. */
  fitting(connection: ClientConnection, pool: UpstreamPool, isWebSocket: boolean): FittingRequest
  /** The route of a request; `target` is only called when there are several. */
  route(authority: string, target: () => string): ServedRoute | undefined
}
