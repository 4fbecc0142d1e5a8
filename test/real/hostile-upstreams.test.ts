import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { send } from './raw-client.ts'

const CASE_MS = 15_000

interface HostileAnswer {
  readonly name: string
  /** What the server says, piece by piece; 'close' ends it, 'reset' cuts it. */
  readonly says: readonly string[]
  /** What the client gets: a status, or an answer that is visibly not whole. */
  readonly status: number | 'cut'
  readonly method?: string
  readonly body?: string
}

const OK = 'HTTP/1.1 200 OK\r\n'
const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'

const CHUNKS = `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n`
const TRAILED = `${CHUNKS}X-Sum: 1\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n`

const bad = (name: string, ...says: readonly string[]): HostileAnswer => ({
  name,
  says,
  status: 502,
})
const cut = (name: string, ...says: readonly string[]): HostileAnswer => ({
  name,
  says,
  status: 'cut',
})
const good = (
  name: string,
  body: string,
  says: readonly string[],
  status = 200,
  method = 'GET',
): HostileAnswer => ({ name, says, status, body, method })

const ANSWERS: readonly HostileAnswer[] = [
  bad('both CL and TE', `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`),
  bad('two lengths', `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`),
  bad('the same length twice', `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`),
  bad('a list of lengths', `${OK}Content-Length: 5, 5\r\n\r\nhello`),
  bad('a signed length', `${OK}Content-Length: +5\r\n\r\nhello`),
  bad('an empty length', `${OK}Content-Length:\r\n\r\nhello`),
  bad('a huge length', `${OK}Content-Length: 99999999999999999999\r\n\r\nhello`),
  bad('another coding', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`),
  bad(
    'chunked twice',
    `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ),
  bad('chunked on HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
  bad('a folded field', `${OK}X: a\r\n b\r\nContent-Length: 0\r\n\r\n`),
  bad('a bare LF', `${OK}X: a\nContent-Length: 0\r\n\r\n`),
  bad('LF only', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'),
  bad('a space before the colon', `${OK}Content-Length : 0\r\n\r\n`),
  bad('NUL in a value', `${OK}X: \0\r\nContent-Length: 0\r\n\r\n`),
  bad('a name in lower case', 'http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
  bad('HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'),
  bad('a status of two digits', 'HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n'),
  bad('a status of four digits', 'HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n'),
  bad('status 099', 'HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n'),
  bad('status 999', 'HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n'),
  bad('garbage', '\x00\x01\x02\x03 this is not HTTP at all\r\n\r\n'),
  bad('another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n\r\n'),
  bad('a header bomb', OK, ...Array.from({ length: 20 }, () => `X: ${'a'.repeat(8000)}\r\n`)),
  bad('a header without end', `${OK}X: ${'a'.repeat(200_000)}`),
  bad('a flood of 1xx', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000)),
  bad('1xx with a length', `HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello${POISON}`),
  bad(
    '101 nobody asked for',
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n${POISON}`,
  ),
  bad('101 that says to nothing', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'),
  bad('nothing, and closes', 'close'),
  bad('nothing, and resets', 'reset'),
  bad('half a head, and closes', 'HTTP/1.1 200 OK\r\nContent-Le', 'close'),
  { name: 'nothing at all', says: [], status: 504 },
  { name: 'half a head, and waits', says: ['HTTP/1.1 200 OK\r\n'], status: 504 },
  { name: '1xx for ever', says: ['HTTP/1.1 103 Early Hints\r\n\r\n'], status: 504 },
  cut('a body that stops, and closes', `${OK}Content-Length: 10\r\n\r\nhello`, 'close'),
  cut('a body that stops, and resets', `${OK}Content-Length: 10\r\n\r\nhello`, 'reset'),
  cut('a body that stops, and waits', `${OK}Content-Length: 10\r\n\r\nhello`),
  cut(
    'a chunked body that stops',
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    'close',
  ),
  cut('a bad chunk size', `${OK}Transfer-Encoding: chunked\r\n\r\n`, '0x5\r\nhello\r\n0\r\n\r\n'),
  cut('a chunk with LF', `${OK}Transfer-Encoding: chunked\r\n\r\n`, '5\nhello\r\n0\r\n\r\n'),
  cut(
    'a chunk that is too long',
    `${OK}Transfer-Encoding: chunked\r\n\r\n`,
    '3\r\nhello\r\n0\r\n\r\n',
  ),
  cut(
    'a bad trailer',
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    '0\r\nno colon\r\n\r\n',
  ),
  cut('a body without length, reset', `${OK}\r\nhello`, 'reset'),
  good('octets behind the body', 'hello', [`${OK}Content-Length: 5\r\n\r\nhello${POISON}`]),
  good('octets behind the body, later', 'hello', [`${OK}Content-Length: 5\r\n\r\nhello`, POISON]),
  good('octets behind the last chunk', 'hello', [
    `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${POISON}`,
  ]),
  good('a trailer', 'hello', [TRAILED]),
  good('a trailer octet by octet', 'hello', [...TRAILED]),
  good('chunks octet by octet', 'hello', [...`${CHUNKS}\r\n`]),
  good('octets behind an empty body', '', [`${OK}Content-Length: 0\r\n\r\n${POISON}`]),
  good('half an answer behind an empty body', '', [`${OK}Content-Length: 0\r\n\r\nHTTP/1.1 2`]),
  good('octets behind 204', '', [`HTTP/1.1 204 No Content\r\n\r\n${POISON}`], 204),
  good(
    '204 that announces content',
    '',
    ['HTTP/1.1 204 No Content\r\nContent-Length: 62\r\n\r\n', POISON],
    204,
  ),
  good(
    'octets behind 304',
    '',
    [`HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n${POISON}`],
    304,
  ),
  good('a body behind the head of HEAD', '', [`${OK}Content-Length: 6\r\n\r\npoison`], 200, 'HEAD'),
  good('HTTP/1.0 until it closes', 'hello', ['HTTP/1.0 200 OK\r\n\r\nhello', 'close']),
  good('HTTP/1.1 until it closes', 'hello', [`${OK}\r\nhel`, 'lo', 'close']),
  good('HTTP/1.0 with a length', 'hello', ['HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello']),
  good(
    'a method that only looks like HEAD',
    'hello',
    [`${OK}Content-Length: 5\r\n\r\nhello`],
    200,
    'HACK',
  ),
  good('early hints', 'hello', [
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
    `${OK}Content-Length: 5\r\n\r\nhello`,
  ]),
  good('100 nobody asked for', 'hello', [
    'HTTP/1.1 100 Continue\r\n\r\n',
    `${OK}Content-Length: 5\r\n\r\nhello`,
  ]),
  good('close, said and done', 'hello', [
    `${OK}Connection: close\r\nContent-Length: 5\r\n\r\nhello`,
    'close',
  ]),
  good('close, said and not done', 'hello', [
    `${OK}Connection: close\r\nContent-Length: 5\r\n\r\nhello`,
  ]),
  good('an answer octet by octet', 'hi', [...`${OK}Content-Length: 2\r\n\r\nhi`]),
]

let upstream: net.Server
let under: EdgeUnderTest
/** Targets asked for on each connection, in order. */
let connections: string[][] = []
/** The connection of a hostile answer, and when all of it is said. */
let hostile: { readonly socket: net.Socket; readonly said: Promise<void> } | undefined

before(async () => {
  upstream = net.createServer({ noDelay: true }, (socket) => {
    const targets: string[] = []
    connections.push(targets)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      for (const [, target = ''] of chunk.toString('latin1').matchAll(/^[A-Z]+ (\S+) HTTP/gm)) {
        targets.push(target)
        const said = say(socket, target)
        if (target.startsWith('/hostile')) hostile = { socket, said }
      }
    })
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  under = await startEdge({
    upstreamPorts: [(upstream.address() as AddressInfo).port],
    timeouts: { firstByteMs: 2000 },
  })
})

after(() => {
  under.close()
  upstream.close()
})

async function say(socket: net.Socket, target: string): Promise<void> {
  const answer = ANSWERS[Number(/^\/hostile\/(\d+)$/.exec(target)?.[1] ?? -1)]
  if (target === '/slow') await new Promise((resolve) => setTimeout(resolve, 150))
  const says = answer?.says ?? [`${OK}Content-Length: ${target.length}\r\n\r\n${target}`]
  for (const [index, piece] of says.entries()) {
    if (index > 0) await new Promise((resolve) => setTimeout(resolve, says.length > 10 ? 1 : 20))
    if (piece === 'close') socket.end()
    else if (piece === 'reset') socket.resetAndDestroy()
    else if (!socket.destroyed) socket.write(Buffer.from(piece, 'latin1'))
  }
}

/** Answers after which a connection is as good as new. */
const KEPT = [
  'a trailer',
  'a trailer octet by octet',
  'chunks octet by octet',
  'an answer octet by octet',
  'early hints',
  '100 nobody asked for',
  'a method that only looks like HEAD',
]
/** The edge cannot know yet that something follows, and closes when it does. */
const NOT_KNOWN_YET = [
  'octets behind the body, later',
  'a body behind the head of HEAD',
  'HTTP/1.0 with a length',
]

/** Of these octets do follow: asked before they have come, the next request would take them for its answer, as anybody would. */
const FOLLOWED = NOT_KNOWN_YET.slice(0, 1)

/** After a hostile answer the connection that it came over is not used again. */
function assertReuse(name: string, isGood: boolean): void {
  if (NOT_KNOWN_YET.includes(name)) return
  const kept = isGood && KEPT.includes(name)
  for (const targets of connections) {
    if (!targets.some((target) => target.startsWith('/hostile'))) continue
    assert.equal(targets.includes('/next/1'), kept, 'used again')
  }
}

const ask = (method: string, target: string): string =>
  `${method} ${target} HTTP/1.1\r\nHost: a.test\r\n\r\n`

describe('hostile answers of an upstream', () => {
  for (const [index, { name, status, body, method = 'GET' }] of ANSWERS.entries()) {
    it(`${name}: ${status}`, async () => {
      connections = []
      const outcome = await send({
        port: under.plainPort,
        pieces: [ask(method, `/hostile/${index}`)],
        endAfter: 1,
        withinMs: CASE_MS,
        bodyless: method === 'HEAD',
      })
      assert.equal(outcome.hung, false, 'hangs')
      const [answer, ...more] = outcome.answers
      assert.deepEqual(more, [], 'more than one answer')
      if (status === 'cut') {
        if (answer !== undefined) {
          assert.equal(answer.status === 502 || !answer.whole, true, 'looks whole')
        }
      } else {
        assert.equal(answer?.status, status)
        assert.equal(outcome.rest, '')
        if (body !== undefined) assert.equal(answer?.body, body)
      }
      assert.equal(under.edge.servers()[0]?.inFlight, 0)
      await hostile?.said
      if (FOLLOWED.includes(name) && hostile?.socket.closed === false) {
        await once(hostile.socket, 'close')
      }
      // Whoever comes next gets their own answer.
      for (const target of ['/next/1', '/next/2']) {
        const next = await send({
          port: under.plainPort,
          pieces: [ask('GET', target)],
          endAfter: 1,
          withinMs: CASE_MS,
        })
        assert.deepEqual(
          next.answers.map((each) => [each.status, each.body]),
          [[200, target]],
        )
      }
      assertReuse(name, body !== undefined)
    })
  }

  it('nothing of others comes with 101 that says to nothing, behind one that does', async () => {
    const upgrade = (name: string) =>
      send({
        port: under.plainPort,
        pieces: [
          `GET /hostile/${ANSWERS.findIndex((answer) => answer.name === name)} HTTP/1.1\r\n` +
            'Host: a.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
        ],
        endAfter: 1,
        withinMs: CASE_MS,
      })
    const first = await upgrade('101 nobody asked for')
    assert.equal(first.answers[0]?.status, 101)
    const { answers, rest } = await upgrade('101 that says to nothing')
    assert.equal(answers[0]?.status, 502)
    assert.ok(answers[0].head.length + rest.length < 1000)
  })

  it('of trailer fields only those go on that may, however the octets come', async () => {
    for (const name of ['a trailer', 'a trailer octet by octet']) {
      const index = ANSWERS.findIndex((answer) => answer.name === name)
      const socket = net.connect(under.plainPort, '127.0.0.1')
      socket.write(ask('GET', `/hostile/${index}`).replace('\r\n\r\n', '\r\nTE: trailers\r\n\r\n'))
      let text = ''
      for await (const chunk of socket.setEncoding('latin1')) {
        text += chunk
        if (text.endsWith('\r\n\r\n') && text.includes('hello')) break
      }
      assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4), '5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n')
    }
  })

  it('are forwarded in our own words: HTTP/1.1, chunked where there is no length', async () => {
    const until = ANSWERS.findIndex(({ name }) => name === 'HTTP/1.0 until it closes')
    const { answers } = await send({
      port: under.plainPort,
      pieces: [ask('GET', `/hostile/${until}`)],
      endAfter: 1,
      withinMs: CASE_MS,
    })
    assert.match(answers[0]?.head ?? '', /^HTTP\/1\.1 200 OK\r\ntransfer-encoding: chunked\r\n/i)
  })
})

describe('a slow upstream', () => {
  it('lets a client pipeline more than the buffer has room for, without a crash', async () => {
    const more = Array.from(
      { length: 40 },
      (_, n) => `GET /${n} HTTP/1.1\r\nHost: a.test\r\nX: ${'a'.repeat(2500)}\r\n\r\n`,
    ).join('')
    const socket = net.connect({ port: under.plainPort, host: '127.0.0.1', noDelay: true })
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
    })
    socket.write(ask('GET', '/slow'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    socket.write(more.slice(0, 30_000))
    await new Promise((resolve) => setTimeout(resolve, 20))
    socket.write(more.slice(30_000))
    const until = Date.now() + CASE_MS
    while (!text.endsWith('/39') && Date.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 10))
    socket.destroy()
    assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 41)
  })
})
