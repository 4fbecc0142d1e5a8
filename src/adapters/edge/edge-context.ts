/**
 * What all parts of the edge share in one worker: settings, pools, counters, gatekeeper.
 *
 * @module
 */
import type { DataPlaneSettings } from '../../ports/data-plane.ts'
import type { Gatekeeper } from './admission.ts'
import type { Affinity } from './affinity.ts'
import type { Certificates } from './certificates.ts'
import type { Meter } from './meter.ts'
import type { UpstreamPool } from './upstream-pool.ts'

export interface EdgeContext {
  readonly settings: DataPlaneSettings
  readonly meter: Meter
  readonly affinity: Affinity
  readonly certificates: Certificates
  readonly gatekeeper: Gatekeeper
  readonly draining: boolean
  /** Milliseconds from an arbitrary start, monotonic. */
  now(): number
  /** The same, as it was at the last sweep: good enough for deadlines, and free. */
  readonly lately: number
  /** Milliseconds since the Unix epoch. */
  wallClock(): number
  /** The pool for a request; `target` is only called when routes differ by path. */
  route(authority: string, target: () => string): UpstreamPool | undefined
}
