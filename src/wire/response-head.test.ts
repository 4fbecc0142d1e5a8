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
