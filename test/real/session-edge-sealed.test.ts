/**
 * Sealed bodies (RFC 8188 under the session's body key): sealed and opened by the browser's code on one side, by the edge
 * on the other, with a server behind that knows nothing of it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http, { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { openResponse, SealedBodyRefusal, sealBody } from '../../src/apps/browser/sealed-body.ts'
import type { Session } from '../../src/apps/browser/session-handshake.ts'
import { RECORD_BYTES } from '../../src/wire/sealed-body.ts'
import { bigBody, type EdgeOrigin, sha256 } from './edge-origin.ts'
import { until } from './fleet-under-test.ts'
import {
  type Answered,
  type Asking,
  codeOf,
  type Holder,
  type SessionEdge,
  startSessionEdge,
  VERSIONS,
  type Version,
} from './session-edge-under-test.ts'

const SEALED = { replay: 'edge', bodyDigest: true, sealBodies: true, bearer: false } as const
/** Salt, record size, length of the key id, key id. */
const HEADER_BYTES = 16 + 4 + 1 + 20
const SMALL = Buffer.from('nobody between reads this '.repeat(40))
/** More than the edge under test holds back (16 KiB), and more than one record. */
const LARGE = bigBody(300_000)

/** What the server got. */
interface Got {
  readonly method: string
  readonly fields: IncomingMessage['headers']
  readonly body: Buffer
}

let site: SessionEdge
let user: Holder
let begun = 0
let whole: Got[] = []
let cut = 0
const server = createServer((request, response) => {
  begun++
  const pieces: Buffer[] = []
  request.on('data', (piece: Buffer) => pieces.push(piece)).on('error', () => cut++)
  request.on('end', () => {
    const got = {
      method: request.method ?? '',
      fields: request.headers,
      body: Buffer.concat(pieces),
    }
    whole.push(got)
    answer(request, response, got.body)
  })
})
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  site = await startSessionEdge({ session: SEALED, origin: { port } as EdgeOrigin })
  user = await site.holder()
})
after(async () => {
  await site.close()
  server.closeAllConnections()
  server.close()
})

function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin.invalid')
  switch (pathname) {
    case '/back':
      response.writeHead(200, { 'content-length': body.length }).end(body)
      return
    case '/chunked':
      response.writeHead(200, { trailer: 'x-sum, content-digest' })
      for (const part of ['one,', 'two,', 'three']) response.write(part)
      response.addTrailers({ 'x-sum': '13', 'content-digest': 'sha-256=:AA==:' })
      response.end()
      return
    case '/close':
      response.removeHeader('transfer-encoding')
      response.write('until ')
      response.end('the end')
      return
    case '/page':
      response.writeHead(200, {
        ...{ etag: '"x"', 'accept-ranges': 'bytes', 'cache-control': 'public, max-age=60' },
        ...{ 'content-digest': 'sha-256=:AA==:', 'content-type': 'text/plain', 'x-kept': 'yes' },
        ...{ 'content-encoding': 'gzip', 'content-length': gzipSync(SMALL).length },
      })
      response.end(gzipSync(SMALL))
      return
    case '/status':
      response.writeHead(Number(searchParams.get('code')), { etag: '"x"' }).end()
      return
    case '/empty':
      response.writeHead(200, { 'content-length': 0 }).end()
      return
    default:
      response.end(`${body.length} ${sha256(body)}`)
  }
}

/** The session as a client has it that can seal. */
async function sessionOf(holder: Holder, generation = 1): Promise<Session> {
  const { bodyKey, sessionId } = holder.contents
  const key = await crypto.subtle.importKey('raw', new Uint8Array(bodyKey), 'HKDF', false, [
    'deriveBits',
  ])
  return { ...holder.session, bodyKey: key, sessionId: new Uint8Array(sessionId), generation }
}

async function sealed(holder: Holder, body: Uint8Array, generation = 1): Promise<Buffer> {
  const session = await sessionOf(holder, generation)
  const blob = await sealBody(session, new Blob([new Uint8Array(body)]))
  return Buffer.from(await blob.arrayBuffer())
}

const CODED = { 'content-encoding': 'aes128gcm' }

/** Sends what is sealed already, signed as it is. */
async function send(version: Version, body: Uint8Array, more: Asking = {}): Promise<Answered> {
  const asking = { method: 'POST', path: '/upload', body, ...more }
  return site.askAs(user, version, { ...asking, fields: { ...CODED, ...more.fields } })
}

/** The answer as the browser's code opens it. */
async function opened(answered: Answered, holder = user): Promise<Response> {
  const headers = new Headers()
  for (const [name, value] of Object.entries(answered.fields)) {
    if (!name.startsWith(':')) headers.set(name, String(value))
  }
  const { status, bytes = Buffer.alloc(0) } = answered
  const body = [204, 304].includes(status) ? null : new Uint8Array(bytes)
  return openResponse(await sessionOf(holder), new Response(body, { status, headers }))
}

const bytesOf = async (response: Response): Promise<Buffer> =>
  Buffer.from(await response.arrayBuffer())

for (const version of VERSIONS) {
  describe(`sealed bodies over ${version}`, () => {
    const content = RECORD_BYTES - 17
    const sizes = [0, 1, 1000, content - 1, content, content + 1, 200_000, 5 * 2 ** 20]
    for (const size of sizes) {
      it(`pass both ways: ${size} bytes`, async () => {
        const body = bigBody(size)
        whole = []
        const answered = await send(version, await sealed(user, body), { path: '/back' })
        assert.equal(answered.status, 200)
        assert.equal(whole.length, 1)
        assert.equal(sha256(whole[0]?.body ?? SMALL), sha256(body))
        const isCoded = answered.fields['content-encoding'] === 'aes128gcm'
        // The server's own answer to nothing is nothing.
        assert.equal(isCoded, size > 0)
        if (size >= 1000) assert.ok(answered.bytes?.includes(body.subarray(0, 64)) === false)
        assert.equal(sha256(await bytesOf(await opened(answered))), sha256(body))
      })
    }

    it('come to the server plain, with the fields of a plain body', async () => {
      for (const [body, length] of [
        [SMALL, String(SMALL.length)],
        [LARGE, undefined],
      ] as const) {
        whole = []
        const fields = {
          ...{ 'content-encoding': 'gzip, AES128GCM', 'content-type': 'text/x' },
          ...{ 'repr-digest': 'sha-256=:AA==:' },
        }
        assert.equal((await send(version, await sealed(user, body), { fields })).status, 200)
        const got = whole[0]?.fields ?? {}
        assert.equal(got['content-encoding'], 'gzip')
        assert.equal(got['content-type'], 'text/x')
        assert.equal(got['content-length'], length)
        assert.equal(got['transfer-encoding'], length === undefined ? 'chunked' : undefined)
        assert.deepEqual([got['content-digest'], got['repr-digest']], [undefined, undefined])
        assert.ok(whole[0]?.body.equals(body))
      }
    })

    it('of answers change what is said of them', async () => {
      const asking = { path: '/page', fields: { range: 'bytes=0-1', 'if-range': '"x"' } }
      whole = []
      const answered = await site.askAs(user, version, asking)
      const { fields } = answered
      assert.equal(fields['content-encoding'], 'gzip, aes128gcm')
      assert.equal(fields['etag'], 'W/"x"')
      assert.equal(fields['cache-control'], 'no-store')
      assert.deepEqual([fields['content-type'], fields['x-kept']], ['text/plain', 'yes'])
      const gone = ['content-length', 'content-digest', 'accept-ranges']
      assert.deepEqual(
        gone.map((name) => fields[name]),
        [undefined, undefined, undefined],
      )
      assert.deepEqual(
        [whole[0]?.fields.range, whole[0]?.fields['if-range']],
        [undefined, undefined],
      )
      const inner = { ...answered, fields: { ...fields, 'content-encoding': 'aes128gcm' } }
      assert.ok(gunzipSync(await bytesOf(await opened(inner))).equals(SMALL))
    })

    it('of answers are sealed however the server frames them', async () => {
      for (const [path, text] of [
        ['/chunked', 'one,two,three'],
        ['/close', 'until the end'],
      ] as const) {
        const answered = await site.askAs(user, version, { path })
        assert.equal(answered.fields['content-encoding'], 'aes128gcm')
        assert.equal((await bytesOf(await opened(answered))).toString(), text)
      }
    })

    it('are none where an answer has none', async () => {
      const head = await site.askAs(user, version, { method: 'HEAD', path: '/page' })
      assert.deepEqual(
        ['content-encoding', 'etag', 'content-length'].map((name) => head.fields[name]),
        ['gzip, aes128gcm', 'W/"x"', undefined],
      )
      assert.equal(head.bytes?.length, 0)
      for (const code of [204, 304]) {
        const answered = await site.askAs(user, version, { path: `/status?code=${code}` })
        assert.deepEqual([answered.status, answered.bytes?.length], [code, 0])
        assert.equal(answered.fields['etag'], 'W/"x"')
        assert.equal(answered.fields['content-encoding'], undefined)
      }
      const empty = await site.askAs(user, version, { path: '/empty' })
      assert.deepEqual([empty.status, empty.bytes?.length], [200, 0])
      assert.equal(empty.fields['content-encoding'], undefined)
    })

    it('of answers are of this session and generation only', async () => {
      const answered = await site.askAs(user, version, { path: '/page' })
      const fields = { ...answered.fields, 'content-encoding': 'aes128gcm' }
      const other = await opened({ ...answered, fields }, await site.holder())
      await assert.rejects(
        () => other.arrayBuffer(),
        (error) => error instanceof SealedBodyRefusal && error.code === 'body_keyid',
      )
    })

    describe('that are not as they were sealed', () => {
      const places = [
        ['the salt', 0, 'body_auth'],
        ['the record size', 16, 'body_malformed'],
        ['the length of the key id', 20, 'body_keyid'],
        ['the session', 21, 'body_keyid'],
        ['the generation', HEADER_BYTES - 1, 'body_keyid'],
        ['the first record', HEADER_BYTES, 'body_auth'],
        ['the last tag', -1, 'body_auth'],
      ] as const
      for (const body of [SMALL, LARGE]) {
        for (const [name, place, code] of places) {
          it(`${name} of ${body.length} bytes: ${code}`, async () => {
            const octets = await sealed(user, body)
            const at = (place + octets.length) % octets.length
            octets[at] = (octets[at] ?? 0) ^ 1
            const before = [begun, whole.length]
            assert.equal(codeOf(await send(version, octets)), `400 ${code}`)
            if (body === SMALL) assert.equal(begun, before[0], 'no server was bothered')
            assert.equal(whole.length, before[1])
          })
        }
      }

      for (const bytes of [0, 10, HEADER_BYTES, HEADER_BYTES + 16]) {
        it(`cut to ${bytes} bytes: body_truncated`, async () => {
          const octets = (await sealed(user, SMALL)).subarray(0, bytes)
          const before = begun
          const answered = await send(version, octets)
          // Without any it is no body.
          const code = bytes === 0 ? '200' : '400 body_truncated'
          assert.equal(codeOf(answered), code)
          if (bytes > 0) assert.equal(begun, before)
        })
      }

      it('cut behind a record: body_truncated, and within one: body_auth', async () => {
        const octets = await sealed(user, LARGE)
        const before = whole.length
        const behind = octets.subarray(0, HEADER_BYTES + 2 * RECORD_BYTES)
        assert.equal(codeOf(await send(version, behind)), '400 body_truncated')
        assert.equal(codeOf(await send(version, octets.subarray(0, -1))), '400 body_auth')
        assert.equal(whole.length, before)
      })

      it('with records in another order: body_auth', async () => {
        const octets = await sealed(user, LARGE)
        const at = (record: number): number => HEADER_BYTES + record * RECORD_BYTES
        const swapped = Buffer.concat([
          octets.subarray(0, at(0)),
          ...[octets.subarray(at(1), at(2)), octets.subarray(at(0), at(1))],
          octets.subarray(at(2)),
        ])
        assert.equal(codeOf(await send(version, swapped)), '400 body_auth')
      })

      it("under another session's key, its name or ours: refused", async () => {
        const other = await site.holder()
        assert.equal(codeOf(await send(version, await sealed(other, SMALL))), '400 body_keyid')
        const octets = await sealed(other, SMALL)
        octets.set(user.contents.sessionId, 21)
        assert.equal(codeOf(await send(version, octets)), '400 body_auth')
      })

      it('of the generation before: body_keyid', async () => {
        const { sessionId } = user.contents
        const next = await site.holder({ sessionId, generation: 2 })
        const asking = { method: 'POST', path: '/upload', fields: CODED }
        const old = await sealed(user, SMALL)
        const answered = await site.askAs(next, version, { ...asking, body: old })
        assert.equal(codeOf(answered), '400 body_keyid')
        const body = await sealed(next, SMALL, 2)
        assert.equal(codeOf(await site.askAs(next, version, { ...asking, body })), '200')
      })

      it('that came back from the server: body_auth', async () => {
        // The other direction has keys of its own.
        const { bytes } = await send(version, await sealed(user, SMALL), { path: '/back' })
        assert.equal(codeOf(await send(version, bytes ?? SMALL)), '400 body_auth')
      })

      it('and is not what was signed: digest_mismatch', async () => {
        const signed = await user.sign({ method: 'POST', path: '/upload', body: SMALL })
        for (const body of [SMALL, LARGE]) {
          const before = whole.length
          const asking = { method: 'POST', path: '/upload', body: await sealed(user, body) }
          const answered = await site.ask(version, { ...asking, fields: { ...signed, ...CODED } })
          // The first proof is used up.
          assert.match(codeOf(answered), /^(?:400 digest_mismatch|401 replay)$/)
          assert.equal(whole.length, before)
        }
      })
    })

    it('are wanted: body_unsealed', async () => {
      const before = begun
      for (const coding of [undefined, 'gzip', 'aes128gcm, gzip', 'aes128gcmx']) {
        const fields = coding === undefined ? {} : { 'content-encoding': coding }
        const asking = { method: 'POST', path: '/upload', body: SMALL, fields }
        assert.equal(codeOf(await site.askAs(user, version, asking)), '400 body_unsealed')
      }
      assert.equal(begun, before)
    })

    it('are held to the limit of others, as they come: 413', async () => {
      const limits = { bodyBytes: 100_000 }
      const { port } = server.address() as AddressInfo
      const small = await startSessionEdge({
        ...{ session: SEALED, origin: { port } as EdgeOrigin, limits },
      })
      try {
        const holder = await small.holder()
        const body = await sealed(holder, bigBody(limits.bodyBytes - 20))
        const asking = { method: 'POST', path: '/upload', fields: CODED, body }
        const before = begun
        assert.equal(codeOf(await small.askAs(holder, version, asking)), '413')
        assert.equal(begun, before)
      } finally {
        await small.close()
      }
    })

    it('leave the connection as it was', async () => {
      const first = await send(version, await sealed(user, SMALL))
      const octets = await sealed(user, SMALL)
      octets[HEADER_BYTES] = 1 ^ (octets[HEADER_BYTES] ?? 0)
      const second = await send(version, octets)
      const third = await send(version, await sealed(user, SMALL))
      assert.deepEqual([first.status, second.status, third.status], [200, 400, 200])
      assert.deepEqual([second.port, third.port], [first.port, first.port])
    })
  })
}

describe('a large sealed body with a record that is not authentic', () => {
  for (const version of VERSIONS) {
    it(`is cut off at the server, over ${version}`, async () => {
      const octets = await sealed(user, bigBody(2 ** 20))
      const at = HEADER_BYTES + 10 * RECORD_BYTES
      octets[at] = (octets[at] ?? 0) ^ 1
      const before = { begun, whole: whole.length, cut }
      assert.equal(codeOf(await send(version, octets)), '400 body_auth')
      await until('the server to know', 5_000, () => cut === before.cut + 1)
      assert.deepEqual([begun, whole.length], [before.begun + 1, before.whole])
    })
  }
})

describe('a sealed body without a length', () => {
  it('passes whole, with its trailer fields', async () => {
    const path = '/upload'
    for (const body of [SMALL, LARGE]) {
      whole = []
      const octets = await sealed(user, body)
      const fields = { ...(await user.sign({ method: 'POST', path, body: octets })), ...CODED }
      const { plainPort: port } = site.edge
      const headers = { host: 'site.test', trailer: 'x-last', ...fields }
      const request = http.request({ port, method: 'POST', path, headers, agent: false })
      for (let from = 0; from < octets.length; from += 7_001) {
        request.write(octets.subarray(from, from + 7_001))
      }
      request.addTrailers({ 'x-last': 'yes' })
      request.end()
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.resume()
      assert.equal(response.statusCode, 200)
      assert.ok(whole[0]?.body.equals(body))
      assert.equal(whole[0]?.fields['transfer-encoding'], 'chunked')
    }
  })
})

describe('a client of HTTP/1.0', () => {
  it('gets a sealed answer that ends with the connection', async () => {
    const fields = Object.entries(await user.sign({ path: '/page' }))
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    const socket = net.connect({ host: '127.0.0.1', port: site.edge.plainPort })
    const pieces: Buffer[] = []
    socket.on('data', (piece: Buffer) => pieces.push(piece))
    socket.write(`GET /page HTTP/1.0\r\nHost: site.test\r\n${lines}\r\n`)
    await once(socket, 'close')
    const octets = Buffer.concat(pieces)
    const end = octets.indexOf('\r\n\r\n')
    assert.match(octets.toString('latin1', 0, end), /^HTTP\/1\.1 200 .*\r\nConnection: close/s)
    const answered = {
      status: 200,
      fields: CODED,
      body: '',
      bytes: octets.subarray(end + 4),
      port: 0,
    }
    assert.ok(gunzipSync(await bytesOf(await opened(answered))).equals(SMALL))
  })
})

describe('trailer fields behind a sealed answer', () => {
  it('are sent on, but for digests', async () => {
    const headers = { host: 'site.test', ...(await user.sign({ path: '/chunked' })) }
    const { plainPort: port } = site.edge
    const request = http.get({ port, path: '/chunked', headers, agent: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    assert.deepEqual(response.trailers, { 'x-sum': '13' })
  })
})

describe('a route where a session is optional', () => {
  it('passes who shows none as they come', async () => {
    const { port } = server.address() as AddressInfo
    const other = await startSessionEdge({
      ...{ session: SEALED, sessionKey: 'optional', origin: { port } as EdgeOrigin },
    })
    try {
      for (const version of VERSIONS) {
        const asking = { method: 'POST', path: '/back', body: SMALL }
        const plain = await other.ask(version, asking)
        assert.ok(plain.bytes?.equals(SMALL))
        const holder = await other.holder()
        assert.equal(codeOf(await other.askAs(holder, version, asking)), '400 body_unsealed')
      }
    } finally {
      await other.close()
    }
  })
})

describe('a large sealed answer that nobody reads', () => {
  it('holds the server back', async () => {
    const other = await startSessionEdge({ session: SEALED })
    try {
      const holder = await other.holder()
      const path = `/big?bytes=${64 * 2 ** 20}`
      const headers = { host: 'site.test', ...(await holder.sign({ path })) }
      const { plainPort: port } = other.edge
      const request = http.get({ port, path, headers, agent: false })
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      response.pause()
      let sent = -1
      await until('the server to stand still', 10_000, async () => {
        const before = sent
        await new Promise((resolve) => setTimeout(resolve, 200))
        sent = other.origin.sent()
        return sent > 0 && sent === before
      })
      assert.ok(sent < 32 * 2 ** 20, `the server got rid of ${sent} bytes`)
      request.destroy()
    } finally {
      await other.close()
    }
  })
})
