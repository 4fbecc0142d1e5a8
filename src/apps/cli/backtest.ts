/**
 * `limen forecast backtest FILE.csv`: how good forecasts of a series would have been, over its last 40 %, as Limen makes them
 * (`forecast/rehearse.ts`), beside the last value and the value a season before; then what it says of the steps to come.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { FORECASTER_DEFAULTS } from '../../forecast/forecaster.ts'
import { type Rehearsal, rehearse } from '../../forecast/rehearse.ts'
import { VALUE_MAX } from '../../forecast/series.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { type LeftOut, readSeriesCsv, type SeriesFile } from '../../wire/series-csv.ts'
import { show } from './asking.ts'
import { textPlot } from './text-plot.ts'
import { plain, textTable } from './text-table.ts'

export interface BacktestOptions {
  /** Comma-separated. */
  readonly horizon: string
  readonly step?: string
  readonly column?: string
  readonly output: 'json' | 'text'
}

/** Ours: the largest file read, and what it may unpack to. It is held in memory. */
const FILE_BYTES_MAX = 256 * 2 ** 20
/** Part of the series that only teaches. */
const LEARNED_SHARE = 0.6
/** Steps; a day of minutes. What is said of steps further ahead is the season again, and each costs at every value that is scored. */
const HORIZON_STEPS_MAX = 1440
const UNIT_S = { s: 1, m: 60, h: 3600, d: 86_400 } as const
const DAY_S = 86_400
const PROGRESS_MS = 200
/** Characters of the plot. */
const PLOTTED = { rows: 10, columns: 72 }

export function runBacktest(
  path: string,
  options: BacktestOptions,
  out: (text: string) => void,
): void {
  const { series, leftOut } = readSeries(path, options)
  const { startS, stepS, values } = series
  const horizons = [
    ...new Set(options.horizon.split(',').map((text) => stepsOf(text, stepS))),
  ].sort((a, b) => a - b)
  checkFurthest(horizons.at(-1) ?? 0, series)
  const seasons = [DAY_S, 7 * DAY_S]
    .map((s) => s / stepS)
    .filter((steps) => steps >= 2 && steps % 1 === 0)
  const historySteps = Math.ceil((22 * DAY_S) / Math.min(stepS, DAY_S))
  const begun = performance.now()
  const rehearsal = rehearse(
    { ...FORECASTER_DEFAULTS, stepS, seasons, horizons, historySteps },
    startS,
    values,
    LEARNED_SHARE,
    progress(values.length),
  )
  const seconds = (performance.now() - begun) / 1000
  const { scores, ahead } = rehearsal
  const result = {
    file: path,
    values: values.length,
    leftOut: leftOut ?? null,
    stepS,
    seconds,
    horizons: scores.map(({ steps, verdict, ...score }) => ({
      horizonS: steps * stepS,
      ...score,
      ...{ model: verdict.model, demoted: verdict.demoted, reason: verdict.reason },
    })),
    ahead: { values: [...ahead.values], low: [...ahead.low], high: [...ahead.high] },
  }
  show(result, options.output, () => report(series, leftOut, rehearsal), out)
}

function report(
  { values, stepS }: SeriesFile,
  leftOut: LeftOut | undefined,
  { scores, ahead }: Rehearsal,
): string {
  const table = textTable(
    [
      'AHEAD',
      'ERROR',
      'OF LAST VALUE',
      'OF A SEASON BEFORE',
      'BELOW P95',
      'P95 ABOVE NEED',
      'SPEAKS',
    ],
    scores.map((score) => [
      durationOf(score.steps * stepS),
      percent(score.wape),
      ratio(score.ratioLast),
      ratio(score.ratioSeasonal),
      percent(score.coverage),
      percent(score.overprovision),
      score.verdict.demoted
        ? `${score.verdict.model} (${score.verdict.reason})`
        : score.verdict.model,
    ]),
    'Nothing could be scored.',
  )
  const past = values.slice(-2 * ahead.values.length)
  const plot = textPlot({ past, expected: ahead.values, high: ahead.high }, PLOTTED)
  return [table, ...leftOutText(leftOut), '', plot].join('\n')
}

function leftOutText(leftOut: LeftOut | undefined): readonly string[] {
  if (leftOut === undefined) return []
  const { count, firstLine } = leftOut
  const which = count === 1 ? `line ${firstLine}` : `the first in line ${firstLine}`
  return [`Left out, for values are from 0 to ${VALUE_MAX}: ${count} (${which})`]
}

/** @throws LimenError `usage` beyond what can be scored: nothing came so far after what only teaches */
function checkFurthest(steps: number, { values, stepS }: SeriesFile): void {
  const scored = values.length - Math.floor(values.length * LEARNED_SHARE) - 1
  const most = Math.min(HORIZON_STEPS_MAX, scored)
  if (steps <= most) return
  const said =
    most < 1
      ? `Too few values to score forecasts by: ${values.length}`
      : `--horizon goes to ${most} steps with ${values.length} values: ${durationOf(most * stepS)} at most, not ${durationOf(steps * stepS)}`
  throw new LimenError('usage', said, { side: 'operator', retry: false })
}

function readSeries(
  path: string,
  { column, step }: BacktestOptions,
): { readonly series: SeriesFile; readonly leftOut?: LeftOut } {
  const stepS = step === undefined ? undefined : secondsOf(step, '--step')
  // What a forecaster refuses, it must not be scored by.
  const accepts = (value: number): boolean => value >= 0 && value <= VALUE_MAX
  const read = readSeriesCsv(textOf(path), { column, stepS, accepts })
  if (read.kind === 'series') return read
  const { line, reason, wantsColumn } = read
  const hint = wantsColumn ? '; name one by --column' : ''
  const said = `Cannot read ${plain(path)}, line ${line}: ${plain(reason)}${hint}`
  const code = wantsColumn ? 'usage' : 'series-unreadable'
  throw new LimenError(code, said, { side: 'operator', retry: false })
}

function textOf(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`)
    const bytes = readFileSync(path)
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b
    return (isPacked ? gunzipSync(bytes, { maxOutputLength: FILE_BYTES_MAX }) : bytes).toString()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const said = `Cannot read ${plain(path)}: ${why}`
    throw new LimenError('series-unreadable', said, { side: 'operator', retry: false })
  }
}

function stepsOf(text: string, stepS: number): number {
  const steps = secondsOf(text, '--horizon') / stepS
  if (steps >= 1 && steps % 1 === 0) return steps
  const said = `--horizon takes whole steps of ${durationOf(stepS)}, not ${plain(text)}`
  throw new LimenError('usage', said, { side: 'operator', retry: false })
}

function secondsOf(text: string, option: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (count !== undefined && Number(count) > 0) {
    return Number(count) * UNIT_S[unit as keyof typeof UNIT_S]
  }
  const said = `${option} takes a time such as 15m, 1h or 30s, not ${plain(text)}`
  throw new LimenError('usage', said, { side: 'operator', retry: false })
}

function durationOf(seconds: number): string {
  for (const unit of ['d', 'h', 'm'] as const) {
    if (seconds % UNIT_S[unit] === 0) return `${seconds / UNIT_S[unit]}${unit}`
  }
  return `${seconds}s`
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : '?'
}

function ratio(of: number): string {
  return Number.isFinite(of) ? of.toFixed(3) : '?'
}

/** On a terminal only: how far it is. */
function progress(total: number): (known: number) => void {
  if (!process.stderr.isTTY) return () => {}
  let shown = performance.now()
  return (known) => {
    if (known === total) process.stderr.write('\r\u001b[K')
    else if (performance.now() - shown >= PROGRESS_MS) {
      shown = performance.now()
      process.stderr.write(`\r${Math.floor((100 * known) / total)} % of ${total} values`)
    }
  }
}
