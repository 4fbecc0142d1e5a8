/**
 * One series from its arrivals to a forecast that says how sure it is and who made it: the grid (`series.ts`), the models,
 * their judge (`select.ts`), the interval (`interval.ts`) and the calendar together. Several models run side by side; each
 * horizon has a judge and an interval of its own.
 *
 * Fitting takes up to seconds and is a pure call, {@link fitModels}, for a worker: the caller asks {@link fitDue}, passes
 * {@link fitJob} there, and gives what comes back to {@link adoptFit}. The state is plain data: a copy of it goes on the same.
 *
 * @module
 */
import {
  anticipate,
  type Calendar,
  type CalendarEvent,
  closeEvents,
  factorAt,
  noteOutcome,
  openCalendar,
} from './calendar.ts'
import { type IntervalState, learnError, lineAt, openInterval, quantilesOf } from './interval.ts'
import { countedMost, withoutLone } from './lone-values.ts'
import type { ForecastModel, SeriesFrame } from './model.ts'
import { lastValue } from './models/last-value.ts'
import { logGrowth } from './models/log-growth.ts'
import { seasonalNaive } from './models/seasonal-naive.ts'
import { type Contest, chooseModel, judge, openContest, type Verdict, verdictOf } from './select.ts'
import {
  type Arrival,
  addArrival,
  closeSteps,
  historyOf,
  historyStartS,
  openSeries,
  type Series,
  type SeriesOptions,
} from './series.ts'

export interface ForecasterOptions extends SeriesOptions {
  /** In whole steps, shortest first; may be empty. */
  readonly seasons: readonly number[]
  /** Steps ahead that are judged, whole ones up to {@link HORIZON_MAX}, ascending; one at least. */
  readonly horizons: readonly number[]
  /** Shares of values that shall lie at or below the lower and the upper line, between 0 and 1, ascending. */
  readonly levels: readonly [low: number, high: number]
}

/** Minutes with days and weeks; three weeks and a day are what log-growth looks at. */
export const FORECASTER_DEFAULTS: ForecasterOptions = {
  stepS: 60,
  of: 'sum',
  historySteps: 22 * 1440,
  seasons: [1440, 10_080],
  horizons: [5, 15, 60],
  levels: [0.05, 0.95],
}

/** Who may speak: the first that does best when models are fitted, and the naive ones it must beat. */
export interface Models {
  readonly contenders: readonly ForecastModel<unknown>[]
  readonly naive: readonly ForecastModel<unknown>[]
}

export const FORECASTER_MODELS: Models = {
  contenders: [logGrowth()],
  naive: [lastValue, seasonalNaive(0), seasonalNaive(1)],
}

/** What was learned from a history. */
export interface Fit {
  /** Which of the contenders. */
  readonly chosen: number
  /** Its state, then those of the naive models. */
  readonly states: readonly unknown[]
  /** Whose states they are. */
  readonly names: readonly string[]
  /** Steps ever over when its history was taken. */
  readonly total: number
}

export interface FitJob {
  readonly history: Float64Array
  readonly frame: SeriesFrame
  readonly horizons: readonly number[]
  readonly total: number
}

interface Horizon {
  readonly steps: number
  readonly contest: Contest
  readonly interval: IntervalState
  /** What was said, a ring of {@link Said} by the step it was said at; NaN where nothing was. */
  readonly said: Float64Array
}

export interface ForecasterState {
  readonly options: ForecasterOptions
  readonly series: Series
  readonly calendar: Calendar
  readonly horizons: readonly Horizon[]
  fit: Fit
  /** The greatest value as it counted ({@link countedMost}), of those remembered at the last fit and since. */
  peak: number
}

/** The next steps as they are expected, between lines. */
export interface Outlook {
  readonly values: Float64Array
  readonly low: Float64Array
  readonly high: Float64Array
  /** Per horizon, who speaks there and why. */
  readonly verdicts: readonly (Verdict & { readonly steps: number })[]
}

export function openForecaster(
  options: ForecasterOptions = FORECASTER_DEFAULTS,
  models: Models = FORECASTER_MODELS,
): ForecasterState {
  checkOptions(options)
  const series = openSeries(options)
  const calendar = openCalendar()
  const horizons = options.horizons.map((steps) => openHorizon(steps, options, models))
  return { options, series, calendar, horizons, fit: unfitted(options, models), peak: 0 }
}

/** Beyond it a forecast says nothing that the last season does not. */
export const HORIZON_MAX = 100_000

function checkOptions({ horizons, seasons, levels }: ForecasterOptions): void {
  const isHorizon = (steps: number) => isSteps(steps) && steps <= HORIZON_MAX
  if (horizons.length === 0 || !ascend(horizons, isHorizon)) {
    throw new RangeError(`horizons must be whole numbers from 1 to ${HORIZON_MAX}, ascending`)
  }
  if (!ascend(seasons, isSteps)) {
    throw new RangeError('seasons must be whole numbers from 1, ascending')
  }
  if (levels.length !== 2 || !ascend(levels, (level) => level > 0 && level < 1)) {
    throw new RangeError('levels must be two numbers between 0 and 1, ascending')
  }
}

function isSteps(steps: number): boolean {
  return Number.isSafeInteger(steps) && steps > 0
}

function ascend(list: readonly number[], isOne: (value: number) => boolean): boolean {
  return list.every((value, i) => isOne(value) && value > (list[i - 1] ?? 0))
}

function unfitted({ stepS, seasons, horizons }: ForecasterOptions, models: Models): Fit {
  const frame = { stepS, startS: 0, seasons }
  return fitModels({ history: new Float64Array(0), frame, horizons, total: 0 }, models)
}

/**
 * Whoever kept a state may have had other models: these know nothing, then, and are to be fitted at once to the history that
 * was kept ({@link fitDue}).
 */
export function keepKnownFit(state: ForecasterState, models: Models = FORECASTER_MODELS): void {
  const { fit, options } = state
  state.peak ??= greatestOf(withoutLone(historyOf(state.series), seasonOf(options)))
  const names = runningModels(fit.chosen, models).map(({ name }) => name)
  if (fit.names?.join() !== names.join()) state.fit = unfitted(options, models)
}

function openHorizon(steps: number, { levels }: ForecasterOptions, models: Models): Horizon {
  const names = ['chosen', ...models.naive.map(({ name }) => name)]
  return {
    steps,
    contest: openContest(names),
    interval: openInterval(levels),
    said: new Float64Array(steps * (names.length + SAID_MORE)).fill(Number.NaN),
  }
}

/** Adds an arrival; see {@link addArrival} for what becomes of odd ones. */
export function addToForecaster(
  state: ForecasterState,
  atS: number,
  value: number,
  models: Models = FORECASTER_MODELS,
): Arrival {
  return addArrival(state.series, atS, value, (step) => takeStep(state, step, models))
}

/** Time went on, though nothing arrived. */
export function passTime(
  state: ForecasterState,
  nowS: number,
  models: Models = FORECASTER_MODELS,
): void {
  closeSteps(state.series, nowS, (step) => takeStep(state, step, models))
}

/** @returns whether it is held; see {@link anticipate} */
export function anticipateEvent(state: ForecasterState, event: CalendarEvent): boolean {
  return anticipate(state.calendar, event)
}

/** In a record of what was said, after one forecast per model: the spoken forecast, lower and upper line, the factor. */
const SAID_MORE = 4

/** No line is above so many times the peak, and one more, unless the forecast is. */
const PEAK_FACTOR = 2

function takeStep(state: ForecasterState, actual: number, models: Models): void {
  const { series, calendar, fit, horizons, options } = state
  const originS = series.openS - series.stepS
  const season = seasonOf(options)
  const value = Math.min(actual, countedMost(series.ring, series.total, season))
  for (const horizon of horizons) score(state, horizon, actual, value, originS)
  if (value > state.peak) state.peak = value
  closeEvents(calendar, originS)
  const running = runningModels(fit.chosen, models)
  running.forEach((model, i) => {
    model.update(fit.states[i], value)
  })
  const furthest = Math.max(0, ...horizons.map(({ steps }) => steps))
  const paths = running.map((model, i) => model.forecast(fit.states[i], furthest))
  for (const horizon of horizons) {
    const { steps, contest, interval, said } = horizon
    const factor = factorAt(calendar, originS, originS + steps * series.stepS)
    const forecasts = paths.map((path) => factor * (path[steps - 1] ?? 0))
    const spoken = forecasts[verdictOf(contest).index] ?? 0
    const lines = linesAround(state, factor, spoken, quantilesOf(interval))
    said.set([...forecasts, spoken, ...lines, factor], slotOf(state, horizon))
  }
}

/** A forecast's lines. It is never outside them: they give way, for accuracy is measured by it, and they are the wider so. */
function linesAround(
  { peak }: ForecasterState,
  factor: number,
  value: number,
  [lower = 0, upper = 0]: readonly number[],
): readonly [low: number, high: number] {
  const most = factor * (PEAK_FACTOR * peak + 1)
  return [
    Math.min(value, lineAt(value, lower)),
    Math.max(value, Math.min(most, lineAt(value, upper))),
  ]
}

/** What was said of this step `horizon.steps` ago, against what it is, and what that counts as. */
function score(
  state: ForecasterState,
  horizon: Horizon,
  actual: number,
  value: number,
  nowS: number,
): void {
  const { contest, interval, said, steps } = horizon
  const slot = slotOf(state, horizon)
  const count = contest.names.length
  const [spoken = Number.NaN, low = 0, high = 0, factor = 1] = said.subarray(slot + count)
  if (Number.isNaN(value) || Number.isNaN(spoken)) return
  judge(contest, [...said.subarray(slot, slot + count)], value)
  learnError(interval, spoken, [low, high], actual, value)
  const longest = state.horizons.at(-1) === horizon
  if (longest)
    noteOutcome(state.calendar, nowS - steps * state.series.stepS, nowS, spoken / factor, value)
}

function slotOf({ series }: ForecasterState, { steps, contest }: Horizon): number {
  return (series.total % steps) * (contest.names.length + SAID_MORE)
}

function runningModels(chosen: number, { contenders, naive }: Models): ForecastModel<unknown>[] {
  return [...contenders.slice(chosen, chosen + 1), ...naive]
}

/**
 * The next `steps` values. Between horizons, who speaks is who speaks at the next horizon; beyond the last, at the last.
 *
 * @param steps at most a week of minutes is sensible
 */
export function forecastAhead(
  state: ForecasterState,
  steps: number,
  models: Models = FORECASTER_MODELS,
): Outlook {
  const { fit, horizons, series, calendar } = state
  const paths = runningModels(fit.chosen, models).map((model, i) =>
    model.forecast(fit.states[i], steps),
  )
  const originS = Number.isNaN(series.openS) ? 0 : series.openS - series.stepS
  const verdicts = horizons.map((horizon) => spokenAt(horizon, fit, models))
  const quantiles = horizons.map(({ interval }) => quantilesOf(interval))
  const values = new Float64Array(steps)
  const low = new Float64Array(steps)
  const high = new Float64Array(steps)
  for (let k = 0; k < steps; k++) {
    const next = horizons.findIndex((horizon) => horizon.steps > k)
    const at = next < 0 ? horizons.length - 1 : next
    const factor = factorAt(calendar, originS, originS + (k + 1) * series.stepS)
    const value = factor * (paths[verdicts[at]?.index ?? 0]?.[k] ?? 0)
    values[k] = value
    const lines = linesAround(state, factor, value, quantiles[at] ?? [])
    low[k] = lines[0]
    high[k] = lines[1]
  }
  return { values, low, high, verdicts }
}

function spokenAt({ steps, contest }: Horizon, { chosen }: Fit, { contenders }: Models) {
  const verdict = verdictOf(contest)
  const model = verdict.index === 0 ? (contenders[chosen]?.name ?? '') : verdict.model
  return { ...verdict, model, steps }
}

/** Steps after which models are fitted again, where there is no season. */
const FIT_EVERY_PLAIN = 1440
/** Steps before they are fitted first; from there on whenever the history has doubled, until a season is full. */
const FIT_FIRST = 60

function greatestOf(history: Float64Array): number {
  return history.reduce((most, value) => (value > most ? value : most), 0)
}

function seasonOf({ seasons }: Pick<SeriesFrame, 'seasons'>): number {
  return seasons[0] ?? FIT_EVERY_PLAIN
}

/** Whether there is enough new since the last fit: a season, or as much as there was. */
export function fitDue({ series, fit, options }: ForecasterState): boolean {
  const fresh = series.total - fit.total
  return fresh >= Math.min(seasonOf(options), Math.max(FIT_FIRST, fit.total))
}

export function fitJob({ series, options }: ForecasterState): FitJob {
  const frame = { stepS: options.stepS, startS: historyStartS(series), seasons: options.seasons }
  return { history: historyOf(series), frame, horizons: options.horizons, total: series.total }
}

/** Pure; up to seconds. */
export function fitModels(job: FitJob, models: Models = FORECASTER_MODELS): Fit {
  const { frame, horizons, total } = job
  const history = withoutLone(job.history, seasonOf(frame))
  const chosen = chooseModel(models.contenders, history, frame, horizons)
  const running = runningModels(chosen, models)
  const states = running.map((model) => model.fit(history, frame))
  return { chosen, states, names: running.map(({ name }) => name), total }
}

/** From now on goes by `fit`, which first hears what came since its history was taken. */
export function adoptFit(
  state: ForecasterState,
  fit: Fit,
  models: Models = FORECASTER_MODELS,
): void {
  const history = withoutLone(historyOf(state.series), seasonOf(state.options))
  const since = Math.min(history.length, state.series.total - fit.total)
  const missed = history.subarray(history.length - since)
  const before = state.fit
  state.peak = greatestOf(history)
  runningModels(fit.chosen, models).forEach((model, i) => {
    for (const value of missed) model.update(fit.states[i], value)
    if (before.names[i] === model.name) model.inherit?.(fit.states[i], before.states[i])
  })
  state.fit = fit
}
