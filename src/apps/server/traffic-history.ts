/**
 * The last ten minutes of traffic, one sample per second: differences of the data plane's counters.
 *
 * @module
 */
import type { Clock } from '../../ground/clock.ts'
import { type DataPlane, LATENCY_BOUNDS_MS, type TrafficTotals } from '../../ports/data-plane.ts'

/** One second of traffic. Counts are of that second. */
export interface TrafficSample {
  /** Ms since the Unix epoch, the end of the second. */
  readonly at: number
  readonly requestsPerSecond: number
  /** Answers per second by status class: index 1 is 1xx, 5 is 5xx. */
  readonly responses: readonly number[]
  /** Time to response head, ms, read off the histogram; 0 without requests. */
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly connectionsOpen: number
  readonly connectionsPerSecond: number
  readonly handshakesPerSecond: number
  readonly handshakes: { readonly full: number; readonly resumed: number; readonly failed: number }
  /** Decisions by tier: index 1 to 3. */
  readonly tiers: readonly number[]
  readonly refusals: number
  /** Checks of session keys that let a request pass under one, and that did not. */
  readonly sessionChecks: { readonly passed: number; readonly refused: number }
  /** Session keys agreed on, by why; empty without a key server here. */
  readonly sessionKeys: Readonly<Record<string, number>>
  readonly bytesInPerSecond: number
  readonly bytesOutPerSecond: number
}

export interface TrafficHistory {
  /** The oldest first. */
  samples(): readonly TrafficSample[]
  watch(watcher: (sample: TrafficSample) => void): () => void
  close(): void
}

const SAMPLE_MS = 1000
/** Ten minutes. */
export const SAMPLES_MAX = 600

/** @param sessionKeys agreed on since start, by why */
export function recordTraffic(
  plane: DataPlane,
  clock: Clock,
  sessionKeys: () => Readonly<Record<string, number>> = () => ({}),
): TrafficHistory {
  const samples: TrafficSample[] = []
  const watchers = new Set<(sample: TrafficSample) => void>()
  let last = plane.traffic()
  let lastKeys = { ...sessionKeys() }
  let lastAt = clock.now()
  const timer = setInterval(() => {
    const totals = plane.traffic()
    const at = clock.now()
    const keys = { ...sessionKeys() }
    const sample = {
      ...sampleBetween(last, totals, at, Math.max(1, at - lastAt)),
      sessionKeys: rises(lastKeys, keys),
    }
    last = totals
    lastKeys = keys
    lastAt = at
    samples.push(sample)
    if (samples.length > SAMPLES_MAX) samples.shift()
    for (const watcher of watchers) watcher(sample)
  }, SAMPLE_MS)
  timer.unref()
  return {
    samples: () => samples,
    watch(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    close() {
      clearInterval(timer)
      watchers.clear()
    },
  }
}

/** The traffic between two readings `elapsedMs` apart. */
export function sampleBetween(
  before: TrafficTotals,
  after: TrafficTotals,
  at: number,
  elapsedMs: number,
): Omit<TrafficSample, 'sessionKeys'> {
  const perSecond = (count: number): number => Math.round((count * 1000 * 10) / elapsedMs) / 10
  const responses = differences(before.responses, after.responses)
  // 1xx are interim: not one per request.
  const answered = sum(responses.slice(2))
  const handshakes = {
    full: rise(before.handshakesFull, after.handshakesFull),
    resumed: rise(before.handshakesResumed, after.handshakesResumed),
    failed: rise(before.handshakesFailed, after.handshakesFailed),
  }
  const latency = differences(before.latencyCounts, after.latencyCounts)
  return {
    at,
    requestsPerSecond: perSecond(answered),
    responses: responses.map(perSecond),
    p50: quantileMs(latency, 0.5),
    p90: quantileMs(latency, 0.9),
    p99: quantileMs(latency, 0.99),
    connectionsOpen: after.connectionsOpen,
    connectionsPerSecond: perSecond(rise(before.connectionsTotal, after.connectionsTotal)),
    handshakesPerSecond: perSecond(handshakes.full + handshakes.resumed),
    handshakes,
    tiers: differences(before.tiers, after.tiers),
    refusals: rise(sum(Object.values(before.refusals)), sum(Object.values(after.refusals))),
    sessionChecks: checksOf(rises(before.sessionChecks, after.sessionChecks)),
    bytesInPerSecond: perSecond(rise(before.bytesIn, after.bytesIn)),
    bytesOutPerSecond: perSecond(rise(before.bytesOut, after.bytesOut)),
  }
}

/** The quantile `q` of a histogram over {@link LATENCY_BOUNDS_MS}, straight lines within a bucket. */
export function quantileMs(counts: readonly number[], q: number): number {
  const rank = sum(counts) * q
  if (rank === 0) return 0
  let below = 0
  for (const [index, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const low = index === 0 ? 0 : (LATENCY_BOUNDS_MS[index - 1] ?? 0)
      const high = LATENCY_BOUNDS_MS[index] ?? low
      return Math.round((low + ((high - low) * (rank - below)) / count) * 100) / 100
    }
    below += count
  }
  return LATENCY_BOUNDS_MS.at(-1) ?? 0
}

function rises(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const names = Object.keys(after)
  return Object.fromEntries(names.map((name) => [name, rise(before[name] ?? 0, after[name] ?? 0)]))
}

function checksOf(results: Readonly<Record<string, number>>): TrafficSample['sessionChecks'] {
  const { valid = 0, bearer = 0, none = 0 } = results
  return { passed: valid + bearer, refused: sum(Object.values(results)) - valid - bearer - none }
}

function differences(before: readonly number[], after: readonly number[]): readonly number[] {
  return after.map((count, i) => rise(before[i] ?? 0, count))
}

/** A counter that fell was restarted; its new value is what happened since. */
function rise(before: number, after: number): number {
  return after >= before ? after - before : after
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
