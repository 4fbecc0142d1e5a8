/**
 * What one worker counts. Plain numbers, added to on the hot path, sent to the control plane as deltas.
 *
 * @module
 */
import { LATENCY_BOUNDS_MS } from '../../ports/data-plane.ts'

export class Meter {
  connectionsOpen = 0
  connectionsTotal = 0
  handshakesFull = 0
  handshakesResumed = 0
  handshakesFailed = 0
  bytesIn = 0
  bytesOut = 0
  retries = 0
  decisionsDropped = 0
  /** Index 1 to 5. */
  readonly responses = [0, 0, 0, 0, 0, 0]
  /** Index 1 to 3. */
  readonly tiers = [0, 0, 0, 0]
  readonly refusals = new Map<string, number>()
  readonly latencyCounts: number[] = new Array(LATENCY_BOUNDS_MS.length + 1).fill(0)
  latencySumMs = 0

  responded(status: number, latencyMs: number): void {
    const statusClass = (status / 100) | 0
    this.responses[statusClass] = (this.responses[statusClass] as number) + 1
    let bucket = 0
    while (bucket < LATENCY_BOUNDS_MS.length && latencyMs > (LATENCY_BOUNDS_MS[bucket] as number)) {
      bucket++
    }
    this.latencyCounts[bucket] = (this.latencyCounts[bucket] as number) + 1
    this.latencySumMs += latencyMs
  }

  refused(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
  }
}
