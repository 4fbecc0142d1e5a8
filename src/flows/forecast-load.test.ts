import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { adoptFit, fitDue, fitJob, fitModels } from '../forecast/forecaster.ts'
import { historyOf } from '../forecast/series.ts'
import {
  keptOf,
  LOAD_FORECAST_DEFAULTS,
  type LoadForecasts,
  noteLoad,
  openLoadForecasts,
  SERVERS_MAX,
  type ServerReport,
} from './forecast-load.ts'

/** A whole minute. */
const START_S = 1_790_000_040

const open = (poolsMax = 64): LoadForecasts =>
  openLoadForecasts([], START_S, { ...LOAD_FORECAST_DEFAULTS, poolsMax }).forecasts
const report = (
  pool: string,
  requests: number,
  more: Partial<ServerReport> = {},
): ServerReport => ({
  ...{ pool, id: 'a', requests, failures: 0, p99Ms: 10, isServing: true, ...more },
})
const countsOf = (forecasts: LoadForecasts, pool: string): number[] => {
  const found = forecasts.pools.get(pool)
  return found === undefined ? [] : [...historyOf(found.forecaster.series)]
}

describe('noteLoad()', () => {
  it('counts what came since the last report, of all servers of a pool; the first is where counting begins', () => {
    const forecasts = open()
    const minutes = [
      [report('site', 1000), report('site', 7, { id: 'b' })],
      [report('site', 1010), report('site', 12, { id: 'b' })],
      [report('site', 1010), report('site', 12, { id: 'b' })],
      [report('site', 1013), report('site', 12, { id: 'b' }), report('api', 4)],
    ]
    for (const [i, servers] of minutes.entries()) noteLoad(forecasts, START_S + 60 * i, servers)
    assert.deepEqual(countsOf(forecasts, 'site'), [15, 0, 3])
    assert.deepEqual(countsOf(forecasts, 'api'), [4])
    assert.equal(forecasts.pools.get('site')?.forecaster.series.openS, START_S + 180)
  })

  it('minutes that nobody reported on are unknown, not zero', () => {
    const forecasts = open()
    noteLoad(forecasts, START_S, [report('site', 0)])
    noteLoad(forecasts, START_S + 60, [report('site', 5)])
    noteLoad(forecasts, START_S + 120, undefined)
    noteLoad(forecasts, START_S + 180, [report('site', 50)])
    noteLoad(forecasts, START_S + 240, [report('site', 56)])
    assert.deepEqual(countsOf(forecasts, 'site'), [5, Number.NaN, Number.NaN, 6])
  })

  it('requests of a pause belong to no minute', () => {
    const forecasts = open()
    noteLoad(forecasts, START_S, [report('site', 0)])
    noteLoad(forecasts, START_S + 60, [report('site', 5)])
    noteLoad(forecasts, START_S + 240, [report('site', 500)])
    noteLoad(forecasts, START_S + 300, [report('site', 507)])
    assert.deepEqual(countsOf(forecasts, 'site'), [5, Number.NaN, Number.NaN, Number.NaN, 7])
  })

  it('a report a little early or late is of its minute, and one right after another is none', () => {
    const forecasts = open()
    let requests = 0
    for (const [i, late] of [0, 4, -0.001, 0.001, 2].entries()) {
      const atS = START_S + 60 * Math.min(i, i > 2 ? i - 1 : i) + late
      noteLoad(forecasts, atS, [report('site', requests)])
      requests += 10
    }
    noteLoad(forecasts, START_S + 240, [report('site', requests)])
    // The fourth, 2 ms after the third, did not begin a count: its 10 are in the next minute.
    assert.deepEqual(countsOf(forecasts, 'site'), [10, 10, 20, 10])
  })

  it('a counter that fell was begun anew, and a clock that went back counts from there', () => {
    const forecasts = open()
    noteLoad(forecasts, START_S, [report('site', 100)])
    noteLoad(forecasts, START_S + 60, [report('site', 4)])
    assert.deepEqual(countsOf(forecasts, 'site'), [4])
    noteLoad(forecasts, START_S - 3600, [report('site', 90)])
    assert.deepEqual(countsOf(forecasts, 'site'), [4])
  })

  it('forecasts so many pools and no more; those that are gone make room', () => {
    const forecasts = open(2)
    const minute = (i: number, ...pools: string[]): void =>
      noteLoad(
        forecasts,
        START_S + 60 * i,
        pools.map((pool) => report(pool, i)),
      )
    minute(0, 'a', 'b', 'c')
    minute(1, 'a', 'b', 'c')
    assert.deepEqual([...forecasts.pools.keys()], ['a', 'b'])
    minute(2, 'b')
    assert.deepEqual([...forecasts.pools.keys()], ['a', 'b'], 'it may come back')
    minute(3, 'b', 'c')
    assert.deepEqual([...forecasts.pools.keys()], ['b', 'c'])
  })

  it('measures servers that had requests, a bounded number, while they are there', () => {
    const forecasts = open()
    const servers = (requests: number, from: number) =>
      Array.from({ length: SERVERS_MAX + 5 }, (_, i) =>
        report('site', i === 0 ? 0 : requests, { id: `${from + i}`, failures: requests / 10 }),
      )
    noteLoad(forecasts, START_S, servers(0, 0))
    noteLoad(forecasts, START_S + 60, servers(120, 0))
    const samples = forecasts.pools.get('site')?.samples
    assert.equal(samples?.size, SERVERS_MAX)
    assert.deepEqual(samples?.get('0'), undefined)
    assert.deepEqual(samples?.get('1'), [{ load: 2, errors: 0.1, p99Ms: 10 }])
    noteLoad(forecasts, START_S + 120, servers(120, 3))
    assert.equal(samples?.has('1'), false)
    assert.equal(samples?.has('70'), true)
  })
})

describe('openLoadForecasts()', () => {
  /** So many minutes of 10 requests each. */
  const busy = (minutes: number): LoadForecasts => {
    const forecasts = open()
    for (let i = 0; i <= minutes; i++)
      noteLoad(forecasts, START_S + 60 * i, [report('site', 10 * i)])
    return forecasts
  }
  const kept = (forecasts: LoadForecasts) =>
    structuredClone([...forecasts.pools.values()].map(keptOf))

  it('goes on where it was, and what lies between is unknown', () => {
    const before = busy(5)
    const { forecasts, unusable } = openLoadForecasts(kept(before), START_S + 420)
    assert.deepEqual(unusable, [])
    noteLoad(forecasts, START_S + 420, [report('site', 0)])
    noteLoad(forecasts, START_S + 480, [report('site', 3)])
    assert.deepEqual(countsOf(forecasts, 'site'), [10, 10, 10, 10, 10, Number.NaN, Number.NaN, 3])
    assert.equal(forecasts.pools.get('site')?.samples.get('a')?.length, 6)
  })

  it('also after days', () => {
    const dayS = 86_400
    const { forecasts } = openLoadForecasts(kept(busy(3)), START_S + 180 + 3 * dayS)
    const counts = countsOf(forecasts, 'site')
    assert.equal(counts.length, 3 + 3 * 1440)
    assert.deepEqual(counts.slice(0, 4), [10, 10, 10, Number.NaN])
  })

  it('begins anew what is too old, of other options or broken, and says which', () => {
    const [good] = kept(busy(3))
    assert.ok(good)
    const records = [
      good,
      {
        ...good,
        pool: 'other',
        forecaster: { ...good.forecaster, options: { ...good.forecaster.options, stepS: 1 } },
      },
      { ...good, pool: 'broken', forecaster: { ...good.forecaster, horizons: undefined } as never },
    ]
    const { forecasts, unusable } = openLoadForecasts(records, START_S + 240)
    assert.deepEqual(unusable, ['other', 'broken'])
    assert.deepEqual([...forecasts.pools.keys()], ['site'])
    assert.deepEqual(openLoadForecasts([good], START_S + 8 * 86_400).unusable, ['site'])
  })

  it('a fit that was made is still there', () => {
    const before = busy(70)
    const state = before.pools.get('site')?.forecaster
    assert.ok(state !== undefined && fitDue(state))
    adoptFit(state, fitModels(fitJob(state)))
    const { forecasts } = openLoadForecasts(kept(before), START_S + 70 * 60)
    assert.equal(forecasts.pools.get('site')?.forecaster.fit.total, 70)
  })
})
