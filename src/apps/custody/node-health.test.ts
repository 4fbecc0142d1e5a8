import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NodeHealth } from './node-health.ts'

describe('NodeHealth', () => {
  it('hedges after the 95th of a hundred latencies, of each operation by itself', () => {
    const health = new NodeHealth(() => 0)
    assert.equal(health.hedgeMs('sign'), 50)
    for (let ms = 1; ms <= 64; ms++) health.answered('sign', ms)
    assert.equal(health.hedgeMs('sign'), 60)
    for (let i = 0; i < 64; i++) health.answered('sign', 0.5)
    assert.equal(health.hedgeMs('sign'), 2)
    assert.equal(health.hedgeMs('use'), 50)
  })

  it('stays away from who fails, for twice as long each time, until it answers', () => {
    let now = 0
    const health = new NodeHealth(() => now)
    assert.equal(health.isAway, false)
    for (const awayMs of [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      health.failed()
      now += awayMs - 1
      assert.equal(health.isAway, true)
      now += 1
      assert.equal(health.isAway, false)
    }
    health.failed()
    health.answered('sign', 1)
    assert.equal(health.isAway, false)
  })

  it('stays away from who stands still with a request', () => {
    let now = 0
    const health = new NodeHealth(() => now)
    const first = health.asked()
    now = 400
    const second = health.asked()
    now = 501
    assert.equal(health.isAway, true)
    first()
    assert.equal(health.isAway, false)
    now = 901
    assert.equal(health.isAway, true)
    second()
    assert.equal(health.isAway, false)
  })

  it('leaves liars out for a minute, also when they answer', () => {
    let now = 0
    const health = new NodeHealth(() => now)
    health.lied()
    health.answered('sign', 1)
    now = 59_999
    assert.equal(health.isExcluded, true)
    now = 60_000
    assert.equal(health.isExcluded, false)
  })

  it('counts what was answered, and what was not', () => {
    const health = new NodeHealth(() => 0)
    for (const operation of ['sign', 'list', 'sign']) health.answered(operation, 1)
    health.failed()
    const { answers, unanswered } = health.counts
    assert.deepEqual([...answers].sort(), [
      ['list', 1],
      ['sign', 2],
    ])
    assert.equal(unanswered, 1)
  })
})
