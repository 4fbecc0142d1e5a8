import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { systemRandom } from './system-random.ts'
import { readTicketKeys } from './ticket-keys.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-tickets-'))
after(() => rmSync(folder, { recursive: true }))
const HOUR_MS = 3_600_000
const START = 1_760_000_000_000
let count = 0
const keysAt = (path = join(folder, String(count++))) => ({
  path,
  at: (hours: number) =>
    readTicketKeys(path, { now: () => START + hours * HOUR_MS }, systemRandom()).map((key) =>
      Buffer.from(key).toString('hex'),
    ),
})

describe('readTicketKeys()', () => {
  it('makes one key of 48 bytes, for the owner alone', () => {
    const { path, at } = keysAt()
    assert.equal(at(0)[0]?.length, 96)
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })

  it('keeps it for a day, then puts a new one in front and keeps the last', () => {
    const { at } = keysAt()
    const [first] = at(0)
    assert.deepEqual(at(23), [first])
    const [second, ...older] = at(24)
    assert.notEqual(second, first)
    assert.deepEqual(older, [first])
    const [third, ...rest] = at(48)
    assert.deepEqual(rest, [second])
    assert.deepEqual(at(71), [third, second])
  })

  it('replaces a key from the future, and a damaged file', () => {
    const { path, at } = keysAt()
    const [future] = at(100)
    assert.notEqual(at(0)[0], future)
    writeFileSync(path, 'nonsense')
    assert.equal(at(1).length, 1)
  })
})
