import assert from 'node:assert/strict'
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
import type { ForecastCurveView } from './forecast-views.ts'

const ROLES = ['viewer', 'analyst', 'operator', 'custodian'] as const
/** Tokens are the roles' names here. */
const TOKENS = ROLES.map(
  (role) => `{ name: the-${role}, role: ${role}, sha256: ${digestOf(role).toString('hex')} }`,
).join(', ')
const CONFIG = SHORT_CONFIG.replace('admin: { ', `admin: { tokens: [${TOKENS}], `)
const log = openLog({ level: 'error', format: 'json', write: () => {} })

/** As a Limen leaves it that had 90 requests in each of the last ten minutes. */
async function leaveForecast(folder: string): Promise<void> {
  const data = join(folder, 'data')
  makePrivateFolder(data)
  const store = await openForecastStorage({ data } as Config, systemRandom(), log)
  const nowS = Math.floor(Date.now() / 60_000) * 60
  const { forecasts } = openLoadForecasts([], nowS)
  const server = { pool: 'site', id: 'a', failures: 0, latencyMs: 5, isServing: true }
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
    assert.equal(site?.capacity.reason, 'no server takes requests')
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
    const off = await runLimen(`${CONFIG}forecast: { enabled: false }\n`)
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
