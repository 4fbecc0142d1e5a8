/**
 * What came of a simulated site.
 *
 * @module
 */
import { QuantileSketch } from '../math/quantile-sketch.ts'
import type { ForecastErrors } from './simulated-scaling.ts'
import type { SiteRun, Stretch } from './site-scenario.ts'

/** Latencies in milliseconds, `null` where nothing was answered; within 0.5 % of themselves, but the mean and the largest. */
export interface Answers {
  readonly requests: number
  readonly failed: number
  readonly meanMs: number | null
  readonly p50Ms: number | null
  readonly p99Ms: number | null
  readonly p999Ms: number | null
  readonly maxMs: number | null
  /** Of the answers, by server; in the order of the servers, without those that were never there. */
  readonly shares: readonly ServerShare[]
}

export interface ServerShare {
  readonly server: string
  readonly share: number
}

export interface CapacityChange {
  readonly atS: number
  readonly server: string
  /** `ordered`: starts up. `gone`: has answered all it had, or was killed. */
  readonly became: 'ordered' | 'ready' | 'draining' | 'gone'
}

export interface SiteReport extends SiteRun, Answers {
  readonly seed: number
  readonly sessions: number
  readonly phases: readonly (Stretch & Answers)[]
  /** From being ordered to being gone, within what is measured. */
  readonly minutes: readonly { readonly server: string; readonly minutes: number }[]
  /** Requests that went to another server than the session's last. */
  readonly moves: number
  readonly movesPer1000: number
  /** Of them, those that had to wait for keys. */
  readonly misses: number
  readonly serverMinutes: number
  readonly capacity: readonly CapacityChange[]
  /** Capacity changes beyond those listed. */
  readonly capacityMore: number
  readonly forecast: {
    readonly all: ForecastErrors
    readonly whileItMattered: ForecastErrors
  } | null
}

/** Counts answers as they come. */
export class AnswerCount {
  #requests = 0
  #failed = 0
  readonly #byServer: Float64Array
  readonly #latencies = new QuantileSketch()

  constructor(servers: number) {
    this.#byServer = new Float64Array(servers)
  }

  answered(ms: number, server: number): void {
    this.#requests++
    this.#byServer[server] = (this.#byServer[server] ?? 0) + 1
    this.#latencies.add(ms)
  }

  fail(): void {
    this.#requests++
    this.#failed++
  }

  /** @param ids of the servers; `undefined` for one that was never there */
  report(ids: readonly (string | undefined)[]): Answers {
    const latencies = this.#latencies
    const known = (ms: number): number | null => (latencies.count === 0 ? null : ms)
    return {
      requests: this.#requests,
      failed: this.#failed,
      meanMs: known(latencies.mean),
      p50Ms: known(latencies.quantile(0.5)),
      p99Ms: known(latencies.quantile(0.99)),
      p999Ms: known(latencies.quantile(0.999)),
      maxMs: known(latencies.max),
      shares: ids.flatMap((server, i) => {
        const share = (this.#byServer[i] ?? 0) / Math.max(1, latencies.count)
        return server === undefined ? [] : [{ server, share }]
      }),
    }
  }
}
