import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CHUNK_EXTENSION_BYTES_MAX, ChunkedReader, TRAILER_BYTES_MAX } from './chunked-body.ts'

interface BodyRead {
  readonly end: string
  readonly data: string
  readonly trailer: string
  readonly trailerAt: number
  /** Octets consumed. */
  readonly consumed: number
}

function readBody(text: string, sizes: readonly number[] = []): BodyRead {
  const bytes = Buffer.from(text, 'latin1')
  const reader = new ChunkedReader()
  let data = ''
  let end = 'more'
  let trailerAt = -1
  let at = 0
  for (let i = 0; at < bytes.length && end === 'more'; i++) {
    const to = Math.min(bytes.length, at + (sizes[i] ?? bytes.length))
    reader.start(at)
    for (;;) {
      const read = reader.next(bytes, to)
      if (read !== 'data') {
        end = read
        break
      }
      data += text.slice(reader.dataStart, reader.dataEnd)
    }
    // Once it is known where: that of a trailer that began in an earlier piece is before all of this one.
    if (trailerAt < 0 && reader.trailerAt <= to) trailerAt = reader.trailerAt
    else if (trailerAt >= 0) assert.ok(reader.trailerAt < at)
    at = end === 'more' ? to : reader.at
  }
  assert.equal(reader.dataBytes, data.length)
  const trailer = String.fromCharCode(...reader.trailer)
  return { end, data, trailer, trailerAt, consumed: at }
}

const BODY = '3;a=b\r\nhel\r\n0A\r\nlo, world!\r\n0;z\r\nX: y\r\n\r\n'

describe('ChunkedReader', () => {
  it('finds the data, the trailer and the end', () => {
    assert.deepEqual(readBody(`${BODY}next`), {
      end: 'done',
      data: 'hello, world!',
      trailer: 'X: y\r\n',
      trailerAt: BODY.indexOf('X: y'),
      consumed: BODY.length,
    })
  })

  it('finds the same in any split', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 60 })
    fc.assert(
      fc.property(sizes, (split) => assert.deepEqual(readBody(BODY, split), readBody(BODY))),
      { seed: 7 },
    )
    assert.deepEqual(readBody(BODY, Array(BODY.length).fill(1)), readBody(BODY))
  })

  it('reads what any writer of chunks writes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 })), (pieces) => {
        const texts = pieces.map((piece) => Buffer.from(piece).toString('latin1'))
        const body = `${texts.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')}0\r\n\r\n`
        assert.deepEqual(readBody(body), {
          end: 'done',
          data: texts.join(''),
          trailer: '',
          trailerAt: body.length - 2,
          consumed: body.length,
        })
      }),
      { seed: 7 },
    )
  })

  const errors: Readonly<Record<string, readonly string[]>> = {
    'bad-chunk-size': [
      '0x5\r\n',
      '+5\r\n',
      '-1\r\n',
      ' 5\r\n',
      '5 \r\n',
      '\r\n',
      ';a\r\n',
      'g\r\n',
      '5\n',
      '5\rx',
      '5;a\rx',
      '1234567890abc\r\n',
    ],
    'bad-chunk-extension': [
      '5;a\n',
      '5;\0\r\n',
      `5;${'a'.repeat(CHUNK_EXTENSION_BYTES_MAX + 1)}`,
      `1;${'a'.repeat(4000)}\r\nx\r\n1;${'a'.repeat(100)}`,
    ],
    'bad-chunk-end': ['1\r\nxy', '1\r\nx\n', '1\r\nx\rx', '1\r\nx0\r\n'],
    'bad-trailer': [
      '0\r\n\n',
      '0\r\n\rx',
      '0\r\nx\r\n',
      '0\r\n: y\r\n',
      '0\r\n x: y\r\n',
      '0\r\nx: \0',
      '0\r\nx: y\n',
      '0\r\nx: y\rz',
      `0\r\nx: ${'y'.repeat(TRAILER_BYTES_MAX)}`,
    ],
  }
  for (const [code, bodies] of Object.entries(errors)) {
    it(`refuses: ${code}`, () => {
      for (const body of bodies) {
        assert.equal(readBody(body).end, code, JSON.stringify(body.slice(0, 30)))
        assert.equal(readBody(body, Array(body.length).fill(1)).end, code)
      }
    })
  }

  it('begins anew after reset()', () => {
    const reader = new ChunkedReader()
    reader.next(Buffer.from('1;aa\r\nx\r\n0\r\na: b\r\n\r\n'), 4)
    reader.reset()
    const bytes = Buffer.from('0\r\n\r\n')
    reader.start(0)
    assert.equal(reader.next(bytes, bytes.length), 'done')
    assert.deepEqual([reader.dataBytes, reader.trailer, reader.done], [0, [], true])
  })
})
