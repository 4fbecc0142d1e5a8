import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KeyClass } from '../../wire/behavior-batch.ts'
import { FREE_TEXT_KINDS, FreeText, WINDOW_STROKES } from './free-text.ts'

/** Letters at equal distances, each held for as long. */
const letters = (count: number, everyS: number, holdS: number, fromS = 0) =>
  Array.from({ length: count }, (_, i) => ({
    ...{ atS: fromS + i * everyS, holdS, field: 1 },
    keyClass: 'letter' as KeyClass,
  }))

describe('FreeText', () => {
  it('by hand: letters every 0.2 s, held for 0.08 s', () => {
    const text = new FreeText()
    const rows = letters(WINDOW_STROKES, 0.2, 0.08).map((stroke) => text.add(stroke))
    assert.ok(rows.slice(0, -1).every((row) => row === undefined))
    const row = rows.at(-1)
    assert.equal(row?.length, FREE_TEXT_KINDS.length)
    const seen = [...(row ?? [])].map((value) => Math.round(value * 1000) / 1000)
    const none = Number.NaN
    // Holds of letters and spaces; press-press and release-press of letters, and with spaces.
    assert.deepEqual(seen, [
      ...[0.08, 0.08, 0.08, none],
      ...[0.2, 0.2, 0.2, none, none],
      ...[0.12, 0.12, 0.12, none, none],
    ])
  })

  it('makes no pair over a pause, a break, another field, another class or a clock that goes back', () => {
    const rowOf = (change: (i: number) => object, isBroken = false) => {
      const text = new FreeText()
      let row: Float64Array | undefined
      for (const [i, stroke] of letters(WINDOW_STROKES + 10, 0.2, 0.08).entries()) {
        if (isBroken) text.break()
        row ??= text.add({ ...stroke, ...change(i) })
      }
      return row
    }
    assert.ok(Number.isNaN(rowOf((i) => ({ atS: i * 2.5 }))?.[4]))
    assert.ok(Number.isNaN(rowOf(() => ({}), true)?.[4]))
    assert.ok(Number.isNaN(rowOf((i) => ({ field: i % 2 }))?.[4]))
    assert.ok(Number.isNaN(rowOf((i) => ({ atS: -i * 0.2 }))?.[4]))
    assert.equal(
      rowOf(() => ({ keyClass: 'hidden' })),
      undefined,
    )
  })

  it('leaves out holds that were not seen', () => {
    const text = new FreeText()
    let row: Float64Array | undefined
    for (const stroke of letters(WINDOW_STROKES, 0.2, Number.NaN)) row = text.add(stroke)
    assert.ok(Number.isNaN(row?.[0]))
    assert.ok(Math.abs((row?.[5] ?? 0) - 0.2) < 1e-9)
    assert.ok(Number.isNaN(row?.[10]))
  })
})
