import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { movePointer } from '../../../test/fixtures/synthetic-people.ts'
import { type PointerEvent, readActions } from './pointer-actions.ts'
import { POINTER_FEATURES } from './pointer-features.ts'

type Feature = (typeof POINTER_FEATURES)[number]
const featureOf = (row: Float64Array | undefined, name: Feature) =>
  row?.[POINTER_FEATURES.indexOf(name)] ?? Number.NaN

/** To the right at 100 pixels per second for a second, then a click of 80 ms. */
const straight: readonly PointerEvent[] = [
  ...Array.from(
    { length: 11 },
    (_, i): PointerEvent => ({ timeS: i / 10, x: 50 + 10 * i, y: 7, kind: 'move' }),
  ),
  { timeS: 1.05, x: 150, y: 7, kind: 'press' },
  { timeS: 1.13, x: 150, y: 7, kind: 'release' },
]

describe('readActions()', () => {
  it('reads a straight movement with a click: known values', () => {
    const rows = readActions(straight)
    assert.equal(rows.length, 1)
    const wanted: readonly [Feature, number][] = [
      ['speed mean', 100],
      ['speed sd', 0],
      ['speed x p10', 100],
      ['speed y mean', 0],
      ['acceleration mean', 0],
      ['turned', 0],
      ['length', 100],
      ['distance', 100],
      ['straightness', 1],
      ['duration', 1],
      ['direction', 0],
      ['widest off', 0],
      ['before press', 0.05],
      ['hold', 0.08],
      ['drag', 0],
    ]
    for (const [name, value] of wanted) {
      const got = featureOf(rows[0], name)
      assert.ok(Math.abs(got - value) < 1e-6, `${name}: ${got}, not ${value}`)
    }
    assert.ok(Number.isNaN(featureOf(rows[0], 'rest')))
    assert.ok(Number.isNaN(featureOf(rows[0], 'direction change')))
  })

  it('cuts at a press, at a release and at a pause of a second', () => {
    const go = (fromS: number, fromX: number): PointerEvent[] =>
      Array.from({ length: 11 }, (_, i) => ({
        timeS: fromS + i / 10,
        x: fromX + 10 * i,
        y: 0,
        kind: 'move',
      }))
    const rows = readActions([
      ...go(0, 0),
      { timeS: 1.1, x: 100, y: 0, kind: 'press' },
      ...go(1.2, 100),
      { timeS: 2.3, x: 200, y: 0, kind: 'release' },
      ...go(2.4, 200),
      ...go(5, 300),
    ])
    assert.deepEqual(
      rows.map((row) => featureOf(row, 'drag')),
      [0, 1, 0, 0],
    )
    // A press that is dragged away is no click.
    assert.ok(Number.isNaN(featureOf(rows[0], 'hold')))
    assert.ok(Math.abs(featureOf(rows[3], 'rest') - 1.6) < 1e-6)
  })

  it('does not see where on the screen: the same rows after a shift', () => {
    const events = movePointer(1, 1, 20)
    const shifted = events.map((event) => ({ ...event, x: event.x + 1024, y: event.y - 256 }))
    const [rows, others] = [readActions(events), readActions(shifted)]
    assert.equal(rows.length, others.length)
    for (const [i, row] of rows.entries()) {
      for (const [j, value] of row.entries()) {
        const other = others[i]?.[j] ?? Number.NaN
        // Five digits are kept; sums may round to the other side.
        assert.ok(
          Object.is(value, other) || Math.abs(value - other) <= 1e-4 * Math.abs(value) + 1e-6,
          `${POINTER_FEATURES[j]}: ${value} ${other}`,
        )
      }
    }
  })

  it('hardly sees how often the device reports: 8 ms and 100 ms give about the same movements', () => {
    const fast = readActions(movePointer(1, 1, 40, 0.008))
    const slow = readActions(movePointer(1, 1, 40, 0.1))
    assert.ok(Math.abs(fast.length - slow.length) <= 2, `${fast.length} and ${slow.length}`)
    const meanOf = (rows: readonly Float64Array[], name: Feature) => {
      const known = rows.map((row) => featureOf(row, name)).filter((value) => !Number.isNaN(value))
      return known.reduce((sum, value) => sum + value, 0) / known.length
    }
    for (const name of ['speed mean', 'speed max', 'length', 'duration', 'turned'] as const) {
      const ratio = meanOf(fast, name) / meanOf(slow, name)
      assert.ok(ratio > 0.85 && ratio < 1.18, `${name}: ${ratio}`)
    }
  })

  it('leaves out what hardly moves, and what is too short', () => {
    assert.deepEqual(readActions([]), [])
    assert.deepEqual(readActions(straight.slice(0, 3)), [])
    assert.deepEqual(readActions(straight.map((event) => ({ ...event, x: 1 }))), [])
  })

  it('never throws, whatever the events: rows of one length, neither longer nor more than the events', () => {
    const number = fc.oneof(fc.double(), fc.double({ min: 0, max: 30, noNaN: true }))
    const event = fc.record({
      timeS: number,
      x: number,
      y: number,
      kind: fc.constantFrom('move' as const, 'press' as const, 'release' as const),
    })
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), fc.boolean(), (events, inOrder) => {
        if (inOrder) events.sort((a, b) => a.timeS - b.timeS)
        const rows = readActions(events)
        assert.ok(rows.length <= events.length)
        for (const row of rows) assert.equal(row.length, POINTER_FEATURES.length)
      }),
      { seed: 29, numRuns: 2000 },
    )
  })
})
