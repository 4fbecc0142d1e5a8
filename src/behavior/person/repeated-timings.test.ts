import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededFraction } from '../../math/seeded-chance.ts'
import { isSeenRuns, KnownRuns, RepeatedTimings, SEEN_RUNS_MAX } from './repeated-timings.ts'
import type { Stroke } from './stroke.ts'

const typed = (seed: number, keys: number, fromS = 0): Stroke[] => {
  const fraction = seededFraction(seed)
  let atS = fromS
  return Array.from({ length: keys }, () => {
    atS += Math.round(100 + 200 * fraction()) / 1000
    const holdS = Math.round(60 + 60 * fraction()) / 1000
    return { atS, holdS, keyClass: 'letter', field: 1 }
  })
}
const found = (timings: RepeatedTimings, strokes: readonly Stroke[]): number =>
  strokes.filter((stroke) => timings.add(stroke)).length

describe('RepeatedTimings', () => {
  it('finds a recording that is played again, from its middle too, at another time', () => {
    const runs = new KnownRuns([])
    const first = new RepeatedTimings()
    first.compareWith(runs)
    assert.equal(found(first, typed(1, 60)), 0)
    const again = new RepeatedTimings()
    again.compareWith(runs)
    assert.equal(found(again, typed(2, 60)), 0)
    assert.equal(found(again, typed(1, 60, 500).slice(20)), 30)
  })

  it('finds it in what was typed before anybody had said who it is', () => {
    const runs = new KnownRuns([])
    const first = new RepeatedTimings()
    first.compareWith(runs)
    found(first, typed(1, 40))
    const script = new RepeatedTimings()
    found(script, typed(1, 40, 9))
    assert.equal(script.compareWith(runs), 30)
  })

  it('finds some of a recording whose times were shaken by a few milliseconds, and none of another', () => {
    const fraction = seededFraction(7)
    const shaken = (strokes: readonly Stroke[], ms: number): Stroke[] =>
      strokes.map((stroke) => ({
        ...stroke,
        atS: stroke.atS + Math.round(ms * fraction()) / 1000,
        holdS: stroke.holdS + Math.round(ms * fraction()) / 1000,
      }))
    for (const ms of [1, 2, 4]) {
      const timings = new RepeatedTimings()
      assert.equal(found(timings, typed(1, 600)), 0)
      assert.equal(found(timings, shaken(typed(2, 600, 500), ms)), 0)
      assert.ok(found(timings, shaken(typed(1, 600, 1000), ms)) > 0, `${ms} ms`)
    }
  })

  it('takes equal timings of a coarse clock, or of a key held down, for no recording', () => {
    const coarse = typed(3, 60).map((stroke) => ({
      ...stroke,
      atS: Math.round(stroke.atS / 0.2) * 0.2,
      holdS: 0.1,
    }))
    const timings = new RepeatedTimings()
    assert.equal(found(timings, coarse), 0)
    assert.equal(
      found(
        timings,
        coarse.map((stroke) => ({ ...stroke, atS: stroke.atS + 1000 })),
      ),
      0,
    )
  })

  it('remembers so much and no more', () => {
    const seen: number[] = []
    const timings = new RepeatedTimings()
    timings.compareWith(new KnownRuns(seen))
    found(timings, typed(4, SEEN_RUNS_MAX + 100))
    assert.equal(seen.length, SEEN_RUNS_MAX)
    assert.ok(isSeenRuns(seen))
    assert.ok(!isSeenRuns([...seen, 1]))
    assert.ok(!isSeenRuns([0.5]) && !isSeenRuns([-1]) && !isSeenRuns('x'))
  })
})
