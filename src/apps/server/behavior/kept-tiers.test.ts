import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { aesRecordSeal } from '../../../adapters/node/record-seal.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { KEPT_TIERS_MAX, openTierFile, type RememberedTiers, readRemembered } from './kept-tiers.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-kept-tiers-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const sealWith = (fill: number) =>
  aesRecordSeal(createSecretKey(Buffer.alloc(32, fill)), 'person-tiers', systemRandom())

const point = { at: 5, session: 'abcd', tier: 3, score: 5.25, reasons: ['text-differs'] } as const
const REMEMBERED: RememberedTiers = {
  tiers: [{ session: 's', person: 'p', anchor: 'login', tier: 3, until: 1e12 }],
  timelines: [
    { person: 'p', points: [point], turns: [{ ...point, decision: 'd', before: 1, said: '' }] },
  ],
}

describe('openTierFile()', () => {
  const path = join(folder, 'person-tiers')
  let unreadable = 0
  const open = (fill = 1) => openTierFile(path, sealWith(fill), () => unreadable++)

  it('has nothing at first, and then what was written, for its owner alone', async () => {
    assert.deepEqual(open().read(), { tiers: [], timelines: [] })
    await open().write(REMEMBERED)
    assert.deepEqual(open().read(), REMEMBERED)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.deepEqual(readdirSync(folder), ['person-tiers'])
    assert.ok(!readFileSync(path).includes('login'))
    assert.equal(unreadable, 0)
  })

  it('begins anew, and says so, under another key and where the file was changed', () => {
    assert.deepEqual(open(2).read(), { tiers: [], timelines: [] })
    assert.equal(unreadable, 1)
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.with(bytes.length - 1, (bytes.at(-1) ?? 0) ^ 1))
    assert.deepEqual(open().read(), { tiers: [], timelines: [] })
    assert.equal(unreadable, 2)
  })

  it('keeps the newest of more than it holds', async () => {
    const tiers = Array.from({ length: KEPT_TIERS_MAX + 5 }, (_, i) => {
      return { session: `s${i}`, person: '', anchor: '', tier: 2, until: 1 } as const
    })
    await open().write({ tiers, timelines: [] })
    const read = open().read().tiers
    assert.deepEqual([read.length, read[0]?.session], [KEPT_TIERS_MAX, 's5'])
  })
})

describe('readRemembered()', () => {
  const written = JSON.stringify({ format: 1, ...REMEMBERED })
  it('takes what was written, and no other format', () => {
    assert.deepEqual(readRemembered(written), REMEMBERED)
    assert.equal(readRemembered(written.replace('"format":1', '"format":2')), undefined)
    assert.equal(readRemembered(written.replace('"tier":3', '"tier":4')), undefined)
  })
  it('never throws, whatever it is given', () => {
    const cut = fc.tuple(fc.nat(written.length), fc.nat(written.length), fc.string())
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), cut), (input) => {
        const text =
          typeof input === 'string'
            ? input
            : written.slice(0, input[0]) + input[2] + written.slice(input[1])
        const read = readRemembered(text)
        assert.ok(read === undefined || Array.isArray(read.tiers))
      }),
      { seed: 7, numRuns: 500 },
    )
  })
})
