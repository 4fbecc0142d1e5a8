/**
 * The console's page of forecasts in a real Chromium: requests that were sent, what is expected next, who says so.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import type { PoolForecast } from '../../src/flows/explain-forecast.ts'
import { complaintsOf, NARROW, violations, WIDE } from './console-desk.ts'
import { buildConsole } from './demo-under-test.ts'
import { until } from './fleet-under-test.ts'
import { type LimenProcess, startLimen } from './limen-process.ts'

/** A step that takes longer has failed: the page asks every 10 s. */
const STEP_MS_MAX = 25_000
/** Steps of a second in place of a minute. */
const QUICK = join(import.meta.dirname, 'quick-limen.ts')
const CONFIG = `listeners: [{ name: web, address: 'SITE' }]
pools:
  - { name: site, servers: [{ id: a, address: 'UPSTREAM' }], scaling: { min: 2, max: 3, startUpS: 1 } }
  - { name: idle, servers: [{ id: b, address: '127.0.0.1:9' }] }
routes: [{ pool: site }]
forecast: { calendars: [{ file: site.ics, pool: site }] }
workers: 1
admin: { address: 'ADMIN', openToLoopback: viewer }
metrics: { address: 'METRICS' }
`

let limen: LimenProcess
let browser: Browser
let desk: Page
let complaints: readonly string[] = []

/** Not more often: the admin API takes 600 requests a minute, the browser's among them. */
const forecasts = async (): Promise<readonly PoolForecast[]> => {
  await delay(200)
  return (await (await fetch(`${limen.adminUrl}v1/forecasts`)).json()) as readonly PoolForecast[]
}

before(async () => {
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  await buildConsole()
  limen = await startLimen([process.execPath, QUICK], CONFIG)
  await until('a first step', 10_000, async () => (await forecasts()).length === 2)
  for (let i = 0; i < 60; i++) await (await fetch(limen.siteUrl)).text()
  // Two steps: those with the requests are over.
  const [{ at } = { at: 0 }] = await forecasts()
  await until('two more steps', 10_000, async () => ((await forecasts())[0]?.at ?? 0) > at + 2000)
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  desk = await (await browser.newContext({ viewport: WIDE })).newPage()
  desk.setDefaultTimeout(STEP_MS_MAX)
  complaints = complaintsOf(desk)
})

after(async () => {
  await browser?.close()
  await limen?.clean()
})

test('shows what was and what is expected, on the canvas and as a table', async () => {
  await desk.goto(`${limen.adminUrl}#/forecast`)
  await desk.getByLabel('site').check({ force: true })
  await desk.getByRole('heading', { name: 'Pool site' }).waitFor()
  const chart = desk.getByRole('figure', { name: 'Requests per second, and the next hour' })
  await chart.waitFor()
  for (const line of ['actual', 'expected', 'P5', 'P95']) {
    await chart.getByRole('listitem').filter({ hasText: line }).first().waitFor()
  }
  assert.match(
    await chart.getByRole('img').getAttribute('aria-label').then(String),
    /now: actual (?:[\d.]+|–), expected –/,
  )
  await chart.getByText('As a table').click()
  const [newest = ''] = await chart.locator('tbody tr').allInnerTexts()
  assert.match(newest, /–\s+[\d.,]+\s+[\d.,]+\s+[\d.,]+$/, 'the end of the hour to come')
  assert.ok(await desk.evaluate(HAS_A_LINE))
})

test('says who speaks at each horizon and why, and that the capacity is not known', async () => {
  const horizons = desk.getByRole('region', { name: 'Horizons' })
  for (const ahead of ['5 s', '15 s', '1 min']) {
    await horizons.getByRole('row', { name: new RegExp(`^${ahead} `) }).waitFor()
  }
  await horizons
    .getByText(/recent error|too few forecasts judged/)
    .first()
    .waitFor()
  await desk.getByText('Capacity: server a was not yet seen near its limit.').waitFor()
  await desk.getByText('capacity not known').waitFor()
})

test('shows how many servers were wanted and how many there were, beside the load, for a pool that is scaled', async () => {
  const chart = desk.getByRole('figure', { name: 'Servers wanted and up' })
  await chart.waitFor()
  await chart.getByRole('img', { name: /now: wanted 2, up 1$/ }).waitFor()
  await chart.getByText('As a table').click()
  const rows = await chart.locator('tbody tr').allInnerTexts()
  assert.match(rows[0] ?? '', /\s–\s+–$/, 'the end of the hour to come')
  const load = desk.getByRole('figure', { name: 'Requests per second, and the next hour' })
  const times = (of: typeof chart) => of.locator('tbody th').allInnerTexts()
  // Both are drawn from the same answer; it may come between the two readings.
  await until('the same axis of time', STEP_MS_MAX, async () => {
    const [one, other] = [await times(chart), await times(load)]
    return one.length > 0 && one.join() === other.join()
  })
  await desk.getByText('2 servers wanted').waitFor()
})

test('shows announced events, and what is known of their effect', async () => {
  const now = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+|[-:]/g, '')
  const event = `BEGIN:VEVENT\r\nDTSTART:${now}\r\nDURATION:PT1H\r\nSUMMARY:release\r\nEND:VEVENT`
  writeFileSync(join(limen.folder, 'site.ics'), `BEGIN:VCALENDAR\r\n${event}\r\nEND:VCALENDAR\r\n`)
  const events = desk.getByRole('region', { name: 'Announced events' })
  await events.getByRole('row', { name: /^release .*none seen yet/ }).waitFor()
})

test('goes to another pool', async () => {
  const scaling = desk.waitForResponse(/v1\/scaling/)
  await desk.getByLabel('idle').check({ force: true })
  await desk.getByRole('heading', { name: 'Pool idle' }).waitFor()
  await scaling
  await desk.getByText('Capacity: server b was not yet seen near its limit.').waitFor()
  assert.equal(await desk.getByRole('figure', { name: 'Servers wanted and up' }).count(), 0)
  await desk.getByLabel('site').check({ force: true })
  await desk.getByRole('heading', { name: 'Pool site' }).waitFor()
})

test('axe finds nothing, light and dark, wide and narrow', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await desk.emulateMedia({ colorScheme })
    for (const size of [WIDE, NARROW]) {
      await desk.setViewportSize(size)
      await desk.getByRole('region', { name: 'Horizons' }).waitFor()
      assert.deepEqual(await violations(desk), [], `${colorScheme}, ${size.width} px`)
      const fits = 'document.documentElement.scrollWidth <= innerWidth'
      assert.ok(await desk.evaluate(fits), `wider than ${size.width} px`)
    }
  }
})

test('where forecasts are off it says how to turn them on', async () => {
  const off = await startLimen(
    [process.execPath, QUICK],
    CONFIG.replace(/forecast: .*/, 'forecast: { enabled: false }').replace(
      /, scaling: .*(?= \})/,
      '',
    ),
  )
  try {
    await desk.goto(`${off.adminUrl}#/forecast`)
    await desk.getByText('No pool is forecast').waitFor()
    await desk.getByText('forecast.enabled').waitFor()
    assert.deepEqual(await violations(desk), [])
  } finally {
    await off.clean()
  }
})

test('nothing was blocked or thrown on the way', () => assert.deepEqual(complaints, []))

/** In the page: is there anything on the canvas but grey? */
const HAS_A_LINE = `(() => {
  const canvas = document.querySelector('canvas')
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let colored = 0
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 150 && Math.abs(data[i + 2] - data[i]) > 80) colored += 1
  }
  return colored > 40
})()`
