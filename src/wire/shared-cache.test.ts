import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { matchesEtag, readCacheControl, readCacheRequest, readStorable } from './shared-cache.ts'

const SEED = 9111

describe('readCacheRequest', () => {
  it('takes what a browser asks for', () => {
    const lines =
      'Host: a.example\r\nAccept-Encoding: gzip, br\r\nuser-agent: x\r\nSec-Fetch-Mode: navigate\r\n'
    assert.deepEqual(readCacheRequest(lines), {
      ...{ encoding: 'gzip, br', ifNoneMatch: '', isConditional: false, isBound: false },
    })
  })

  it('says who has an answer already, and who asks on somebody’s behalf', () => {
    assert.equal(readCacheRequest('If-None-Match: "a"\r\n')?.ifNoneMatch, '"a"')
    assert.equal(readCacheRequest('if-modified-since: x\r\n')?.isConditional, true)
    assert.equal(readCacheRequest('Cookie: a=b\r\n')?.isBound, true)
    assert.equal(readCacheRequest('Authorization: Basic eA==\r\n')?.isBound, true)
  })

  it('keeps away from whatever else may change the answer', () => {
    for (const field of [
      ...[
        'X-Original-URL: /admin',
        'X-Rewrite-URL: /',
        'X-HTTP-Method-Override: POST',
        'X-Host: evil',
      ],
      ...[
        'Range: bytes=0-1',
        'Origin: https://evil.example',
        'If-Match: "a"',
        'Cache-Control: no-cache',
      ],
      ...['Pragma: no-cache', 'Content-Length: 0', 'SessionKey: x', 'Accept_Encoding: gzip'],
    ]) {
      assert.equal(readCacheRequest(`Host: a\r\n${field}\r\n`), undefined, field)
    }
    assert.equal(readCacheRequest('Accept-Encoding: gzip\r\naccept-encoding: br\r\n'), undefined)
  })
})

it('octet 0xA0 is a part of what is said, not space (RFC 9110 section 5.5)', () => {
  assert.equal(readCacheRequest('Accept-Encoding: gzip\xa0\r\n')?.encoding, 'gzip\xa0')
  assert.equal(readStorable('Cache-Control: public, max-age=60\xa0\r\n'), undefined)
  assert.equal(readStorable('Cache-Control: s-maxage=60\r\nAge: \xa05\r\n'), undefined)
  assert.ok(matchesEtag(' *\t', '"a"'))
  assert.ok(!matchesEtag('\xa0*', '"a"'))
})

describe('readCacheControl', () => {
  it('goes by s-maxage, or by max-age with public', () => {
    const cases: readonly (readonly [string, ReturnType<typeof readCacheControl>])[] = [
      ['s-maxage=5', { freshS: 5, isPublic: false }],
      ['public, max-age=60', { freshS: 60, isPublic: true }],
      ['max-age=60, s-maxage=2 ,PUBLIC', { freshS: 2, isPublic: true }],
      ['public,max-age=9,foo="a, no-store",, must-revalidate', { freshS: 9, isPublic: true }],
      ['max-age=60', undefined],
      ['public', undefined],
      ['', undefined],
    ]
    for (const [value, expected] of cases)
      assert.deepEqual(readCacheControl(value), expected, value)
  })

  it('takes nothing that is forbidden, doubled or malformed', () => {
    for (const value of [
      ...['no-store', 'private', 'no-cache', 'private="x"', 'no-cache="set-cookie"', 'No-Store'],
      ...['max-age=1', 's-maxage=2', 's-maxage="5"', 's-maxage=-5', 's-maxage=5.5', 's-maxage'],
      ...['public=1', 's-maxage=5 5', 'x="open', '"', 's-maxage=99999999999'],
    ]) {
      assert.equal(readCacheControl(`s-maxage=9, public, max-age=9, ${value}`), undefined, value)
    }
    assert.equal(readCacheControl(`public, max-age=9, ${'x'.repeat(1100)}`), undefined)
  })
})

describe('readStorable', () => {
  const good = 'Cache-Control: public, max-age=60\r\nContent-Type: text/html\r\n'

  it('subtracts the age it came with', () => {
    assert.deepEqual(readStorable(`${good}Age: 10\r\nETag: W/"x"\r\nVary: Accept-Encoding\r\n`), {
      ...{ freshS: 50, ageS: 10, isPublic: true, etag: 'W/"x"' },
    })
    assert.equal(readStorable(`${good}Age: 60\r\n`), undefined)
  })

  it('takes nothing that is for one client, or varies by what is not asked for', () => {
    for (const field of [
      ...[
        'Set-Cookie: a=b',
        'Content-Range: bytes 0-1/2',
        'Vary: *',
        'Vary: Accept-Encoding, Cookie',
      ],
      ...[
        'Vary: User-Agent',
        'Vary:',
        'Connection: close, X-Secret',
        'Trailer: x',
        'Limen-User: 1',
      ],
      ...[
        'Age: x',
        'Age: 1\r\nAge: 2',
        'ETag: x',
        'ETag: "a"\r\nETag: "b"',
        'Cache-Control: private',
      ],
      ...['Clear-Site-Data: "*"', 'WWW-Authenticate: Basic', 'Authentication-Info: x'],
    ]) {
      assert.equal(readStorable(`${good}${field}\r\n`), undefined, field)
    }
    assert.ok(readStorable(`${good}Connection: Keep-Alive\r\n`))
    assert.ok(readStorable(good))
    assert.equal(readStorable('Content-Type: text/html\r\n'), undefined)
  })
})

describe('matchesEtag', () => {
  it('compares weakly, in lists', () => {
    assert.ok(matchesEtag('"a"', 'W/"a"'))
    assert.ok(matchesEtag('"x,y", W/"a"', '"a"'))
    assert.ok(matchesEtag('*', '"a"'))
    for (const [asked, etag] of [
      ...([
        ['"b"', '"a"'],
        ['', '"a"'],
        ['*', ''],
        ['a', '"a"'],
        ['"a" "a"', '"a"'],
      ] as const),
    ]) {
      assert.equal(matchesEtag(asked, etag), false, asked)
    }
  })
})

/** Pieces that matter to the grammar, and anything. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom('public', 'max-age', 's-maxage', '=', '60', ',', '"', '\\', ' ', 'private'),
      fc.string({ maxLength: 3 }),
    ),
    { maxLength: 20 },
  )
  .map((pieces) => pieces.join(''))

describe('what comes from outside', () => {
  it('never throws, and nothing that names a forbidding directive is kept', () => {
    fc.assert(
      fc.property(text, text, (one, two) => {
        readCacheRequest(`${one}\r\n${two}`)
        matchesEtag(one, two)
        const unquoted = one.replace(/"(?:[^"\\]|\\.)*"/g, '')
        const said = readCacheControl(one)
        if (said !== undefined) {
          assert.ok(said.freshS >= 0 && Number.isInteger(said.freshS))
          assert.ok(!/(?:^|,)\s*private\s*(?:,|=|$)/i.test(unquoted), one)
        }
        assert.equal(readCacheControl(`${one},no-store`), undefined)
        const kept = readStorable(`Cache-Control: ${one}\r\nX: ${two}\r\n`)
        assert.equal(kept === undefined, said === undefined || said.freshS === 0)
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })
})
