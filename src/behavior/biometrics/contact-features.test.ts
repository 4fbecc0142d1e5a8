import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ContactRecord } from '../../wire/behavior-batch.ts'
import { CONTACT_FEATURES, contactEndMs, contactFeatures } from './contact-features.ts'

const contact = (change: Partial<ContactRecord> = {}): ContactRecord => ({
  ...{ kind: 'contact', atMs: 1000, pen: false, continued: false, fingers: 1 },
  ...{ size: 20, pressure: 128, dx: 0, dy: 0, steps: [], restMs: 80 },
  ...change,
})

function read(record: ContactRecord, endedMs = Number.NaN): Record<string, number> {
  const row = contactFeatures(record, endedMs)
  return Object.fromEntries(CONTACT_FEATURES.map((name, i) => [name, row[i] ?? assert.fail(name)]))
}

describe('contactFeatures()', () => {
  it('reads a swipe: 30, 60 and 30 pixels in 50 ms each, and 20 ms of rest', () => {
    const steps = [30, 60, 30].map((dy) => ({ dx: 0, dy }))
    const swipe = contact({ steps, restMs: 20 })
    assert.equal(contactEndMs(swipe), 1170)
    assert.deepEqual(read(swipe, 600), {
      ...{ duration: 0.17, before: 0.4, size: 20, pressure: 128, fingers: 1 },
      ...{ length: 120, distance: 120, straightness: 1, 'direction x': 0, 'direction y': 1 },
      ...{ 'speed mean': 800, 'speed max': 1200, 'speed first': 600, 'speed last': 600 },
      ...{ 'fastest at': 0.33333, rest: 0.02, 'widest off': 0 },
    })
  })

  it('reads how far a swipe bends: out by 30, along by 40, back by 30', () => {
    const steps = [
      { dx: 0, dy: 30 },
      { dx: 40, dy: 0 },
      { dx: 0, dy: -30 },
    ]
    const { distance, straightness, 'widest off': off } = read(contact({ steps }))
    assert.deepEqual([distance, straightness, off], [40, 0.4, 0.75])
  })

  it('takes what is not told for missing, and a tap for no swipe', () => {
    const tap = read(contact({ size: 0, pressure: 0, steps: [{ dx: 1, dy: 0 }] }))
    const missing = CONTACT_FEATURES.filter((name) => Number.isNaN(tap[name]))
    assert.equal(tap['duration'], 0.13)
    assert.equal(missing.length, CONTACT_FEATURES.length - 2)
    // A second finger that came while the first was there; and one after a long while.
    assert.ok(Number.isNaN(read(contact(), 1500)['before']))
    assert.ok(Number.isNaN(read(contact({ atMs: 9000 }), 1500)['before']))
  })

  it('is finite or missing, whatever is told (fuzz)', () => {
    const pixels = fc.integer({ min: -70_000, max: 70_000 })
    const octet = fc.integer({ min: 0, max: 255 })
    const any = fc.record({
      ...{ size: octet, pressure: octet, fingers: fc.integer({ min: 1, max: 10 }) },
      ...{ atMs: fc.nat(2 ** 31), restMs: fc.nat(2 ** 31) },
      steps: fc.array(fc.record({ dx: pixels, dy: pixels }), { maxLength: 300 }),
    })
    fc.assert(
      fc.property(any, (change) => {
        for (const value of contactFeatures(contact(change), 5)) {
          assert.ok(Number.isFinite(value) || Number.isNaN(value))
        }
      }),
      { seed: 7, numRuns: 500 },
    )
  })
})
