/**
 * How often each key is used for what: counted minute by minute, kept as series, and forecast (`forecast/forecaster.ts`). A key and an operation are a
 * series from the first use on; beyond {@link SERIES_MAX} of these what is expected is the mean of the latest minutes.
 *
 * @module
 */
import {
  addToForecaster,
  adoptFit,
  type Fit,
  type FitJob,
  type ForecasterState,
  fitDue,
  fitJob,
  forecastAhead,
  openForecaster,
} from '../../forecast/forecaster.ts'
import type { ExpectedDemand } from './demand-file.ts'
import { inThread, threadFile } from './in-thread.ts'
import { DEMANDED, type Demanded } from './operation-costs.ts'

export interface KeyDemandOptions {
  /** Learns from a history; in a thread for all but tests. */
  readonly fit?: (job: FitJob) => Promise<Fit>
}

/** Each takes 0.28 MB when it has three weeks (`docs/decisions/0015-load-forecasts.md`). */
const SERIES_MAX = 200
/** Of keys beyond these: names that somebody makes up must not fill the memory. */
const COUNTED_MAX = 100_000
const MINUTE_S = 60
/** A plain mean looks back so long. */
const RECENT_MINUTES = 15
/** Three weeks of minutes take a second. */
const FIT_MS = 60_000

interface Series {
  readonly key: string
  readonly operation: number
  /** Of the minute that is open. */
  count: number
  /** Uses in each of the latest minutes. */
  readonly recent: number[]
  forecaster: ForecasterState | undefined
}

const fitInThread = (job: FitJob): Promise<Fit> => inThread(threadFile('fit-thread'), job, FIT_MS)

export class KeyDemand {
  readonly #fit: (job: FitJob) => Promise<Fit>
  readonly #series = new Map<string, Series>()
  #forecasters = 0
  #isFitting = false

  constructor({ fit = fitInThread }: KeyDemandOptions = {}) {
    this.#fit = fit
  }

  /** One operation. @param keyId hex */
  count(keyId: string, operation: Demanded): void {
    const name = `${keyId} ${operation}`
    let series = this.#series.get(name)
    if (series === undefined) {
      if (this.#series.size >= COUNTED_MAX) return
      const forecaster = this.#forecasters < SERIES_MAX ? openForecaster() : undefined
      if (forecaster !== undefined) this.#forecasters++
      const index = DEMANDED.indexOf(operation)
      series = { key: keyId, operation: index, count: 0, recent: [], forecaster }
      this.#series.set(name, series)
    }
    series.count++
  }

  /** A minute is over. @param endS when it ended, seconds since 1970 */
  endMinute(endS: number): void {
    for (const series of this.#series.values()) {
      series.recent.push(series.count)
      if (series.recent.length > RECENT_MINUTES) series.recent.shift()
      if (series.forecaster !== undefined) {
        addToForecaster(series.forecaster, endS - MINUTE_S / 2, series.count)
      }
      series.count = 0
    }
    this.#learn()
  }

  /** Operations a second, in the mean of the coming minutes. */
  expected(minutes: number): ExpectedDemand {
    const demand = new Map<string, number[]>()
    for (const series of this.#series.values()) {
      const perS = demand.get(series.key) ?? DEMANDED.map(() => 0)
      perS[series.operation] = expectedOf(series, minutes)
      demand.set(series.key, perS)
    }
    return demand
  }

  /** One series at a time, in the background. */
  #learn(): void {
    const due = [...this.#series.values()].find(
      ({ forecaster }) => forecaster !== undefined && fitDue(forecaster),
    )?.forecaster
    if (due === undefined || this.#isFitting) return
    this.#isFitting = true
    this.#fit(fitJob(due))
      .then((fit) => adoptFit(due, fit))
      // It is due again with the next minute; until then it speaks as before.
      .catch(() => undefined)
      .finally(() => {
        this.#isFitting = false
      })
  }
}

function expectedOf({ forecaster, recent }: Series, minutes: number): number {
  const isYoung = recent.length < RECENT_MINUTES || forecaster === undefined
  const values = isYoung ? recent : [...forecastAhead(forecaster, minutes).values]
  if (values.length === 0) return 0
  const sum = values.reduce((all, one) => all + Math.max(0, Number.isFinite(one) ? one : 0), 0)
  return sum / values.length / MINUTE_S
}
