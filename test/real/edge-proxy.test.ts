/**
 * Limen between other machines: the PROXY protocol from one in front and to one behind (a real HAProxy),
 * and the cookie that keeps a client on its server.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  type ProxyHeader,
  readProxyHeader,
  TLV,
  writeProxyHeader,
} from '../../src/wire/proxy-v2.ts'
import { freePorts } from '../free-ports.ts'
import { type Echoed, type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import {
  type LimenUnderTest,
  type Origin,
  startLimen,
  startOrigins,
  until,
} from './fleet-under-test.ts'
import { bodyIn, connectOctets, converse } from './octet-client.ts'

const COOKIE = '__Host-limen'
const HEALTH = { path: '/healthz', intervalMs: 250, timeoutMs: 250, rise: 1, fall: 2 }

let limen: LimenUnderTest
let origin: EdgeOrigin
let sticky: Origin[] = []
let haproxy: { close(): Promise<void> } | undefined
let recorder: net.Server
const headers: ProxyHeader[] = []
let tlsPort = 0
let plainPort = 0
let proxiedPort = 0
let proxiedTlsPort = 0

before(async () => {
  origin = await startEdgeOrigin()
  sticky = await startOrigins('a', 'b', 'c')
  const [one = 0, two = 0, three = 0, four = 0, haproxyPort = 0] = await freePorts(5)
  ;[tlsPort, plainPort, proxiedPort, proxiedTlsPort] = [one, two, three, four]
  haproxy = await startHaproxy(haproxyPort)
  recorder = net.createServer((socket) => record(socket))
  recorder.listen(0, '127.0.0.1')
  await once(recorder, 'listening')
  const recorderPort = (recorder.address() as net.AddressInfo).port
  const behind = (id: string, port: number) => ({
    id,
    address: `127.0.0.1:${port}`,
    proxyProtocol: 'v2',
  })
  limen = await startLimen({
    listeners: [
      { name: 'web', address: `127.0.0.1:${tlsPort}`, tls: {} },
      { name: 'plain', address: `127.0.0.1:${plainPort}` },
      { name: 'in', address: `127.0.0.1:${proxiedPort}`, proxyProtocol: 'required' },
      {
        name: 'tls-in',
        address: `127.0.0.1:${proxiedTlsPort}`,
        tls: {},
        proxyProtocol: 'required',
      },
    ],
    certificates: [{ localCa: ['site.test'] }],
    pools: [
      { name: 'site', servers: [{ id: 'o', address: `127.0.0.1:${origin.port}` }] },
      { name: 'haproxy', servers: [behind('haproxy', haproxyPort)], health: HEALTH },
      { name: 'recorder', servers: [behind('recorder', recorderPort)] },
      {
        name: 'sticky',
        servers: sticky.map(({ id, port }) => ({ id, address: `127.0.0.1:${port}` })),
        affinity: { cookie: COOKIE },
        health: HEALTH,
      },
    ],
    routes: [
      { path: '/haproxy', pool: 'haproxy' },
      { path: '/recorder', pool: 'recorder' },
      { path: '/who', pool: 'sticky' },
      { pool: 'site' },
    ],
  })
})

after(async () => {
  await limen?.clean()
  await origin?.close()
  await haproxy?.close()
  recorder?.close()
  await Promise.all(sticky.map((one) => one.clean()))
})

/** A real HAProxy that only takes connections with a PROXY header, and answers what it made of it. */
async function startHaproxy(port: number): Promise<{ close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-haproxy-'))
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 1s
frontend behind
  bind 127.0.0.1:${port} accept-proxy
  http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst_port] %[fc_pp_authority]"
`,
  )
  const program = process.env['HAPROXY'] ?? 'haproxy'
  const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` }
  const child = spawn(program, ['-f', file, '-db', '-q'], { env, stdio: 'ignore' })
  const ended = once(child, 'exit')
  await until('HAProxy to listen', 5_000, async () => {
    const socket = net.connect(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return true
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  })
  return {
    async close() {
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Notes the PROXY header of a connection and answers one request on it. */
function record(socket: net.Socket): void {
  let octets = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', (more: Buffer) => {
    octets = Buffer.concat([octets, more])
    if (!octets.includes('\r\n\r\n')) return
    const read = readProxyHeader(octets)
    if (read.kind === 'read') headers.push(read.header)
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    octets = Buffer.alloc(0)
  })
}

const get = (target: string, fields = 'Connection: close\r\n'): string =>
  `GET ${target} HTTP/1.1\r\nHost: site.test\r\n${fields}\r\n`

describe('PROXY protocol in', () => {
  const header = (source: string): Uint8Array =>
    writeProxyHeader(
      { address: source, port: 4567 },
      { address: source.includes(':') ? '2001:db8::2' : '192.0.2.1', port: 443 },
      [{ type: TLV.noop, value: new Uint8Array(3) }],
    )

  it('believes the source address, IPv4 and IPv6, in one segment with the request or not', async () => {
    for (const source of ['203.0.113.7', '2001:db8::1']) {
      const client = await connectOctets(proxiedPort)
      client.write(Buffer.concat([header(source), Buffer.from(get('/echo'))]))
      const { headers: fields } = JSON.parse(bodyIn(await client.readAll())) as Echoed
      assert.deepEqual(fields['x-forwarded-for'], [source])
      const node = source.includes(':') ? `"[${source}]"` : source
      assert.deepEqual(fields['forwarded'], [`for=${node};proto=http;host="site.test"`])
    }
    const split = await connectOctets(proxiedPort)
    const octets = Buffer.from(header('203.0.113.8'))
    split.write(octets.subarray(0, 14))
    split.write(octets.subarray(14))
    split.write(get('/echo'))
    const { headers: fields } = JSON.parse(bodyIn(await split.readAll())) as Echoed
    assert.deepEqual(fields['x-forwarded-for'], ['203.0.113.8'])
  })

  it('reads it in front of TLS too', async () => {
    const client = await connectOctets(proxiedTlsPort).then(async ({ socket }) => {
      socket.write(header('203.0.113.9'))
      socket.removeAllListeners('data')
      return connectOctets(0, { socket, servername: 'site.test' })
    })
    client.write(get('/echo'))
    const { headers: fields } = JSON.parse(bodyIn(await client.readAll())) as Echoed
    assert.deepEqual(fields['x-forwarded-for'], ['203.0.113.9'])
    assert.deepEqual(fields['x-forwarded-proto'], ['https'])
  })

  it('serves nobody without it, and does not read it where it is not expected', async () => {
    assert.equal(await converse(proxiedPort, get('/echo')), '')
    const client = await connectOctets(plainPort)
    client.write(Buffer.concat([header('203.0.113.7'), Buffer.from(get('/echo'))]))
    assert.match(await client.readAll(), /^HTTP\/1\.1 400 /)
  })
})

describe('PROXY protocol out', () => {
  it('tells a real HAProxy who the client is, one connection each, and passes its health check', async () => {
    const client = await connectOctets(tlsPort, { servername: 'site.test' })
    const { localPort } = client.socket
    client.write(get('/haproxy', ''))
    await client.read(new RegExp(`127\\.0\\.0\\.1 ${localPort} ${tlsPort} site\\.test$`))
    client.close()
    const other = await connectOctets(tlsPort, { servername: 'site.test' })
    other.write(get('/haproxy', ''))
    await other.read(new RegExp(`127\\.0\\.0\\.1 ${other.socket.localPort} `))
    other.close()
    await until('a good check', 5_000, async () => {
      const response = await fetch(`${limen.adminUrl}/v1/upstreams`)
      const upstreams = (await response.json()) as { id: string; state: string; check: string }[]
      const server = upstreams.find(({ id }) => id === 'haproxy')
      return server?.state === 'up' && server.check.startsWith('200')
    })
  })

  it('adds what Limen thinks of the client, as TLVs', async () => {
    headers.length = 0
    const client = await connectOctets(tlsPort, { servername: 'site.test' })
    const { localPort } = client.socket
    client.write(get('/recorder', ''))
    await client.read(/ok$/)
    client.close()
    const [header] = headers
    assert.equal(headers.length, 1)
    assert.deepEqual(header?.source, { address: '127.0.0.1', port: localPort })
    assert.deepEqual(header?.destination, { address: '127.0.0.1', port: tlsPort })
    const text = (type: number): string =>
      Buffer.from(header?.tlvs.find((tlv) => tlv.type === type)?.value ?? []).toString()
    assert.equal(text(TLV.authority), 'site.test')
    assert.match(text(TLV.limenDecision), /^[0-9A-Z]{26}$/)
    assert.match(text(TLV.limenScore), /^\d+\.\d\d$/)
    assert.match(text(TLV.limenJa4), /^t13d\d{4}\w\w_[0-9a-f]{12}_[0-9a-f]{12}$/)
  })
})

describe('affinity', () => {
  const ask = async (cookie: string): Promise<{ server: string; issued: string | undefined }> => {
    // In two lines: HTTP/1.1 may have it so, and servers join them.
    const fields = cookie === '' ? '' : `Cookie: theme=dark\r\nCookie: ${COOKIE}=${cookie}\r\n`
    const text = await converse(tlsPort, get('/who', `${fields}Connection: close\r\n`), {})
    assert.match(text, /^HTTP\/1\.1 200 /)
    const issued = new RegExp(`^set-cookie: ${COOKIE}=([^;]+); (.*)$`, 'im').exec(text)
    if (issued !== null) assert.equal(issued[2], 'Path=/; Secure; HttpOnly; SameSite=Lax')
    return { server: bodyIn(text).split(' ')[0] ?? '', issued: issued?.[1] }
  }

  it('keeps a client on its server by a signed cookie, on every worker', async () => {
    const seen = new Set<string>()
    for (let client = 0; client < 12; client++) {
      const first = await ask('')
      assert.ok(first.issued)
      seen.add(first.server)
      for (let i = 0; i < 4; i++) {
        const again = await ask(first.issued)
        assert.equal(again.server, first.server)
        assert.equal(again.issued, undefined)
      }
    }
    assert.ok(seen.size > 1, 'clients are spread')
  })

  it('ignores a forged cookie and issues a good one', async () => {
    const { issued = '' } = await ask('')
    const forged = `${issued[0] === 'A' ? 'B' : 'A'}${issued.slice(1)}`
    for (const cookie of [forged, 'x', 'A'.repeat(32), issued.slice(0, 31)]) {
      const { issued: fresh } = await ask(cookie)
      assert.ok(fresh)
      assert.notEqual(fresh, cookie)
    }
  })

  it('gives no cookie over plain HTTP, where a browser would refuse it', async () => {
    assert.doesNotMatch(await converse(plainPort, get('/who')), /set-cookie/i)
  })

  it('moves a client when its server is down, and back when it is well', async () => {
    const { server, issued = '' } = await ask('')
    const its = sticky.find(({ id }) => id === server)
    assert.ok(its)
    await its.kill()
    // At once, by a retry: nobody has noticed yet that it is down.
    const moved = await ask(issued)
    assert.notEqual(moved.server, server)
    assert.equal(moved.issued, undefined)
    await its.restart()
    await until('the client to be back', 5_000, async () => (await ask(issued)).server === server)
  })
})
