/**
 * TLS as a user expects it: the certificate of the name asked for, versions, ALPN, resumption on whichever
 * worker one lands; with Node and openssl as clients.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { freePorts } from '../free-ports.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import { type LimenUnderTest, makeCertificate, startLimen, until } from './fleet-under-test.ts'
import { connectOctets, type OctetClient } from './octet-client.ts'

/** With SO_REUSEPORT the kernel spreads by hash: all 16 on one of two workers once in 32 768 runs. */
const CONNECTIONS = 16

let limen: LimenUnderTest
let origin: EdgeOrigin
let port = 0
let strictPort = 0
let h1Port = 0

const NAMES = [['site.test'], ['*.wild.test', 'wild.test'], ['other.test']] as const
const fileOf = (index: number) => ({
  certFile: join(limen.folder, `${index}.pem`),
  keyFile: join(limen.folder, `${index}.key`),
})

before(async () => {
  origin = await startEdgeOrigin()
  ;[port = 0, strictPort = 0, h1Port = 0] = await freePorts(3)
  const config = (certificates: readonly unknown[]) => ({
    listeners: [
      { name: 'web', address: `127.0.0.1:${port}`, tls: {} },
      { name: 'strict', address: `127.0.0.1:${strictPort}`, tls: { minVersion: 'TLSv1.3' } },
      { name: 'h1', address: `127.0.0.1:${h1Port}`, tls: { alpn: ['http/1.1'] } },
    ],
    certificates,
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${origin.port}` }] }],
    routes: [{ pool: 'site' }],
  })
  limen = await startLimen(config([{ localCa: ['first.test'] }]))
  NAMES.forEach((names, index) => {
    makeCertificate(fileOf(index), names)
  })
  await limen.reload(config(NAMES.map((_, i) => ({ certFile: `${i}.pem`, keyFile: `${i}.key` }))))
})

after(async () => {
  await limen?.clean()
  await origin?.close()
})

const tlsOf = ({ socket }: OctetClient): tls.TLSSocket => {
  assert.ok(socket instanceof tls.TLSSocket)
  return socket
}

async function namesFor(servername: string | undefined): Promise<string> {
  const client = await connectOctets(port, servername === undefined ? {} : { servername })
  const names = tlsOf(client).getPeerX509Certificate()?.subjectAltName ?? ''
  client.close()
  return names
}

/** What `openssl s_client` prints; `input` is sent over the connection. */
async function openssl(input: string, ...args: readonly string[]): Promise<string> {
  const child = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args])
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (more: string) => {
      text += more
    })
  }
  child.stdin.on('error', () => {})
  child.stdin.write(input)
  if (input === '') child.stdin.end()
  await once(child, 'close')
  return text
}

const CLOSING = 'GET /echo HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n'

describe('certificates', () => {
  it('serves the one of the name asked for: exact, wildcard, else the first', async () => {
    assert.equal(await namesFor('site.test'), 'DNS:site.test')
    assert.equal(await namesFor('OTHER.test'), 'DNS:other.test')
    assert.equal(await namesFor('a.wild.test'), 'DNS:*.wild.test, DNS:wild.test')
    assert.equal(await namesFor('wild.test'), 'DNS:*.wild.test, DNS:wild.test')
    assert.equal(await namesFor('a.b.wild.test'), 'DNS:site.test')
    assert.equal(await namesFor('unknown.test'), 'DNS:site.test')
    assert.equal(await namesFor(undefined), 'DNS:site.test')
  })

  it('takes a new wildcard certificate from the disk, and leaves the others', async () => {
    makeCertificate(fileOf(1), ['*.wild.test', 'wild.test', 'more.test'])
    const renewed = 'DNS:*.wild.test, DNS:wild.test, DNS:more.test'
    await until('the new one', 10_000, async () => (await namesFor('x.wild.test')) === renewed)
    // A worker of its own each time, by chance.
    await until('on all workers', 10_000, async () => (await namesFor('more.test')) === renewed)
    assert.equal(await namesFor('other.test'), 'DNS:other.test')
  })
})

describe('versions and ciphers, by openssl', () => {
  it('speaks TLS 1.3 with forward secrecy', async () => {
    const text = await openssl(
      CLOSING,
      '-tls1_3',
      '-servername',
      'site.test',
      '-quiet',
      '-no_ign_eof',
    )
    assert.match(text, /HTTP\/1\.1 200 OK/)
    const brief = await openssl('', '-tls1_3', '-brief', '-servername', 'site.test')
    assert.match(brief, /Protocol version: TLSv1\.3/)
    assert.match(brief, /Ciphersuite: TLS_(?:AES|CHACHA20)/)
  })

  it('speaks TLS 1.2 with ECDHE and AEAD only', async () => {
    const brief = await openssl('', '-tls1_2', '-brief', '-servername', 'site.test')
    assert.match(brief, /Protocol version: TLSv1\.2/)
    assert.match(brief, /Ciphersuite: ECDHE-ECDSA-(?:AES\d+-GCM|CHACHA20)/)
    const old = await openssl('', '-tls1_2', '-brief', '-cipher', 'ECDHE-ECDSA-AES128-SHA256')
    assert.match(old, /handshake failure|no cipher/i)
  })

  it('chooses by its own order, but ChaCha20 for a client that puts it first', async () => {
    const chosen = async (ciphers: string): Promise<string> => {
      const client = await connectOctets(port, { ciphers, maxVersion: 'TLSv1.2' })
      const { name } = tlsOf(client).getCipher()
      client.close()
      return name
    }
    const [aes128, aes256, chacha] = [
      'ECDHE-ECDSA-AES128-GCM-SHA256',
      'ECDHE-ECDSA-AES256-GCM-SHA384',
      'ECDHE-ECDSA-CHACHA20-POLY1305',
    ]
    assert.equal(await chosen(`${aes256}:${aes128}:${chacha}`), aes128)
    assert.equal(await chosen(`${chacha}:${aes256}:${aes128}`), chacha)
  })

  it('does not speak older ones, nor 1.2 where 1.3 is asked for', async () => {
    for (const version of ['TLSv1', 'TLSv1.1'] as const) {
      await assert.rejects(
        connectOctets(port, {
          minVersion: version,
          maxVersion: version,
          ciphers: 'ALL:@SECLEVEL=0',
        }),
      )
    }
    await assert.rejects(connectOctets(strictPort, { maxVersion: 'TLSv1.2' }), /protocol version/)
    const client = await connectOctets(strictPort, {})
    assert.equal(tlsOf(client).getProtocol(), 'TLSv1.3')
    client.close()
  })
})

describe('clients that leave', () => {
  const open = async (): Promise<number> =>
    ((await (await fetch(`${limen.adminUrl}/v1/connections`)).json()) as unknown[]).length

  it('leave nothing behind, in the middle of a hello or right after the handshake', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      for (let i = 0; i < 10; i++) {
        const client = await connectOctets(port, { minVersion: version, maxVersion: version })
        client.close()
        const half = await connectOctets(port)
        half.write(Buffer.from('160301020001', 'hex')) // a hello begins
        half.socket.end(half.close)
      }
    }
    await until('all to be gone', 5_000, async () => (await open()) === 0)
  })
})

describe('ALPN', () => {
  const protocolFor = async (
    at: number,
    ALPNProtocols?: string[],
  ): Promise<string | false | null> => {
    const client = await connectOctets(at, ALPNProtocols === undefined ? {} : { ALPNProtocols })
    const protocol = tlsOf(client).alpnProtocol
    client.close()
    return protocol
  }

  it('takes h2 when both offer it, http/1.1 otherwise, and refuses what it does not speak', async () => {
    assert.equal(await protocolFor(port, ['h2', 'http/1.1']), 'h2')
    assert.equal(await protocolFor(port, ['http/1.1', 'h2']), 'h2')
    assert.equal(await protocolFor(port, ['http/1.1']), 'http/1.1')
    assert.equal(await protocolFor(port, ['spdy/3', 'http/1.1']), 'http/1.1')
    assert.equal(await protocolFor(h1Port, ['h2', 'http/1.1']), 'http/1.1')
    await assert.rejects(protocolFor(port, ['imap']), /no application protocol/)
  })

  it('speaks HTTP/1.1 to a client without ALPN', async () => {
    const client = await connectOctets(port, {})
    assert.equal(tlsOf(client).alpnProtocol, false)
    client.write(CLOSING)
    assert.match(await client.readAll(), /^HTTP\/1\.1 200 /)
  })
})

describe('connections', () => {
  it('whoever is listed can be explained at once', async () => {
    const connections = `${limen.adminUrl}/v1/connections`
    for (let i = 0; i < 10; i++) {
      const client = await connectOctets(port, { servername: 'site.test' })
      const listed = (await (await fetch(connections)).json()) as { decisionId: string }[]
      assert.ok(listed.length > 0)
      for (const { decisionId } of listed) {
        const decision = await fetch(`${limen.adminUrl}/v1/decisions/${decisionId}`)
        assert.equal(decision.status, 200)
      }
      client.close()
      await until('it to be gone', 5_000, async () => {
        return ((await (await fetch(connections)).json()) as []).length === 0
      })
    }
  })
})

describe('resumption', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    it(`works on every worker with a ticket of one of them (${version})`, async () => {
      const secure = { servername: 'site.test', minVersion: version, maxVersion: version } as const
      const first = await connectOctets(port, secure)
      first.write(CLOSING.replace('Connection: close\r\n', ''))
      await first.read(/"url":"\/echo"/)
      const session = tlsOf(first).getSession()
      assert.ok(session)
      assert.equal(tlsOf(first).isSessionReused(), false)
      first.close()
      const clients = await Promise.all(
        Array.from({ length: CONNECTIONS }, () => connectOctets(port, { ...secure, session })),
      )
      const reused = clients.filter((client) => tlsOf(client).isSessionReused()).length
      assert.equal(reused, CONNECTIONS)
      let workers: readonly number[] = []
      await until('both workers to have some', 5_000, async () => {
        const response = await fetch(`${limen.adminUrl}/v1/connections`)
        const views = (await response.json()) as { worker: number; resumed: boolean }[]
        workers = views.filter(({ resumed }) => resumed).map(({ worker }) => worker)
        return workers.length === CONNECTIONS
      })
      assert.deepEqual([...new Set(workers)].sort(), [1, 2])
      for (const client of clients) client.close()
      await until('them to be gone', 5_000, async () => {
        return ((await (await fetch(`${limen.adminUrl}/v1/connections`)).json()) as []).length === 0
      })
    })
  }
})
