import assert from 'node:assert/strict'
import { it } from 'node:test'
import { oracleCost, type RecordedEvent } from './thresholds.ts'

const event = (score: number, isAttack: boolean): RecordedEvent => ({
  ...{ score, isAttack, isTold: false },
})

it('oracleCost() is that of the best threshold of each eighth', () => {
  // In each part scores 1 to 4, the attack third: to flag it costs one false alarm, to miss it ten.
  const part = [event(1, false), event(4, false), event(3, true), event(2, false)]
  assert.equal(oracleCost(Array.from({ length: 8 }, () => part).flat()), 1 / 4)
  const apart = [event(1, false), event(2, true)]
  assert.equal(oracleCost(Array.from({ length: 8 }, () => apart).flat()), 0)
  const none = [event(1, false), event(2, false)]
  assert.equal(oracleCost(Array.from({ length: 8 }, () => none).flat()), 0)
})
