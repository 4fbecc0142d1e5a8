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
  passTime,
} from '../../forecast/forecaster.ts'
import { AHEAD_MAX_S, addArrival, closeSteps, historyOf } from '../../forecast/series.ts'
import type { ExpectedDemand } from './demand-file.ts'
import type { KeyUses, UsedMinute } from './demand-history.ts'
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
/** Of what was kept, so many of the latest minutes are forecast again, so that it is known who does it best: twice the furthest horizon. */
const LIVED_MINUTES = 120
/** Of all series together: 0.2 ms each. */
const LIVED_MAX = 4800

/** The use of one key by one operation. */
export interface DemandSeries {
  /** Hex. */
  readonly key: string
  readonly operation: Demanded
  /** All that is remembered. */
  readonly uses: number
  /** In each of the latest minutes that are over, the oldest first; null: nobody counted. */
  readonly history: readonly (number | null)[]
  /** In each of the coming minutes. */
  readonly expected: readonly number[]
}

interface Series {
  readonly key: string
  readonly operation: Demanded
  /** Of the minute that is open. */
  count: number
  uses: number
  /** Uses in each of the latest minutes. */
  readonly recent: number[]
  forecaster: ForecasterState | undefined
}

const fitInThread = (job: FitJob): Promise<Fit> => inThread(threadFile('fit-thread'), job, FIT_MS)

export class KeyDemand {
  readonly #fit: (job: FitJob) => Promise<Fit>
  readonly #series = new Map<string, Series>()
  #endedS: number | undefined
  #forecasters = 0
  #isFitting = false

  constructor({ fit = fitInThread }: KeyDemandOptions = {}) {
    this.#fit = fit
  }

  /** One operation. @param keyId hex */
  count(keyId: string, operation: Demanded): void {
    const series = this.#seriesOf(keyId, operation)
    if (series === undefined) return
    series.count++
    series.uses++
  }

  /** A minute is over. @param endS when it ended, seconds since 1970 */
  endMinute(endS: number): UsedMinute {
    const uses: KeyUses[] = []
    for (const series of this.#series.values()) {
      const { key, operation, count } = series
      if (count > 0) uses.push({ key, operation, count })
      closeMinute(series, endS, true)
    }
    this.#endedS = endS
    this.#learn()
    return { endS, uses }
  }

  /** What was counted before a restart. To be called before anything else is. */
  restore(minutes: readonly UsedMinute[], nowS: number): void {
    const found = new Map<Series, Map<number, number>>()
    for (const [i, { uses }] of minutes.entries()) {
      for (const { key, operation, count } of uses) {
        const series = this.#seriesOf(key, operation)
        if (series === undefined) continue
        const counts = found.get(series) ?? new Map<number, number>()
        found.set(series, counts.set(i, count))
        series.uses += count
      }
    }
    const livedFrom = minutes.length - Math.min(LIVED_MINUTES, LIVED_MAX / found.size)
    for (const [series, counts] of found) {
      const [first = 0] = counts.keys()
      const from = series.forecaster === undefined ? minutes.length - RECENT_MINUTES : first
      for (const [i, { endS }] of minutes.entries()) {
        if (i < from) continue
        series.count = counts.get(i) ?? 0
        closeMinute(series, endS, i >= livedFrom)
      }
      if (series.forecaster === undefined) continue
      passOver(series.forecaster, nowS, true)
      passTime(series.forecaster, nowS)
    }
    this.#endedS = nowS
  }

  /** Of the minute that was over last, seconds since 1970. */
  get endedS(): number | undefined {
    return this.#endedS
  }

  /** Operations a second, in the mean of the coming minutes. */
  expected(minutes: number): ExpectedDemand {
    const demand = new Map<string, number[]>()
    for (const series of this.#series.values()) {
      const perS = demand.get(series.key) ?? DEMANDED.map(() => 0)
      const values = expectedOf(series, minutes)
      perS[DEMANDED.indexOf(series.operation)] = meanOf(values) / MINUTE_S
      demand.set(series.key, perS)
    }
    return demand
  }

  /** All that is counted. @param past @param ahead minutes */
  series(past: number, ahead: number): readonly DemandSeries[] {
    return [...this.#series.values()].map((series): DemandSeries => {
      const { key, operation, uses } = series
      const history = minutesOf(series).slice(-past)
      return { key, operation, uses, history, expected: expectedOf(series, ahead) }
    })
  }

  #seriesOf(key: string, operation: Demanded): Series | undefined {
    const name = `${key} ${operation}`
    const known = this.#series.get(name)
    if (known !== undefined || this.#series.size >= COUNTED_MAX) return known
    const forecaster = this.#forecasters < SERIES_MAX ? openForecaster() : undefined
    if (forecaster !== undefined) this.#forecasters++
    const series = { key, operation, count: 0, uses: 0, recent: [], forecaster }
    this.#series.set(name, series)
    return series
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

/** @param isLived whether models forecast it, or only remember it */
function closeMinute(series: Series, endS: number, isLived: boolean): void {
  const { recent, count, forecaster } = series
  recent.push(count)
  if (recent.length > RECENT_MINUTES) recent.shift()
  series.count = 0
  if (forecaster === undefined) return
  const atS = endS - MINUTE_S / 2
  passOver(forecaster, atS, isLived)
  if (isLived) addToForecaster(forecaster, atS, count)
  else addArrival(forecaster.series, atS, count, forget)
}

/** To less than a day before a time that may be weeks ahead: what lies between is unknown. */
function passOver(forecaster: ForecasterState, nowS: number, isLived: boolean): void {
  const { series } = forecaster
  while (nowS - series.openS > AHEAD_MAX_S) {
    const next = series.openS + AHEAD_MAX_S
    if (isLived) passTime(forecaster, next)
    else closeSteps(series, next, forget)
  }
}

const forget = (): void => undefined

/** The last one, too, which the forecaster holds open until something later comes. */
function minutesOf({ forecaster, recent }: Series): readonly (number | null)[] {
  if (forecaster === undefined) return recent
  const { series } = forecaster
  const minutes = Array.from(historyOf(series), (one) => (Number.isNaN(one) ? null : one))
  return series.count > 0 ? [...minutes, series.sum] : minutes
}

/** Uses in each of the coming minutes. */
function expectedOf({ forecaster, recent }: Series, minutes: number): readonly number[] {
  const isYoung = recent.length < RECENT_MINUTES || forecaster === undefined
  if (isYoung) return new Array<number>(minutes).fill(meanOf(recent))
  // The first is of the minute that is held open.
  const held = forecaster.series.count > 0 ? 1 : 0
  const { values } = forecastAhead(forecaster, minutes + held)
  return Array.from(values.subarray(held), (one) => (Number.isFinite(one) ? Math.max(0, one) : 0))
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, one) => sum + one, 0) / values.length
}
