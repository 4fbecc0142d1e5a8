/**
 * Handshakes by other TLS servers: a second edge, a real HAProxy with `accept-proxy`, a server that tells what came;
 * and what happens when they are not there.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import type { Decision } from '../../src/behavior/decision.ts'
import type { HandshakeMemberSettings } from '../../src/ports/data-plane.ts'
import { type ProxyHeader, readProxyHeader, TLV } from '../../src/wire/proxy-v2.ts'
import { freePorts } from '../free-ports.ts'
import { bigBody, type Echoed, type EdgeOrigin, sha256, startEdgeOrigin } from './edge-origin.ts'
import { ADMISSION, type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { until } from './fleet-under-test.ts'
import { bodyIn, connectOctets, converse } from './octet-client.ts'
import { greet } from './raw-hello.ts'

const HERE = { id: 'here', host: '', port: 0, region: '' } as const
const MB = 1024 * 1024
const REQUEST = 'GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'

let origin: EdgeOrigin
let behind: EdgeUnderTest
/** Nobody listens there: no test uses this address. */
const dead = (): HandshakeMemberSettings => member('dead', 9, '127.0.0.254')

before(async () => {
  origin = await startEdgeOrigin()
  behind = await startEdge({ upstreamPorts: [origin.port] })
})

after(async () => {
  behind?.close()
  await origin?.close()
})

const member = (id: string, port: number, host = '127.0.0.1'): HandshakeMemberSettings => ({
  id,
  host,
  port,
  region: '',
})

/** An edge whose handshakes all go to `pool`, first to `chosen`. */
function startFront(
  pool: Decision['pool'],
  members: readonly HandshakeMemberSettings[],
  chosen = members[0]?.id ?? '',
  timeouts = {},
): Promise<EdgeUnderTest> {
  const inPool = { ...ADMISSION[pool], members }
  return startEdge({
    upstreamPorts: [origin.port],
    admission: { [pool]: inPool },
    timeouts,
    enforce: () => ({ pool, member: chosen }),
  })
}

async function using(front: Promise<EdgeUnderTest>, use: (front: EdgeUnderTest) => Promise<void>) {
  const started = await front
  try {
    await use(started)
  } finally {
    started.close()
  }
}

const gone = (front: EdgeUnderTest) =>
  until('connections to be gone', 5_000, () => front.edge.connections(10).length === 0)

describe('a second edge as a member of the primary pool', () => {
  it('shakes hands, and knows who the client is', async () => {
    await using(startFront('primary', [member('behind', behind.proxyTlsPort)]), async (front) => {
      const client = await connectOctets(front.tlsPort, { servername: 'localhost' })
      const { localPort } = client.socket
      client.write(REQUEST)
      const { headers } = JSON.parse(bodyIn(await client.readAll())) as Echoed
      assert.deepEqual(headers['x-forwarded-for'], ['127.0.0.1'])
      const seen = behind.decisions.at(-1)
      assert.equal(seen?.subject, `127.0.0.1:${localPort}`)
      assert.equal(seen?.listener, 'proxied-tls')
      assert.equal(seen?.handshake?.ja4, front.decisions[0]?.handshake?.ja4)
      assert.equal(seen?.profile, front.decisions[0]?.profile)
      await until('the outcome', 5_000, () => front.outcomes.length > 0)
      assert.equal(front.outcomes[0]?.result, 'full')
      await gone(front)
      assert.equal(front.outcomes.length, 1)
    })
  })

  it('takes megabytes both ways, whole, over HTTP/1.1 and HTTP/2, beside other connections', async () => {
    await using(startFront('primary', [member('behind', behind.proxyTlsPort)]), async (front) => {
      const body = bigBody(8 * MB)
      const upload = async () => {
        const client = await connectOctets(front.tlsPort, { servername: 'localhost' })
        client.write(
          `POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
        )
        client.write(body)
        assert.equal(bodyIn(await client.readAll()), `${body.length} ${sha256(body)}`)
      }
      const download = async () => {
        const text = await converse(
          front.tlsPort,
          `GET /big?bytes=${body.length} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
          { servername: 'localhost' },
        )
        const octets = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1')
        assert.equal(sha256(octets), sha256(body))
      }
      const h2 = async () => {
        const session = http2.connect(`https://localhost:${front.tlsPort}`, {
          rejectUnauthorized: false,
        })
        const request = session.request({ ':path': `/big?bytes=${body.length}` })
        const pieces: Buffer[] = []
        for await (const piece of request) pieces.push(piece as Buffer)
        session.close()
        assert.equal(sha256(Buffer.concat(pieces)), sha256(body))
      }
      await Promise.all([upload(), download(), h2()])
      await gone(front)
      assert.ok(front.edge.meter.bytesOut > 2 * body.length)
      assert.ok(front.edge.meter.bytesIn > body.length)
    })
  })

  it('resumes with its own tickets, and is told apart from a client that fails', async () => {
    await using(startFront('primary', [member('behind', behind.proxyTlsPort)]), async (front) => {
      const first = await connectOctets(front.tlsPort, { servername: 'localhost' })
      first.write(REQUEST)
      await first.readAll()
      const session = (first.socket as tls.TLSSocket).getSession()
      assert.ok(session)
      const again = await connectOctets(front.tlsPort, { servername: 'localhost', session })
      assert.equal((again.socket as tls.TLSSocket).isSessionReused(), true)
      again.close()
      const strict = tls.connect({
        port: front.tlsPort,
        host: '127.0.0.1',
        maxVersion: 'TLSv1.2',
        ciphers: 'AES128-SHA',
      })
      await assert.rejects(once(strict, 'secureConnect'), /handshake failure/)
      await until('three outcomes', 5_000, () => front.outcomes.length === 3)
      assert.equal(front.outcomes[2]?.result, 'failed')
    })
  })
})

/** A member that notes the PROXY header and hands out what follows as octets. */
async function startRecorder() {
  const headers: ProxyHeader[] = []
  const sockets: net.Socket[] = []
  const firsts: Buffer[] = []
  const server = net
    .createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket)
      socket.on('error', () => {})
      let held = Buffer.alloc(0)
      const onData = (more: Buffer) => {
        held = Buffer.concat([held, more])
        const read = readProxyHeader(held)
        if (read.kind !== 'read' || held.length === read.bytes) return
        headers.push(read.header)
        firsts.push(held.subarray(read.bytes))
        socket.removeListener('data', onData)
        socket.pause()
      }
      socket.on('data', onData)
    })
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    headers,
    sockets,
    firsts,
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

describe('what a member is told', () => {
  it('is who the client is, the decision, its score, JA4 and name; then the hello as it came', async () => {
    const recorder = await startRecorder()
    await using(startFront('primary', [member('r', recorder.port)]), async (front) => {
      const { socket, hello } = await greet(front.tlsPort, 'site.test')
      await until('the header', 5_000, () => recorder.headers.length > 0)
      const [header] = recorder.headers
      assert.deepEqual(header?.source, { address: '127.0.0.1', port: socket.localPort })
      assert.deepEqual(header?.destination, { address: '127.0.0.1', port: front.tlsPort })
      const text = (type: number): string =>
        Buffer.from(header?.tlvs.find((tlv) => tlv.type === type)?.value ?? []).toString()
      const [decision] = front.decisions
      assert.equal(text(TLV.limenDecision), decision?.id)
      assert.equal(text(TLV.limenScore), decision?.score.toFixed(2))
      assert.equal(text(TLV.limenJa4), decision?.handshake?.ja4)
      assert.equal(text(TLV.authority), 'site.test')
      assert.deepEqual(recorder.firsts[0], hello)
      socket.destroy()
      await gone(front)
      assert.equal(front.outcomes[0]?.result, 'closed')
    })
    recorder.close()
  })
})

describe('octets both ways', () => {
  it('wait for a member that does not read, and for a client that does not', async () => {
    const recorder = await startRecorder()
    await using(startFront('primary', [member('r', recorder.port)]), async (front) => {
      const { socket } = await greet(front.tlsPort, 'site.test')
      await until('the member', 5_000, () => recorder.firsts.length > 0)
      const [inner] = recorder.sockets as [net.Socket]
      const piece = Buffer.alloc(MB)
      // Until nothing moves any more.
      const fill = async (from: net.Socket, moved: () => number) => {
        let last = -1
        for (let i = 0; i < 64; i++) from.write(piece)
        await until('standstill', 10_000, async () => {
          const before = last
          last = moved()
          await new Promise((resolve) => setTimeout(resolve, 100))
          return last === before && last === moved() && last > 0
        })
        return last
      }
      const { meter } = front.edge
      // What the kernel holds on four sockets, and our bound: not the 64 MB that were sent.
      assert.ok((await fill(socket, () => meter.bytesIn)) < 32 * MB)
      socket.pause()
      assert.ok((await fill(inner, () => meter.bytesOut)) < 32 * MB)
      assert.ok(process.memoryUsage().arrayBuffers < 256 * MB)
      // Both read on, and all of it arrives.
      const count = (reader: net.Socket) => {
        let bytes = 0
        reader.on('data', (more: Buffer) => {
          bytes += more.length
        })
        reader.resume()
        return () => bytes
      }
      const [toMember, toClient] = [count(inner), count(socket)]
      await until('all of it', 20_000, () => toMember() >= 64 * MB && toClient() >= 64 * MB)
      socket.destroy()
    })
    recorder.close()
  })

  it('end one way at a time', async () => {
    const recorder = await startRecorder()
    await using(startFront('primary', [member('r', recorder.port)]), async (front) => {
      const { socket } = await greet(front.tlsPort, 'site.test')
      await until('the member', 5_000, () => recorder.firsts.length > 0)
      const [inner] = recorder.sockets as [net.Socket]
      socket.end('last words')
      let heard = ''
      inner.on('data', (more: Buffer) => {
        heard += more
      })
      await once(inner.resume(), 'end')
      assert.equal(heard, 'last words')
      let answered = ''
      socket.on('data', (more: Buffer) => {
        answered += more
      })
      inner.end('an answer all the same')
      await once(socket, 'end')
      assert.equal(answered, 'an answer all the same')
      await gone(front)
    })
    recorder.close()
  })

  it('end when nothing is said for too long', async () => {
    const recorder = await startRecorder()
    const front = startFront('primary', [member('r', recorder.port)], 'r', { tunnelIdleMs: 300 })
    await using(front, async ({ outcomes, edge }) => {
      const { socket } = await greet((await front).tlsPort)
      await once(socket.resume(), 'end')
      socket.destroy()
      assert.equal(outcomes[0]?.result, 'timeout')
      assert.equal(edge.meter.refusals.get('tunnel-idle'), 1)
    })
    recorder.close()
  })

  it('are cut when the member is', async () => {
    const recorder = await startRecorder()
    await using(startFront('primary', [member('r', recorder.port)]), async (front) => {
      const { socket } = await greet(front.tlsPort, 'site.test')
      await until('the member', 5_000, () => recorder.firsts.length > 0)
      recorder.sockets[0]?.resetAndDestroy()
      await once(socket.resume(), 'end')
      socket.destroy()
      assert.equal(front.outcomes[0]?.result, 'failed')
      await gone(front)
    })
    recorder.close()
  })
})

describe('HAProxy as a member', () => {
  it('shakes hands, and knows who the client is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'limen-haproxy-'))
    const [port = 0] = await freePorts(1)
    const { certPem, keyPem } = behind.settings.certificates[0] ?? { certPem: '', keyPem: '' }
    writeFileSync(join(folder, 'cert.pem'), `${certPem}\n${keyPem}`)
    writeFileSync(
      join(folder, 'haproxy.cfg'),
      `defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 1s
frontend behind
  bind 127.0.0.1:${port} accept-proxy ssl crt ${join(folder, 'cert.pem')} alpn h2,http/1.1
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst_port] %[fc_pp_authority] %[ssl_fc_protocol]"
`,
    )
    const program = process.env['HAPROXY'] ?? 'haproxy'
    const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` }
    const args = ['-f', join(folder, 'haproxy.cfg'), '-db', '-q']
    const haproxy = spawn(program, args, { env, stdio: 'ignore' })
    const ended = once(haproxy, 'exit')
    try {
      await until('HAProxy to listen', 5_000, async () => {
        const socket = net.connect(port, '127.0.0.1')
        return once(socket, 'connect').then(
          () => socket.destroy() !== undefined,
          () => false,
        )
      })
      await using(startFront('primary', [member('haproxy', port)]), async (front) => {
        const client = await connectOctets(front.tlsPort, { servername: 'localhost' })
        const { localPort } = client.socket
        client.write(REQUEST)
        const said = bodyIn(await client.readAll())
        assert.equal(said, `127.0.0.1 ${localPort} ${front.tlsPort} localhost TLSv1.3`)
      })
    } finally {
      haproxy.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

describe('members that are not there', () => {
  const served = async (front: EdgeUnderTest): Promise<string> =>
    converse(front.tlsPort, REQUEST, { servername: 'localhost' })

  it('of the primary pool: another one, and in the end this process', async () => {
    const others = [dead(), member('behind', behind.proxyTlsPort)]
    await using(startFront('primary', others, 'dead'), async (front) => {
      const before = behind.decisions.length
      assert.match(await served(front), /^HTTP\/1\.1 200 /)
      assert.equal(behind.decisions.length, before + 1)
      assert.equal(front.edge.meter.refusals.get('member-unreachable'), 1)
    })
    await using(startFront('primary', [dead()]), async (front) => {
      assert.match(await served(front), /^HTTP\/1\.1 200 /)
      assert.equal(front.edge.meter.handshakesFull, 1)
    })
  })

  it('of the primary pool that do not answer: after a while', async () => {
    const idle = spawn(process.execPath, ['-e', FULL_BACKLOG], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(idle.stdout.setEncoding('utf8'), 'data')) as [string]
    const waiting = Array.from({ length: 8 }, () => net.connect(Number(line), '127.0.0.1'))
    for (const socket of waiting) socket.on('error', () => {})
    try {
      const front = startFront('primary', [member('full', Number(line))], 'full', {
        connectMs: 300,
        tlsMs: 200,
      })
      await using(front, async ({ edge, tlsPort }) => {
        const text = await converse(tlsPort, REQUEST, { servername: 'localhost' })
        assert.match(text, /^HTTP\/1\.1 200 /)
        assert.equal(edge.meter.refusals.get('member-timeout'), 1)
      })
    } finally {
      for (const socket of waiting) socket.destroy()
      idle.kill('SIGKILL')
    }
  })

  it('of the rigorous pool: another one, this process only as a member, never the primary pool', async () => {
    await using(startFront('rigorous', [dead()]), async (front) => {
      await assert.rejects(served(front), /internal error/i)
      assert.equal(front.edge.meter.handshakesFull, 0)
      await gone(front)
      assert.equal(front.edge.rigorous.connections, 0)
    })
    const others = [dead(), member('behind', behind.proxyTlsPort)]
    await using(startFront('rigorous', others, 'dead'), async (front) => {
      assert.match(await served(front), /^HTTP\/1\.1 200 /)
    })
    await using(startFront('rigorous', [dead(), HERE], 'dead'), async (front) => {
      assert.match(await served(front), /^HTTP\/1\.1 200 /)
      assert.equal(front.outcomes[0]?.helloRetry, true)
    })
    await using(startFront('rigorous', []), async (front) => {
      await assert.rejects(served(front), /internal error/i)
    })
  })
})

/** Listens, accepts nothing: the event loop is blocked as soon as the port is told. */
const FULL_BACKLOG = `
const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  require('node:fs').writeSync(1, String(server.address().port))
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})`
