import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readFeedLine, writeFeedLine } from './feed-lines.ts'
import { readSuspicionReport } from './session-suspicions.ts'

const SEED = 20261121
const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value))
const suspicion = fc.record({
  session: fc.stringMatching(/^[\w-]{22}$/),
  generation: fc.integer({ min: 0, max: 0xffffffff }),
  tier: fc.constantFrom(2, 3),
})
const reports = fc.record({
  run: fc.stringMatching(/^[\w-]{8,32}$/),
  suspicions: fc.array(suspicion, { minLength: 1, maxLength: 256 }),
})

describe('readSuspicionReport()', () => {
  it(`reads what an edge writes (seed ${SEED})`, () => {
    const same = fc.property(reports, (report) => {
      assert.deepEqual(readSuspicionReport(bytes(report)), JSON.parse(JSON.stringify(report)))
    })
    fc.assert(same, { seed: SEED, numRuns: 200 })
  })

  it('takes 256 of the longest, within what the cluster API takes', () => {
    const one = { session: 'x'.repeat(22), generation: 0xffffffff, tier: 3 }
    const report = { run: 'r'.repeat(32), suspicions: Array.from({ length: 256 }, () => one) }
    assert.equal(readSuspicionReport(bytes(report))?.suspicions.length, 256)
  })

  it(`never throws, and refuses what differs (seed ${SEED})`, () => {
    const said = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
    )
    const reads = fc.property(said, (body) => {
      assert.equal(readSuspicionReport(body), undefined)
    })
    fc.assert(reads, { seed: SEED, numRuns: 1000 })
    const one = { session: 'x'.repeat(22), generation: 1, tier: 2 }
    const good = { run: 'a'.repeat(8), suspicions: [one] }
    assert.ok(readSuspicionReport(bytes(good)) !== undefined)
    for (const bad of [
      { ...good, run: 'a'.repeat(7) },
      { ...good, more: 1 },
      { ...good, suspicions: [] },
      { ...good, suspicions: Array.from({ length: 257 }, () => one) },
      { ...good, suspicions: [{ ...one, session: 'x'.repeat(21) }] },
      { ...good, suspicions: [{ ...one, session: `${'x'.repeat(21)}=` }] },
      { ...good, suspicions: [{ ...one, generation: -1 }] },
      { ...good, suspicions: [{ ...one, tier: 1 }] },
      { ...good, suspicions: [{ ...one, tier: 4 }] },
    ]) {
      assert.equal(readSuspicionReport(bytes(bad)), undefined, JSON.stringify(bad))
    }
  })

  it(`is told in the feed as it came (seed ${SEED})`, () => {
    const same = fc.property(suspicion, (one) => {
      const line = { kind: 'suspect', ...one } as const
      assert.deepEqual(readFeedLine(writeFeedLine(line)), line)
    })
    fc.assert(same, { seed: SEED, numRuns: 200 })
    const line = JSON.stringify({ kind: 'suspect', session: 'x', generation: 1, tier: 2 })
    assert.equal(readFeedLine(line), undefined)
  })
})
