/**
 * What transports said of streams lately, by device, in memory: how each is, and ten minutes of its figures for who looks.
 *
 * @module
 */
import {
  type FeatureFigure,
  STREAM_FEATURES,
  type StreamProtocol,
  type StreamReport,
} from '../../behavior/device/stream-report.ts'
import type { StreamScores } from '../../behavior/device/stream-scorer.ts'
import type { StreamState } from '../../behavior/device/stream-watch.ts'

export interface StreamSummary {
  readonly protocol: StreamProtocol
  readonly state: StreamState
  readonly reasons: StreamReport['reasons']
  readonly scores: StreamScores
  readonly limit: number
  /** Since it was said. */
  readonly ageMs: number
}

/** Oldest first, lists of the same length. */
export interface StreamHistory {
  /** Milliseconds since 1970, on the clock here. */
  readonly at: readonly number[]
  readonly state: readonly StreamState[]
  readonly scores: readonly { readonly name: string; readonly values: readonly number[] }[]
  readonly limit: readonly number[]
  readonly features: readonly FeatureHistory[]
}

export interface FeatureHistory {
  readonly name: string
  /** Of the baseline; null: nothing is said of it. */
  readonly middle: number | null
  readonly spread: number
  readonly values: readonly (number | null)[]
}

interface Point {
  readonly at: number
  readonly report: StreamReport
}

/** Ten minutes of reports every two seconds. */
const POINTS_MAX = 300
const GROUPS = ['identity', 'picture', 'path'] as const

export class SeenStreams {
  readonly #points = new Map<string, Point[]>()
  readonly #now: () => number

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now
  }

  meet(report: StreamReport): void {
    const known = this.#points.get(report.device) ?? []
    // Who sends otherwise now has other features.
    const before = known.at(-1)?.report.protocol === report.protocol ? known : []
    const points = [...before, { at: this.#now(), report }]
    this.#points.set(report.device, points.slice(-POINTS_MAX))
  }

  forget(device: string): void {
    this.#points.delete(device)
  }

  summary(device: string): StreamSummary | undefined {
    const last = this.#points.get(device)?.at(-1)
    if (last === undefined) return undefined
    const { protocol, state, reasons, scores, limit } = last.report
    return { protocol, state, reasons, scores, limit, ageMs: this.#now() - last.at }
  }

  history(device: string): StreamHistory {
    const points = this.#points.get(device) ?? []
    const reports = points.map(({ report }) => report)
    const names = STREAM_FEATURES[reports.at(-1)?.protocol ?? 'rtp']
    const baseline: readonly FeatureFigure[] =
      reports.findLast(({ features }) => features.length > 0)?.features ?? []
    return {
      at: points.map(({ at }) => at),
      state: reports.map(({ state }) => state),
      scores: GROUPS.map((name) => ({ name, values: reports.map(({ scores }) => scores[name]) })),
      limit: reports.map(({ limit }) => limit),
      features: names.map((name, i) => ({
        ...{ name, middle: baseline[i]?.[1] ?? null, spread: baseline[i]?.[2] ?? 0 },
        values: reports.map(({ features }) => features[i]?.[0] ?? null),
      })),
    }
  }
}
