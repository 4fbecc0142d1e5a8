/**
 * What a thief of a session tries against behavior, in a whole Limen: to tell what it does over a channel that is weaker, to flood with
 * it, and to get out of a tier by forgetting who it is.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { freePorts } from '../free-ports.ts'
import { closeTiers, overHttp2, robotAt, Site, TOLD_WITHIN_MS } from './behavior-tiers-site.ts'
import { type Answered, Visitor } from './behavior-visitor.ts'
import { type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const BEHAVIOR = '/.well-known/limen/behavior'

describe('behavior against who knows of it', () => {
  const [open, sandbox] = [new Site('open'), new Site('sandbox')]
  let limen: LimenUnderTest
  let port = 0
  let plainPort = 0

  before(async () => {
    await Promise.all([open.listen(), sandbox.listen()])
    ;[port = 0, plainPort = 0] = await freePorts(2)
    const poolOf = (name: string, site: Site) => ({
      name,
      servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }],
    })
    limen = await startLimen({
      workers: 2,
      listeners: [
        { name: 'web', address: `127.0.0.1:${port}`, tls: { minVersion: 'TLSv1.2' } },
        { name: 'plain', address: `127.0.0.1:${plainPort}` },
      ],
      certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
      pools: [poolOf('open', open), poolOf('sandbox', sandbox)],
      routes: [{ pool: 'open', pools: { tier3: 'sandbox' } }],
      behavior: {
        ...{ mode: 'enforce', thresholds: 'fixed', everyMs: 2000, sessionCookie: 'sid' },
        batchesPerMinute: { session: 12, address: 2000 },
      },
    })
  })
  after(async () => {
    await limen?.clean()
    for (const site of [open, sandbox]) site.server.close().closeAllConnections()
    closeTiers()
  })

  const ask = (how: 'TLSv1.2' | 'TLSv1.3' | 'plain', method: string, body?: Uint8Array) =>
    new Promise<Answered>((resolve, reject) => {
      const type = body === undefined ? {} : { 'content-type': 'application/limen-behavior' }
      const where = { host: 'localhost', method, path: BEHAVIOR, headers: type, agent: false }
      const sent =
        how === 'plain'
          ? requestPlain({ ...where, port: plainPort })
          : requestTls({
              ...{ ...where, port, rejectUnauthorized: false },
              ...{ minVersion: how, maxVersion: how },
            })
      sent.on('response', async (response) => {
        let text = ''
        for await (const piece of response) text += String(piece)
        const { statusCode: status = 0, headers: fields } = response
        resolve({ status, fields, body: text })
      })
      sent.on('error', reject).end(body)
    })

  it('takes batches over TLS 1.3 only, and says so', async () => {
    const good = new Visitor(port)
    await good.consent()
    for (const how of ['TLSv1.2', 'plain'] as const) {
      assert.equal((await ask(how, 'GET')).body, '{"mode":"off"}', how)
      const answer = await ask(how, 'POST', Buffer.alloc(60))
      assert.equal(answer.status, 403, how)
      assert.equal(JSON.parse(answer.body).type, 'urn:limen:err:tls_1_3_required', how)
    }
    assert.equal(JSON.parse((await ask('TLSv1.3', 'GET')).body).mode, 'profile')
    const health = await fetch(`${limen.adminUrl}/health/anomalydetection`)
    const { refused } = (await health.json()) as { refused: Record<string, number> }
    assert.equal(refused['tls_1_3_required'], 2)
    good.close()
  })

  it('does not believe a client that says how it came', async () => {
    const said = await new Promise<string>((resolve, reject) => {
      const headers = { 'limen-client-tls': 'TLSv1.3', 'x-forwarded-proto': 'https' }
      const where = { host: 'localhost', port: plainPort, path: BEHAVIOR, headers, agent: false }
      requestPlain(where, async (response) => {
        let text = ''
        for await (const piece of response) text += String(piece)
        resolve(text)
      })
        .on('error', reject)
        .end()
    })
    assert.equal(said, '{"mode":"off"}')
  })

  it('says when to come again to a session that tells too much', async () => {
    const robot = await robotAt(port, 3)
    let answered: Answered | undefined
    for (let i = 0; i < 12 && answered?.status !== 429; i++) {
      answered = await robot.ask('POST', BEHAVIOR, Buffer.alloc(60))
    }
    assert.equal(answered?.status, 429)
    const wait = Number(answered?.fields['retry-after'])
    assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= 60, String(wait))
    const other = new Visitor(port)
    assert.equal((await other.consent()).status, 200)
    other.close()
    robot.close()
  })

  it('gives nothing to who drops the cookie: the login and the user are what tiers stick to', async () => {
    const http2 = overHttp2(port)
    const serverOf = async (cookie: string, path = '/user?who') =>
      (JSON.parse((await http2(path, { cookie })).body) as { name: string }).name
    const robot = await robotAt(port, 3)
    const login = 'sid=stolen-from-the-owner'
    await until('the sandbox', TOLD_WITHIN_MS, async () => {
      return (await serverOf(`${robot.cookie}; ${login}`)) === 'sandbox'
    })
    // Without our cookie, and with another of its own making.
    await until('the login is known', TOLD_WITHIN_MS, async () => {
      return (await serverOf(login)) === 'sandbox'
    })
    const fresh = new Visitor(port)
    await fresh.consent()
    assert.equal(await serverOf(`${fresh.cookie}; ${login}`), 'sandbox')
    // Spelled otherwise, as servers undo it.
    for (const spelled of ['sid=%73tolen-from-the-owner', 'sid="stolen-from-the-own\\145r"']) {
      assert.equal(await serverOf(spelled), 'sandbox', spelled)
      assert.equal(await serverOf(`sid=other; ${spelled}`), 'sandbox', spelled)
    }
    // Over HTTP/1.1 in several lines, which servers join.
    const inLines = (lines: string) =>
      new Promise<string>((resolve, reject) => {
        const client = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
        let text = ''
        client.on('data', (piece) => {
          text += String(piece)
        })
        client.on('error', reject).on('end', () => resolve(text))
        client.write(
          `GET /user?who HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${lines}\r\n`,
        )
      })
    for (const lines of [
      `Cookie: ${login}\r\n`,
      `Cookie: a=b\r\nCookie: ${login}\r\n`,
      `Cookie: a=b\r\nCookie:\r\ncookie:c=d; ${login}\r\n`,
      `Cookie: sid=x\r\nCookie: ${login}\r\n`,
    ]) {
      assert.match(await inLines(lines), /"name":"sandbox"/, lines)
    }
    // A new login of the same user: once the server has said who it is.
    const again = new Visitor(port)
    await again.consent()
    await until('the user is known', TOLD_WITHIN_MS, async () => {
      return (await serverOf(`${again.cookie}; sid=another-login`)) === 'sandbox'
    })
    const { tier, reasons } = JSON.parse(
      (await http2(`${BEHAVIOR}/me`, { cookie: again.cookie })).body,
    ) as { tier: number; reasons: string[] }
    assert.deepEqual([tier, reasons], [3, ['tier-remembered']])
    // Somebody else is not touched by it.
    const honest = new Visitor(port)
    await honest.consent()
    assert.equal(await serverOf(`${honest.cookie}; sid=somebody-else`, '/page'), 'open')
    for (const visitor of [robot, fresh, again, honest]) visitor.close()
  })
})
