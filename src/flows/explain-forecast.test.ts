import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { explainForecast, isProven } from './explain-forecast.ts'
import {
  type LoadForecasts,
  noteLoad,
  openLoadForecasts,
  type PoolLoad,
  type ServerReport,
} from './forecast-load.ts'

const START_S = 1_790_000_040

/** One server that answers like a queue that is full at 100 requests per second: ms when it had so many. */
const latencyAt = (perSecond: number): number => 1000 / (100 - perSecond)

/** Minutes with so many requests per second each, `null` where nobody reported. */
function after(
  loads: readonly (number | null)[],
  servers: readonly string[] = ['a'],
  cpuAt?: (load: number) => number,
): PoolLoad {
  const { forecasts } = openLoadForecasts([], START_S)
  let requests = 0
  const reportAt = (i: number, load: number | null, more: Partial<ServerReport> = {}): void =>
    noteLoad(
      forecasts,
      START_S + 60 * i,
      load === null
        ? undefined
        : servers.map((id) => ({
            ...{ pool: 'site', id, requests, failures: 0, p99Ms: latencyAt(load) },
            ...{ isServing: true, ...more },
            ...(cpuAt === undefined ? {} : { cpu: cpuAt(load) }),
          })),
    )
  reportAt(0, 0)
  for (const [i, load] of loads.entries()) {
    requests += 60 * (load ?? 0)
    reportAt(i + 1, load)
  }
  return poolOf(forecasts)
}

function poolOf({ pools }: LoadForecasts): PoolLoad {
  const pool = pools.get('site')
  assert.ok(pool)
  return pool
}

const evenly = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1))

describe('explainForecast()', () => {
  it('shows what was measured in requests per second, unknown minutes as null', () => {
    const { summary, curve } = explainForecast(after([2, 0, null, 3, 4]))
    // The report after the pause says only where counting begins.
    assert.deepEqual(curve.history, [2, 0, null, null, 4])
    assert.equal(summary.now, 4)
    assert.equal(summary.stepS, 60)
    assert.equal(summary.fittedAfter, 0)
    assert.equal(summary.at, (START_S + 5 * 60) * 1000)
  })

  it('says what to expect, between lines, at 5, 15 and 60 minutes, and who says so', () => {
    const { summary, curve } = explainForecast(after(new Array(90).fill(5)))
    assert.deepEqual(
      summary.horizons.map(({ aheadS }) => aheadS),
      [300, 900, 3600],
    )
    assert.deepEqual([curve.expected.length, curve.low.length, curve.high.length], [60, 60, 60])
    for (const one of summary.horizons) {
      assert.ok(Math.abs(one.expected - 5) < 1e-9, `${one.expected}`)
      assert.ok(one.low <= one.expected && one.expected <= one.high)
      assert.ok(one.error !== null && one.error < 1e-9, 'the last value was right each time')
      assert.notEqual(one.model, '')
      assert.notEqual(one.reason, '')
    }
    assert.equal(summary.horizons[0]?.expected, curve.expected[4])
  })

  it('the error is what who speaks was off by, as a share of what came', () => {
    const { summary } = explainForecast(after(Array.from({ length: 400 }, (_, i) => (i % 2) * 10)))
    const [near, , far] = summary.horizons
    // Five steps on it is the other of 0 and 10: a mean is off by all of the mean load. Sixty steps on it is the same again.
    assert.ok(near !== undefined && near.error !== null && Math.abs(near.error - 1) < 0.02)
    assert.deepEqual([far?.model, far?.isDemoted, far?.error], ['last value', true, 0])
    assert.match(far?.reason ?? '', /of last value 0\.0 %/)
  })

  it('a forecast is proven when an hour of them was compared with what came', () => {
    assert.equal(isProven(explainForecast(after(new Array(74).fill(5))).summary), false)
    assert.equal(isProven(explainForecast(after(new Array(76).fill(5))).summary), true)
  })

  it('knows the capacity when its servers were seen near their limit, and the share of it', () => {
    const { summary } = explainForecast(after([...evenly(1, 95, 120), ...new Array(60).fill(40)]))
    const { requestsPerSecond, shareNow, shareAhead } = summary.capacity
    // Three times the latency of the quiet groups, around 5 per second: 100 - 95 / 3.
    assert.ok(requestsPerSecond !== null && Math.abs(requestsPerSecond / 68.3 - 1) < 0.06)
    assert.ok(shareNow !== null && Math.abs(shareNow - 40 / requestsPerSecond) < 1e-9)
    const high = Math.max(
      ...explainForecast(
        after([...evenly(1, 95, 120), ...new Array(60).fill(40)]),
      ).curve.high.slice(0, 15),
    )
    assert.equal(shareAhead, high / requestsPerSecond)
  })

  it('that of a pool is the sum of its servers', () => {
    const loads = evenly(1, 95, 120)
    const one = explainForecast(after(loads)).summary.capacity.requestsPerSecond
    const two = explainForecast(after(loads, ['a', 'b'])).summary.capacity.requestsPerSecond
    assert.ok(one !== null && two === 2 * one)
  })

  it('says what its servers carry at most by their CPU, and goes by none of it', () => {
    const said = explainForecast(after(evenly(1, 40, 120), ['a', 'b'], (x) => x / 80))
    const { requestsPerSecond, shareNow, shareAhead, atMost } = said.summary.capacity
    assert.deepEqual([requestsPerSecond, shareNow, shareAhead], [null, null, null])
    assert.ok(atMost !== null && Math.abs(atMost / 160 - 1) < 1e-9, `${atMost}`)
    const measured = explainForecast(after(evenly(1, 95, 120))).summary.capacity
    for (const lie of [0, 0.5, 10]) {
      const known = explainForecast(after(evenly(1, 95, 120), ['a'], () => lie)).summary.capacity
      assert.deepEqual(known, measured)
    }
  })

  it('does not know it, and says why', () => {
    const quiet = explainForecast(after(evenly(1, 20, 120))).summary.capacity
    assert.deepEqual(
      { ...quiet },
      {
        ...{ requestsPerSecond: null, shareNow: null, shareAhead: null, shareAheadS: 0 },
        atMost: null,
        reason: 'server a was not yet seen near its limit',
      },
    )
    const gone = after(evenly(1, 95, 120))
    gone.servers = gone.servers.map((one) => ({ ...one, isServing: false }))
    assert.equal(explainForecast(gone).summary.capacity.reason, 'no server takes requests')
  })
})
