import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RequestMemory } from './request-memory.ts'

const id = (n: number) => new Uint8Array(16).fill(n)

describe('RequestMemory', () => {
  it('knows a request again for as long as its time is good', () => {
    for (const time of [70_000, 100_000, 130_000]) {
      const memory = new RequestMemory()
      assert.equal(memory.look('a', id(1), time, 100_000), 'new')
      for (let now = 100_000; now <= 240_000; now += 5_000) {
        const seen = memory.look('a', id(1), time, now)
        assert.equal(seen, Math.abs(time - now) <= 30_000 ? 'replayed' : 'clock', `${time} ${now}`)
      }
    }
  })

  it('knows requests of each caller by themselves', () => {
    const memory = new RequestMemory()
    assert.equal(memory.look('a', id(1), 0, 0), 'new')
    assert.equal(memory.look('b', id(1), 0, 0), 'new')
    assert.equal(memory.look('a', id(2), 0, 0), 'new')
    assert.equal(memory.look('a', id(1), 0, 0), 'replayed')
  })

  it('refuses rather than forgets', () => {
    const memory = new RequestMemory()
    const bytes = id(0)
    const view = new DataView(bytes.buffer)
    for (let n = 0; n < 125_000; n++) {
      view.setUint32(0, n)
      memory.look('a', bytes, 0, 0)
    }
    assert.equal(memory.look('a', id(255), 0, 0), 'busy')
    assert.equal(memory.look('a', id(0), 0, 0), 'replayed')
    assert.equal(memory.look('a', id(255), 30_000, 30_000), 'new')
    assert.equal(memory.look('a', id(255), 30_000, 30_000), 'replayed')
  })

  it('knows a request again when the clock is set back, often or by half a minute', () => {
    const memory = new RequestMemory()
    assert.equal(memory.look('a', id(1), 100_000, 100_000), 'new')
    for (let now = 100_000; now > 99_000; now--) {
      assert.equal(memory.look('a', id(1), 100_000, now), 'replayed')
    }
    assert.equal(memory.look('a', id(2), 160_000, 160_000), 'new')
    assert.equal(memory.look('a', id(1), 100_000, 130_000), 'replayed')
  })

  it('goes on when the clock is set back by a day, again and again', () => {
    const memory = new RequestMemory()
    for (let day = 20; day > 0; day--) {
      const now = day * 86_400_000
      assert.equal(memory.look('a', id(day), now, now), 'new')
      assert.equal(memory.look('a', id(day), now, now), 'replayed')
    }
  })
})
