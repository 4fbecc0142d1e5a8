/**
 * The detector of anomalies in series against the Numenta Anomaly Benchmark: every file from its first row to its last,
 * one threshold for all of them. The rules of scoring are in nab-score.ts.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  ANOMALY_THRESHOLD,
  detectAnomaly,
  startAnomaly,
} from '../src/forecast/anomaly/detect-anomaly.ts'
import { type NabAlarms, type NabProfile, type NabWindow, nabScore } from './nab-score.ts'

interface NabSeries {
  /** `category/name.csv` */
  readonly name: string
  /** Milliseconds since the epoch; the files say no zone, UTC is taken. */
  readonly times: readonly number[]
  readonly values: readonly number[]
  readonly windows: readonly NabWindow[]
}

type Windows = Readonly<Record<string, readonly (readonly [string, string])[]>>
type Profiles = Readonly<Record<string, { readonly CostMatrix: NabProfile }>>

/** @param dataDir holds `nab/windows.json`, `nab/profiles.json` and `nab/data/`, or is that folder itself */
export async function evalNab(dataDir: string): Promise<object> {
  const dir = existsSync(join(dataDir, 'windows.json')) ? dataDir : join(dataDir, 'nab')
  const profiles: Profiles = JSON.parse(readFileSync(join(dir, 'profiles.json'), 'utf8'))
  const series = readNab(dir)
  const startedMs = performance.now()
  const cpuBefore = process.cpuUsage()
  const judged = series.map((one) => ({ ...one, alarms: alarmsOf(one) }))
  const tookMs = performance.now() - startedMs
  const cpu = process.cpuUsage(cpuBefore)
  const scored = (profile: string, files: readonly NabAlarms[] = judged) => {
    const weights = profiles[profile]?.CostMatrix
    if (weights === undefined) throw new Error(`No profile ${profile} in ${dir}`)
    const score = nabScore(files, weights)
    return Number.isFinite(score) ? Number(score.toFixed(2)) : null
  }
  const categories = Object.entries(Object.groupBy(judged, (one) => categoryOf(one.name)))
  const rows = series.reduce((sum, one) => sum + one.values.length, 0)
  return {
    standard: scored('standard'),
    low_fp: scored('reward_low_FP_rate'),
    low_fn: scored('reward_low_FN_rate'),
    threshold: ANOMALY_THRESHOLD,
    files: series.length,
    rows,
    windows: series.reduce((sum, one) => sum + one.windows.length, 0),
    perCategory: Object.fromEntries(
      categories.map(([category, files = []]) => [
        category,
        {
          // Null where there is nothing to find.
          standard: scored('standard', files),
          files: files.length,
          windows: files.reduce((sum, one) => sum + one.windows.length, 0),
          alarms: files.reduce((sum, one) => sum + one.alarms.filter(Boolean).length, 0),
        },
      ]),
    ),
    usPerPoint: Number(((1000 * tookMs) / rows).toFixed(1)),
    // What of it this process had a core for: the rest is other work on the machine.
    cpuUsPerPoint: Number(((cpu.user + cpu.system) / rows).toFixed(1)),
  }
}

function alarmsOf({ times, values }: NabSeries): readonly boolean[] {
  const state = startAnomaly()
  return values.map((value, i) => detectAnomaly(state, value, times[i] ?? 0).anomalous)
}

function categoryOf(name: string): string {
  return name.split('/')[0] ?? name
}

function readNab(dir: string): readonly NabSeries[] {
  const windows: Windows = JSON.parse(readFileSync(join(dir, 'windows.json'), 'utf8'))
  return Object.entries(windows).map(([name, limits]) => {
    const lines = readFileSync(join(dir, 'data', name), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
    const cells = lines.map((line) => line.trim().split(','))
    const times = cells.map(([time = '']) => timeOf(time))
    return {
      name,
      times,
      // An empty cell is unknown, not 0.
      values: cells.map(([, value = '']) => (value === '' ? Number.NaN : Number(value))),
      windows: limits.map(([from, to]) => ({
        first: rowAt(name, times, timeOf(from)),
        last: rowAt(name, times, timeOf(to)),
      })),
    }
  })
}

/** `2014-02-19 10:50:00`, with or without a fraction. */
function timeOf(text: string): number {
  return Date.parse(`${text.slice(0, 19).replace(' ', 'T')}Z`)
}

/** The first row of that time, as the benchmark looks it up. */
function rowAt(name: string, times: readonly number[], time: number): number {
  const row = times.indexOf(time)
  if (row < 0) throw new Error(`No row of ${name} is at ${new Date(time).toISOString()}`)
  return row
}
