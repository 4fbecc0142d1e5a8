/**
 * What every {@link ForecastStore} must do, run against memory and against the real storage.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { detectAnomaly, startAnomaly } from '../forecast/anomaly/detect-anomaly.ts'
import { addToForecaster, FORECASTER_DEFAULTS, openForecaster } from '../forecast/forecaster.ts'
import type { ForecastStore, KeptForecast } from './forecast-store.ts'

const START_S = 1_790_000_040

/** A pool that had so many steps, `value` requests in each. */
export function sampleForecast(pool: string, steps = 3, value = 7): KeptForecast {
  const forecaster = openForecaster({ ...FORECASTER_DEFAULTS, historySteps: 100 })
  for (let i = 0; i <= steps; i++) addToForecaster(forecaster, START_S + 60 * i, value)
  return {
    pool,
    forecaster,
    servers: [{ id: 'ümlaut', samples: [{ load: 0.5, p99Ms: 12.25, errors: 0 }] }],
  }
}

export function forecastStoreContract(name: string, open: () => Promise<ForecastStore>): void {
  const using = async (use: (store: ForecastStore) => Promise<void>): Promise<void> => {
    const store = await open()
    try {
      await use(store)
    } finally {
      await store.close()
    }
  }

  describe(`ForecastStore: ${name}`, () => {
    it('gives back what was saved, whole: unknown values and typed arrays too', () =>
      using(async (store) => {
        const saved = sampleForecast('site')
        assert.ok(saved.forecaster.horizons.some(({ said }) => said.includes(Number.NaN)))
        await store.save(saved)
        assert.deepEqual(await store.load(), [saved])
      }))

    it('keeps what was saved, whatever becomes of the object', () =>
      using(async (store) => {
        const saved = sampleForecast('site')
        await store.save(saved)
        saved.forecaster.series.ring[0] = 99
        const [loaded] = await store.load()
        assert.equal(loaded?.forecaster.series.ring[0], 7)
        loaded?.forecaster.series.ring.fill(98)
        assert.equal((await store.load())[0]?.forecaster.series.ring[0], 7)
      }))

    it('replaces that of the same pool, and lists by name', () =>
      using(async (store) => {
        for (const pool of ['site', 'Api', 'b']) await store.save(sampleForecast(pool))
        await store.save(sampleForecast('site', 4, 8))
        const loaded = await store.load()
        assert.deepEqual(
          loaded.map(({ pool }) => pool),
          ['Api', 'b', 'site'],
        )
        assert.equal(loaded[2]?.forecaster.series.total, 4)
      }))

    it('forgets what is removed, and knows nothing of others', () =>
      using(async (store) => {
        await store.save(sampleForecast('a'))
        await store.save(sampleForecast('b'))
        await store.remove(['b', 'c', '', 'é'.repeat(3000)])
        assert.deepEqual(
          (await store.load()).map(({ pool }) => pool),
          ['a'],
        )
      }))

    it('keeps announced events, all of them replaced by the next, and apart from pools', () =>
      using(async (store) => {
        assert.deepEqual(await store.loadEvents(), [])
        const event = { id: '0123456789abcdef', pool: null, kind: 'Schlußverkauf', source: 'api' }
        const first = [{ ...event, startS: START_S, endS: START_S + 60 }]
        await store.save(sampleForecast('events'))
        await store.saveEvents(first)
        assert.deepEqual(await store.loadEvents(), first)
        await store.saveEvents([{ ...event, pool: 'events', startS: 1, endS: 2 }])
        assert.deepEqual(await store.loadEvents(), [
          { ...event, pool: 'events', startS: 1, endS: 2 },
        ])
        assert.equal((await store.load()).length, 1)
      }))

    it('keeps watched series, all of them replaced by the next', () =>
      using(async (store) => {
        assert.deepEqual(await store.loadSeries(), [])
        const state = startAnomaly()
        for (let i = 0; i < 200; i++) detectAnomaly(state, i % 7, START_S * 1000 + i * 60_000)
        const kept = ['listener/ü/hellos', 'server/a/b/latency'].map((series) => ({
          series,
          state,
        }))
        await store.saveSeries([...kept].reverse())
        assert.deepEqual(await store.loadSeries(), kept)
        const [first = assert.fail()] = kept
        await store.saveSeries([first])
        assert.deepEqual(await store.loadSeries(), [first])
        assert.deepEqual(await store.load(), [])
      }))

    it('keeps where sessions come, all of it replaced by the next, by edges and groups', () =>
      using(async (store) => {
        assert.deepEqual(await store.loadDemand(), [])
        const edge = { id: 'edge-1', run: 'run-of-it', sinceS: START_S, heardS: START_S + 5 }
        const { forecaster } = sampleForecast('site')
        const last = { found: 7, missed: 1, late: 2, usedUntil: START_S + 60 }
        const one = { ...{ edge, group: 2, last, forecaster }, usedUntilS: START_S + 60 }
        const two = { ...one, group: 11, last: undefined, forecaster: undefined, parts: [] }
        const other = { ...two, edge: { ...edge, id: 'edge-0' }, group: 200 }
        const kept = [other, { ...one, parts: [[5, 3] as const] }, two]
        await store.saveDemand([...kept].reverse())
        forecaster.series.ring[0] = 99
        const loaded = await store.loadDemand()
        assert.equal(loaded[1]?.forecaster?.series.ring[0], 7)
        forecaster.series.ring[0] = 7
        assert.deepEqual(loaded, kept)
        await store.saveDemand([two])
        assert.deepEqual(await store.loadDemand(), [two])
        assert.deepEqual([await store.load(), await store.loadSeries()], [[], []])
      }))

    it('keeps nothing under what is no name of a pool', () =>
      using(async (store) => {
        for (const pool of ['', 'x'.repeat(64)]) {
          await assert.rejects(store.save(sampleForecast(pool)), RangeError)
        }
        assert.deepEqual(await store.load(), [])
      }))
  })
}
