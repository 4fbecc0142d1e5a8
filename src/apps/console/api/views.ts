/**
 * What the admin API answers, as far as the console reads it. Views that a port defines come from there.
 *
 * @module
 */
import type { Decision, DetectorMode } from '../../../behavior/decision.ts'

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

/** GET /v1/decisions/:id. */
export type ExplainedDecision = Decision & { readonly explanation: readonly string[] }
