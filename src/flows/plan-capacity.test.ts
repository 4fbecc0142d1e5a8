import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  byUtilisation,
  openWishes,
  type PlanQuestion,
  type PlanSettings,
  planCapacity,
} from './plan-capacity.ts'

const SETTINGS: PlanSettings = { min: 2, max: 10, startUpS: 180, marginS: 60, utilisation: 0.5 }
/** One server carries ten requests a second; four minutes are looked at. */
const QUIET: PlanQuestion = {
  ...{ ahead: [20, 20, 20, 20, 20, 20], stepS: 60, measured: 20, perServer: 10 },
  ...{ busy: Number.NaN, up: 2, starting: 0 },
}
const ask = (change: Partial<PlanQuestion>, settings: Partial<PlanSettings> = {}) =>
  planCapacity(openWishes(), { ...QUIET, ...change }, { ...SETTINGS, ...settings }, 0)

describe('planCapacity()', () => {
  it('has enough when measured and expected load are carried', () => {
    assert.deepEqual(ask({}), {
      wanted: 2,
      reason: 'enough',
      explained: '2 servers: 20 requests a second were measured, and one server takes 10 at 50 %',
    })
  })

  it('orders what the upper line needs within the time to start, and not what comes later', () => {
    const { wanted, reason, explained } = ask({ ahead: [20, 20, 20, 45, 90, 90] })
    assert.deepEqual([wanted, reason], [5, 'forecast'])
    assert.equal(
      explained,
      '5 servers: up to 45 requests a second are to be expected within 240 s, and one server takes 10 at 50 %',
    )
    assert.equal(ask({ ahead: [20, 20, 20, 20, 90, 90] }).wanted, 2)
  })

  it('orders what is measured, whatever the forecast says, and where there is none', () => {
    for (const ahead of [QUIET.ahead, []]) {
      const { wanted, reason } = ask({ ahead, measured: 61 })
      assert.deepEqual([wanted, reason], [7, 'measured'])
    }
  })

  it('counts what is starting as there', () => {
    const { wanted, reason } = ask({ measured: 41, starting: 3 })
    assert.deepEqual([wanted, reason], [5, 'enough'])
  })

  it('says so at the maximum, and at the minimum', () => {
    const most = ask({ measured: 130 })
    assert.deepEqual([most.wanted, most.reason], [10, 'at-maximum'])
    assert.match(most.explained, /^At the maximum of 10, and 13 would be needed: 130 requests/)
    const least = ask({ measured: 1, ahead: [], up: 1 })
    assert.deepEqual([least.wanted, least.reason], [2, 'minimum'])
  })

  it('takes servers away only when measured load and forecast have allowed it for 300 s', () => {
    const wishes = openWishes()
    const plan = (change: Partial<PlanQuestion>, atS: number) =>
      planCapacity(wishes, { ...QUIET, up: 6, ...change }, SETTINGS, atS)
    assert.deepEqual([plan({}, 0).wanted, plan({}, 299).wanted], [6, 6])
    assert.equal(plan({}, 299).reason, 'stabilising')
    assert.deepEqual([plan({}, 300).wanted, plan({}, 300).reason], [2, 'fewer'])
    // The forecast alone holds it up, and so does the measured load.
    plan({ ahead: [55] }, 400)
    assert.equal(plan({}, 699).wanted, 6)
    plan({ measured: 45 }, 700)
    assert.equal(plan({}, 999).wanted, 5)
    assert.equal(plan({}, 1000).wanted, 2)
  })

  it('never takes one away on a forecast alone', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(19), { maxLength: 5 }),
        fc.array(fc.integer({ min: 51, max: 100 }), { minLength: 2, maxLength: 40 }),
        (ahead, loads) => {
          const wishes = openWishes()
          loads.forEach((measured, i) => {
            const question = { ...QUIET, ahead, measured, up: 6 }
            assert.ok(planCapacity(wishes, question, SETTINGS, i * 60).wanted >= 6)
          })
        },
      ),
      { seed: 7 },
    )
  })

  it('goes by the busy share alone where nobody knows what a server carries', () => {
    const unknown = { perServer: undefined, ahead: [1000], up: 4 }
    assert.deepEqual(
      [0.8, 0.52, 0.1].map((busy) => ask({ ...unknown, busy }).wanted),
      [7, 4, 4],
    )
    const { reason, explained } = ask({ ...unknown, busy: 0.8 })
    assert.equal(reason, 'utilisation')
    assert.match(explained, /^7 servers: 80 % of the places of 4 servers are taken/)
    assert.deepEqual([ask(unknown).wanted, ask(unknown).reason], [4, 'enough'])
  })

  it('knows nothing before the first measurement, and lets be what there is', () => {
    const { wanted, explained } = ask({ ahead: [], measured: Number.NaN, up: 3 })
    assert.equal(wanted, 3)
    assert.match(explained, /nothing was measured yet/)
  })
})

describe('byUtilisation()', () => {
  it('is the rule of the HorizontalPodAutoscaler, with its tolerance', () => {
    // ceil(4 * 0.9 / 0.6), and within a tenth no change.
    assert.deepEqual(
      [0.9, 0.65, 0.55, 0.3].map((busy) => byUtilisation(busy, 4, 0.6)),
      [6, 4, 4, 2],
    )
  })
})
