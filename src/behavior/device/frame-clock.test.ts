import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawExponential, seededFraction } from '../../math/seeded-chance.ts'
import type { Frame } from './frame-builder.ts'
import { FrameClock } from './frame-clock.ts'

const TICKS = 3000
const frame = (at: number, lateMs: number, more: Partial<Frame> = {}): Frame => ({
  ...{ atMs: 1000 + (at * 1000) / 30 + lateMs, timestamp: at * TICKS, bytes: 900, packets: 1 },
  ...{ lost: 0, largest: 0, isKey: false, isDisposable: false, slices: 1, others: 0 },
  ...{ start: undefined, ...more },
})

describe('FrameClock', () => {
  it('says how much earlier a frame came than any before could', () => {
    const clock = new FrameClock(TICKS, false)
    for (let i = 0; i < 150; i++) assert.equal(clock.meet(frame(i, (i % 7) + 3)), undefined)
    assert.ok(Math.abs((clock.meet(frame(150, 3)) ?? 9) - 0) < 1e-6)
    assert.ok(Math.abs((clock.meet(frame(151, -17)) ?? 0) - 20) < 1e-6)
    // Then that is as early as frames come.
    assert.ok((clock.meet(frame(152, -17)) ?? 9) < 1e-6)
  })

  it('what a network does makes none early, nor a clock that is 100 ppm off', () => {
    const fraction = seededFraction(4)
    const clock = new FrameClock(TICKS, false)
    const early: number[] = []
    for (let i = 0; i < 6000; i++) {
      // A queue that fills to 400 ms and empties within half a minute, jitter.
      const queue = 200 + 200 * Math.sin(i / 100)
      const late = queue + drawExponential(fraction, 20) - (100e-6 * i * 1000) / 30
      early.push(clock.meet(frame(i, late)) ?? 0)
    }
    assert.ok(Math.max(...early.slice(3000)) < 5, `${Math.max(...early.slice(3000))}`)
  })

  it('goes by the order sent where pictures are sent ahead, from key frame to key frame', () => {
    const clock = new FrameClock(TICKS, true)
    // Shown 0 3 1 2 6 4 5 ...: sent in the order of i.
    const shown = (i: number) => (i % 3 === 1 ? i + 2 : i % 3 === 0 ? i : i - 1)
    const sent = (i: number, lateMs: number, more: Partial<Frame> = {}) =>
      frame(i, lateMs, { timestamp: (i % 30 === 0 ? i : shown(i - 1) + 1) * TICKS, ...more })
    for (let i = 0; i < 200; i++) clock.meet(sent(i, 5, { isKey: i % 30 === 0 }))
    assert.ok(Math.abs((clock.meet(sent(200, 5)) ?? 9) - 0) < 1e-6)
    assert.equal(clock.meet(sent(201, 5, { lost: 1 })), undefined)
    assert.equal(clock.meet(sent(202, -50)), undefined)
    assert.ok(Math.abs((clock.meet(sent(210, -15, { isKey: true })) ?? 0) - 20) < 1e-6)
    clock.clear()
    assert.equal(clock.meet(sent(240, 5, { isKey: true })), undefined)
  })
})
