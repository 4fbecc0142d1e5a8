import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fitModels } from '../../forecast/forecaster.ts'
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
})
