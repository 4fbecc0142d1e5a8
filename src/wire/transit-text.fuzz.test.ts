import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { decodeBase64, encodeBase64 } from './base64.ts'
import { readTransitText, writeTransitText } from './transit-text.ts'

const SEED = 11764949
const RUNS = { seed: SEED, numRuns: 2000 }
const octets = fc.uint8Array({ minLength: 1, maxLength: 80 })
const version = fc.integer({ min: 1, max: 2 ** 32 - 1 })
const coding = fc.constantFrom('base64' as const, 'base64url' as const)

describe('encodeBase64()', () => {
  it("writes what Node.js' reads, and is read again", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const text = encodeBase64(bytes)
        assert.equal(text, Buffer.from(bytes).toString('base64'))
        assert.deepEqual(decodeBase64(text), bytes)
      }),
      RUNS,
    )
  })
})

describe('readTransitText()', () => {
  it('reads what was written', () => {
    fc.assert(
      fc.property(version, octets, coding, (number, bytes, how) => {
        const text = writeTransitText(number, bytes, how)
        assert.deepEqual(readTransitText(text, how), {
          ...{ kind: 'read', version: number, octets: bytes },
        })
      }),
      RUNS,
    )
  })

  it('takes one text only for a version and octets, whatever is changed in it', () => {
    const change = fc.tuple(fc.nat(), fc.constantFrom(...'limen:v019AQgw=+/-_ \n\0'), fc.boolean())
    const changed = fc
      .tuple(version, octets, coding, fc.array(change, { maxLength: 3 }))
      .map(([number, bytes, how, changes]) => {
        let text = writeTransitText(number, bytes, how)
        for (const [at, char, isAdded] of changes) {
          const i = at % (text.length + 1)
          text = text.slice(0, i) + char + text.slice(isAdded ? i : i + 1)
        }
        return { text, how }
      })
    const any = fc.record({ text: fc.string({ maxLength: 60 }), how: coding })
    fc.assert(
      fc.property(fc.oneof(changed, any), ({ text, how }) => {
        const read = readTransitText(text, how)
        if (read.kind === 'refused') return
        assert.equal(writeTransitText(read.version, read.octets, how), text)
      }),
      RUNS,
    )
  })

  const refused = [
    ['', 'prefix'],
    ['AAAA', 'prefix'],
    ['Limen:v1:AAAA', 'prefix'],
    ['vault:v1:AAAA', 'foreign'],
    ['limen:v0:AAAA', 'version'],
    ['limen:v01:AAAA', 'version'],
    ['limen:v+1:AAAA', 'version'],
    ['limen:v4294967296:AAAA', 'version'],
    ['limen:v11111111111:AAAA', 'version'],
    ['limen:v1', 'version'],
    ['limen:v1:', 'octets'],
    ['limen:v1:AAA', 'octets'],
    ['limen:v1:AB==', 'octets'],
    ['limen:v1:AA-_', 'octets'],
    ['limen:v1:AAAA ', 'octets'],
    [`limen:v1:${'A'.repeat(1024 * 1024)}`, 'octets'],
  ] as const
  for (const [text, code] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))}: ${code}`, () => {
      assert.deepEqual(readTransitText(text), { kind: 'refused', code })
    })
  }

  it('knows the two alphabets apart', () => {
    const bytes = Uint8Array.of(0xfb, 0xff)
    assert.equal(writeTransitText(2, bytes), 'limen:v2:+/8=')
    assert.equal(writeTransitText(2, bytes, 'base64url'), 'limen:v2:-_8')
    assert.equal(readTransitText('limen:v2:+/8=', 'base64url').kind, 'refused')
    assert.equal(readTransitText('limen:v2:-_8').kind, 'refused')
  })
})
