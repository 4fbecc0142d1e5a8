import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { DemandHistory, parseMinute, type UsedMinute, writeMinute } from './demand-history.ts'
import { DEMANDED } from './operation-costs.ts'

const SEED = 11764961
const KEY = 'aa'.repeat(16)
const DAY_S = 86_400
const minute = (endS: number, count = 1): UsedMinute => ({
  endS,
  uses: [{ key: KEY, operation: 'derive', count }],
})

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-demand-'))
})
after(() => rmSync(folder, { recursive: true }))

describe('DemandHistory', () => {
  it('reads what was added, for the owner alone, also after a crash in the midst of a line', () => {
    const path = join(folder, 'history')
    const history = new DemandHistory(path)
    assert.deepEqual(history.read(1000), [])
    const minutes = [minute(60), { endS: 120, uses: [] }, minute(180, 7)]
    for (const one of minutes) history.append(one)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    appendFileSync(path, '{"endS":240,"uses":{"aa')
    const again = new DemandHistory(path)
    assert.deepEqual(again.read(1000), minutes)
    again.append(minute(300))
    assert.deepEqual(new DemandHistory(path).read(1000), [...minutes, minute(300)])
  })

  it('leaves out what is older than three weeks and a day, ahead of the clock, or out of order', () => {
    const path = join(folder, 'old')
    const history = new DemandHistory(path)
    history.read(0)
    for (const day of [1, 10, 5, 20, 40]) history.append(minute(day * DAY_S))
    const kept = history.read(25 * DAY_S).map(({ endS }) => endS / DAY_S)
    assert.deepEqual(kept, [10, 20])
    assert.equal(readFileSync(path, 'utf8').split('\n').length, 3)
  })

  it('has a size: then the newest half stays', () => {
    const path = join(folder, 'large')
    const history = new DemandHistory(path, 1000)
    history.read(0)
    for (let i = 1; i <= 100; i++) history.append(minute(60 * i))
    assert.ok(statSync(path).size <= 1000)
    const ends = history.read(10_000).map(({ endS }) => endS / 60)
    assert.ok(ends.length >= 5, `${ends}`)
    assert.deepEqual(
      ends,
      ends.map((_, i) => 100 - ends.length + 1 + i),
    )
  })
})

describe('parseMinute()', () => {
  it('reads what was written, and nothing of what was not', () => {
    const uses = fc.uniqueArray(
      fc.record({
        key: fc.stringMatching(/^[0-9a-f]{32}$/),
        operation: fc.constantFrom(...DEMANDED),
        count: fc.integer({ min: 1, max: 1e9 }),
      }),
      { selector: ({ key, operation }) => `${key} ${operation}`, maxLength: 20 },
    )
    const sorted = ({ uses: all }: UsedMinute) => all.map((one) => JSON.stringify(one)).sort()
    fc.assert(
      fc.property(fc.nat(), uses, (endS, all) => {
        const read = parseMinute(writeMinute({ endS, uses: all }))
        assert.ok(read)
        assert.equal(read.endS, endS)
        assert.deepEqual(sorted(read), sorted({ endS, uses: all }))
      }),
      { seed: SEED },
    )
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseMinute(text) === undefined),
      { seed: SEED },
    )
    const good = writeMinute(minute(60))
    for (const bad of [
      good.replace('60', '-1'),
      good.replace('60', '1e99'),
      good.replace('derive', 'guess'),
      good.replace(KEY, 'zz'),
      good.replace(':1}', ':0}'),
      good.replace('{"endS"', '{"more":1,"endS"'),
    ]) {
      assert.notEqual(bad, good)
      assert.equal(parseMinute(bad), undefined, bad)
    }
  })
})
