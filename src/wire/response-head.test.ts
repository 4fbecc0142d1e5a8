import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ResponseHeadReader, type ResponseRead } from './response-head.ts'

const OK = 'HTTP/1.1 200 OK\r\n'

function readHead(
  text: string,
  headBytes = 2000,
  readsLoad = false,
): { read: ResponseRead; reader: ResponseHeadReader } {
  const bytes = new Uint8Array(text.length + 1)
  bytes.set(Buffer.from(text, 'latin1'))
  const reader = new ResponseHeadReader()
  return { read: reader.read(bytes, 0, text.length, headBytes, readsLoad), reader }
}

describe('a reader of many heads', () => {
  it('keeps no place of the head before', () => {
    const reader = new ResponseHeadReader()
    const heads = [
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    ].map((text) => Buffer.from(text))
    const reads = heads.map((bytes) => reader.read(bytes, 0, bytes.length, 1000))
    assert.deepEqual(reads, ['complete', 'bad-field'])
    assert.deepEqual([reader.upgradeStart, reader.upgradeEnd], [0, 0])
  })
})

describe('the user field', () => {
  const readUser = (lines: string) => {
    const text = `HTTP/1.1 200 OK\r\n${lines}\r\n`
    const bytes = Buffer.from(text, 'latin1')
    const reader = new ResponseHeadReader()
    const read = reader.read(bytes, 0, bytes.length, 1024, false, Buffer.from('limen-user'))
    const user = text.slice(reader.userStart, reader.userEnd)
    const cut = Array.from({ length: reader.cutCount }, (_, k) =>
      text.slice(reader.cuts[2 * k], reader.cuts[2 * k + 1]),
    )
    return { read, user: reader.userStart === 0 ? '' : user, cut }
  }

  it('is read and cut out, whatever its case', () => {
    assert.deepEqual(readUser('Server: x\r\nLimen-USER:  alice;confirmed \r\nA: b\r\n'), {
      ...{ read: 'complete', user: 'alice;confirmed' },
      cut: ['Limen-USER:  alice;confirmed \r\n'],
    })
  })

  it('says nothing when there are two, which are cut out all the same', () => {
    const { user, cut } = readUser('Limen-User: a\r\nlimen-user: b\r\n')
    assert.deepEqual([user, cut.length], ['', 2])
  })

  it('is no longer name, and nothing of the head before', () => {
    assert.deepEqual(readUser('Limen-Users: a\r\nLimen-Use: b\r\nConnection: close\r\n'), {
      ...{ read: 'complete', user: '', cut: ['Connection: close\r\n'] },
    })
  })
})

/** What is left out of a head. */
function cutOf(text: string): string[] {
  const { read, reader } = readHead(text)
  assert.equal(read, 'complete', JSON.stringify(text))
  return Array.from({ length: reader.cutCount }, (_, k) =>
    text.slice(reader.cuts[2 * k], reader.cuts[2 * k + 1]),
  )
}

describe('fields of one hop', () => {
  it('are those that Connection names as well, before it and behind it (RFC 9110 section 7.6.1)', () => {
    const [before, behind] = ['X-Secret: 1\r\n', 'x-SECRET: 2\r\nTrace: 3\r\n']
    const named = 'Connection: close, x-secret\r\nConnection:\tTrace,,keep-alive \r\n'
    assert.deepEqual(cutOf(`${OK}${before}A: 1\r\n${named}${behind}X-Secrets: 4\r\n\r\n`), [
      'X-Secret: 1\r\n',
      ...['Connection: close, x-secret\r\n', 'Connection:\tTrace,,keep-alive \r\n'],
      ...['x-SECRET: 2\r\n', 'Trace: 3\r\n'],
    ])
    assert.deepEqual(cutOf(`${OK}X-Secret: 1\r\nTrace: 3\r\n\r\n`), [])
  })

  it('are cut once, whoever names them', () => {
    const lines = [
      'Upgrade: x\r\n',
      'Connection: upgrade, Upgrade, connection, te\r\n',
      'TE: y\r\n',
    ]
    assert.deepEqual(cutOf(`${OK}${lines.join('')}\r\n`), lines)
  })

  it('are none without which the response would mean something else', () => {
    const named = 'content-length, Set-Cookie, Transfer-Encoding, Content-Encoding, Cache-Control'
    const head = `Connection: ${named}\r\nSet-Cookie: a=b\r\nContent-Encoding: br\r\nCache-Control: private`
    for (const framing of ['Content-Length: 5', 'Transfer-Encoding: chunked']) {
      const cut = cutOf(`${OK}${head}\r\n${framing}\r\n\r\n`)
      assert.deepEqual(cut, [`Connection: ${named}\r\n`])
    }
  })

  it('are TE and HTTP2-Settings', () => {
    const lines = ['TE: trailers\r\n', 'http2-settings: x\r\n']
    assert.deepEqual(cutOf(`${OK}${lines.join('A: 1\r\n')}Tf: 1\r\n\r\n`), lines)
  })

  it('are not more than there is room for', () => {
    const names = (count: number) => Array.from({ length: count }, (_, n) => `x${n}`)
    const head = (count: number) =>
      `${OK}Connection: ${names(count)}\r\n${names(count)
        .map((name) => `${name}: 1\r\n`)
        .join('')}\r\n`
    assert.equal(cutOf(head(15)).length, 16)
    assert.equal(readHead(head(16)).read, 'bad-field')
    assert.equal(readHead(`${OK}Connection: ${names(17)}\r\n\r\n`).read, 'bad-field')
  })

  it('say whole options only, and that it closes above all', () => {
    const keeps = (minor: number, value: string) =>
      readHead(`HTTP/1.${minor} 200 OK\r\nConnection: ${value}\r\n\r\n`).reader.keepAlive
    assert.deepEqual(
      [keeps(1, 'closed'), keeps(1, 'x-close, a'), keeps(1, 'A,Close')],
      [true, true, false],
    )
    assert.deepEqual([keeps(0, 'keep-alived'), keeps(0, 'a, Keep-Alive')], [false, true])
    assert.deepEqual([keeps(1, 'close, keep-alive'), keeps(0, 'close, keep-alive')], [false, false])
  })
})

describe('a response that has no content', () => {
  const length = 'Content-Length: 5\r\n'
  const chunked = 'Transfer-Encoding: chunked\r\n'

  it('does not say how it is framed (RFC 9110 section 8.6, RFC 9112 section 6.1)', () => {
    assert.deepEqual(cutOf(`HTTP/1.1 204 x\r\nA: 1\r\n${length}B: 2\r\n\r\n`), [length])
    const { reader } = readHead(`HTTP/1.1 204 x\r\nA: 1\r\n${chunked}Keep-Alive: 2\r\n\r\n`)
    assert.deepEqual([reader.cutCount, reader.transferEncodingStart, reader.chunked], [2, 0, true])
    const none = 'content-length: 0\r\n'
    assert.deepEqual(cutOf(`HTTP/1.1 103 x\r\n${none}\r\n`), [none])
    assert.deepEqual(cutOf(`HTTP/1.1 101 x\r\n${none}Upgrade: y\r\n\r\n`), [none, 'Upgrade: y\r\n'])
  })

  it('may say that of another, as a 304 does', () => {
    assert.deepEqual(cutOf(`HTTP/1.1 304 x\r\n${length}\r\n`), [])
    assert.deepEqual(cutOf(`HTTP/1.1 304 x\r\n${chunked}\r\n`), [])
    assert.deepEqual(cutOf(`${OK}${length}\r\n`), [])
  })
})

describe('ResponseHeadReader.read()', () => {
  it('describes a head by offsets', () => {
    const text = `${OK}Content-Length: 5\r\nServer: x\r\n\r\nhello`
    const { read, reader } = readHead(text)
    assert.equal(read, 'complete')
    assert.deepEqual(
      [reader.status, reader.contentLength, reader.chunked, reader.keepAlive],
      [200, 5, false, true],
    )
    assert.equal(text.slice(reader.end), 'hello')
    assert.equal(text.slice(reader.statusLineEnd).startsWith('Content-Length'), true)
  })

  it('says where a load report lies, and cuts it out, when it is asked to', () => {
    for (const [name, isBinary] of [
      ['Endpoint-LOAD-metrics', false],
      ['endpoint-load-metrics-bin', true],
    ] as const) {
      const text = `${OK}A: 1\r\n${name}:  eps=1 \r\nB: 2\r\n\r\n`
      const { read, reader } = readHead(text, 2000, true)
      assert.equal(read, 'complete')
      assert.equal(text.slice(reader.loadStart, reader.loadEnd), 'eps=1')
      assert.deepEqual([reader.isLoadBinary, reader.cutCount], [isBinary, 1])
      const [from = 0, to = 0] = reader.cuts
      assert.equal(text.slice(0, from) + text.slice(to), `${OK}A: 1\r\nB: 2\r\n\r\n`)
      const unasked = readHead(text).reader
      assert.deepEqual([unasked.loadStart, unasked.cutCount], [0, 0])
    }
  })

  it('takes two load reports for none, cuts both, and forgets them with the next head', () => {
    const line = 'endpoint-load-metrics: eps=1\r\n'
    for (const count of [2, 3]) {
      const { read, reader } = readHead(`${OK}${line.repeat(count)}\r\n`, 2000, true)
      assert.deepEqual([read, reader.loadStart, reader.cutCount], ['complete', 0, count])
    }
    assert.equal(readHead(`${OK}${line.repeat(17)}\r\n`, 2000, true).read, 'bad-field')
    const { reader } = readHead(`${OK}${line}\r\n`, 2000, true)
    const next = new Uint8Array(Buffer.from(`${OK}\r\n\0`))
    assert.equal(reader.read(next, 0, next.length - 1, 2000, true), 'complete')
    assert.deepEqual([reader.loadStart, reader.cutCount], [0, 0])
  })

  it('takes no other field for one', () => {
    const names = ['endpoint-load-metricz', 'endpoint-load-metrics-bim', 'xendpoint-load-metrics']
    for (const name of [...names, 'endpoint-load-metrics-json', 'a'.repeat(21), 'b'.repeat(25)]) {
      const { reader } = readHead(`${OK}${name}: eps=1\r\n\r\n`, 2000, true)
      assert.deepEqual([reader.loadStart, reader.cutCount], [0, 0], name)
    }
  })

  it('takes a status line without a reason, and one with 8-bit octets', () => {
    assert.equal(readHead('HTTP/1.1 204\r\n\r\n').read, 'complete')
    assert.equal(readHead('HTTP/1.1 200 \r\n\r\n').read, 'complete')
    assert.equal(readHead('HTTP/1.1 200 \xe9\r\n\r\n').read, 'complete')
  })

  const refusals: Readonly<Record<string, readonly string[]>> = {
    'bad-status-line': [
      'http/1.1 200 OK\r\n\r\n',
      'HTTP/2.0 200 OK\r\n\r\n',
      'HTTP/1.2 200 OK\r\n',
      'HTTP/1.1  200\r\n\r\n',
      'HTTP/1.1 2x0 OK\r\n',
      'HTTP/1.1 099 OK\r\n',
      'HTTP/1.1 600 OK\r\n',
      'HTTP/1.1 2000 OK\r\n',
      'HTTP/1.1 200 OK\n\r\n',
      'HTTP/1.1 200 \0\r\n\r\n',
    ],
    'bad-field': [
      `${OK}X\r\n`,
      `${OK}: y\r\n`,
      `${OK}X : y\r\n`,
      `${OK} X: y\r\n`,
      `${OK}X: \0\r\n`,
      `${OK}X: y\n`,
      `${OK}\rX`,
      `${OK}${'Upgrade: x\r\n'.repeat(17)}\r\n`,
      'HTTP/1.1 101 Switching Protocols\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: \r\n\r\n',
    ],
    'bad-framing': [
      `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`,
      `${OK}Content-Length: 5, 5\r\n`,
      `${OK}Content-Length: +5\r\n`,
      `${OK}Content-Length:\r\n`,
      `${OK}Content-Length: ${'9'.repeat(16)}\r\n`,
      `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
      `${OK}Transfer-Encoding: gzip\r\n`,
      `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n`,
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n',
      'HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    'head-too-large': [`${OK}X: ${'a'.repeat(2000)}`, `${OK}X: ${'a'.repeat(2000)}\r\n\r\n`],
  }
  for (const [code, heads] of Object.entries(refusals)) {
    it(`refuses: ${code}`, () => {
      for (const head of heads)
        assert.equal(readHead(head).read, code, JSON.stringify(head.slice(0, 60)))
    })
  }

  it('says incomplete at every cut before the end', () => {
    const head = `${OK}Content-Length: 5\r\nConnection: close\r\n\r\n`
    for (let at = 0; at < head.length; at++)
      assert.equal(readHead(head.slice(0, at)).read, 'incomplete')
    assert.equal(readHead(head).reader.keepAlive, false)
  })

  it('keeps HTTP/1.0 open only when it says so', () => {
    assert.equal(readHead('HTTP/1.0 200 OK\r\n\r\n').reader.keepAlive, false)
    assert.equal(
      readHead('HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n').reader.keepAlive,
      true,
    )
  })

  it('cuts what is for one hop only, and knows where Transfer-Encoding lies', () => {
    const head = `${OK}Connection: x\r\nTransfer-Encoding: chunked\r\nKeep-Alive: 1\r\nUpgrade: h2\r\nProxy-Connection: x\r\n\r\n`
    const { reader } = readHead(head)
    const cuts = Array.from({ length: reader.cutCount }, (_, k) =>
      head.slice(reader.cuts[2 * k], reader.cuts[2 * k + 1]),
    )
    assert.deepEqual(cuts, [
      'Connection: x\r\n',
      'Keep-Alive: 1\r\n',
      'Upgrade: h2\r\n',
      'Proxy-Connection: x\r\n',
    ])
    assert.equal(
      head.slice(reader.transferEncodingStart, reader.transferEncodingEnd),
      'Transfer-Encoding: chunked\r\n',
    )
  })
})
