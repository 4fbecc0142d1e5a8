import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type AccessRow, compileAccess } from './access-policy.ts'

const NOON = Date.UTC(2026, 10, 21, 12)
const HOUR_MS = 3_600_000
const edge = { role: 'edge', id: 'edge-1' }
const row = (change: Partial<AccessRow> = {}): AccessRow => ({
  ...{ caller: { role: 'edge' }, key: 'tickets/*', operations: ['derive'] },
  ...change,
})
const ask = (rows: readonly AccessRow[]) => {
  const decide = compileAccess(rows)
  return (operation = 'derive', keyName = 'tickets/1', caller = edge, now = NOON) =>
    decide({ caller, keyName, operation, now })
}
const NO_RULE = { kind: 'refused', code: 'no-rule' }

describe('compileAccess()', () => {
  it('refuses what no row names', () => {
    assert.deepEqual(ask([])(), NO_RULE)
    const decide = ask([row({ caller: { role: 'edge', id: 'edge-*' } })])
    assert.deepEqual(decide(), { kind: 'allowed', row: 0 })
    assert.deepEqual(decide('sign'), NO_RULE)
    assert.deepEqual(decide('derive', 'ca'), NO_RULE)
    assert.deepEqual(decide('derive', 'tickets/1/2'), NO_RULE)
    assert.deepEqual(decide('derive', 'tickets/1', { role: 'edge', id: 'x' }), NO_RULE)
    assert.deepEqual(decide('derive', 'tickets/1', { role: 'edges', id: 'edge-1' }), NO_RULE)
    assert.deepEqual(decide('*'), NO_RULE)
  })

  it('goes by the first row that fits, also when that refuses', () => {
    const never = { from: '00:00', to: '00:01' }
    const rows = [
      row({ key: 'tickets/1', hours: never }),
      row({ operations: ['*'] }),
      row({ key: '**' }),
    ]
    const decide = ask(rows)
    assert.deepEqual(decide(), { kind: 'refused', code: 'hours', row: 0 })
    assert.deepEqual(decide('derive', 'tickets/2'), { kind: 'allowed', row: 1 })
    assert.deepEqual(decide('sign', 'tickets/1'), { kind: 'allowed', row: 1 })
    assert.deepEqual(decide('derive', 'a/b/c'), { kind: 'allowed', row: 2 })
  })

  it('keeps hours, from the first to before the second, over midnight too', () => {
    const open = (from: string, to: string): number[] => {
      const decide = ask([row({ hours: { from, to } })])
      const hours = Array.from({ length: 24 }, (_, hour) => hour)
      const at = (hour: number) => NOON + (hour - 12) * HOUR_MS
      return hours.filter(
        (hour) => decide('derive', 'tickets/1', edge, at(hour)).kind === 'allowed',
      )
    }
    assert.deepEqual(open('08:00', '11:00'), [8, 9, 10])
    assert.deepEqual(open('22:00', '02:00'), [0, 1, 22, 23])
    assert.equal(open('00:00', '24:00').length, 24)
    assert.deepEqual(open('23:30', '24:00'), [])
  })

  it('lets each caller have its rate, with a burst', () => {
    const decide = ask([row({ rate: { perS: 2, burst: 3 } })])
    const at = (ms: number, id = 'edge-1') =>
      decide('derive', 'tickets/1', { role: 'edge', id }, NOON + ms).kind === 'allowed'
    assert.deepEqual([at(0), at(0), at(0), at(0)], [true, true, true, false])
    assert.equal(at(0, 'edge-2'), true)
    assert.deepEqual([at(499), at(500), at(501)], [false, true, false])
    assert.deepEqual([at(60_000), at(60_000), at(60_000), at(60_000)], [true, true, true, false])
    // A clock that was set back.
    assert.deepEqual([at(0), at(500)], [false, true])
  })

  it('refuses the rate to more callers than it can remember, until some have rested', () => {
    const decide = compileAccess([row({ rate: { perS: 1, burst: 1 } })])
    const at = (id: number, now: number) =>
      decide({
        caller: { role: 'edge', id: `${id}` },
        keyName: 'tickets/1',
        operation: 'derive',
        now,
      })
    for (let id = 0; id < 10_000; id++) assert.equal(at(id, NOON).kind, 'allowed')
    assert.deepEqual(at(10_000, NOON), { kind: 'refused', code: 'rate', row: 0 })
    assert.equal(at(10_000, NOON + 1000).kind, 'allowed')
  })

  it('takes no row that says nothing sensible', () => {
    const bad: readonly Partial<AccessRow>[] = [
      { caller: { role: '' } },
      { key: '' },
      { operations: [] },
      { hours: { from: '9:00', to: '10:00' } },
      { hours: { from: '09:00', to: '24:01' } },
      { hours: { from: '09:60', to: '10:00' } },
      { hours: { from: '09:00', to: '09:00' } },
      { rate: { perS: 0, burst: 1 } },
      { rate: { perS: 1, burst: 0.5 } },
      { rate: { perS: Number.NaN, burst: 1 } },
      { rate: { perS: 1, burst: Number.POSITIVE_INFINITY } },
    ]
    for (const change of bad) {
      assert.throws(() => compileAccess([row(), row(change)]), /^RangeError: Row 1 /)
    }
  })

  it('matches stars as a regular expression would, in time that does not explode', () => {
    const some = fc.array(fc.constantFrom('a', 'b', '/', '*', '**', '.', '😀'), { maxLength: 8 })
    fc.assert(
      fc.property(some, some, (parts, chars) => {
        const pattern = parts.join('') || 'a'
        const text = chars.join('').replaceAll('*', 'x')
        const source = pattern
          .replace(/[.]/g, '\\.')
          .replace(/\*+/g, (stars) => (stars.length > 1 ? '[^]*' : '[^/]*'))
        const expected = new RegExp(`^${source}$`, 'u').test(text)
        assert.equal(ask([row({ key: pattern })])('derive', text).kind === 'allowed', expected)
      }),
      { seed: 6, numRuns: 3000 },
    )
    const decide = ask([row({ key: '*a'.repeat(60) })])
    assert.deepEqual(decide('derive', 'a'.repeat(3000)).kind, 'allowed')
    assert.deepEqual(decide('derive', `${'a'.repeat(3000)}b`), NO_RULE)
  })

  it('refuses an operation that there is not, by the row', () => {
    const words = new Set(['sign', 'mac'])
    const row = (operations: readonly string[]) => ({
      ...{ caller: { role: 'app' }, key: 'card-*', operations },
    })
    compileAccess([row(['sign', 'mac']), row(['*'])], words)
    assert.throws(() => compileAccess([row(['mac']), row(['sign', 'sgin'])], words), {
      message: 'Row 1 (role app, key card-*) names an operation sgin; there are mac, sign, and *',
    })
  })
})
