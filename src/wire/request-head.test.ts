import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HeadRead, REQUEST_REFUSALS, RequestHeadReader } from './request-head.ts'

const LIMITS = { headBytes: 2000, headersMax: 20, urlBytes: 200 }
const GET = 'GET /a?b HTTP/1.1\r\nHost: x.test:8\r\n'

interface HeadSeen {
  readonly read: HeadRead
  readonly reader: RequestHeadReader
  readonly text: (from: number, to: number) => string
}

function readHead(text: string, limits = LIMITS): HeadSeen {
  // As the edge reads it.
  const bytes = Buffer.alloc(text.length + 1)
  bytes.write(text, 'latin1')
  const reader = new RequestHeadReader()
  const read = reader.read(bytes, 0, text.length, limits)
  return { read, reader, text: (from, to) => bytes.toString('latin1', from, to) }
}

/** What is sent on: the head without its cuts. */
function forwarded(text: string): string {
  const { read, reader, text: octets } = readHead(text)
  assert.equal(read, 'complete')
  let out = ''
  let from = reader.start
  for (let k = 0; k < reader.cutCount; k++) {
    out += octets(from, reader.cuts[2 * k] as number)
    from = reader.cuts[2 * k + 1] ?? 0
  }
  return out + octets(from, reader.end)
}

describe('RequestHeadReader.read()', () => {
  it('leaves a name with underscores as it came', () => {
    const text = `${GET}my_field: 1\r\nx_original_url: /a\r\nx__y_: 2\r\n\r\n`
    assert.equal(forwarded(text), text)
  })

  it('describes a head by offsets', () => {
    const { read, reader, text } = readHead(
      `\r\n${GET}Cookie: c=d \r\nContent-Length: 12\r\n\r\nbody`,
    )
    assert.equal(read, 'complete')
    assert.equal(text(reader.start, reader.methodEnd), 'GET')
    assert.equal(text(reader.targetStart, reader.targetEnd), '/a?b')
    assert.equal(text(reader.hostStart, reader.hostEnd), 'x.test:8')
    assert.equal(text(reader.cookieStart, reader.cookieEnd), 'c=d')
    assert.equal(text(reader.end, reader.end + 4), 'body')
    assert.deepEqual([reader.contentLength, reader.chunked, reader.keepAlive], [12, false, true])
    assert.equal(reader.cutCount, 0)
  })

  it('says where a proof lies, and how often', () => {
    const { reader, text } = readHead(
      `${GET}SessionKey: :AA==:\r\nsignature-INPUT:  lim=x \r\nSignature: a\r\nSignature: b\r\n\r\n`,
    )
    const { sessionKey, signatureInput, signature, contentDigest } = reader
    assert.equal(text(sessionKey.start, sessionKey.end), ':AA==:')
    assert.equal(text(sessionKey.line, sessionKey.line + 10), 'SessionKey')
    assert.equal(text(signatureInput.start, signatureInput.end), 'lim=x')
    assert.equal(text(signature.start, signature.end), 'b')
    const counts = [sessionKey, signatureInput, signature, contentDigest].map(({ count }) => count)
    assert.deepEqual(counts, [1, 1, 2, 0])
  })

  it('cuts what it is told to besides, in order and once', () => {
    const { reader } = readHead(`${GET}A: 1\r\nLimen-X: 2\r\nB: 3\r\nTE: 4\r\n\r\n`)
    const [limen = 0, limenEnd = 0, te = 0, teEnd = 0] = reader.cuts
    assert.ok(reader.cut(limenEnd, te))
    assert.ok(reader.cut(limen - 6, limen))
    assert.ok(reader.cut(limen, limenEnd))
    assert.ok(reader.cut(limen + 2, limenEnd))
    assert.deepEqual(
      [...reader.cuts.subarray(0, 2 * reader.cutCount)],
      [limen - 6, limen, limen, limenEnd, limenEnd, te, te, teEnd],
    )
    let at = 100_000
    while (reader.cut(at, at + 1)) at += 2
    assert.equal(reader.cutCount, 32)
  })

  const refusals: Readonly<Record<keyof typeof REQUEST_REFUSALS, readonly string[]>> = {
    'bad-request-line': [
      ' GET / HTTP/1.1\r\n',
      '\n',
      '\r\n'.repeat(6),
      'GET\t/ HTTP/1.1\r\n',
      'G@T / HTTP/1.1\r\n',
      `${'M'.repeat(33)} / HTTP/1.1\r\n`,
      'GET / http/1.1\r\n',
      'GET / HTTP/1.1 \r\n',
      'GET / HTTP/1.1\rX',
    ],
    'bad-target': [
      'GET  / HTTP/1.1\r\n',
      'GET x HTTP/1.1\r\n',
      'GET /\r\n',
      'GET * HTTP/1.1\r\n',
      'GET /# HTTP/1.1\r\n',
      'GET http://u@x/ HTTP/1.1\r\n',
    ],
    'bad-version': [
      'GET / HTTP/2.0\r\n',
      'GET / HTTP/1.2\r\n',
      'GET / HTTP/0.9\r\n',
      'GET / HTTP/11\r\n',
    ],
    'bad-field': [
      `${GET}X\r\n`,
      `${GET}: y\r\n`,
      `${GET}X : y\r\n`,
      `${GET}X: \0\r\n`,
      `${GET}X: y\rz\r\n`,
      `${GET}\rX`,
    ],
    'folded-field': [`${GET} x: y\r\n`, `${GET}\tx: y\r\n`],
    'bare-line-feed': ['GET / HTTP/1.1\n', `${GET}X: y\n`, `${GET}\n`],
    'host-missing': ['GET / HTTP/1.1\r\n\r\n', 'GET http://x.test/ HTTP/1.1\r\n\r\n'],
    'host-doubled': [`${GET}host: x.test:8\r\n`],
    'bad-host': [
      'GET / HTTP/1.1\r\nHost:\r\n',
      'GET / HTTP/1.1\r\nHost: a/b\r\n',
      'GET / HTTP/1.1\r\nHost: u@a\r\n',
    ],
    'bad-content-length': ['+1', '-1', '1 1', '1,1', '0x1', '', '9'.repeat(16)].map(
      (n) => `${GET}Content-Length: ${n}\r\n`,
    ),
    'length-and-encoding': [`${GET}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n`],
    'bad-transfer-encoding': [
      `${GET}Transfer-Encoding: gzip, chunked\r\n`,
      `${GET}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`,
      'GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    'bad-expect': [`${GET}Expect: 200-ok\r\n`],
    'method-not-served': [
      'CONNECT x.test:443 HTTP/1.1\r\nHost: x.test\r\n\r\n',
      'TRACE / HTTP/1.1\r\nHost: x\r\n\r\n',
    ],
    'target-too-long': [`GET /${'a'.repeat(201)}`],
    'head-too-large': [`${GET}X: ${'a'.repeat(2000)}`, `${GET}X: ${'a'.repeat(2000)}\r\n\r\n`],
    'too-many-fields': [
      `${GET}${'X: y\r\n'.repeat(20)}`,
      `${GET}Connection: ${Array.from({ length: 34 }, (_, n) => `x${n}`).join()}\r\n`,
    ],
  }
  for (const [code, heads] of Object.entries(refusals)) {
    it(`refuses: ${code}`, () => {
      for (const head of heads) assert.equal(readHead(head).read, code, JSON.stringify(head))
    })
  }

  it('says incomplete at every cut, and the same in the end', () => {
    for (const head of [
      `${GET}X: y\r\nContent-Length: 5\r\n\r\n`,
      ...Object.values(refusals).flat(),
    ]) {
      const whole = readHead(head).read
      let first: HeadRead = 'incomplete'
      for (let at = 0; at <= head.length && first === 'incomplete'; at++)
        first = readHead(head.slice(0, at)).read
      if (whole === 'head-too-large') continue
      assert.equal(first, whole, JSON.stringify(head))
    }
  })

  it('stops at the end of what was read, whatever lies behind', () => {
    const bytes = Buffer.from(`${GET}X: y\r\n\r\n${'a'.repeat(50)}`, 'latin1')
    for (let to = 0; to < GET.length; to++) {
      assert.equal(new RequestHeadReader().read(Buffer.from(bytes), 0, to, LIMITS), 'incomplete')
    }
    // A buffer that ends with the head has no room for a sentinel.
    const exact = Buffer.from(`${GET}\r\n`, 'latin1')
    assert.equal(new RequestHeadReader().read(exact, 0, exact.length, LIMITS), 'complete')
  })

  it('puts the authority of an absolute target in place of Host', () => {
    const { reader, text } = readHead('GET HTTP://y.test/p HTTP/1.1\r\nHost: x.test\r\n\r\n')
    assert.equal(reader.absolute, true)
    assert.equal(text(reader.hostStart, reader.hostEnd), 'y.test')
    assert.equal(text(reader.targetStart, reader.targetEnd), '/p')
    assert.equal(
      forwarded('GET http://y.test/p HTTP/1.1\r\nHost: x.test\r\n\r\n').includes('x.test'),
      false,
    )
  })

  it('reads HTTP/1.0: no Host needed, closed unless kept alive, close wins', () => {
    assert.deepEqual(readHead('GET / HTTP/1.0\r\n\r\n').read, 'complete')
    assert.equal(readHead('GET / HTTP/1.0\r\n\r\n').reader.keepAlive, false)
    assert.equal(
      readHead('GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n').reader.keepAlive,
      true,
    )
    assert.equal(
      readHead('GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n').reader.keepAlive,
      false,
    )
    assert.equal(readHead(`${GET}Connection: x, CLOSE\r\n\r\n`).reader.keepAlive, false)
  })

  it('cuts what is for one hop only, and what only the edge may say', () => {
    const cut = [
      'Connection: x',
      'Keep-Alive: 1',
      'TE: x',
      'Upgrade: x',
      'HTTP2-Settings: x',
      'Expect: 100-continue',
      'Forwarded: x',
      'X-Forwarded-For: x',
      'X_Forwarded_For: x',
      'x-real_ip: x',
      'Limen-Tier: x',
      'LIMEN_SCORE: x',
      'Content_Length: 5',
      'Transfer_Encoding: x',
      'Proxy-Connection: x',
    ]
    assert.equal(
      forwarded(`${GET}${cut.map((line) => `${line}\r\n`).join('')}Kept: 1\r\n\r\n`),
      `${GET}Kept: 1\r\n\r\n`,
    )
  })

  it('cuts the fields that Connection names, but none that change what a request means', () => {
    const head = `${GET}A: 1\r\nConnection: a, host, content-length, cookie, b\r\nContent-Length: 0\r\nCookie: c\r\nB: 2\r\nBa: 3\r\n\r\n`
    assert.equal(forwarded(head), `${GET}Content-Length: 0\r\nCookie: c\r\nBa: 3\r\n\r\n`)
  })

  it('takes Upgrade only when Connection names it', () => {
    assert.equal(readHead(`${GET}Upgrade: websocket\r\n\r\n`).reader.upgradeStart, 0)
    const { reader, text } = readHead(`${GET}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`)
    assert.equal(text(reader.upgradeStart, reader.upgradeEnd), 'websocket')
  })

  it('forgets the head before', () => {
    const bytes = Buffer.from(
      `POST / HTTP/1.0\r\nHost: x\r\nContent-Length: 9\r\nConnection: close, y\r\nCookie: z\r\n\r\n${GET}\r\n`,
      'latin1',
    )
    const reader = new RequestHeadReader()
    reader.read(bytes, 0, bytes.length, LIMITS)
    assert.equal(reader.read(bytes, reader.end, bytes.length, LIMITS), 'complete')
    assert.deepEqual(
      [
        reader.contentLength,
        reader.keepAlive,
        reader.cookieStart,
        reader.cutCount,
        reader.minorVersion,
      ],
      [-1, true, 0, 0, 1],
    )
  })

  it('has a status that fits each refusal', () => {
    for (const { status } of Object.values(REQUEST_REFUSALS))
      assert.ok([400, 414, 417, 431, 501, 505].includes(status))
  })
})
