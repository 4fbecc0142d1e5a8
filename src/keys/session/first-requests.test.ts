import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FirstRequests } from './first-requests.ts'

const ticket = (name: string): string => `:${'A'.repeat(40)}${name.padStart(24, '0')}:`

describe('FirstRequests', () => {
  it('counts what was found, per group, and until when it is used', () => {
    const first = new FirstRequests()
    first.opened(ticket('a'), 1, 100)
    first.opened(ticket('b'), 1, 90)
    first.opened(ticket('c'), 2, 50)
    assert.deepEqual(first.counts(), {
      1: { found: 2, missed: 0, late: 0, usedUntil: 100 },
      2: { found: 1, missed: 0, late: 0, usedUntil: 50 },
    })
  })

  it('counts a ticket that was missed once, and once more when it opens', () => {
    const first = new FirstRequests()
    for (let i = 0; i < 3; i++) first.missed(ticket('a'), 1)
    first.missed(ticket('b'), 1)
    first.opened(ticket('a'), 1, 100)
    assert.deepEqual(first.counts()[1], { found: 0, missed: 2, late: 1, usedUntil: 100 })
  })

  it('remembers 10,000 that were missed, and no more', () => {
    const first = new FirstRequests()
    for (let i = 0; i <= 10_000; i++) first.missed(ticket(String(i)), 1)
    first.opened(ticket('0'), 1, 1)
    first.opened(ticket('1'), 1, 1)
    assert.deepEqual(first.counts()[1], { found: 1, missed: 10_001, late: 1, usedUntil: 1 })
  })
})
