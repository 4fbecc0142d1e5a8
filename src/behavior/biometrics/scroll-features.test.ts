import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { ScrollRecord } from '../../wire/behavior-batch.ts'
import { SCROLL_FEATURES, ScrollActions } from './scroll-features.ts'

const scroll = (atMs: number, dy: number, dx = 0): ScrollRecord => ({
  ...{ kind: 'scroll', atMs, dx, dy },
})

function read(records: readonly ScrollRecord[]): Record<string, number>[] {
  const actions = new ScrollActions()
  return records
    .flatMap((record) => actions.add(record) ?? [])
    .map((row) => Object.fromEntries(SCROLL_FEATURES.map((name, i) => [name, row[i] ?? 0])))
}

describe('ScrollActions', () => {
  it('reads 100, 300 and 200 pixels, a look of 3 s, and 80 back up', () => {
    const [down, up, ...more] = read([
      ...[scroll(1000, 100), scroll(1100, 300), scroll(1200, 200)],
      scroll(4300, -80),
      scroll(9000, 1),
    ])
    assert.deepEqual(down, {
      ...{ distance: 600, direction: 1, sideways: 0, duration: 0.3, 'speed mean': 2000 },
      ...{ 'speed max': 3000, 'speed first': 1000, 'speed last': 2000, 'fastest at': 0.5 },
      ...{ turns: 0, before: Number.NaN },
    })
    assert.equal(up?.['before'], 3)
    assert.equal(up?.['direction'], -1)
    assert.ok(Number.isNaN(up?.['fastest at']))
    assert.equal(more.length, 0)
  })

  it('counts turns, and what goes sideways', () => {
    const [action] = read([
      ...[scroll(0, 30, 40), scroll(100, -30, 0), scroll(200, 30, 0), scroll(300, 30, 0)],
      scroll(5000, 1),
    ])
    assert.equal(action?.['turns'], 0.5)
    assert.ok(Math.abs((action?.['sideways'] ?? 0) - 40 / 140) < 1e-4)
  })

  it('ends what goes back in time, and what goes on without end', () => {
    assert.equal(read([scroll(9000, 5), scroll(100, 5), scroll(200, 5)]).length, 1)
    const long = Array.from({ length: 1500 }, (_, i) => scroll(100 * i, 5))
    assert.equal(read(long).length, 1)
  })

  it('begins anew where something is missing', () => {
    const actions = new ScrollActions()
    actions.add(scroll(0, 10))
    actions.break()
    assert.equal(actions.add(scroll(9000, 10)), undefined)
    assert.ok(Number.isNaN(actions.add(scroll(20_000, 10))?.at(-1)))
  })

  it('is finite or missing, whatever is told (fuzz)', () => {
    const pixels = fc.integer({ min: -65_535, max: 65_535 })
    const any = fc.array(fc.tuple(fc.nat(2 ** 31), pixels, pixels), { maxLength: 60 })
    fc.assert(
      fc.property(any, (list) => {
        const actions = new ScrollActions()
        for (const [atMs, dx, dy] of list) {
          for (const value of actions.add(scroll(atMs, dy, dx)) ?? []) {
            assert.ok(Number.isFinite(value) || Number.isNaN(value))
          }
        }
      }),
      { seed: 7, numRuns: 500 },
    )
  })
})
