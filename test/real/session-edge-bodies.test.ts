/**
 * Bodies of requests under a session key: a body is the one that was signed for, or no server gets all of it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http, { createServer } from 'node:http'
import http2 from 'node:http2'
import net, { type AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { type EdgeOrigin, sha256 } from './edge-origin.ts'
import { until } from './fleet-under-test.ts'
import {
  codeOf,
  HOST,
  type Holder,
  type SessionEdge,
  startSessionEdge,
  VERSIONS,
  type Version,
} from './session-edge-under-test.ts'

/** Held back whole, and more than is (the edge under test holds 16 KiB). */
const SMALL = Buffer.alloc(1_000, 'small ')
const LARGE = Buffer.alloc(200_000, 'large ')
const digestOf = (body: Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(body).digest('base64')}:`

let site: SessionEdge
let user: Holder
before(async () => {
  site = await startSessionEdge()
  user = await site.holder()
})
after(() => site.close())

/** What the server behind the edge got to see. */
const requests = (): number => site.edge.edge.servers()[0]?.requests ?? 0

/** Sends a body in pieces without saying how long it is; resolves with the code, or 'cut'. */
async function stream(
  { edge }: SessionEdge,
  version: Version,
  fields: Readonly<Record<string, string>>,
  pieces: readonly Uint8Array[],
  length?: number,
): Promise<string> {
  const more = length === undefined ? {} : { 'content-length': String(length) }
  if (version === 'HTTP/1.1') {
    const headers = { host: HOST, ...fields, ...more }
    const { plainPort: port } = edge
    const request = http.request({ port, method: 'POST', path: '/upload', headers, agent: false })
    const answered = new Promise<string>((resolve) => {
      request.on('error', () => resolve('cut'))
      request.on('response', (response) => {
        let body = ''
        response.on('data', (piece) => {
          body += piece
        })
        response.on('error', () => resolve('cut'))
        response.on('end', () =>
          resolve(
            codeOf({ status: response.statusCode ?? 0, fields: response.headers, body, port }),
          ),
        )
      })
    })
    for (const piece of pieces) {
      request.write(piece)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    request.end()
    return answered
  }
  const url = `https://localhost:${edge.tlsPort}`
  const session = http2.connect(url, { rejectUnauthorized: false })
  try {
    const pseudo = { ':method': 'POST', ':path': '/upload', ':authority': HOST }
    const sent = session.request({ ...pseudo, ...fields, ...more })
    let body = ''
    let answer: http2.IncomingHttpHeaders | undefined
    sent.on('response', (headers) => {
      answer = headers
    })
    sent.on('data', (piece) => {
      body += piece
    })
    sent.on('error', () => {})
    const closed = once(sent, 'close')
    for (const piece of pieces) {
      if (sent.destroyed) break
      sent.write(piece)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    sent.end()
    await closed
    if (answer === undefined) return 'cut'
    return codeOf({ status: Number(answer[':status']), fields: answer, body, port: 0 })
  } finally {
    session.destroy()
  }
}

for (const version of VERSIONS) {
  const post = (body: Uint8Array) => ({ method: 'POST', path: '/upload', body })
  const inPieces = (body: Buffer): Buffer[] =>
    Array.from({ length: 8 }, (_, i) =>
      body.subarray((i * body.length) / 8, ((i + 1) * body.length) / 8),
    )

  describe(`a body over ${version}`, () => {
    for (const [name, body] of [
      ['that is held', SMALL],
      ['that is streamed', LARGE],
    ] as const) {
      it(`${name} passes as it was signed`, async () => {
        const answer = await site.askAs(user, version, post(body))
        assert.equal(codeOf(answer), '200')
        assert.equal(answer.body, `${body.length} ${sha256(body)}`)
      })

      it(`${name} passes without a length`, async () => {
        const fields = await user.sign(post(body))
        assert.equal(await stream(site, version, fields, inPieces(body)), '200')
      })

      it(`${name} and is another than signed: digest_mismatch`, async () => {
        const fields = await user.sign(post(body))
        const other = Buffer.from(body)
        other[body.length - 1] = 1
        const before = requests()
        const [code, atOnce, whole] = [
          await stream(site, version, fields, inPieces(other)),
          codeOf(await site.ask(version, { ...post(other), fields: await user.sign(post(body)) })),
          await stream(site, version, await user.sign(post(body)), inPieces(other), other.length),
        ]
        assert.deepEqual([code, atOnce, whole], Array(3).fill('400 digest_mismatch'))
        if (body === SMALL) assert.equal(requests(), before, 'no server was bothered')
      })
    }

    it('without a digest: digest_missing', async () => {
      const fields = await user.sign({ method: 'POST', path: '/upload' })
      const answer = await site.ask(version, { ...post(SMALL), fields })
      assert.equal(codeOf(answer), '401 digest_missing')
      const unsigned = {
        ...(await user.sign({ method: 'POST', path: '/upload' })),
        'content-digest': digestOf(SMALL),
      }
      const other = await site.ask(version, { ...post(SMALL), fields: unsigned })
      assert.equal(codeOf(other), '401 digest_missing')
    })

    it('with a digest of another kind, or two: digest_missing', async () => {
      const good = digestOf(SMALL)
      for (const digest of ['sha-512=:AA==:', `${good}, ${good}`, [good, good], 'x']) {
        const fields = { ...(await user.sign(post(SMALL))), 'content-digest': digest }
        const answer = await site.ask(version, { ...post(SMALL), fields })
        assert.equal(codeOf(answer), '401 digest_missing', String(digest))
      }
    })

    it('with the digest changed as well: sig_invalid', async () => {
      const other = Buffer.from('other')
      const fields = { ...(await user.sign(post(SMALL))), 'content-digest': digestOf(other) }
      const answer = await site.ask(version, { ...post(other), fields })
      assert.equal(codeOf(answer), '401 sig_invalid')
    })

    it('taken away: digest_mismatch', async () => {
      const fields = await user.sign({ method: 'POST', path: '/upload', body: SMALL })
      const answer = await site.ask(version, { method: 'POST', path: '/upload', fields })
      assert.equal(codeOf(answer), '400 digest_mismatch')
    })

    it('that is empty, and signed so, passes', async () => {
      const empty = Buffer.alloc(0)
      assert.equal(codeOf(await site.askAs(user, version, post(empty))), '200')
    })

    it('of a replay never gets to the server', async () => {
      const asking = { ...post(SMALL), fields: await user.sign(post(SMALL)) }
      assert.equal(codeOf(await site.ask(version, asking)), '200')
      const before = requests()
      assert.equal(codeOf(await site.ask(version, asking)), '401 replay')
      assert.equal(requests(), before)
    })
  })

  describe(`a body while it is asked whether the proof is fresh, over ${version}`, () => {
    let slow: SessionEdge
    let answers: ((met: 'fresh' | 'replay') => void)[]
    before(async () => {
      answers = []
      const meet = () =>
        new Promise<'fresh' | 'replay'>((resolve) => {
          answers.push(resolve)
        })
      slow = await startSessionEdge({ replay: { meet, saw: () => {} } })
    })
    after(() => slow.close())
    const asked = async (): Promise<(met: 'fresh' | 'replay') => void> => {
      await until('it to be asked', 5_000, () => answers.length > 0)
      return answers.shift() ?? (() => {})
    }
    const served = (): number => slow.edge.edge.servers()[0]?.requests ?? 0

    for (const [name, body] of [
      ['none', undefined],
      ['a small one', SMALL],
      ['a large one', LARGE],
    ] as const) {
      const asking = { method: 'POST', path: '/upload', ...(body && { body }) }

      it(`waits, then passes whole: ${name}`, async () => {
        const holder = await slow.holder()
        const before = served()
        const answer = slow.askAs(holder, version, asking)
        const settle = await asked()
        await new Promise((resolve) => setTimeout(resolve, 50))
        assert.equal(served(), before)
        settle('fresh')
        const { status, body: text } = await answer
        const whole = body ?? Buffer.alloc(0)
        assert.deepEqual([status, text], [200, `${whole.length} ${sha256(whole)}`])
      })

      it(`waits, then is refused: ${name}`, async () => {
        const holder = await slow.holder()
        const before = served()
        const answer = slow.askAs(holder, version, asking)
        const settle = await asked()
        await new Promise((resolve) => setTimeout(resolve, 50))
        settle('replay')
        const code = await answer.then(codeOf, () => 'cut')
        // A client in the middle of a large body may find the connection closed before it reads.
        if (body === LARGE) assert.match(code, /^(?:401 replay|cut)$/)
        else assert.equal(code, '401 replay')
        assert.equal(served(), before)
      })
    }

    it('is let go when the client leaves', async () => {
      const holder = await slow.holder()
      const { plainPort } = slow.edge
      const fields = Object.entries(await holder.sign({ method: 'DELETE' }))
      const socket = net.connect({ host: '127.0.0.1', port: plainPort })
      const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      socket.write(`DELETE /echo HTTP/1.1\r\nHost: ${HOST}\r\n${lines}\r\n`)
      const settle = await asked()
      const { edge } = slow.edge
      const isHere = () => edge.connections(9).some(({ id }) => id === newest?.id)
      const [newest] = edge.connections(1)
      // Its end alone would say no more than that it sends no further request.
      socket.resetAndDestroy()
      await until('the connection to be gone', 5_000, () => !isHere())
      const before = served()
      settle('fresh')
      await new Promise((resolve) => setTimeout(resolve, 50))
      assert.equal(served(), before)
    })
  })
}

describe('a body that is another than signed', () => {
  for (const version of VERSIONS) {
    for (const length of [undefined, LARGE.length]) {
      const name = length === undefined ? 'without a length' : 'with a length'
      it(`is never whole for the server: ${name}, over ${version}`, async () => {
        let begun = 0
        let whole = 0
        let cut = 0
        const server = createServer((request) => {
          begun++
          request.on('end', () => whole++).on('error', () => cut++)
          request.resume()
        })
        server.listen(0, '127.0.0.1')
        await once(server, 'listening')
        const { port } = server.address() as AddressInfo
        const other = await startSessionEdge({ origin: { port } as EdgeOrigin })
        try {
          const fields = await (await other.holder()).sign({
            ...{ method: 'POST', path: '/upload', body: LARGE },
          })
          const wrong = Buffer.from(LARGE)
          wrong[0] = 1
          const pieces = [wrong.subarray(0, 100_000), wrong.subarray(100_000)]
          assert.equal(await stream(other, version, fields, pieces, length), '400 digest_mismatch')
          await until('the server to know', 5_000, () => cut === 1)
          assert.deepEqual([begun, whole], [1, 0])
        } finally {
          await other.close()
          server.close()
        }
      })
    }
  }
})

describe('what lies behind a refused request', () => {
  it('is answered, in order', async () => {
    const wrong = Buffer.from('not that')
    const head = async (body: Buffer | undefined, method: string): Promise<string> => {
      const signed = { method, path: '/upload', ...(body && { body: SMALL }) }
      const fields = Object.entries(await user.sign(signed))
      const length = body === undefined ? '' : `Content-Length: ${body.length}\r\n`
      const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      return `${method} /upload HTTP/1.1\r\nHost: ${HOST}\r\n${length}${lines}\r\n`
    }
    const socket = net.connect({ host: '127.0.0.1', port: site.edge.plainPort })
    let text = ''
    socket.on('data', (piece) => {
      text += piece
    })
    socket.write(`${await head(wrong, 'POST')}${wrong}${await head(undefined, 'GET')}`)
    const statuses = () => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status)
    await until('two answers', 5_000, () => statuses().length === 2)
    assert.deepEqual(statuses(), ['400', '200'])
    socket.destroy()
  })
})

describe('a route that wants no digests', () => {
  it('takes bodies without, and does not look at those it gets', async () => {
    const lax = { replay: 'edge', bodyDigest: false, sealBodies: false, bearer: false } as const
    const other = await startSessionEdge({ session: lax })
    try {
      for (const version of VERSIONS) {
        const holder = await other.holder()
        const fields = await holder.sign({ method: 'POST', path: '/upload' })
        const asking = { method: 'POST', path: '/upload', body: SMALL, fields }
        assert.equal(codeOf(await other.ask(version, asking)), '200')
      }
    } finally {
      await other.close()
    }
  })
})
