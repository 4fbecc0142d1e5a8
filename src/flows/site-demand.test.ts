import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededFraction } from '../math/seeded-chance.ts'
import { DAY_S, nextArrival, pastDemand, sessionRate } from './site-demand.ts'
import type { SessionScenario, SiteScenario } from './site-scenario.ts'

const CROWD = { name: 'offer', fromS: 600, toS: 660, factor: 4, rampS: 20, announced: false }

/** No more of a scenario than demand looks at. */
function site(sessions: Partial<SessionScenario>): SiteScenario {
  return {
    beginsAtHour: 12,
    sessions: {
      ...{ perMinute: [120], daySwing: 0, peakHour: 15, crowds: [] },
      ...{ requests: 5, thinkS: 3, serviceMs: 20 },
      ...sessions,
    },
    scaling: { predictive: { daySigma: 0 } },
  } as unknown as SiteScenario
}

describe('sessionRate()', () => {
  it('goes by the list of minutes, the first before and the last after', () => {
    const listed = site({ perMinute: [60, 120] })
    assert.deepEqual(
      [-100, 0, 59, 60, 1000].map((atS) => sessionRate(listed, atS)),
      [1, 1, 1, 2, 2],
    )
  })

  it('goes by the hour of the day', () => {
    const daily = site({ daySwing: 0.5, peakHour: 15 })
    assert.equal(sessionRate(daily, 3 * 3600), 3)
    assert.equal(sessionRate(daily, 15 * 3600), 1)
  })

  it('goes up to a crowd and down again, there and on the days before', () => {
    const crowded = site({ crowds: [{ ...CROWD, everyDays: 2 }] })
    const rates = [599, 610, 620, 659, 670, 680].map((atS) => sessionRate(crowded, atS))
    assert.deepEqual(rates, [2, 5, 8, 8, 5, 2])
    assert.equal(sessionRate(crowded, 640 - 2 * DAY_S), 8)
    assert.equal(sessionRate(crowded, 640 - DAY_S), 2)
    const once = site({ crowds: [{ ...CROWD, everyDays: 0 }] })
    assert.equal(sessionRate(once, 640 - 2 * DAY_S), 2)
  })
})

describe('nextArrival()', () => {
  it('draws as many as the rate says, also where it changes, and none where it is 0', () => {
    const changing = site({ perMinute: [600, 0, 1200] })
    const fraction = seededFraction(3)
    const minutes = [0, 0, 0]
    for (let at = 0; ; ) {
      at = nextArrival(changing, fraction, at, 180_000)
      if (at >= 180_000) break
      const minute = Math.floor(at / 60_000)
      minutes[minute] = (minutes[minute] ?? 0) + 1
    }
    const [first = 0, second, third = 0] = minutes
    // Within four standard deviations of a Poisson count.
    assert.ok(Math.abs(first - 600) < 4 * Math.sqrt(600), `${first}`)
    assert.ok(Math.abs(third - 1200) < 4 * Math.sqrt(1200), `${third}`)
    assert.equal(second, 0)
  })
})

describe('pastDemand()', () => {
  it('is the rate of sessions times their requests, with the noise of counting', () => {
    const past = pastDemand(site({}), seededFraction(1), -DAY_S, 0)
    assert.equal(past.length, 1440)
    const mean = past.reduce((sum, one) => sum + one, 0) / past.length
    const variance = past.reduce((sum, one) => sum + (one - mean) ** 2, 0) / past.length
    assert.ok(Math.abs(mean / 600 - 1) < 0.01, `${mean}`)
    assert.ok(Math.abs(variance / 600 - 1) < 0.15, `${variance}`)
  })

  it('has the crowds of the days before, a session’s length later at most', () => {
    const crowds = [{ ...CROWD, everyDays: 1 }]
    const past = pastDemand(site({ crowds }), seededFraction(1), -DAY_S, 0)
    const calm = past.slice(0, 10).reduce((sum, one) => sum + one, 0) / 10
    const most = past.indexOf(Math.max(...past))
    assert.ok(most === 10 || most === 11, `${most}`)
    assert.ok((past[most] ?? 0) > 2.5 * calm)
  })
})
