import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { meaningOf, RequestFields } from './http2-request.ts'

const ASKED = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a.test'],
  [':path', '/'],
] as const
const meaning = (name: string, value: string) => meaningOf({ name, value, derived: undefined })

function gathered(...more: readonly (readonly [string, string])[]): RequestFields {
  const fields = new RequestFields()
  for (const [name, value] of more) fields.add({ name, value, derived: undefined })
  return fields
}

describe('meaningOf()', () => {
  it('writes an ordinary field as a line of HTTP/1.1', () => {
    assert.deepEqual(meaning('accept', '*/*'), { kind: 'line', line: 'accept: */*\r\n' })
    assert.deepEqual(meaning('x', ''), { kind: 'line', line: 'x: \r\n' })
  })
  it('finds out once per entry', () => {
    const field = { name: 'a', value: 'b', derived: undefined }
    assert.equal(meaningOf(field), meaningOf(field))
  })
  it('drops what only the edge may say, underscores or not', () => {
    for (const name of [
      'forwarded',
      'x-forwarded-for',
      'x_forwarded_for',
      'x-real_ip',
      'limen-tier',
      'limen_tier',
      'te',
      'http2-settings',
      'content_length',
      'transfer_encoding',
      'proxy-authorization',
    ]) {
      assert.equal(meaning(name, 'trailers').kind, 'dropped', name)
    }
  })
  it('calls malformed what would mean something else in HTTP/1.1', () => {
    const bad: readonly (readonly [string, string])[] = [
      ['X', 'y'],
      ['', 'y'],
      ['x y', 'z'],
      ['x:', 'y'],
      ['x', 'y\r'],
      ['x', '\ny'],
      ['x', '\0'],
      ['x', ' y'],
      ['x', 'y\t'],
      ['connection', 'close'],
      ['transfer-encoding', 'chunked'],
      ['upgrade', 'x'],
      ['te', 'gzip'],
      ['content-length', '+1'],
      ['content-length', ''],
      ['content-length', '1,1'],
      ['host', ''],
      ['host', 'a/b'],
      [':path', ''],
      [':path', 'x'],
      [':path', '/ '],
      [':path', '/#'],
      [':method', ''],
      [':method', 'G T'],
      [':scheme', 'ftp'],
      [':authority', 'a@b'],
      [':status', '200'],
    ]
    for (const [name, value] of bad)
      assert.equal(meaning(name, value).kind, 'malformed', `${name}: ${value}`)
  })
})

describe('RequestFields', () => {
  it('gathers a request', () => {
    const fields = gathered(
      ...ASKED,
      ['accept', '*/*'],
      ['cookie', 'a=b'],
      ['cookie', 'c=d'],
      ['content-length', '5'],
      ['expect', '100-Continue'],
    )
    assert.equal(fields.complete(), true)
    assert.deepEqual(
      [
        fields.method,
        fields.path,
        fields.authority,
        fields.cookies,
        fields.contentLength,
        fields.expectsContinue,
        fields.lines,
        fields.count,
      ],
      ['GET', '/', 'a.test', 'a=b; c=d', 5, true, 'accept: */*\r\n', 9],
    )
    fields.clear()
    assert.deepEqual(
      [fields.complete(), fields.lines, fields.contentLength, fields.count],
      [false, '', -1, 0],
    )
  })
  it('is complete only with each pseudo field, once, in front', () => {
    for (const [name] of ASKED)
      assert.equal(gathered(...ASKED.filter(([each]) => each !== name)).complete(), false, name)
    for (const pair of ASKED) assert.equal(gathered(...ASKED, pair).complete(), false)
    assert.equal(gathered(['a', 'b'], ...ASKED).complete(), false)
  })
  it('takes host for :authority, and no two that differ', () => {
    const without = ASKED.filter(([name]) => name !== ':authority')
    assert.equal(gathered(...without, ['host', 'a.test']).complete(), true)
    assert.equal(gathered(...ASKED, ['host', 'A.TEST']).complete(), true)
    assert.equal(gathered(...ASKED, ['host', 'b.test']).complete(), false)
  })
  it('takes * for OPTIONS only, and one content-length', () => {
    const star = ASKED.map(([name, value]) => [name, name === ':path' ? '*' : value] as const)
    assert.equal(gathered(...star).complete(), false)
    assert.equal(
      gathered(
        ...star.map(([name, value]) => [name, name === ':method' ? 'OPTIONS' : value] as const),
      ).complete(),
      true,
    )
    assert.equal(
      gathered(...ASKED, ['content-length', '1'], ['content-length', '1']).complete(),
      false,
    )
  })
})
