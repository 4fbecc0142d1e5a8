import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fitModels } from '../../forecast/forecaster.ts'
import type { UsedMinute } from './demand-history.ts'
import { KeyDemand } from './key-demand.ts'
import { DEMANDED } from './operation-costs.ts'

const KEY = 'aa'.repeat(16)
const OTHER = 'bb'.repeat(16)
const at = (operation: (typeof DEMANDED)[number]) => DEMANDED.indexOf(operation)

describe('KeyDemand', () => {
  it('expects what was counted, by key and operation', () => {
    const demand = new KeyDemand()
    for (let minute = 1; minute <= 5; minute++) {
      for (let i = 0; i < 120; i++) demand.count(KEY, 'sign')
      for (let i = 0; i < 60; i++) demand.count(OTHER, 'decrypt')
      demand.endMinute(minute * 60)
    }
    const expected = demand.expected(15)
    assert.equal(expected.get(KEY)?.[at('sign')], 2)
    assert.equal(expected.get(OTHER)?.[at('decrypt')], 1)
    assert.equal(expected.get(KEY)?.[at('decrypt')], 0)
    assert.equal(expected.size, 2)
  })

  it('forecasts from what it has learned, when it has seen enough', async () => {
    let fits = 0
    const demand = new KeyDemand({
      fit: async (job) => {
        fits++
        return fitModels(job)
      },
    })
    for (let minute = 0; minute < 240; minute++) {
      for (let i = 0; i < 60; i++) demand.count(KEY, 'derive')
      demand.endMinute(60 * (minute + 1))
      await new Promise((resolve) => setImmediate(resolve))
    }
    const perS = demand.expected(60).get(KEY)?.[at('derive')] ?? 0
    assert.ok(Math.abs(perS - 1) < 0.1, `${perS}`)
    assert.ok(fits > 0)
  })

  it('goes on after a restart with what was counted before it', async () => {
    let fits = 0
    const fit = async (job: Parameters<typeof fitModels>[0]) => {
      fits++
      return fitModels(job)
    }
    // Every hour has a busy quarter.
    const used = (minute: number): number => (minute % 60 < 15 ? 120 : 0)
    const kept: UsedMinute[] = Array.from({ length: 1200 }, (_, minute) => {
      const uses = { key: KEY, operation: 'sign', count: used(minute) } as const
      return { endS: 60 * (minute + 1), uses: uses.count === 0 ? [] : [uses] }
    })
    const demand = new KeyDemand({ fit })
    demand.restore(kept, 1200 * 60)
    const [series] = demand.series(50, 60)
    assert.equal(series?.uses, 20 * 15 * 120)
    assert.deepEqual(
      series?.history,
      Array.from({ length: 50 }, (_, i) => used(1150 + i)),
    )
    assert.equal(series.expected.length, 60)
    // What came of no use, and of uses of another key: it is learned from at once.
    assert.deepEqual(demand.endMinute(1201 * 60).uses, [])
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(fits, 1)
    assert.equal(demand.series(1, 1)[0]?.uses, 20 * 15 * 120)
  })

  it('knows that nobody counted while it was away, days long', () => {
    const demand = new KeyDemand()
    const uses = [{ key: KEY, operation: 'sign', count: 60 } as const]
    const minutes = [1, 2, 3].map((minute) => ({ endS: 60 * minute, uses }))
    const nowS = 3 * 86_400
    demand.restore(minutes, nowS)
    for (let i = 0; i < 6; i++) demand.count(KEY, 'sign')
    const ended = demand.endMinute(nowS + 60)
    assert.deepEqual(ended, { endS: nowS + 60, uses: [{ ...uses[0], count: 6 }] })
    demand.endMinute(nowS + 120)
    const [series] = demand.series(3, 1)
    assert.deepEqual(series?.history, [null, 6, 0])
  })
})
