import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { COOKIES_OF_NAME_MAX, CookieReader } from './cookie-readings.ts'

const sid = new CookieReader('sid')
const valuesOf = (cookies: string, reader = sid) => reader.read(cookies)?.map(({ value }) => value)

describe('CookieReader', () => {
  it('reads a cookie however it is spelled', () => {
    for (const spelled of [
      'sid=stolen',
      'a=b; sid=stolen; c=d',
      'a=b;sid=stolen;c=d',
      'sid=%73tolen',
      'sid=s%74%6F%6Cen',
      'sid =stolen',
      'sid\t= stolen \t',
      'sid="stolen"',
      String.raw`sid="st\157len"`,
      String.raw`sid="\163\164\157\154\145\156"`,
      String.raw`sid="st\o\len"`,
      'sid="%73tolen"',
      'SID=stolen',
      's%69d=stolen',
      '%53id=stolen',
      'a=b, sid=stolen',
      'a=b sid=stolen',
      'a=sid=; sid=stolen',
    ]) {
      assert.deepEqual(valuesOf(spelled), ['stolen'], spelled)
    }
  })

  it('takes all of several, and all that one may be', () => {
    assert.deepEqual(valuesOf('sid=x; sid=stolen'), ['x', 'stolen'])
    assert.deepEqual(valuesOf('sid=stolen; sid=x; sid="stolen"'), ['stolen', 'x'])
    assert.deepEqual(valuesOf('sid="sto;len"'), ['"sto', 'sto;len'])
    assert.deepEqual(valuesOf('sid="stolen" x'), ['"stolen"+x', 'stolen'])
    assert.deepEqual(sid.read('sid=stolen x'), [
      { value: 'stolen+x', isWhole: true },
      { value: 'stolen', isWhole: false },
    ])
    assert.deepEqual(sid.read('sid=stolen,x; sid=stolen'), [
      { value: 'stolen,x', isWhole: true },
      { value: 'stolen', isWhole: true },
    ])
  })

  it('takes what differs for every server as different', () => {
    for (const other of [
      'xsid=stolen',
      'sidx=stolen',
      'x-sid=stolen',
      'a=sid=stolen',
      'sid',
      'stolen',
    ]) {
      assert.deepEqual(valuesOf(other), [], other)
    }
    for (const empty of ['', 'sid=', 'sid=""', 'sid= ; a=b']) assert.deepEqual(valuesOf(empty), [])
    assert.deepEqual(valuesOf('sid=Stolen'), ['Stolen'])
    assert.deepEqual(valuesOf('sid=%2573tolen'), ['%73tolen'])
    assert.deepEqual(valuesOf('sid=%zz%7'), ['%zz%7'])
    // What JSON of all visitors may begin with is not cut off.
    assert.deepEqual(valuesOf('sid={"v":1,"id":2}'), ['{"v":1,"id":2}'])
    assert.deepEqual(valuesOf('sid=a+b; sid=a%20b; sid=a%2Bb'), ['a+b'])
  })

  it('knows what PHP makes of a name', () => {
    const reader = new CookieReader('__Host-my.sid')
    for (const name of ['__Host-my.sid', '__Host-my_sid', '..host-my%5fsid', '__Host%2dmy[sid']) {
      assert.deepEqual(valuesOf(`${name}=x`, reader), ['x'], name)
    }
    assert.deepEqual(valuesOf('__Host-mysid=x; __Host-my-sid=x', reader), [])
    assert.deepEqual(valuesOf("!#$%&'*+^`|~=x", new CookieReader("!#$%&'*+^`|~")), ['x'])
  })

  it('reads so many, and says when there are more', () => {
    const many = (count: number) => Array.from({ length: count }, () => 'sid=x').join('; ')
    assert.deepEqual(valuesOf(many(COOKIES_OF_NAME_MAX)), ['x'])
    assert.equal(sid.read(many(COOKIES_OF_NAME_MAX + 1)), undefined)
  })

  it('takes time in proportion to the field', () => {
    const long = 60_000
    for (const piece of [' ', 'a', ';', '"', '\\', 'sid', 'sid ', '%', '"\\', ' sid', '\\1']) {
      const startedAt = performance.now()
      const text = piece.repeat(long / piece.length)
      for (const field of [`sid=${text}x`, `sid="${text}"`, `${text}sid=x`]) sid.read(field)
      // Quadratic would be some seconds.
      assert.ok(performance.now() - startedAt < 300, JSON.stringify(piece))
    }
  })

  it('never throws, and finds what is there among anything (fuzz)', () => {
    const text = fc.string({ unit: fc.constantFrom(...'sid=;, "\\%7+{\xa0'), maxLength: 40 })
    fc.assert(
      fc.property(text, text, (before, after) => {
        const values = valuesOf(`${before};sid=stolen;${after}`)
        assert.ok(values === undefined || values.includes('stolen'))
      }),
      { seed: 7, numRuns: 3000 },
    )
  })
})
