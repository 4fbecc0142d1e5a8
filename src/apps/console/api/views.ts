/**
 * What the admin API answers, as far as the console reads it. Views that a port defines come from there.
 *
 * @module
 */
import type { Decision, DetectorMode } from '../../../behavior/decision.ts'
import type { Profile } from '../../../behavior/handshake/profile.ts'

/** GET /v1/status, in part. */
export interface StatusView {
  readonly version: string
  readonly startedAt: number
  readonly state: 'starting' | 'serving' | 'draining'
  readonly mode: DetectorMode
  readonly listeners: readonly { readonly name: string; readonly url: string }[]
}

/** One second of GET /v1/traffic/history and of the stream. */
export interface TrafficPoint {
  readonly at: number
  readonly requestsPerSecond: number
  /** Per second, by status class: index 1 to 5. */
  readonly responses: readonly (number | null)[]
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly connectionsOpen: number
  readonly handshakesPerSecond: number
  /** Decisions by tier in that second: index 1 to 3. */
  readonly tiers: readonly (number | null)[]
}

/** GET /v1/profiles/:id: what a profile shows. */
export type ProfileView = Omit<Profile, 'randoms' | 'rate' | 'features' | 'flagged' | 'unflagged'>

/** GET /v1/profiles. */
export interface ProfilePage {
  readonly profiles: readonly ProfileView[]
}

/** GET /v1/handshake-pools. */
export interface HandshakePool {
  readonly pool: 'primary' | 'rigorous'
  readonly choose: 'random' | 'region'
  readonly region: string
  readonly members: readonly HandshakeMember[]
}

export interface HandshakeMember {
  readonly id: string
  /** '' for the process itself. */
  readonly address: string
  readonly region: string
  readonly connections: number
  readonly full: number
  readonly resumed: number
  readonly failed: number
  readonly checksPassed: number
  readonly checksFailed: number
  readonly handshakeMs: number
}

/** GET /v1/decisions/:id. */
export type ExplainedDecision = Decision & { readonly explanation: readonly string[] }
