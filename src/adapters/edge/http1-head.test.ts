import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { cookies, head } from './http1-head.ts'
import { OCTETS, READ_AT } from './octets.ts'

const LIMITS = { headBytes: 4096, headersMax: 20, urlBytes: 1024 }

/** @param lines field lines with CR LF */
function cookiesOf(lines: string): string {
  const text = `GET / HTTP/1.1\r\nHost: x\r\n${lines}\r\n`
  const length = OCTETS.write(text, READ_AT, 'latin1')
  assert.equal(head.read(OCTETS, READ_AT, READ_AT + length, LIMITS), 'complete')
  return cookies()
}

describe('cookies()', () => {
  it('is what all Cookie fields say, wherever they are', () => {
    assert.equal(cookiesOf(''), '')
    assert.equal(cookiesOf('Cookie: a=1 \r\n'), 'a=1')
    assert.equal(cookiesOf('Cookie: a=1\r\nCookie: b=2; c=3\r\n'), 'a=1; b=2; c=3')
    assert.equal(
      cookiesOf('cookie:a=1\r\nX: Cookie: no=1\r\nCOOKIE:\t b=\xa0\t\r\n'),
      'a=1; b=\xa0',
    )
    assert.equal(cookiesOf('Cookie: \r\nCookie: b=2\r\nCookie:\r\n'), 'b=2')
    assert.equal(cookiesOf('Cookies: a=1\r\nMy-Cookie: b=2\r\n'), '')
  })
})
