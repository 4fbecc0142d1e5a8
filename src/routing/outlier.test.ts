import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { failed, noOutlier, succeeded } from './outlier.ts'

const OPTIONS = { consecutiveFailures: 3, ejectMs: 100, ejectShareMax: 0.5 }
const POOL = { ejected: 0, servers: 4 }

describe('failed()', () => {
  it('ejects at so many failures in a row, not before', () => {
    const state = noOutlier()
    assert.deepEqual(
      [1, 2, 3].map((now) => failed(state, OPTIONS, POOL, now)),
      [false, false, true],
    )
    assert.equal(state.ejectedUntil, 103)
  })
  it('starts over at a success', () => {
    const state = noOutlier()
    failed(state, OPTIONS, POOL, 1)
    failed(state, OPTIONS, POOL, 2)
    succeeded(state)
    assert.equal(failed(state, OPTIONS, POOL, 3), false)
  })
  it('ejects for longer each time, up to ten times', () => {
    const state = noOutlier()
    const lengths: number[] = []
    let now = 0
    for (let n = 0; n < 12; n++) {
      now = state.ejectedUntil + 1
      while (!failed(state, OPTIONS, POOL, now)) assert.equal(state.ejectedUntil < now, true)
      lengths.push(state.ejectedUntil - now)
    }
    assert.deepEqual(lengths, [100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1000, 1000])
  })
  it('leaves a share of the pool, and always the last server', () => {
    const full = { ...OPTIONS, consecutiveFailures: 1 }
    assert.equal(failed(noOutlier(), full, { ejected: 2, servers: 4 }, 1), false)
    assert.equal(failed(noOutlier(), full, { ejected: 1, servers: 4 }, 1), true)
    assert.equal(failed(noOutlier(), full, { ejected: 0, servers: 1 }, 1), false)
    assert.equal(
      failed(noOutlier(), { ...full, ejectShareMax: 1 }, { ejected: 1, servers: 2 }, 1),
      false,
    )
  })
  it('does not eject again what is ejected', () => {
    const state = noOutlier()
    const full = { ...OPTIONS, consecutiveFailures: 1 }
    assert.equal(failed(state, full, POOL, 1), true)
    assert.equal(failed(state, full, POOL, 50), false)
  })
})
