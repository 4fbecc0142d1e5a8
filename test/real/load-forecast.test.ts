/**
 * Forecasts of a live Limen: requests that were sent are what it counted, models are fitted in its thread, and a restart of the
 * process loses none of it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ForecastCurveView } from '../../src/apps/server/admin/forecast-views.ts'
import type { PoolForecast } from '../../src/flows/explain-forecast.ts'
import { until } from './fleet-under-test.ts'
import { type LimenProcess, startLimen } from './limen-process.ts'

const run = promisify(execFile)
const LIMEN = join(import.meta.dirname, '../../bin/limen')
const QUICK = join(import.meta.dirname, 'quick-limen.ts')
const CONFIG = `listeners: [{ name: web, address: 'SITE' }]
pools: [{ name: site, servers: [{ id: a, address: 'UPSTREAM' }] }]
routes: [{ pool: site }]
workers: 2
forecast: { calendars: [{ file: site.ics }] }
admin: { address: 'ADMIN', openToLoopback: viewer }
metrics: { address: 'METRICS' }
`
/** The first fit is after 60 steps, of a second here. */
const FITTED_WITHIN_MS = 120_000
const COUNTED_WITHIN_MS = 10_000
/** Workers count twice a second; then the step must be over. */
const COUNTED_MS = 3_000
/** The admin API takes 600 requests a minute. */
const ASKED_EVERY_MS = 200
/** A step that the machine stalled in is unknown, and what was sent in it with it: then again. */
const ROUNDS = 5

let limen: LimenProcess
let again: ChildProcess | undefined
before(async () => {
  limen = await startLimen([process.execPath, QUICK], CONFIG)
})
after(async () => {
  again?.kill('SIGKILL')
  await limen?.clean()
})

const read = async <T>(path: string): Promise<T> => {
  await delay(ASKED_EVERY_MS)
  const response = await fetch(`${limen.adminUrl}${path}`)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}
const forecasts = (): Promise<readonly PoolForecast[]> => read('v1/forecasts')
const site = (): Promise<ForecastCurveView> => read('v1/forecasts/site')
/** Requests in steps of a history. */
const sumOf = (history: ForecastCurveView['history'], stepS: number): number =>
  history.reduce<number>((sum, rate) => sum + (rate ?? 0) * stepS, 0)
const send = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) {
    const response = await fetch(limen.siteUrl)
    assert.equal(await response.text(), 'hello')
  }
}
/** Whatever was sent before is in steps that are over. */
const counted = (): Promise<void> => {
  const after = Date.now() + COUNTED_MS
  return until('later steps', COUNTED_WITHIN_MS, async () => (await site()).at > after)
}
/** The steps that passed while `count` requests were sent, all of them known. */
const stepsOf = async (...counts: readonly number[]): Promise<readonly (number | null)[]> => {
  for (let round = 0; round < ROUNDS; round++) {
    await counted()
    const { history: before } = await site()
    for (const count of counts) {
      await send(count)
      await delay(1100)
    }
    await counted()
    const fresh = (await site()).history.slice(before.length)
    if (!fresh.includes(null)) return fresh
  }
  throw new Error(`The machine stalled in each of ${ROUNDS} rounds`)
}
const limenRun = async (...args: string[]): Promise<string> =>
  (await run(LIMEN, ['forecast', ...args, '--url', limen.adminUrl], { cwd: limen.folder })).stdout
const show = (...args: string[]): Promise<string> => limenRun('show', ...args)
/** As iCalendar writes a time. */
const stamp = (time: string): string => time.replace(/\.\d+|[-:]/g, '')

describe('forecasts of a live Limen', () => {
  it('count what was really sent', async () => {
    await until('a first step', COUNTED_WITHIN_MS, async () => (await forecasts()).length > 0)
    const steps = await stepsOf(7, 11, 23)
    assert.equal(sumOf(steps, 1), 41)
    assert.ok(steps.filter((rate) => rate !== null && rate > 0).length >= 3, String(steps))
    assert.ok(steps.includes(0), 'nothing was sent in the last')
    const { stepS, at } = await site()
    assert.equal(stepS, 1)
    assert.ok(Math.abs(at - Date.now()) < 3000)
  })

  it('say what to expect, between lines, who speaks, and what is not known', async () => {
    const { expected, low, high, horizons, capacity } = await site()
    for (const [i, value] of expected.entries()) {
      assert.ok(Number.isFinite(value) && (low[i] ?? 1e9) <= value && value <= (high[i] ?? -1))
    }
    assert.deepEqual(
      horizons.map(({ aheadS }) => aheadS),
      [5, 15, 60],
    )
    for (const { model, reason } of horizons) assert.ok(model !== '' && reason !== '')
    assert.deepEqual(
      [capacity.requestsPerSecond, capacity.reason],
      [null, 'server a was not yet seen near its limit'],
    )
  })

  it('are shown by the command line, as a table, a plot and JSON', async () => {
    assert.match(await show(), /^POOL .*ERROR\nsite +\S+ +5 s /)
    assert.match(await show('site'), /# was {3}o expected/)
    const [json] = JSON.parse(await show('-o', 'json')) as readonly PoolForecast[]
    assert.equal(json?.pool, 'site')
    await assert.rejects(show('nowhere'), /No such pool has a forecast/)
  })

  it('are metrics', async () => {
    const file = readFileSync(join(limen.folder, 'limen.yaml'), 'utf8')
    const address = /metrics: \{ address: '([^']+)'/.exec(file)?.[1]
    const text = await (await fetch(`http://${address}/metrics`)).text()
    const line = /limen_forecast_requests_per_second\{pool="site",horizon="15",line="p95"\} (\S+)/
    assert.ok(Number(line.exec(text)?.[1]) >= 0, text.slice(0, 500))
    assert.match(text, /limen_forecast_demoted\{pool="site",horizon="60"\} [01]\n/)
  })

  it('have their models fitted while requests go on', async () => {
    await until('a fit', FITTED_WITHIN_MS, async () => {
      await send(5)
      await delay(200)
      return (await site()).fittedAfter >= 60
    })
    assert.equal(sumOf(await stepsOf(13), 1), 13)
  })

  it('know announced events, from the command line and from a calendar, over a restart too', async () => {
    const time = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()
    const [start, end] = [time(30), time(90)]
    const events = async (...args: string[]): Promise<string> =>
      (await limenRun('events', ...args)).trim()
    const added = await events('add', 'sale', '--start', start, '--end', end, '--pool', 'site')
    const id = /^Announced sale as ([0-9a-f]{16})$/.exec(added)?.[1] ?? ''
    const other = await events('add', 'match', '--start', start, '--end', end)
    assert.match(await events('remove', other.split(' ').at(-1) ?? ''), /^Removed/)
    const text = `BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:${stamp(time(60))}\r\nDURATION:PT1H\r\nSUMMARY:release\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`
    writeFileSync(join(limen.folder, 'site.ics'), text)
    await until('the calendar to be read', 10_000, async () =>
      (await events('list')).includes('release'),
    )
    assert.match(await events('list'), new RegExp(`^${id} +sale +site .* api$`, 'm'))
    await assert.rejects(events('add', 'late', '--start', time(-60), '--end', time(-30)), /over/)
    assert.deepEqual(
      (await site()).events.map(({ kind }) => kind),
      ['sale', 'release'],
    )
    assert.match(await show('site'), /event {5}sale, .*: none seen yet/)
  })

  it('go on after a restart of the process, the time between is unknown', async () => {
    const before = await site()
    limen.signal('SIGTERM')
    assert.equal(await limen.ended, 0)
    again = spawn(process.execPath, [QUICK, 'up', '-c', 'limen.yaml'], {
      cwd: limen.folder,
      stdio: 'ignore',
    })
    await until('ready again', 30_000, () =>
      fetch(`${limen.adminUrl}readyz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
    const resumed = await site()
    assert.ok(sumOf(before.history, 1) > 41)
    assert.equal(resumed.fittedAfter, before.fittedAfter)
    assert.deepEqual(resumed.events, before.events)
    assert.deepEqual(
      resumed.history.slice(0, before.history.length),
      before.history,
      'what was before is as it was',
    )
    const first = before.history.length
    assert.ok(resumed.history.slice(first).includes(null), 'nobody counted while it was down')
    const isCounting = async () => (await site()).history.slice(first).some((rate) => rate !== null)
    await until('a step that is known', COUNTED_WITHIN_MS, isCounting)
    assert.equal(sumOf(await stepsOf(9), 1), 9)
    const ended = once(again, 'exit')
    again.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
  })
})
