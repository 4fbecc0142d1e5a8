import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededFraction } from '../math/seeded-chance.ts'
import { PredictiveScaling, ReactiveScaling } from './simulated-scaling.ts'
import type { SiteScenario } from './site-scenario.ts'

/** Two sessions a second that make five requests each: 600 a minute. No more of a scenario than scaling looks at. */
const SCENARIO = {
  ...{ warmUpS: 0, beginsAtHour: 12 },
  sessions: {
    ...{ perMinute: [120], daySwing: 0, peakHour: 15, crowds: [] },
    ...{ requests: 5, thinkS: 3, serviceMs: 20 },
  },
  scaling: {
    server: { startUpS: 180 },
    utilisation: 0.6,
    reactive: { everyS: 15, cooldownS: 60 },
    predictive: { marginS: 60, historyDays: 3, daySigma: 0 },
  },
} as unknown as SiteScenario

describe('ReactiveScaling', () => {
  const capacity = { up: 4, ordered: 4, max: 20 }

  it('wants as many as bring the busy share to what it should be, and lets small differences be', () => {
    const wanted = (busy: number) => new ReactiveScaling(SCENARIO).wanted(busy, capacity, 0)
    assert.equal(wanted(1), 7)
    assert.equal(wanted(0.9), 6)
    assert.equal(wanted(0.65), 4)
    assert.equal(wanted(0.1), 1)
  })

  it('waits after having started servers, and at its most', () => {
    const scaling = new ReactiveScaling(SCENARIO)
    assert.equal(scaling.wanted(0.9, capacity, 0), 6)
    assert.equal(scaling.wanted(1, { ...capacity, ordered: 6 }, 15), 6)
    assert.equal(scaling.wanted(1, { ...capacity, ordered: 6 }, 60), 7)
    assert.equal(new ReactiveScaling(SCENARIO).wanted(1, { ...capacity, max: 5 }, 0), 5)
  })

  it('takes servers away only when five minutes agree', () => {
    const scaling = new ReactiveScaling(SCENARIO)
    assert.equal(scaling.wanted(0.6, capacity, 0), 4)
    assert.equal(scaling.wanted(0.1, capacity, 285), 4)
    assert.equal(scaling.wanted(0.1, capacity, 300), 1)
  })
})

describe('PredictiveScaling', () => {
  /** One server carries five requests a second: 600 a minute need two. */
  const make = () => new PredictiveScaling(SCENARIO, 5, seededFraction(1))

  it('never wants fewer than what is measured needs, whatever the forecast says', () => {
    const scaling = make()
    for (let minute = 1; minute <= 10; minute++) {
      const wanted = scaling.wanted(1500, { up: 5, ordered: 5, max: 20 }, 2, minute * 60)
      assert.ok(wanted >= 5, `${wanted} at minute ${minute}`)
    }
  })

  it('wants the upper line of what it saw day by day, no more', () => {
    const scaling = make()
    for (let minute = 1; minute <= 10; minute++) {
      const wanted = scaling.wanted(600, { up: 2, ordered: 2, max: 20 }, 2, minute * 60)
      assert.ok(wanted >= 2 && wanted <= 3, `${wanted} at minute ${minute}`)
    }
    const { all, whileItMattered } = scaling.errors()
    // Said four minutes ahead: of ten minutes the last six.
    assert.deepEqual([all.minutes, all.aheadS, whileItMattered.minutes], [6, 240, 0])
    assert.ok(all.error < 0.1, `${all.error}`)
  })
})
