/**
 * What forecasting costs with thousands of series: time per step that is over, per refit and per forecast, and memory per series,
 * each with three weeks of minutes behind it. Series are copies of a few that were fitted, as many as memory holds; what is
 * timed goes through all of them, so caches are as cold as they are then. Anomaly detection in the same way.
 *
 * No peer: what npm has for forecasts (`arima`, a build of ctsa) fits a whole history anew for each value.
 *
 * @module
 */
import { freemem } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { LOAD_FORECAST_DEFAULTS } from '../src/flows/forecast-load.ts'
import {
  type AnomalyState,
  detectAnomaly,
  startAnomaly,
} from '../src/forecast/anomaly/detect-anomaly.ts'
import {
  addToForecaster,
  adoptFit,
  FORECASTER_DEFAULTS,
  type ForecasterState,
  fitJob,
  fitModels,
  forecastAhead,
  openForecaster,
  passTime,
} from '../src/forecast/forecaster.ts'
import type { Random } from '../src/ground/random.ts'
import { seededRandom } from '../test/fixtures/seeded-random.ts'

const SERIES = 10_000
/** Of different loads, that the others are copies of. */
const ORIGINALS = 4
/** Steps that all series take in while they are timed. */
const STEPS = 3
/** Of the free memory. */
const MEMORY_SHARE = 0.6
/** Steps ahead: the hour that the console shows. */
const AHEAD = 60
const FORECASTS = 2000
const ANOMALY_SERIES = 100
/** More than a detector remembers, 2048. */
const ANOMALY_POINTS = 2500
const START_S = Date.UTC(2026, 9, 30) / 1000
const { stepS, historySteps } = FORECASTER_DEFAULTS
const END_S = START_S + historySteps * stepS

export async function benchForecast(say: (line: string) => void): Promise<object> {
  const random = seededRandom(20_261_121)
  const anomaly = benchAnomaly(random)
  const refits: number[] = []
  const originals = Array.from({ length: ORIGINALS }, (_, i) => {
    const state = history(30 * 4 ** i, random)
    const begun = cpuUs()
    const fit = fitModels(fitJob(state))
    refits.push((cpuUs() - begun) / 1000)
    adoptFit(state, fit)
    return state
  })
  // What the first of each costs is mostly the compiler's.
  for (const state of originals) step(state, END_S, random)
  const { held: series, bytesEach } = hold(originals)
  const updates: number[] = []
  for (let k = 1; k <= STEPS; k++) {
    const begun = cpuUs()
    for (const state of series) step(state, END_S + k * stepS, random)
    updates.push((cpuUs() - begun) / series.length)
  }
  const begun = cpuUs()
  for (let i = 0; i < FORECASTS; i++)
    forecastAhead(series[i % series.length] as ForecasterState, AHEAD)
  const forecastUs = (cpuUs() - begun) / FORECASTS
  const result = {
    series: series.length,
    update_us: round(median(updates)),
    forecast_us: round(forecastUs),
    refit_ms: round(median(refits)),
    bytes_per_series: Math.round(bytesEach),
    series_of_limen_up_max: LOAD_FORECAST_DEFAULTS.poolsMax,
    anomaly,
    peers: [],
  }
  for (const [name, value] of Object.entries(result)) {
    if (typeof value === 'number') say(`${name.padEnd(24)} ${value}`)
  }
  for (const [name, value] of Object.entries(result.anomaly)) {
    say(`${`anomaly ${name}`.padEnd(24)} ${value}`)
  }
  return result
}

/** Three weeks of a site with days and weeks, `perMinute` requests in the mean. */
function history(perMinute: number, random: Random): ForecasterState {
  const state = openForecaster()
  for (let t = 0; t < historySteps; t++) {
    const day = 1 + 0.8 * Math.sin((2 * Math.PI * t) / 1440)
    const week = t % 10_080 < 7200 ? 1 : 0.6
    addToForecaster(state, START_S + t * stepS, noisy(perMinute * day * week, random))
  }
  passTime(state, END_S)
  return state
}

/** A count with about that mean. */
function noisy(mean: number, random: Random): number {
  const spread = Math.sqrt(12 * mean) * (random.fraction() - 0.5)
  return Math.max(0, Math.round(mean + spread))
}

function step(state: ForecasterState, atS: number, random: Random): void {
  addToForecaster(state, atS, noisy(100, random))
  passTime(state, atS + stepS)
}

/** Copies, in turn, up to {@link SERIES} or what memory holds. */
function hold(originals: readonly ForecasterState[]) {
  const before = memory()
  const held: ForecasterState[] = []
  const copy = () =>
    held.push(structuredClone(originals[held.length % ORIGINALS]) as ForecasterState)
  while (held.length < 100) copy()
  const bytesEach = (memory() - before) / held.length
  const most = Math.min(SERIES, Math.floor((MEMORY_SHARE * freemem()) / bytesEach))
  while (held.length < most) copy()
  return { held, bytesEach: (memory() - before) / held.length }
}

function benchAnomaly(random: Random) {
  const before = memory()
  const states = Array.from({ length: ANOMALY_SERIES }, startAnomaly)
  const point = (state: AnomalyState, t: number) =>
    detectAnomaly(state, noisy(100, random), (START_S + t * stepS) * 1000)
  for (let t = 0; t < ANOMALY_POINTS; t++) for (const state of states.slice(0, 4)) point(state, t)
  const full = structuredClone(states[0]) as AnomalyState
  for (let i = 0; i < states.length; i++) states[i] = structuredClone(full)
  const bytes = (memory() - before) / states.length
  const points = 20
  const begun = cpuUs()
  for (let t = 0; t < points; t++) for (const state of states) point(state, ANOMALY_POINTS + t)
  const us = (cpuUs() - begun) / (points * states.length)
  return { point_us: round(us), bytes_per_series: Math.round(bytes), series: states.length }
}

/** Of this process, its garbage collected. */
function memory(): number {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

const round = (value: number): number => Math.round(value * 100) / 100
