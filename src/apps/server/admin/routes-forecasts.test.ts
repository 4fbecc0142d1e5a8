import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type RunningLimen, runLimen, SHORT_CONFIG } from '../../../../test/running-limen.ts'
import { openLog } from '../../../adapters/node/json-log.ts'
import { makePrivateFolder } from '../../../adapters/node/private-file.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import type { PoolForecast } from '../../../flows/explain-forecast.ts'
import { keptOf, noteLoad, openLoadForecasts } from '../../../flows/forecast-load.ts'
import type { Config } from '../config/schema.ts'
import { openForecastStorage } from '../forecast-storage.ts'
import { digestOf } from '../material.ts'
import { recordKeyInFile } from '../record-key.ts'
import type { AnnouncedEventView, AnnouncedView, ForecastCurveView } from './forecast-views.ts'

const ROLES = ['viewer', 'analyst', 'operator', 'custodian'] as const
/** Tokens are the roles' names here. */
const TOKENS = ROLES.map(
  (role) => `{ name: the-${role}, role: ${role}, sha256: ${digestOf(role).toString('hex')} }`,
).join(', ')
const CONFIG = `${SHORT_CONFIG.replace('admin: { ', `admin: { tokens: [${TOKENS}], `)}
forecast: { calendars: [{ file: shop.ics, pool: site }] }
`
/** Every day, all day. */
const CALENDAR = [
  ...['BEGIN:VCALENDAR', 'BEGIN:VEVENT', 'DTSTART;VALUE=DATE:20260101', 'SUMMARY:day'],
  ...['RRULE:FREQ=DAILY', 'END:VEVENT', 'END:VCALENDAR'],
].join('\r\n')
const log = openLog({ level: 'error', format: 'json', write: () => {} })

/** As a Limen leaves it that had 90 requests in each of the last ten minutes. */
async function leaveForecast(folder: string): Promise<void> {
  writeFileSync(join(folder, 'shop.ics'), CALENDAR)
  const data = join(folder, 'data')
  makePrivateFolder(data)
  const random = systemRandom()
  const recordKey = recordKeyInFile(data, random)
  const store = await openForecastStorage({ data } as Config, recordKey, random, log)
  const nowS = Math.floor(Date.now() / 60_000) * 60
  const { forecasts } = openLoadForecasts([], nowS)
  const server = { pool: 'site', id: 'a', failures: 0, p99Ms: 5, isServing: true }
  for (let i = 10; i >= 0; i--) {
    noteLoad(forecasts, nowS - 60 * i, [{ ...server, requests: 90 * (10 - i) }])
  }
  for (const pool of forecasts.pools.values()) {
    await store.save(keptOf(pool))
    await store.save({ ...keptOf(pool), pool: 'of-before' })
  }
  await store.close()
}

let limen: RunningLimen
before(async () => {
  limen = await runLimen(CONFIG, leaveForecast)
})
after(() => limen.end())

const ask = (path: string, as?: string): Promise<Response> =>
  fetch(new URL(path, limen.running.adminUrl), {
    headers: as === undefined ? {} : { authorization: `Bearer ${as}` },
  })

describe('forecasts over the admin API', () => {
  it('are figures: for every role, and not for nobody', async () => {
    for (const path of ['/v1/forecasts', '/v1/forecasts/site']) {
      for (const role of ROLES) assert.equal((await ask(path, role)).status, 200, role)
      assert.equal((await ask(path)).status, 401)
    }
  })

  it('list the pools there are now', async () => {
    const found = (await (await ask('/v1/forecasts', 'viewer')).json()) as readonly PoolForecast[]
    assert.deepEqual(
      found.map(({ pool, stepS }) => [pool, stepS]),
      [['site', 60]],
    )
    const [site] = found
    assert.deepEqual(
      site?.horizons.map(({ aheadS }) => aheadS),
      [300, 900, 3600],
    )
    assert.equal(site?.capacity.requestsPerSecond, null)
    // The second once a minute has ended since the start.
    const reasons = ['no server takes requests', 'server a was not yet seen near its limit']
    assert.ok(reasons.includes(site?.capacity.reason ?? ''), site?.capacity.reason)
  })

  it('show the past and the next hour of one', async () => {
    const answer = await ask('/v1/forecasts/site', 'viewer')
    const { history, expected, low, high } = (await answer.json()) as ForecastCurveView
    assert.deepEqual(history.slice(0, 10), new Array(10).fill(1.5))
    assert.deepEqual([expected.length, low.length, high.length], [60, 60, 60])
    expected.forEach((value, i) => {
      assert.ok((low[i] ?? 0) <= value && value <= (high[i] ?? 0))
    })
  })

  it('404 for what is no pool, and while they are off', async () => {
    assert.equal((await ask('/v1/forecasts/nowhere', 'viewer')).status, 404)
    assert.equal((await ask('/v1/forecasts/of-before', 'viewer')).status, 404)
    const off = await runLimen(CONFIG.replace(/forecast: .*/, 'forecast: { enabled: false }'))
    try {
      const answer = await fetch(new URL('/v1/forecasts', off.running.adminUrl), {
        headers: { authorization: 'Bearer viewer' },
      })
      assert.equal(answer.status, 404)
      assert.match(await answer.text(), /set forecast\.enabled/)
    } finally {
      await off.end()
    }
  })
})

describe('announced events over the admin API', () => {
  const path = '/v1/forecasts/events'
  const now = Date.now()
  const hour = (from: number) => new Date(now + from * 3_600_000).toISOString()
  const send = (method: string, url: string, as: string, body?: unknown): Promise<Response> =>
    fetch(new URL(url, limen.running.adminUrl), {
      method,
      headers: {
        authorization: `Bearer ${as}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
  const list = async (): Promise<AnnouncedView> =>
    (await (await ask(path, 'viewer')).json()) as AnnouncedView
  const shown = async () =>
    ((await (await ask('/v1/forecasts/site', 'viewer')).json()) as ForecastCurveView).events

  it('are announced and withdrawn by operators, shown to all, and audited', async () => {
    const sale = { kind: 'sale', start: hour(1), end: hour(2) }
    assert.equal((await send('POST', path, 'analyst', sale)).status, 403)
    const answer = await send('POST', path, 'operator', sale)
    assert.equal(answer.status, 201)
    const added = (await answer.json()) as AnnouncedEventView
    assert.deepEqual([added.pool, added.source], [null, 'api'])
    assert.equal(added.endAt - added.startAt, 3_600_000)
    assert.ok((await list()).events.some(({ id }) => id === added.id))
    const [event] = (await shown()).filter(({ kind }) => kind === 'sale')
    assert.deepEqual([event?.startAt, event?.factor, event?.learnedFrom], [added.startAt, 1, 0])

    assert.equal((await send('POST', path, 'operator', sale)).status, 400)
    assert.equal((await send('DELETE', `${path}/${added.id}`, 'viewer')).status, 403)
    assert.equal((await send('DELETE', `${path}/${added.id}`, 'operator')).status, 204)
    assert.equal((await send('DELETE', `${path}/${added.id}`, 'operator')).status, 404)
    assert.deepEqual(
      (await shown()).filter(({ kind }) => kind === 'sale'),
      [],
    )
    const audit = readFileSync(join(limen.running.config.data, 'audit.jsonl'), 'utf8')
    assert.match(audit, /"the-operator".*forecast\.event\.add/)
    assert.match(audit, /"the-operator".*forecast\.event\.remove/)
  })

  it('are refused when they are over, end before they begin, last too long, or are of no pool', async () => {
    const good = { kind: 'sale', start: hour(1), end: hour(2) }
    for (const [bad, status] of [
      [{ ...good, start: hour(-2), end: hour(-1) }, 400],
      [{ ...good, end: hour(0) }, 400],
      [{ ...good, end: hour(32 * 24) }, 400],
      [{ ...good, start: 'tomorrow' }, 400],
      [{ ...good, kind: 'a\u0000b' }, 400],
      [{ ...good, kind: '' }, 400],
      [{ ...good, more: 1 }, 400],
      [{ ...good, pool: 'nowhere' }, 404],
    ] as const) {
      assert.equal((await send('POST', path, 'operator', bad)).status, status, JSON.stringify(bad))
    }
  })

  it('come from calendars too, which say how they are', async () => {
    let found = await list()
    while (found.calendars[0]?.readAt === null) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      found = await list()
    }
    const [calendar] = found.calendars
    assert.deepEqual([calendar?.pool, calendar?.failure, calendar?.left], ['site', null, 0])
    assert.equal(calendar?.events, 15, 'of today and the 14 days to come')
    assert.equal((await shown()).filter(({ kind }) => kind === 'day').length, 15)
    const [first] = found.events
    assert.match(first?.source ?? '', /shop\.ics$/)
    assert.equal((await send('DELETE', `${path}/${first?.id}`, 'operator')).status, 404)
  })
})
