import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ChunkedReader } from '../../wire/chunked-body.ts'
import { filteredTrailer, sendableTrailer } from './trailer.ts'

describe('filteredTrailer()', () => {
  it('sends on what says something about the content only', () => {
    const bytes = Buffer.from(
      '0\r\nchecksum: 1\r\nContent-Length: 5\r\nhost: x\r\nX_Forwarded_For: y\r\nB: \xe9\r\n\r\n',
      'latin1',
    )
    const reader = new ChunkedReader()
    reader.start(0)
    assert.equal(reader.next(bytes, bytes.length), 'done')
    assert.equal(filteredTrailer(reader), 'checksum: 1\r\nB: \xe9\r\n')
  })
  it('is empty when there is no trailer', () =>
    assert.equal(filteredTrailer(new ChunkedReader()), ''))
})

describe('sendableTrailer()', () => {
  it('drops what frames, routes, authenticates, or is for one hop', () => {
    const names = [
      'Transfer-Encoding',
      'Connection',
      'Keep-Alive',
      'TE',
      'Upgrade',
      'HTTP2-Settings',
      'Set-Cookie',
      'Authorization',
      'Proxy-Connection',
      'Cache-Control',
      'If-Match',
      'Via',
      'Forwarded',
      'limen-tier',
      'limen_tier',
      'SessionKey-Rotate',
    ]
    assert.equal(
      sendableTrailer(`${names.map((name) => `${name}: x\r\n`).join('')}Server-Timing: db\r\n`),
      'Server-Timing: db\r\n',
    )
  })
})
