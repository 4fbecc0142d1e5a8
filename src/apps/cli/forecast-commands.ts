/**
 * The commands about forecasts of load: `forecast show`, of a running Limen; `forecast backtest`, of a file.
 *
 * @module
 */
import { type Command, Option } from 'commander'
import type { HorizonForecast, PoolForecast } from '../../flows/explain-forecast.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { ForecastCurveView } from '../server/admin/forecast-views.ts'
import { type ReadOptions, reads, show } from './asking.ts'
import { type BacktestOptions, runBacktest } from './backtest.ts'
import { addEventCommands } from './event-commands.ts'
import { textPlot } from './text-plot.ts'
import { plain, textTable } from './text-table.ts'

/** Characters of the plot, and steps of the past in it: twice the hour that is forecast. */
const PLOTTED = { rows: 10, columns: 72 }
const PAST_STEPS = 120

/** Adds them to `program`; `out` takes one line or several. */
export function addForecastCommands(program: Command, out: (text: string) => void): void {
  const forecast = program.command('forecast').description('the load of pools, an hour ahead')
  reads(
    forecast.command('show [pool]').description('what is expected of all pools, or more of one'),
  ).action(async (pool: string | undefined, options: ReadOptions) => {
    if (pool === undefined) {
      const found = await options.client().get<readonly PoolForecast[]>('/v1/forecasts')
      show(found, options.output, forecastTable, out)
      return
    }
    const path = `/v1/forecasts/${encodeURIComponent(pool)}`
    const found = await options.client().get<Partial<ForecastCurveView>>(path)
    show(curveOf(pool, found), options.output, forecastText, out)
  })
  addEventCommands(forecast, out)
  forecast
    .command('backtest <file>')
    .description('how good forecasts of a series would have been, over its last 40 %')
    .option('--horizon <times>', 'how far ahead, comma-separated', '15m')
    .option('--step <time>', 'from one value to the next, else as found in the file')
    .option(
      '--column <name>',
      'the column of values, else requests, value or count, or the only one',
    )
    .addOption(
      new Option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'),
    )
    .action((file: string, options: BacktestOptions) => runBacktest(file, options, out))
}

/** A pool that is called as the route of events is not shown by itself: what comes then is no curve. */
export function curveOf(pool: string, found: Partial<ForecastCurveView>): ForecastCurveView {
  if (found.horizons !== undefined && found.history !== undefined) return found as ForecastCurveView
  const said = `No such pool: ${plain(pool)} (announced events: limen forecast events list)`
  throw new LimenError('not-found', said, { side: 'operator', retry: false })
}

export function forecastTable(forecasts: readonly PoolForecast[]): string {
  return textTable(
    ['POOL', 'NOW', 'AHEAD', 'EXPECTED', 'LOW', 'P95', 'CAPACITY', 'SPEAKS', 'ERROR'],
    forecasts.flatMap(({ pool, now, horizons, capacity }) =>
      horizons.map((one, i) => [
        ...(i === 0 ? [pool, rateOf(now)] : ['', '']),
        durationOf(one.aheadS),
        rateOf(one.expected),
        rateOf(one.low),
        rateOf(one.high),
        i === 0 ? shareText(capacity) : '',
        speakerOf(one),
        percentOf(one.error),
      ]),
    ),
    'No forecasts yet: they begin with the first whole minute.',
  )
}

export function forecastText(forecast: ForecastCurveView): string {
  const { pool, at, stepS, now, fittedAfter, horizons, capacity, events } = forecast
  const { history, expected, high } = forecast
  const past = Float64Array.from(history.slice(-PAST_STEPS), (rate) => rate ?? Number.NaN)
  const ahead = { expected: Float64Array.from(expected), high: Float64Array.from(high) }
  const { requestsPerSecond, atMost, reason } = capacity
  const carried =
    requestsPerSecond === null
      ? `not known${atMost === null ? '' : `, at most ${rateOf(atMost)} by its CPU`}`
      : `${rateOf(requestsPerSecond)}, ${shareText(capacity)}`
  return [
    `Pool ${plain(pool)} at ${momentOf(at)}, requests per second`,
    `now       ${rateOf(now)}`,
    `capacity  ${carried} (${plain(reason)})`,
    `fitted    ${fittedAfter === 0 ? 'not yet' : `after ${fittedAfter} steps`}`,
    ...events.map(
      ({ kind, startAt, endAt, factor, learnedFrom }) =>
        `event     ${plain(kind)}, ${momentOf(startAt)} to ${momentOf(endAt)}: ${learnedFrom === 0 ? 'none seen yet' : `times ${Number(factor.toPrecision(3))}, from ${learnedFrom}`}`,
    ),
    ...horizons.map(
      (one) =>
        `in ${durationOf(one.aheadS).padEnd(5)}  ${rateOf(one.expected)}, 90 % from ${rateOf(one.low)} to ${rateOf(one.high)}; ${speakerOf(one)}: ${plain(one.reason)}`,
    ),
    '',
    `${past.length} steps of ${durationOf(stepS)}, and ${expected.length} to come:`,
    textPlot({ past, ...ahead }, PLOTTED),
  ].join('\n')
}

function shareText({ shareNow, shareAhead }: PoolForecast['capacity']): string {
  if (shareAhead === null) return 'unknown'
  return `${percentOf(shareNow)} used, up to ${percentOf(shareAhead)} in 15 steps`
}

function speakerOf({ model, isDemoted }: HorizonForecast): string {
  return isDemoted ? `${model} (took over)` : model
}

const momentOf = (at: number): string => new Date(at).toISOString().slice(0, 16).replace('T', ' ')

function rateOf(rate: number | null): string {
  if (rate === null) return '?'
  return rate >= 100 ? String(Math.round(rate)) : String(Number(rate.toPrecision(3)))
}

function percentOf(share: number | null): string {
  return share === null ? '?' : `${(100 * share).toFixed(1)} %`
}

function durationOf(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`
}
