/**
 * Forecasts of web load, minute by minute, as the product makes them: each trace runs through `forecaster.ts` from its first
 * minute; origins in its last 40 % are scored, 5, 15 and 60 minutes ahead. A minute whose line is missing is unknown; a zero
 * that is written is a zero, for that is what both development traces do (no minute is missing in them, and an outage of
 * 2263 minutes is written as zeros).
 *
 * @module
 */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { FORECASTER_DEFAULTS } from '../src/forecast/forecaster.ts'
import { rehearse } from '../src/forecast/rehearse.ts'
import { readSeriesCsv, type SeriesFile } from '../src/wire/series-csv.ts'
import { type Floor, noiseFloor } from './poisson-floor.ts'

const HORIZONS = [5, 15, 60]
/** Part of each trace that only teaches. */
const LEARNED_SHARE = 0.6
const STEP_S = 60

export interface LoadScore {
  readonly minutes: number
  readonly wape: number
  readonly ratio_last: number
  readonly ratio_seasonal: number
  /** Share of minutes at or below the 95 % line. */
  readonly coverage: number
  readonly overprovision: number
  /** Of `ratio_last`: what chance leaves (`poisson-floor.ts`). */
  readonly floor: Floor
}

export async function evalLoad(dataDir: string) {
  const begun = performance.now()
  const traces: { readonly name: string; readonly horizons: readonly LoadScore[] }[] = []
  for (const path of await traceFiles(dataDir)) {
    const name = basename(path).replace(/\.csv(\.gz)?$/, '')
    traces.push({ name, horizons: scoreTrace(await traceOf(path)) })
  }
  const at15 = traces.map(({ horizons }) => horizons.find(({ minutes }) => minutes === 15))
  const ratios = at15.map((score) => score?.ratio_last ?? Number.NaN)
  return {
    traces,
    mean_ratio_15: ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length,
    seconds: (performance.now() - begun) / 1000,
  }
}

async function traceFiles(dataDir: string): Promise<readonly string[]> {
  for (const dir of [dataDir, join(dataDir, 'traces')]) {
    const names = await readdir(dir).catch(() => [])
    const traces = names.filter((name) => /\.csv(\.gz)?$/.test(name)).sort()
    if (traces.length > 0) return traces.map((name) => join(dir, name))
  }
  throw new Error(`Cannot find *.csv or *.csv.gz in ${dataDir} or its traces/`)
}

async function traceOf(path: string): Promise<SeriesFile> {
  const bytes = await readFile(path)
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
  const read = readSeriesCsv(text, { column: 'requests', stepS: STEP_S })
  if (read.kind === 'series') return read.series
  throw new Error(`Cannot read ${path}, line ${read.line}: ${read.reason}`)
}

function scoreTrace({ startS, values }: SeriesFile): readonly LoadScore[] {
  const options = { ...FORECASTER_DEFAULTS, stepS: STEP_S, horizons: HORIZONS }
  const { scores } = rehearse(options, startS, values, LEARNED_SHARE)
  return scores.map(({ steps, wape, ratioLast, ratioSeasonal, coverage, overprovision }) => ({
    minutes: steps,
    wape,
    ratio_last: ratioLast,
    ratio_seasonal: ratioSeasonal,
    coverage,
    overprovision,
    floor: noiseFloor(values, Math.ceil(values.length * LEARNED_SHARE), steps),
  }))
}
