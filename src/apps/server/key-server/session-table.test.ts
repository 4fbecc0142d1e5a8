import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type SessionView, sessionTable } from './session-table.ts'

const note = (
  id: string,
  rotatedAt: number,
  generation = 1,
): Omit<SessionView, 'openedAt' | 'revoked'> => ({
  ...{ id, generation, rotatedAt, expires: rotatedAt + 900, reason: 'opened', tier: 1 },
  ...{ rotateAfter: rotatedAt + 600_000, why: ['Every 600 s by policy'] },
  ...{ group: 1, suite: 'x25519', origin: 'https://shop.test', subject: `of ${id}` },
})

describe('sessionTable()', () => {
  it('lists the last to rotate first, and knows when each was opened', () => {
    const table = sessionTable(10)
    table.note(note('a', 100))
    table.note(note('b', 200))
    table.note(note('a', 300, 2))
    const shown = table
      .list(10, 400)
      .map(({ id, generation, openedAt }) => [id, generation, openedAt])
    assert.deepEqual(shown, [
      ['a', 2, 100],
      ['b', 1, 200],
    ])
    assert.equal(table.list(1, 400).length, 1)
  })

  it('says what became of the interval of a key', () => {
    const table = sessionTable(10)
    const why = () => table.get('a')?.why
    table.note(note('a', 0))
    table.note(note('a', 1000, 2))
    assert.deepEqual(why(), ['Every 600 s by policy'])
    table.note({ ...note('a', 2000, 3), rotateAfter: 62_000, why: ['tier 3: times 0.1'] })
    assert.deepEqual(why(), ['tier 3: times 0.1', 'every 60 s now, every 600 s before'])
  })

  it('forgets those that are over, and the oldest of too many', () => {
    const table = sessionTable(2)
    for (const [i, id] of ['a', 'b', 'c'].entries()) table.note(note(id, 100 + i))
    assert.equal(table.get('a'), undefined)
    assert.equal(table.living(1001), 1)
    assert.equal(table.living(1002), 0)
  })

  it('marks what is revoked, once, and keeps the mark', () => {
    const table = sessionTable(2)
    table.note(note('a', 100))
    assert.equal(
      table.markRevoked(({ subject }) => subject === 'of a'),
      1,
    )
    assert.equal(
      table.markRevoked(() => true),
      0,
    )
    table.note(note('a', 200, 2))
    assert.equal(table.get('a')?.revoked, true)
  })
})
