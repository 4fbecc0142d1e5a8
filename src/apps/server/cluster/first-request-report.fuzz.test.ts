import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { firstRequestReport, readFirstRequestReport } from './first-request-report.ts'

const SEED = 20261121
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
const count = fc.maxSafeNat()
const counts = fc.record({
  ...{ found: count, missed: count, late: count },
  usedUntil: fc.integer({ min: 0, max: 0xffffffff }),
})
const run = fc.stringMatching(/^[\w-]{8,32}$/)
const groups = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 255 }).map(String), counts))
  .map((pairs) => Object.fromEntries(pairs))

describe('readFirstRequestReport()', () => {
  it(`reads what an edge writes (seed ${SEED})`, () => {
    fc.assert(
      fc.property(run, fc.boolean(), groups, (id, draining, of) => {
        const report = firstRequestReport(id, draining, of)
        assert.deepEqual(readFirstRequestReport(bytes(report)), report)
      }),
      { seed: SEED, numRuns: 500 },
    )
  })

  it('takes 256 groups with the largest counts, within what the cluster API takes', () => {
    const most = { found: Number.MAX_SAFE_INTEGER, missed: Number.MAX_SAFE_INTEGER }
    const one = { ...most, late: Number.MAX_SAFE_INTEGER, usedUntil: 0xffffffff }
    const all = Array.from({ length: 256 }, (_, group) => [String(group), one])
    const report = firstRequestReport('r'.repeat(32), true, Object.fromEntries(all))
    assert.equal(readFirstRequestReport(bytes(report))?.groups.length, 256)
  })

  it(`never throws, and refuses what differs (seed ${SEED})`, () => {
    const said = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(said, (body) => {
        const read = readFirstRequestReport(body)
        assert.ok(read === undefined || typeof read.run === 'string')
      }),
      { seed: SEED, numRuns: 1000 },
    )
    const group = { group: 1, found: 0, missed: 0, late: 0, usedUntil: 0 }
    const good = { run: 'a'.repeat(8), draining: false, groups: [group] }
    assert.ok(readFirstRequestReport(bytes(good)) !== undefined)
    for (const bad of [
      { ...good, run: 'a'.repeat(7) },
      { ...good, more: 1 },
      { ...good, groups: [group, group] },
      { ...good, groups: [{ ...group, group: 256 }] },
      { ...good, groups: [{ ...group, found: -1 }] },
      { ...good, groups: [{ ...group, found: 0.5 }] },
      { ...good, groups: [{ ...group, late: undefined }] },
    ]) {
      assert.equal(readFirstRequestReport(bytes(bad)), undefined, JSON.stringify(bad))
    }
    assert.equal(readFirstRequestReport(Buffer.alloc(64 * 1024, 0x20)), undefined)
  })
})
