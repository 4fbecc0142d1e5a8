/**
 * M4 Hourly (Makridakis, Spiliotis, Assimakopoulos, 2020): 48 hours ahead for each series of the folder, by the competition's own
 * measures. Every choice, the weights of the combination included, is made inside the training part.
 *
 * @module
 */
import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mixForecasts, weighTracks } from '../src/forecast/combine.ts'
import type { ForecastModel, SeriesFrame } from '../src/forecast/model.ts'
import { arima } from '../src/forecast/models/arima.ts'
import { doubleSeason } from '../src/forecast/models/double-season.ts'
import { echoState } from '../src/forecast/models/echo-state.ts'
import { harmonicRegression } from '../src/forecast/models/harmonic-regression.ts'
import { naive2 } from '../src/forecast/models/naive2.ts'
import { seasonProfile } from '../src/forecast/models/season-profile.ts'
import { seasonalNaive } from '../src/forecast/models/seasonal-naive.ts'
import { forecastPool } from '../src/forecast/pool.ts'
import {
  type Measure,
  type RollingOptions,
  rollForecasts,
  rollingOrigins,
  type Track,
} from '../src/forecast/rolling.ts'
import { seededRandom } from '../test/fixtures/seeded-random.ts'

const STEPS = 48
/** Hours with days and weeks; the data says no dates. */
const FRAME: SeriesFrame = { stepS: 3600, startS: 0, seasons: [24, 168] }
/** Origins a day apart: up to eight more were better, ten are like eight (docs/decisions/0014). */
const ROLLING: RollingOptions = { steps: STEPS, strideSteps: 24, origins: 10 }

const MODELS: readonly ForecastModel<unknown>[] = [
  seasonalNaive(0),
  seasonalNaive(1),
  doubleSeason(1),
  doubleSeason(2),
  harmonicRegression,
  seasonProfile,
  echoState,
  arima,
]

export async function evalM4(dataDir: string): Promise<object> {
  const folder = await folderOf(dataDir)
  const train = parseSeries(await readFile(join(folder, 'train.csv'), 'utf8'))
  const test = parseSeries(await readFile(join(folder, 'test.csv'), 'utf8'))
  const begun = performance.now()
  const members = forecastAll(train)
  const seconds = (performance.now() - begun) / 1000
  const { combination, parts } = judge(train, test, members)
  return { ...combination, series: train.length, seconds: round(seconds, 1), parts }
}

async function folderOf(dataDir: string): Promise<string> {
  const inside = join(dataDir, 'm4-hourly')
  return access(inside).then(
    () => inside,
    () => dataDir,
  )
}

/** Rows of a name and values, the first a header; what is empty at the end was never there. */
export function parseSeries(csv: string): Float64Array[] {
  const rows = csv.split('\n').slice(1)
  return rows
    .filter((row) => row.trim() !== '')
    .map((row) => {
      const cells = row.trim().replace(/,+$/, '').split(',').slice(1)
      return Float64Array.from(cells, (cell) => (cell.trim() === '' ? Number.NaN : Number(cell)))
    })
}

export type Forecasts = ReadonlyMap<string, readonly Float64Array[]>

/** Forecasts of every member and, under `combination`, of all of them. */
export function forecastAll(train: readonly Float64Array[]): Forecasts {
  const stepsBack = [
    0,
    ...Array.from({ length: ROLLING.origins }, (_, i) => STEPS + i * ROLLING.strideSteps),
  ]
  const pool = forecastPool(train, FRAME, STEPS, stepsBack, seededRandom(4))
  const all = new Map<string, Float64Array[]>()
  const put = (name: string, forecast: Float64Array) => {
    const list = all.get(name) ?? []
    list.push(forecast)
    all.set(name, list)
  }
  for (const [i, history] of train.entries()) {
    const forecasts: Float64Array[] = []
    const tracks: Track[] = []
    const add = (name: string, forecast: Float64Array, track: Track) => {
      put(name, forecast)
      forecasts.push(forecast)
      tracks.push(track)
    }
    const origins = rollingOrigins(history.length, ROLLING)
    for (const { name, forecasts: own } of pool) {
      const rolled = (own[i] ?? []).slice(1).slice(0, origins.length).toReversed()
      add(name, own[i]?.[0] ?? new Float64Array(STEPS), { origins, forecasts: rolled })
    }
    for (const model of MODELS) {
      const track = rollForecasts(model, history, FRAME, ROLLING)
      add(model.name, model.forecast(model.fit(history, FRAME), STEPS), track)
    }
    put('combination', mixForecasts(forecasts, weighTracks(history, tracks, measureOf(history))))
    put(naive2.name, naive2.forecast(naive2.fit(history, FRAME), STEPS))
  }
  return all
}

/** Naive2's scores on all of M4 Hourly as published: what the two parts of OWA are counted in. */
const NAIVE2 = { smape: 18.383, mase: 2.395 }

/** What an error adds to OWA: weights are chosen by the measure they are judged by (docs/decisions/0014). */
export function measureOf(train: Float64Array): Measure {
  const unit = NAIVE2.mase * seasonalErrorOf(train)
  const perUnit = unit > 0 ? 1 / unit : 0
  const perShare = 200 / NAIVE2.smape
  return {
    cost(actual, forecast) {
      const distance = Math.abs(forecast - actual)
      const size = Math.abs(actual) + Math.abs(forecast)
      return distance * perUnit + (size === 0 ? 0 : (distance / size) * perShare)
    },
    slope(actual, forecast) {
      const size = Math.abs(actual) + Math.abs(forecast)
      const steepness = size === 0 ? 0 : (2 * Math.abs(actual)) / size ** 2
      return Math.sign(forecast - actual) * (perUnit + steepness * perShare)
    },
  }
}

interface Score {
  readonly smape: number
  readonly mase: number
  readonly owa: number
}

/** The competition's scores of each, rounded to its digits. */
export function judge(
  train: readonly Float64Array[],
  test: readonly Float64Array[],
  forecasts: Forecasts,
): { combination: Score; parts: Record<string, Score> } {
  const raw = new Map<string, { smape: number; mase: number }>()
  for (const [name, list] of forecasts) {
    const mean = (measure: (i: number, forecast: Float64Array) => number) =>
      list.reduce((sum, forecast, i) => sum + measure(i, forecast), 0) / list.length
    raw.set(name, {
      smape: mean((i, forecast) => smapeOf(test[i] ?? forecast, forecast)),
      mase: mean((i, forecast) => maseOf(train[i] ?? forecast, test[i] ?? forecast, forecast)),
    })
  }
  const yardstick = raw.get(naive2.name) ?? { smape: Number.NaN, mase: Number.NaN }
  const scoreOf = ({ smape, mase }: { smape: number; mase: number }): Score => ({
    smape: round(smape, 3),
    mase: round(mase, 3),
    owa: round((smape / yardstick.smape + mase / yardstick.mase) / 2, 4),
  })
  const parts = Object.fromEntries([...raw].map(([name, score]) => [name, scoreOf(score)]))
  const { combination, ...others } = parts
  return { combination: combination ?? scoreOf(yardstick), parts: others }
}

/** Symmetric mean absolute percentage error; two zeros are no error. */
export function smapeOf(actual: Float64Array, forecast: Float64Array): number {
  const sum = actual.reduce((total, value, h) => {
    const other = forecast[h] ?? 0
    const size = (Math.abs(value) + Math.abs(other)) / 2
    return total + (size === 0 ? 0 : Math.abs(value - other) / size)
  }, 0)
  return (100 * sum) / actual.length
}

/** Mean absolute error over that of the seasonal naive forecast one step ahead inside the training part. */
export function maseOf(train: Float64Array, actual: Float64Array, forecast: Float64Array): number {
  const sum = actual.reduce((sum, value, h) => sum + Math.abs(value - (forecast[h] ?? 0)), 0)
  return sum / actual.length / seasonalErrorOf(train)
}

function seasonalErrorOf(train: Float64Array): number {
  const season = FRAME.seasons[0] ?? 1
  const sum = train
    .subarray(season)
    .reduce((sum, value, t) => sum + Math.abs(value - (train[t] ?? 0)), 0)
  return sum / (train.length - season)
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
