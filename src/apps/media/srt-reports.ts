/**
 * What a relay of SRT says of its source: every two seconds, and at once when its state changes; and what is to be kept of it.
 *
 * @module
 */
import type { SrtBaseline } from '../../behavior/device/srt-baseline.ts'
import type { SrtWatch } from '../../behavior/device/srt-watch.ts'
import type { StreamReport } from '../../behavior/device/stream-report.ts'
import type { StreamState, StreamVerdict } from '../../behavior/device/stream-watch.ts'

export interface SrtReportsOptions {
  readonly device: string
  /** What it was like before; undefined: it is learned first. */
  readonly baseline: SrtBaseline | undefined
  report(report: StreamReport): void
  /** To be kept. */
  learned(baseline: SrtBaseline): void
}

/** As the watches of RTP. */
const REPORT_MS = 2_000

export class SrtReports {
  readonly #options: SrtReportsOptions
  readonly #watch: SrtWatch
  #baseline: SrtBaseline | undefined
  #state: StreamState = 'learning'
  #reportAtMs = 0

  constructor(options: SrtReportsOptions, watch: SrtWatch) {
    this.#options = options
    this.#watch = watch
    this.#baseline = options.baseline
  }

  meet({ state, atMs, rotate, reasons, scores }: StreamVerdict): void {
    const { device, report, learned } = this.#options
    const { baseline } = this.#watch
    if (baseline !== undefined && baseline !== this.#baseline) learned(baseline)
    this.#baseline = baseline
    if (state === this.#state && !rotate && atMs < this.#reportAtMs) return
    this.#state = state
    this.#reportAtMs = atMs + REPORT_MS
    report({
      ...{ device, protocol: 'srt', at: Date.now(), state, rotate, reasons, scores, limit: 1 },
      features: this.#watch.figures(),
    })
  }
}
