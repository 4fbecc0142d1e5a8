import assert from 'node:assert/strict'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { CUT_EVERYWHERE, HOSTILE_REQUESTS } from '../fixtures/hostile-requests.ts'
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { type Outcome, send } from './raw-client.ts'
import { type SeenRequest, type StrictOrigin, startStrictOrigin } from './strict-origin.ts'

/** One case may not take longer, whatever it sends: longer is a hang. */
const CASE_MS = 4000
const PROBE = 'GET /probe HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n'

/** What Node's own parser (llhttp, strict) reads in a stream of octets. */
interface Framing {
  readonly requests: readonly string[]
  readonly refused: boolean
}

let origin: StrictOrigin
let under: EdgeUnderTest
let oracle: http.Server

before(async () => {
  origin = await startStrictOrigin()
  under = await startEdge({
    upstreamPorts: [origin.port],
    timeouts: { headMs: 400, bodyMs: 400, bodyBytesPerSecondMin: 1_000_000 },
  })
  oracle = http.createServer({ insecureHTTPParser: false })
  await new Promise<void>((resolve) => oracle.listen(0, '127.0.0.1', resolve))
})

after(async () => {
  under.close()
  await origin.close()
  oracle.closeAllConnections()
  oracle.close()
})

const inShort = ({ method, target, body }: SeenRequest): string => `${method} ${target} ${body}`

async function framingOf(stream: string): Promise<Framing> {
  const requests: string[] = []
  let refused = false
  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse) => {
    let body = ''
    request.setEncoding('latin1')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      requests.push(`${request.method} ${request.url} ${body}`)
      response.end()
    })
  }
  const onError = (_: Error, socket: NodeJS.WritableStream & { destroy(): void }) => {
    refused = true
    socket.destroy()
  }
  oracle.on('request', onRequest).on('checkContinue', onRequest).on('clientError', onError)
  const { port } = oracle.address() as AddressInfo
  await send({ port, pieces: [stream], endAfter: 0, withinMs: CASE_MS })
  for (const event of ['request', 'checkContinue', 'clientError']) oracle.removeAllListeners(event)
  return { requests, refused }
}

/** No second request, no half one, and nothing left over for whoever comes next on that connection. */
async function assertNothingSmuggled(name: string, sees: readonly string[]): Promise<void> {
  assert.deepEqual(origin.violations, [], `${name}: what the origin received is malformed`)
  assert.deepEqual(origin.seen.map(inShort), sees, `${name}: what the origin saw`)
  const probe = await send({
    port: under.plainPort,
    pieces: [PROBE],
    endAfter: 1,
    withinMs: CASE_MS,
  })
  assert.deepEqual(
    probe.answers.map(({ body }) => body),
    ['GET /probe 0'],
    `${name}: the next client`,
  )
  assert.deepEqual(origin.seen.map(inShort), [...sees, 'GET /probe '], `${name}: the next request`)
}

async function sendToEdge(
  pieces: readonly string[],
  answers: number,
  isHead: boolean,
): Promise<Outcome> {
  const endAfter = answers
  return send({ port: under.plainPort, pieces, endAfter, withinMs: CASE_MS, bodyless: isHead })
}

describe('hostile HTTP/1 requests', () => {
  it('are at least 150', () =>
    assert.ok(HOSTILE_REQUESTS.length >= 150, `${HOSTILE_REQUESTS.length}`))

  for (const { name, pieces, statuses, sees, oracleDiffers } of HOSTILE_REQUESTS) {
    it(`${name}: ${statuses.length > 4 ? `${statuses.length} answers` : statuses.join(', ')}`, async () => {
      origin.forget()
      const isHead = sees[0]?.startsWith('HEAD') ?? false
      const outcome = await sendToEdge(pieces, statuses.length, isHead)
      assert.equal(outcome.hung, false, 'hangs')
      assert.deepEqual(
        outcome.answers.map(({ status }) => status),
        statuses,
      )
      assert.equal(outcome.rest, '', 'octets behind the answers')
      for (const answer of outcome.answers) {
        if (answer.status === 200) continue
        assert.match(answer.head, /^connection: close$/im)
        assert.match(answer.head, /^content-type: application\/problem\+json$/im)
      }
      const raw = origin.raw.map(({ text }) => text).filter((text) => text !== '')
      for (const text of raw) assertEdgeSpeaks(text)
      await assertNothingSmuggled(name, sees)
      const methodsOfOurs = sees.some((seen) => seen.startsWith('HACK'))
      if (methodsOfOurs) return
      const forwarded: Framing[] = []
      for (const text of raw) forwarded.push(await framingOf(text))
      assert.equal(
        forwarded.some(({ refused }) => refused),
        false,
        'llhttp refuses what we forward',
      )
      if (oracleDiffers === undefined)
        assert.deepEqual(forwarded.flatMap(({ requests }) => requests).sort(), [...sees].sort())
      // What we let through whole, llhttp reads as the same requests.
      if (oracleDiffers !== undefined || statuses.some((status) => status !== 200)) return
      assert.deepEqual((await framingOf(pieces.join(''))).requests, sees)
    })
  }
})

/** What a client says about itself never reaches the origin as the edge's word. */
function assertEdgeSpeaks(forwarded: string): void {
  assert.doesNotMatch(
    forwarded,
    /6\.6\.6\.6|evil\.test|^limen[-_](?:score: 666|decision: x|tier: 666)/im,
  )
  assert.doesNotMatch(forwarded, /^(?:x-private|http2-settings|keep-alive|proxy-connection|te):/im)
  const heads = forwarded.split(/(?<=\r\n\r\n)/).filter((text) => / HTTP\/1\.1\r\n/.test(text))
  for (const head of heads) {
    if (!head.startsWith('GET /1 ')) continue
    assert.equal(head.match(/^x-forwarded-for: 127\.0\.0\.1\r$/gim)?.length, 1)
    assert.equal(head.match(/^limen-tier:/gim)?.length, 1)
  }
}

describe('a client that leaves in the middle', () => {
  for (const [index, stream] of CUT_EVERYWHERE.entries()) {
    it(`of request ${index + 1}, at each of ${stream.length} positions, is never half a request`, async () => {
      for (let at = 0; at < stream.length; at++) {
        origin.forget()
        const pieces = [stream.slice(0, at)]
        const outcome = await send({
          port: under.plainPort,
          pieces,
          endAfter: 0,
          withinMs: CASE_MS,
        })
        assert.equal(outcome.hung, false, `hangs at ${at}`)
        assert.equal(
          outcome.answers.some(({ status }) => status === 200),
          false,
        )
        assert.deepEqual(origin.seen, [], `seen after ${at} octets`)
        assert.deepEqual(origin.violations, [])
      }
      origin.forget()
      await assertNothingSmuggled('afterwards', [])
    })
  }

  it('is noticed while its body is streamed: the upstream connection goes with it', async () => {
    origin.forget()
    const head = 'POST /big HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n'
    await send({
      port: under.plainPort,
      pieces: [head + 'x'.repeat(60_000)],
      endAfter: 0,
      withinMs: CASE_MS,
    })
    await assertNothingSmuggled('afterwards', [])
  })
})

describe('an answer that comes before the request is whole', () => {
  it('ends both connections: what follows is not read as the rest of the body', async () => {
    let requests = 0
    const heads: string[] = []
    const early = net.createServer((socket) => {
      socket.on('error', () => {})
      let answered = false
      socket.on('data', (chunk) => {
        heads.push(chunk.toString('latin1').slice(0, 10))
        if (answered) return
        answered = true
        requests++
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      })
    })
    await new Promise<void>((resolve) => early.listen(0, '127.0.0.1', resolve))
    const edge = await startEdge({ upstreamPorts: [(early.address() as AddressInfo).port] })
    try {
      const head = 'POST /1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n'
      const first = await send({
        port: edge.plainPort,
        pieces: [head + 'x'.repeat(30_000)],
        withinMs: CASE_MS,
      })
      assert.deepEqual(
        first.answers.map(({ status }) => status),
        [200],
      )
      assert.equal(first.closed, true)
      const next = await send({
        port: edge.plainPort,
        pieces: [PROBE],
        endAfter: 1,
        withinMs: CASE_MS,
      })
      assert.deepEqual(
        next.answers.map(({ status }) => status),
        [200],
      )
      assert.equal(requests, 2, 'the next request went to a connection that owed a body')
      assert.ok(heads.includes('GET /probe'))
    } finally {
      edge.close()
      early.close()
    }
  })
})

describe('a client that asks and does not read', () => {
  it('is served no more than fits, and dropped by the limit on reading', async () => {
    const page = 'x'.repeat(50_000)
    let served = 0
    const pages = http.createServer((_, response) => {
      served++
      response.end(page)
    })
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
    const edge = await startEdge({
      upstreamPorts: [(pages.address() as AddressInfo).port],
      timeouts: { readMs: 700, readBytesPerSecondMin: 10_000_000 },
    })
    const socket = net.connect(edge.plainPort, '127.0.0.1')
    try {
      socket.pause()
      socket.on('error', () => {})
      const one = 'GET /1 HTTP/1.1\r\nHost: a.test\r\n\r\n'
      socket.write(one.repeat(5000))
      const dropped = Date.now() + CASE_MS
      while ((edge.edge.meter.refusals.get('read-timeout') ?? 0) === 0) {
        assert.ok(Date.now() < dropped, 'still connected')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      // Buffers of the kernel, both sides, take some megabytes; 5000 pages would be 250.
      assert.ok(served < 1000, `${served} answers made for nobody`)
      assert.equal(edge.edge.servers()[0]?.inFlight, 0)
    } finally {
      socket.destroy()
      edge.close()
      pages.closeAllConnections()
      pages.close()
    }
  })
})
