/**
 * The rigorous pool in this process, by openssl and Node as clients: what it asks for, what it bounds.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import type tls from 'node:tls'
import type { RigorousPoolSettings } from '../../src/ports/data-plane.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import { ADMISSION, type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { until } from './fleet-under-test.ts'
import { connectOctets, converse } from './octet-client.ts'
import { greet } from './raw-hello.ts'

const CHROME =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'

let origin: EdgeOrigin

before(async () => {
  origin = await startEdgeOrigin()
})

after(async () => {
  await origin?.close()
})

/** Everybody is a suspect; who asks for other.test is another profile. */
async function rigorously(
  settings: Partial<RigorousPoolSettings>,
  use: (edge: EdgeUnderTest) => Promise<void>,
): Promise<void> {
  const edge = await startEdge({
    upstreamPorts: [origin.port],
    admission: { rigorous: { ...ADMISSION.rigorous, ...settings } },
    enforce: ({ handshake }) => ({
      pool: 'rigorous',
      member: 'here',
      ...(handshake?.sni === 'other.test' ? { profile: 'ffffffffffffffff' } : {}),
    }),
  })
  try {
    await use(edge)
  } finally {
    edge.close()
  }
}

/** What `openssl s_client` prints about messages and session. */
async function openssl(port: number, ...args: readonly string[]): Promise<string> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-msg', ...args])
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (more: string) => {
      text += more
    })
  }
  child.stdin.on('error', () => {})
  child.stdin.write('GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  await once(child, 'close')
  return text
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0

const get = (userAgent = 'openssl'): string =>
  `GET /echo HTTP/1.1\r\nHost: localhost\r\nUser-Agent: ${userAgent}\r\nConnection: close\r\n\r\n`

describe('what the rigorous pool asks for, by openssl', () => {
  it('asks for another key share, and serves then', async () => {
    await rigorously({}, async ({ tlsPort, outcomes }) => {
      const text = await openssl(tlsPort, '-servername', 'localhost', '-no_ign_eof')
      assert.equal(count(text, /Handshake \[length [0-9a-f]+\], ClientHello/g), 2)
      assert.equal(count(text, /Handshake \[length [0-9a-f]+\], ServerHello/g), 2)
      assert.match(text, /HTTP\/1\.1 200 OK/)
      assert.equal(outcomes[0]?.result, 'full')
      assert.equal(outcomes[0]?.helloRetry, true)
    })
  })

  it('does so of every client that has a group left, and serves those that have none', async () => {
    await rigorously({}, async (edge) => {
      const { tlsPort, outcomes } = edge
      const groups = ['X25519:P-256', 'P-256:X25519', 'P-256:P-384', 'P-384:P-521', 'P-256']
      const named = new Map<string, string>()
      for (const ecdhCurve of groups) {
        const client = await connectOctets(tlsPort, { ecdhCurve })
        const info = (client.socket as tls.TLSSocket).getEphemeralKeyInfo() as { name?: string }
        named.set(ecdhCurve, info.name ?? '')
        client.write(get())
        assert.match(await client.readAll(), /^HTTP\/1\.1 200 /)
      }
      assert.deepEqual(
        outcomes.filter(({ result }) => result === 'full').map(({ helloRetry }) => helloRetry),
        [true, true, true, true, false],
      )
      assert.deepEqual(
        [...named.values()],
        ['prime256v1', 'X25519', 'secp384r1', 'secp521r1', 'prime256v1'],
      )
    })
  })

  it('does not when it is told not to', async () => {
    await rigorously({ helloRetry: false }, async ({ tlsPort, outcomes }) => {
      const text = await openssl(tlsPort, '-servername', 'localhost', '-no_ign_eof')
      assert.equal(count(text, /Handshake \[length [0-9a-f]+\], ClientHello/g), 1)
      assert.equal(outcomes[0]?.helloRetry, false)
    })
  })

  it('gives no session tickets', async () => {
    await rigorously({}, async ({ tlsPort }) => {
      const text = await openssl(tlsPort, '-servername', 'localhost', '-no_ign_eof')
      assert.equal(count(text, /NewSessionTicket/g), 0)
      assert.doesNotMatch(text, /Post-Handshake New Session Ticket/)
    })
  })

  it('speaks TLS 1.3 only', async () => {
    await rigorously({}, async ({ tlsPort, outcomes }) => {
      const text = await openssl(tlsPort, '-tls1_2')
      assert.match(text, /alert protocol version/)
      assert.equal(outcomes[0]?.result, 'failed')
    })
  })

  it('takes no ticket of the primary pool, but knows whom it was made for', async () => {
    let isSuspect = false
    const edge = await startEdge({
      upstreamPorts: [origin.port],
      enforce: () => (isSuspect ? { pool: 'rigorous', member: 'here' } : {}),
    })
    try {
      const first = await connectOctets(edge.tlsPort, { servername: 'localhost' })
      first.write(get())
      await first.readAll()
      const session = (first.socket as tls.TLSSocket).getSession()
      assert.ok(session)
      isSuspect = true
      const again = await connectOctets(edge.tlsPort, { servername: 'localhost', session })
      assert.equal((again.socket as tls.TLSSocket).isSessionReused(), false)
      again.close()
      assert.equal(edge.tickets[1]?.lineage, edge.decisions[0]?.profile)
    } finally {
      edge.close()
    }
  })
})

describe('what the rigorous pool bounds', () => {
  const refused = (edge: EdgeUnderTest, code: string): number =>
    edge.edge.meter.refusals.get(code) ?? 0

  it('is the connections at once: more get an alert, and a place when one is left', async () => {
    await rigorously({ connectionsMax: 3 }, async (edge) => {
      const held = await Promise.all([1, 2, 3].map(() => connectOctets(edge.tlsPort, {})))
      await assert.rejects(connectOctets(edge.tlsPort, {}), /internal error/)
      assert.equal(refused(edge, 'rigorous-full'), 1)
      held[0]?.close()
      await until('a place', 5_000, () => edge.edge.rigorous.connections === 2)
      const next = await connectOctets(edge.tlsPort, {})
      for (const client of [...held, next]) client.close()
      await until('all to be gone', 5_000, () => edge.edge.rigorous.connections === 0)
    })
  })

  it('is the rate of a profile: more get an alert, others are not touched', async () => {
    await rigorously({ perProfilePerSecond: 2 }, async (edge) => {
      const began = performance.now()
      const attempts = await Promise.allSettled(
        Array.from({ length: 10 }, () => converse(edge.tlsPort, get(), {})),
      )
      const served = attempts.filter(({ status }) => status === 'fulfilled').length
      // A burst of two, two more for each second it took, and one for a clock that is read in steps.
      const most = 3 + Math.ceil((2 * (performance.now() - began)) / 1000)
      assert.ok(served >= 2 && served <= most, `${served} of 10 were served, of ${most}`)
      assert.equal(refused(edge, 'rigorous-rate'), 10 - served)
      for (const attempt of attempts) {
        if (attempt.status === 'rejected') assert.match(String(attempt.reason), /access denied/)
      }
      const other = await converse(edge.tlsPort, get(), { servername: 'other.test' })
      assert.match(other, /^HTTP\/1\.1 200 /)
    })
  })

  it('is time: who stops in the middle of the handshake is gone, and its place free', async () => {
    await rigorously({ connectionsMax: 1 }, async (edge) => {
      const { socket } = await greet(edge.tlsPort)
      await once(socket.resume(), 'end')
      socket.destroy()
      assert.equal(refused(edge, 'tls-timeout'), 1)
      assert.equal(edge.outcomes[0]?.result, 'timeout')
      await until('its place to be free', 5_000, () => edge.edge.rigorous.connections === 0)
      assert.match(await converse(edge.tlsPort, get(), {}), /^HTTP\/1\.1 200 /)
    })
  })
})

describe('the User-Agent in the rigorous pool', () => {
  const checks = (edge: EdgeUnderTest) =>
    edge.outcomes.filter(({ result }) => result === 'checked').map(({ check }) => check)

  it('is compared with the handshake, once per connection, and the request is served', async () => {
    await rigorously({}, async (edge) => {
      const client = await connectOctets(edge.tlsPort, {})
      client.write(get(CHROME).replace('Connection: close\r\n', ''))
      await client.read(/"url":"\/echo"/)
      client.write(get(CHROME))
      await client.readAll()
      assert.deepEqual(checks(edge), ['user-agent-differs'])
      assert.equal(edge.outcomes.at(-1)?.profile, edge.decisions[0]?.profile)
      assert.match(await converse(edge.tlsPort, get('node'), {}), /^HTTP\/1\.1 200 /)
      assert.deepEqual(checks(edge), ['user-agent-differs', 'user-agent-fits'])
      await converse(edge.tlsPort, get('something/1.0'), {})
      assert.equal(checks(edge).length, 2)
    })
  })

  it('is not looked at when it is not to be', async () => {
    await rigorously({ userAgentCheck: false }, async (edge) => {
      await converse(edge.tlsPort, get(CHROME), {})
      assert.deepEqual(checks(edge), [])
    })
  })
})
