import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ResponseHeadReader } from '../../wire/response-head.ts'
import { Http1Response } from './http1-response.ts'
import { OCTETS, READ_AT, textOf } from './octets.ts'
import type { BodyFraming } from './upstream-connection.ts'

interface Asked {
  readonly minorVersion: number
  readonly isHead?: boolean
  readonly framing: BodyFraming
}

/** What a client gets of an answer without a body. */
function sent(head: string, { minorVersion, isHead = false, framing }: Asked): string {
  const end = READ_AT + OCTETS.write(head, READ_AT, 'latin1')
  const reader = new ResponseHeadReader()
  assert.equal(reader.read(OCTETS, READ_AT, end, 65_536), 'complete')
  let text = ''
  const response = new Http1Response({
    write: (octets) => {
      text += octets.toString('latin1')
    },
    writeRange: (from, to) => {
      text += textOf(from, to)
    },
  })
  const terms = { minorVersion, isHead, keepAlive: true, added: [], sealing: undefined }
  assert.equal(response.begin(reader, framing, terms), true)
  response.end()
  assert.equal(response.flush(), true)
  return text
}

const CHUNKED = 'Transfer-Encoding: chunked\r\n'

describe('an answer without a body', () => {
  it('to HTTP/1.0 is not said to be chunked (RFC 9112 section 6.1)', () => {
    const kept = 'Connection: keep-alive\r\nA: 1\r\nB: 2\r\n\r\n'
    for (const [status, isHead] of [
      ['200 OK', true],
      ['304 Not Modified', false],
    ] as const) {
      const head = `HTTP/1.1 ${status}\r\nA: 1\r\n${CHUNKED}B: 2\r\n\r\n`
      const asked = { minorVersion: 0, isHead, framing: 'none' } as const
      assert.equal(sent(head, asked), `HTTP/1.1 ${status}\r\n${kept}`)
    }
  })

  it('to HEAD by HTTP/1.1 says how that to GET would be framed', () => {
    const head = `HTTP/1.1 200 OK\r\n${CHUNKED}\r\n`
    assert.equal(sent(head, { minorVersion: 1, isHead: true, framing: 'none' }), head)
  })

  it('with status 204 says nothing of framing (RFC 9110 section 8.6, RFC 9112 section 6.1)', () => {
    const status = 'HTTP/1.1 204 No Content\r\n'
    for (const [line, framing] of [
      [CHUNKED, 'none'],
      ['Content-Length: 5\r\n', 'none'],
      ['Content-Length: 0\r\n', 'length'],
    ] as const) {
      const text = sent(`${status}${line}A: 1\r\n\r\n`, { minorVersion: 1, framing })
      assert.equal(text, `${status}A: 1\r\n\r\n`)
    }
  })

  it('goes without what Connection names (RFC 9110 section 7.6.1)', () => {
    const head = 'HTTP/1.1 304 x\r\nX-Y: 1\r\nConnection: x-y\r\nTE: z\r\nA: 1\r\n\r\n'
    const text = sent(head, { minorVersion: 1, framing: 'none' })
    assert.equal(text, 'HTTP/1.1 304 x\r\nA: 1\r\n\r\n')
  })
})
