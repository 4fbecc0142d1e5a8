/**
 * `choose: fit` over real connections: kinds of clients by their real handshakes, origins that differ.
 */
import assert from 'node:assert/strict'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { ServerChoice } from '../../src/behavior/decision.ts'
import { type EdgeUnderTest, startEdge } from './edge-under-test.ts'

/** An origin that takes its time, by the `User-Agent` that asks. */
interface Origin {
  readonly port: number
  readonly name: string
  delayMs: (userAgent: string) => number
  status: number
  answered: number
  close(): void
}

async function startOrigin(name: string): Promise<Origin> {
  const server = http.createServer((request, response) => {
    const answer = () => {
      origin.answered++
      response.writeHead(origin.status, { 'x-served-by': name })
      response.end('x'.repeat(request.url === '/large' ? 200_000 : 100))
    }
    const delay = origin.delayMs(request.headers['user-agent'] ?? '')
    if (delay === 0) answer()
    else setTimeout(answer, delay)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin: Origin = {
    port: (server.address() as AddressInfo).port,
    name,
    delayMs: () => 0,
    status: 200,
    answered: 0,
    close: () => server.close(),
  }
  return origin
}

/** Clients whose hellos differ: what they offer, and so their kind. */
const KINDS = {
  modern: { minVersion: 'TLSv1.3' },
  old: {
    maxVersion: 'TLSv1.2',
    ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384',
    sigalgs: 'ECDSA+SHA256',
  },
} satisfies Record<string, https.RequestOptions>

describe('choose: fit', () => {
  let origins: Origin[] = []
  let limen: EdgeUnderTest
  const served: ServerChoice[] = []

  before(async () => {
    origins = await Promise.all(['s0', 's1', 's2'].map(startOrigin))
    limen = await startEdge({
      upstreamPorts: origins.map(({ port }) => port),
      pool: { choose: 'fit' },
      servers: [{}, {}, { labels: ['bandwidth'] }],
      onServed: (_decision, choice) => void served.push(choice),
    })
  })
  after(() => {
    limen.close()
    for (const origin of origins) origin.close()
  })

  /** `count` requests, a few at a time, each on a connection of its own; answers per server. */
  async function ask(
    kind: keyof typeof KINDS,
    count: number,
    path = '/',
  ): Promise<Record<string, number>> {
    const counts: Record<string, number> = {}
    let left = count
    const client = async () => {
      while (left-- > 0) {
        const by = await new Promise<string>((resolve, reject) => {
          const request = https.get(
            {
              port: limen.tlsPort,
              host: '127.0.0.1',
              path,
              agent: false,
              rejectUnauthorized: false,
              headers: { 'user-agent': kind },
              ...KINDS[kind],
            },
            (response) => {
              response.resume()
              response.on('end', () => resolve(String(response.headers['x-served-by'])))
            },
          )
          request.on('error', reject)
        })
        counts[by] = (counts[by] ?? 0) + 1
      }
    }
    await Promise.all(Array.from({ length: 4 }, client))
    return counts
  }

  it('spreads clients over equal servers', async () => {
    // The first answers of a process are slow, whoever gives them, and so are some when others want the machine, too: a
    // few hundred later that is forgotten.
    const tries: Record<string, number>[] = []
    const isSpread = (counts: Record<string, number>) =>
      ['s0', 's1', 's2'].every((name) => (counts[name] ?? 0) > 50)
    do {
      await ask('modern', 400)
      tries.push(await ask('modern', 300))
    } while (!isSpread(tries.at(-1) ?? {}) && tries.length < 10)
    assert.ok(isSpread(tries.at(-1) ?? {}), JSON.stringify(tries))
  })

  it('says who was chosen, why, and better than whom', () => {
    const [choice] = served
    assert.equal(choice?.pool, 'site')
    assert.match(choice?.reasons[0] ?? '', /^Client of kind \d+/)
    assert.match(
      choice?.reasons[1] ?? '',
      /^Chosen s\d: \d+ in flight at weight 1, about [\d.]+ ms/,
    )
    assert.match(choice?.reasons[2] ?? '', /^Next best s\d: /)
  })

  it('learns that a server is slow for one kind of clients, and leaves it to the other', async () => {
    const [s0] = origins as [Origin, ...Origin[]]
    s0.delayMs = (userAgent) => (userAgent === 'old' ? 60 : 0)
    const [old, modern] = await Promise.all([ask('old', 200), ask('modern', 400)])
    assert.ok((old['s0'] ?? 0) < 30, `old: ${JSON.stringify(old)}`)
    assert.ok((modern['s0'] ?? 0) > 60, `modern: ${JSON.stringify(modern)}`)
    s0.delayMs = () => 0
  })

  it('leaves a server that answers 503, and comes back to it when it is well', async () => {
    const [, s1] = origins as [Origin, Origin, Origin]
    s1.status = 503
    await ask('modern', 60)
    const before = s1.answered
    await ask('modern', 100)
    assert.ok(s1.answered - before < 20, `${s1.answered - before} of 100 while it fails`)
    s1.status = 200
  })

  it('sends clients that fetch much to a server with bandwidth', async () => {
    await ask('modern', 60)
    await ask('old', 120, '/large')
    const counts = await ask('old', 100, '/large')
    assert.ok((counts['s2'] ?? 0) > 60, JSON.stringify(counts))
  })
})
