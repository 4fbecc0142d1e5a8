import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KINDS, RequestKinds, requestKind } from './request-kinds.ts'

const kindOf = (line: string) => requestKind(Buffer.from(`${line} HTTP/1.1\r\nHost: a\r\n\r\n`))

describe('RequestKinds', () => {
  it('says what answers took where all are of one kind', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 1e6, noNaN: true })), (times) => {
        const kinds = new RequestKinds()
        for (const ms of times) {
          const said = kinds.compare(3, ms) ?? Number.NaN
          assert.ok(Math.abs(said / ms - 1) < 1e-9, `${said} for ${ms}`)
        }
      }),
    )
  })

  it('makes a report of 300 ms and a picture of 3 ms the same, and twice either twice as long', () => {
    const kinds = new RequestKinds()
    for (let i = 0; i < 50; i++) {
      kinds.compare(1, 3)
      kinds.compare(2, 300)
    }
    const [picture, report] = [kinds.compare(1, 3) ?? 0, kinds.compare(2, 300) ?? 0]
    // The mean of logarithms.
    assert.ok(Math.abs(picture - 30) < 1 && Math.abs(report - 30) < 1, `${picture}, ${report}`)
    assert.ok(Math.abs((kinds.compare(1, 6) ?? 0) / 60 - 1) < 0.05)
    assert.ok(Math.abs((kinds.compare(2, 600) ?? 0) / 60 - 1) < 0.05)
  })

  it('says nothing of the first of a kind, but of the first of all', () => {
    const kinds = new RequestKinds()
    assert.equal(kinds.compare(1, 5), 5)
    assert.equal(kinds.compare(2, 500), undefined)
    assert.notEqual(kinds.compare(2, 500), undefined)
  })

  it('follows what a kind takes now', () => {
    const kinds = new RequestKinds()
    for (let i = 0; i < 1000; i++) kinds.compare(1, 10)
    for (let i = 0; i < 1000; i++) kinds.compare(2, 10)
    for (let i = 0; i < 1000; i++) kinds.compare(2, 1000)
    const [was, is] = [kinds.compare(1, 10) ?? 0, kinds.compare(2, 1000) ?? 0]
    assert.ok(Math.abs(is / was - 1) < 0.1, `${is} for ${was}`)
  })

  it('stays finite and positive whatever it hears', () => {
    const answer = fc.record({
      kind: fc.nat(KINDS - 1),
      ms: fc.double({ min: 0, max: 1e12, noNaN: true }),
    })
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 300 }), (answers) => {
        const kinds = new RequestKinds()
        for (const { kind, ms } of answers) {
          const said = kinds.compare(kind, ms) ?? 1
          assert.ok(Number.isFinite(said) && said >= 0, `${said}`)
        }
      }),
    )
  })
})

describe('requestKind()', () => {
  const same: [string, string][] = [
    ['GET /items/1', 'GET /items/23'],
    ['GET /items/1a2b-77', 'GET /items/9'],
    ['GET /v1/items/7/parts', 'GET /v2/items/8/parts'],
    ['GET /search?q=a', 'GET /search?q=bcd'],
    ['GET /search', 'GET /search?'],
    ['GET /a/b/c/d/e', 'GET /a/b/c/d/f/g'],
  ]
  for (const [one, other] of same) {
    it(`takes ${one} and ${other} for one`, () => assert.equal(kindOf(one), kindOf(other)))
  }

  const different: [string, string][] = [
    ['GET /', 'HEAD /'],
    ['GET /', 'GET /a'],
    ['GET /items', 'GET /items/'],
    ['GET /items/1', 'GET /items/new'],
    ['GET /items/1', 'GET /parts/1'],
    ['GET /items/1', 'GET /items/1/parts'],
    ['POST /items', 'GET /items'],
  ]
  for (const [one, other] of different) {
    it(`tells ${one} from ${other}`, () => assert.notEqual(kindOf(one), kindOf(other)))
  }

  it('spreads thousands of paths over its table', () => {
    const letters = 'abcdefghij'
    const name = (n: number) => [...String(n)].map((digit) => letters[Number(digit)]).join('')
    const met = new Set(Array.from({ length: 5000 }, (_, n) => kindOf(`GET /${name(n)}`)))
    // Of 5000 thrown at random into 1024 places 8 miss.
    assert.ok(met.size > 1000, `${met.size}`)
  })

  it('is one of the table for any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
        const kind = requestKind(octets)
        assert.ok(Number.isInteger(kind) && kind >= 0 && kind < KINDS)
      }),
    )
  })
})
