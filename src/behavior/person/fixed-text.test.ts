import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FixedText, fixedKinds } from './fixed-text.ts'
import type { Stroke } from './stroke.ts'

const key = (atS: number, change: Partial<Stroke> = {}): Stroke => ({
  ...{ atS, holdS: 0.1, keyClass: 'hidden', field: 3 },
  ...change,
})
const typed = (text: FixedText, strokes: readonly Stroke[]) => {
  for (const stroke of strokes) assert.equal(text.add(stroke), undefined)
}
const five = [0, 0.25, 0.5, 0.75, 1].map((atS) => key(atS))

describe('FixedText', () => {
  it('by hand: five keys, a quarter of a second apart', () => {
    const text = new FixedText()
    typed(text, five)
    const entry = text.end()
    assert.equal(entry?.keys, 5)
    assert.equal(entry?.field, 3)
    assert.deepEqual(
      [...(entry?.row ?? [])].map((value) => Math.round(value * 100) / 100),
      [0.1, ...[1, 2, 3, 4].flatMap(() => [0.25, 0.15, 0.1])],
    )
    assert.equal(fixedKinds(5).length, entry?.row.length)
    assert.equal(text.end(), undefined)
  })

  it('ends with another field, another class, or a long pause', () => {
    for (const next of [key(1.2, { field: 4 }), key(1.2, { keyClass: 'letter' }), key(7)]) {
      const text = new FixedText()
      typed(text, five)
      assert.equal(text.add(next)?.keys, 5)
    }
  })

  it('is nothing when too short, too long, or broken', () => {
    const short = new FixedText()
    typed(short, five.slice(1))
    assert.equal(short.end(), undefined)
    const long = new FixedText()
    typed(
      long,
      Array.from({ length: 70 }, (_, i) => key(i / 5)),
    )
    assert.equal(long.end(), undefined)
    const broken = new FixedText()
    typed(broken, five)
    broken.break()
    assert.equal(broken.end(), undefined)
  })
})
