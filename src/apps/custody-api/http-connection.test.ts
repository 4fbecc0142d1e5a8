import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { after, before, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { type HttpHandler, type RequestHead, serveHttp } from './http-connection.ts'

const SEED = 11764953
const BODY_MAX = 100_000

let seen: { readonly head: RequestHead; readonly body: string }[] = []
const handler: HttpHandler = {
  admit: (head) =>
    head.target === '/no' ? { status: 403, body: '"no"' } : { bodyBytesMax: BODY_MAX },
  async handle(head, body) {
    seen.push({ head, body: Buffer.from(body).toString() })
    if (head.target === '/slow') await new Promise((resolve) => setTimeout(resolve, 500))
    return head.method === 'DELETE'
      ? { status: 204, body: undefined }
      : { status: 200, body: `"${body.length}"` }
  },
  refuse: (status, text) => ({ status, body: JSON.stringify(text) }),
}
let ended = 0
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => socket.destroy())
  void serveHttp(socket, handler).then(() => ended++)
})
let port = 0
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
after(() => server.close())
beforeEach(() => {
  seen = []
})

/** All that comes back for these octets, until it is closed. @param pieces each is sent by itself */
async function exchange(...pieces: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const closed = new Promise((resolve) => socket.once('close', resolve))
  let text = ''
  socket.on('data', (more) => {
    text += more.toString('latin1')
  })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise((resolve) => setImmediate(resolve))
  }
  socket.end()
  await closed
  return text
}

const statuses = (text: string): string[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status ?? '')
const CLOSE = 'Connection: close\r\n'

describe('serveHttp()', () => {
  it('answers requests one after the other, also such as came at once, and in pieces', async () => {
    const one = 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'
    const last = `DELETE /b HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`
    assert.deepEqual(statuses(await exchange(one + one + last)), ['200', '200', '204'])
    assert.deepEqual(statuses(await exchange(...(one + last))), ['200', '204'])
    assert.deepEqual(
      seen.map(({ head, body }) => `${head.method} ${head.target} ${body}`),
      ['POST /a abc', 'POST /a abc', 'DELETE /b ', 'POST /a abc', 'DELETE /b '],
    )
  })

  it('takes LIST, which a parser of Node.js does not, and chunks', async () => {
    const asked = request({
      host: '127.0.0.1',
      port,
      method: 'LIST',
      path: '/keys?x=1',
      agent: false,
    })
    asked.end()
    const [answer] = await once(asked, 'response')
    answer.resume()
    assert.equal(answer.statusCode, 200)
    const chunked = request({ host: '127.0.0.1', port, method: 'PUT', path: '/c', agent: false })
    chunked.write('ab')
    chunked.end('cde')
    const [second] = await once(chunked, 'response')
    second.resume()
    assert.deepEqual(
      seen.map(({ head, body }) => `${head.method} ${head.target} ${body}`),
      ['LIST /keys?x=1 ', 'PUT /c abcde'],
    )
  })

  it('gives fields, and none that are there twice', async () => {
    const fields = 'X-Vault-Token:  a b \r\nTwo: 1\r\ntwo: 2\r\n'
    await exchange(`GET / HTTP/1.1\r\nHost: x\r\n${fields}${CLOSE}\r\n`)
    const head = seen[0]?.head ?? assert.fail()
    assert.equal(head.field('x-vault-token'), 'a b')
    assert.equal(head.field('two'), undefined)
    assert.equal(head.field('token'), '')
  })

  it('refuses by the head alone, reads on after a small body and closes after a large one', async () => {
    const refused = 'POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'
    const next = `GET / HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`
    assert.deepEqual(statuses(await exchange(refused + next)), ['403', '200'])
    const large = `POST /no HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n`
    assert.deepEqual(statuses(await exchange(large + 'x'.repeat(70_000) + next)), ['403'])
  })

  it('has nothing to do with bodies that are too large, however they come', async () => {
    const long = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${BODY_MAX + 1}\r\n\r\n`
    assert.deepEqual(statuses(await exchange(long)), ['413'])
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`
    const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'
    assert.deepEqual(statuses(await exchange(head + chunk + chunk)), ['413'])
    assert.equal(seen.length, 0)
  })

  it('says 100 to a client that waits for it', async () => {
    const asked = request({
      ...{ host: '127.0.0.1', port, method: 'POST', path: '/', agent: false },
      headers: { expect: '100-continue', 'content-length': 3 },
    })
    asked.flushHeaders()
    await once(asked, 'continue')
    asked.end('abc')
    const [answer] = await once(asked, 'response')
    answer.resume()
    assert.equal(seen[0]?.body, 'abc')
  })

  it('cuts off who drips, in a head and in a body, and who says nothing', async () => {
    const impatient = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => socket.destroy())
      void serveHttp(socket, handler, 200)
    })
    impatient.listen(0, '127.0.0.1')
    await once(impatient, 'listening')
    const { port: at } = impatient.address() as AddressInfo
    const framed = 'Host: x\r\nContent-Length: 9999\r\n\r\n'
    for (const text of ['GET / HTTP/1.1\r\nA: ', `POST / HTTP/1.1\r\n${framed}`]) {
      const socket = connect(at, '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(text)
      const timer = setInterval(() => socket.write('x'), 20)
      await new Promise((resolve) => socket.once('close', resolve))
      clearInterval(timer)
    }
    const silent = connect(at, '127.0.0.1')
    await new Promise((resolve) => silent.once('close', resolve))
    assert.equal(seen.length, 0)
    // What takes long here is not the client's fault, with either framing.
    for (const headers of [{ 'content-length': 1 }, {}]) {
      const options = { host: '127.0.0.1', port: at, method: 'POST', path: '/slow', agent: false }
      const asked = request({ ...options, headers })
      asked.end('x')
      const [answer] = await once(asked, 'response')
      answer.resume()
      assert.equal(answer.statusCode, 200)
    }
    impatient.close()
  })

  const chunkedHead = `PUT / HTTP/1.1\r\nHost: x\r\n${CLOSE}Transfer-Encoding: chunked\r\n\r\n`
  const chunksOf = (octets: number, count: number): string =>
    `${octets.toString(16)}\r\n${'x'.repeat(octets)}\r\n`.repeat(count)

  it('puts small chunks together', async () => {
    for (const [octets, count] of [
      [1, 3000],
      [8, 12_500],
    ] as const) {
      const answer = await exchange(chunkedHead, `${chunksOf(octets, count)}0\r\n\r\n`)
      assert.deepEqual(statuses(answer), ['200'])
      assert.ok(answer.endsWith(`"${octets * count}"`), answer)
    }
  })

  it('answers who sends more chunks than octets are worth, whole or without an end', async () => {
    for (const end of ['0\r\n\r\n', '']) {
      const answer = await exchange(chunkedHead, chunksOf(1, 200_000) + end)
      assert.deepEqual(statuses(answer), ['400'])
      assert.match(answer, /not in chunks, or in too many/)
    }
    assert.deepEqual(statuses(await exchange(`${chunkedHead}g\r\n`)), ['400'])
    assert.equal(seen.length, 0)
  })

  const bad: readonly (readonly [string, string])[] = [
    [
      'two framings',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n',
    ],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n'],
    ['a bare line feed', 'GET / HTTP/1.1\nHost: x\n\n'],
    ['no host', 'GET / HTTP/1.1\r\n\r\n'],
    ['a folded field', 'GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n'],
  ]
  for (const [name, text] of bad) {
    it(`refuses ${name}, and closes`, async () => {
      assert.deepEqual(statuses(await exchange(text)), ['400'])
      assert.equal(seen.length, 0)
    })
  }

  it('ends with every connection, whatever comes', async () => {
    const good = 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'
    const chunked =
      'PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
    const changed = fc
      .tuple(
        fc.constantFrom(good, chunked, good + chunked),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      )
      .map(([text, changes]) => {
        const octets = Buffer.from(text)
        for (const [at, octet] of changes) octets[at % octets.length] = octet
        return octets
      })
    const begun = ended
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, fc.uint8Array({ maxLength: 300 })), async (octets) => {
        count++
        const answered = statuses(await exchange(octets))
        assert.ok(answered.every((status) => /^(?:200|204|4\d\d|50[15])$/.test(status)))
      }),
      { seed: SEED, numRuns: 300 },
    )
    const deadline = performance.now() + 30_000
    while (ended < begun + count) {
      assert.ok(performance.now() < deadline, `${ended - begun} of ${count} have ended`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  })
})
