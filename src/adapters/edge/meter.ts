/**
 * What one worker counts. Plain numbers, added to on the hot path, sent to the control plane as deltas.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import type { HandshakeOutcome } from '../../behavior/handshake/observation.ts'
import {
  type HandshakeMemberCounts,
  handshakeMemberKey,
  LATENCY_BOUNDS_MS,
  NO_HANDSHAKES,
} from '../../ports/data-plane.ts'
import type { CacheResult } from './response-cache.ts'

type MemberCounts = { -readonly [K in keyof HandshakeMemberCounts]: number }

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
  /** What checks of session keys came to: `valid`, `bearer`, `none` (as nobody), or the code of the refusal. */
  readonly sessionChecks = new Map<string, number>()
  /** By {@link CacheResult}. */
  readonly cacheRequests = new Map<string, number>()
  /** By {@link handshakeMemberKey}. */
  readonly handshakeMembers = new Map<string, MemberCounts>()
  readonly listeners = new Map<string, { hellos: number; refused: number }>()
  readonly latencyCounts: number[] = new Array(LATENCY_BOUNDS_MS.length + 1).fill(0)
  latencySumMs = 0

  decided({ tier, handshake, pool, member }: Decision): void {
    this.tiers[tier] = (this.tiers[tier] as number) + 1
    if (handshake !== undefined) this.#member(pool, member).connections++
  }

  /** What became of a handshake, or of a check behind one. */
  handshakeEnded(
    { pool, member }: Decision,
    { result, check, handshakeMs }: Pick<HandshakeOutcome, 'result' | 'check' | 'handshakeMs'>,
  ): void {
    const counts = this.#member(pool, member)
    if (result === 'full' || result === 'resumed') {
      counts[result]++
      counts.handshakeMsSum += handshakeMs
    } else if (result !== 'checked') counts.failed++
    if (check === 'challenge-passed' || check === 'user-agent-fits') counts.checksPassed++
    else if (check !== '') counts.checksFailed++
  }

  #member(pool: Decision['pool'], member: string): MemberCounts {
    const key = handshakeMemberKey(pool, member)
    let counts = this.handshakeMembers.get(key)
    if (counts === undefined) {
      counts = { ...NO_HANDSHAKES }
      this.handshakeMembers.set(key, counts)
    }
    return counts
  }

  /** A handshake at that listener was decided about. */
  hello(listener: string): void {
    this.#listener(listener).hellos++
  }

  /** ... and is not to be. */
  helloRefused(listener: string): void {
    this.#listener(listener).refused++
  }

  #listener(name: string): { hellos: number; refused: number } {
    let counts = this.listeners.get(name)
    if (counts === undefined) {
      counts = { hellos: 0, refused: 0 }
      this.listeners.set(name, counts)
    }
    return counts
  }

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

  sessionChecked(result: string): void {
    this.sessionChecks.set(result, (this.sessionChecks.get(result) ?? 0) + 1)
  }

  cacheAsked(result: CacheResult): void {
    this.cacheRequests.set(result, (this.cacheRequests.get(result) ?? 0) + 1)
  }

  refused(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
  }
}
