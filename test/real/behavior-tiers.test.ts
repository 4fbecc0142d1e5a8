/**
 * What tiers mean in a whole Limen, over HTTP/1.1 and HTTP/2: tier 1 is answered from the micro-cache, tier 2 may make fewer
 * requests and shows a proof of work first, tier 3 sees none of what others are served. With servers that lie and break off, and
 * clients that want others to be served what they made.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { type Challenge, PROOF_PATH } from '../../src/adapters/edge/proof-of-work.ts'
import {
  type Ask,
  closeTiers,
  overHttp1,
  overHttp2,
  robotAt,
  type Site,
  startAt,
  TOLD_WITHIN_MS,
} from './behavior-tiers-site.ts'
import type { Answered } from './behavior-visitor.ts'
import { askAdmin, type LimenUnderTest, until } from './fleet-under-test.ts'

after(closeTiers)

const sayOf = ({ body }: Answered) =>
  JSON.parse(body) as { name: string; count: number; host: string; coding: string }

for (const [protocol, over] of [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const) {
  describe(`the micro-cache over ${protocol}`, () => {
    let limen: LimenUnderTest
    let open: Site
    let sandbox: Site
    let port = 0
    let ask: Ask

    before(async () => {
      ;({ limen, port, open, sandbox } = await startAt({}, { cache: { secondsMax: 60 } }))
      ask = over(port)
    })
    after(() => limen?.clean())

    const purge = (body: object) =>
      askAdmin(limen, join(limen.folder, 'data'), 'POST', '/v1/cache/purge', body)
    const cacheRequests = async () => {
      const response = await fetch(`${limen.adminUrl}/v1/traffic`)
      return ((await response.json()) as { cacheRequests: Record<string, number> }).cacheRequests
    }

    it('answers with what the server said, its age, and 304', async () => {
      const first = await ask('/page?a')
      assert.equal(first.status, 200)
      assert.equal(first.fields['age'], '3')
      const second = await ask('/page?a')
      assert.equal(second.body, first.body)
      assert.ok(Number(second.fields['age']) >= 3)
      assert.equal(second.fields['etag'], '"v1"')
      assert.equal(second.fields['content-length'], String(second.body.length))
      assert.equal(second.fields['x-name'], first.fields['x-name'])
      const known = await ask('/page?a', { 'if-none-match': '"v0", W/"v1"' })
      assert.deepEqual([known.status, known.body], [304, ''])
      assert.equal(known.fields['etag'], '"v1"')
      assert.equal(known.fields['content-length'], undefined)
      assert.equal((await ask('/page?a', { 'if-none-match': '"v2"' })).status, 200)
      const head = await ask('/page?a', {}, 'HEAD')
      assert.deepEqual([head.status, head.body], [200, ''])
      assert.equal(head.fields['content-length'], String(first.body.length))
      assert.equal(open.countOf('/page?a'), 1)
      assert.equal(sayOf(await ask('/page?a', {}, 'POST')).count, 2)
    })

    it('takes chunked answers, and forgets them when their time is over', async () => {
      const first = await ask('/chunked')
      assert.equal((await ask('/chunked')).body, first.body)
      assert.equal(open.countOf('/chunked'), 1)
      const one = await ask('/second')
      await until('another', TOLD_WITHIN_MS, async () => {
        const { body, fields } = await ask('/second')
        assert.ok(Number(fields['age'] ?? 0) < 1)
        return body !== one.body
      })
    })

    it('asks once for a crowd', async () => {
      const crowd = Promise.all(Array.from({ length: 30 }, () => over(port)('/slow?crowd')))
      await until('the first', TOLD_WITHIN_MS, () => open.countOf('/slow?crowd') > 0)
      const before = open.countOf('/slow?crowd')
      // Those who waited too long, on a loaded machine, went by themselves.
      const pump = setInterval(() => open.letGo(), 300)
      const bodies = new Set((await crowd).map(({ body }) => body))
      clearInterval(pump)
      assert.equal(before, 1)
      const { collapsed = 0 } = await untilCounted(cacheRequests, 'collapsed')
      assert.ok(bodies.size < 30 && collapsed > 0, `${bodies.size} ${collapsed}`)
    })

    it('asks again for the others when the client it asked for leaves', async () => {
      const leaving = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
      leaving.on('error', () => {})
      const host = `Host: localhost:${port}\r\n`
      leaving.write(`GET /slow?left HTTP/1.1\r\n${host}\r\n`)
      await until('the first', TOLD_WITHIN_MS, () => open.countOf('/slow?left') === 1)
      const answered = ask('/slow?left')
      leaving.destroy()
      await until('the second', TOLD_WITHIN_MS, () => open.countOf('/slow?left') === 2)
      open.letGo()
      assert.equal(sayOf(await answered).count, 2)
      assert.equal(sayOf(await ask('/slow?left')).count, 2)
    })

    it('keeps nothing that is for one client, in part, or varies', async () => {
      const targets = ['/private', '/heuristic', '/cookie', '/user', '/agent', '/part', '/trailer']
      for (const target of [...targets, '/close']) {
        assert.equal(sayOf(await ask(target)).count, 1, target)
        assert.equal(sayOf(await ask(target)).count, 2, target)
      }
    })

    it('keeps nothing of an answer that broke off', async () => {
      await assert.rejects(ask('/cut').then(sayOf))
      if (protocol === 'HTTP/2') ask = over(port)
      assert.equal(sayOf(await ask('/cut')).count, 2)
      assert.equal(sayOf(await ask('/cut')).count, 2)
    })

    it('does not keep for others what a client has made', async () => {
      for (const [name, value, isKept] of [
        ['x-original-url', '/private', false],
        ['range', 'bytes=0-1', false],
        ['origin', 'https://evil.example', false],
        ['x-http-method-override', 'POST', false],
        ['cache-control', 'no-cache', false],
        // No server gets to see these.
        ['x-forwarded-host', 'evil.example', true],
        ['x_forwarded_host', 'evil.example', true],
        ['limen-behavior-tier', '3', true],
      ] as const) {
        const target = `/page?poison=${name}`
        assert.ok(!(await ask(target, { [name]: value })).body.includes('evil'), name)
        const honest = await ask(target)
        assert.ok(!honest.body.includes('evil'), name)
        assert.equal(sayOf(honest).count, isKept ? 1 : 2, name)
      }
    })

    it('does not take one host for another', async () => {
      const [one, two] = [{ host: `a.example:${port}` }, { host: 'b.example' }]
      assert.equal(sayOf(await ask('/page?host', one)).host, one.host)
      assert.equal(sayOf(await ask('/page?host', two)).host, two.host)
      assert.equal(sayOf(await ask('/page?host', one)).host, one.host)
      assert.equal(open.countOf('/page?host'), 2)
    })

    if (protocol === 'HTTP/1.1')
      it('answers requests that come at once in order, kept or not', async () => {
        for (const target of ['/page?one', '/page?two']) await ask(target)
        const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
        const targets = ['/page?one', '/private?x', '/page?two', '/page?one']
        const last = 'Connection: close\r\n'
        const requests = targets.map((target, i) => {
          return `GET ${target} HTTP/1.1\r\nHost: localhost:${port}\r\n${i === 3 ? last : ''}\r\n`
        })
        socket.write(requests.join(''))
        let text = ''
        for await (const piece of socket) text += String(piece)
        const served = [...text.matchAll(/"url":"([^"]+)"/g)].map(([, target]) => target)
        assert.deepEqual(served, targets)
        assert.equal(open.countOf('/page?one') + open.countOf('/page?two'), 2)
      })

    it('serves each coding to who asked for it', async () => {
      assert.equal(sayOf(await ask('/page?c', { 'accept-encoding': 'gzip' })).coding, 'gzip')
      assert.equal(sayOf(await ask('/page?c', { 'accept-encoding': 'br' })).coding, 'br')
      assert.equal(sayOf(await ask('/page?c', { 'accept-encoding': 'gzip' })).coding, 'gzip')
      assert.equal(open.countOf('/page?c'), 2)
    })

    it('serves who is known what is public, and nothing else', async () => {
      const known = { cookie: 'user=alice', authorization: 'Basic eA==' }
      assert.equal(sayOf(await ask('/page?known', known)).count, 1)
      assert.equal(sayOf(await ask('/page?known')).count, 1)
      assert.equal(sayOf(await ask('/chunked?known')).count, 1)
      assert.equal(sayOf(await ask('/chunked?known', known)).count, 2)
    })

    it('forgets what it is told to', async () => {
      for (const target of ['/page?purge', '/chunked?purge']) await ask(target)
      await purge({ path: '/page', host: 'localhost' })
      await until('a new answer', TOLD_WITHIN_MS, async () => {
        return sayOf(await ask('/page?purge')).count === 2
      })
      assert.equal(sayOf(await ask('/chunked?purge')).count, 1)
      await purge({ host: 'other.example' })
      await purge({})
      await until('a new one', TOLD_WITHIN_MS, async () => {
        return sayOf(await ask('/chunked?purge')).count === 2
      })
      await assert.rejects(purge({ path: 'page' }), /400/)
    })

    it('is not for sessions above tier 1', async () => {
      assert.equal(sayOf(await ask('/page?tier')).name, 'open')
      const robot = await robotAt(port, 3)
      const askAsRobot = () => ask('/page?tier', { cookie: robot.cookie })
      await until(
        'the sandbox',
        TOLD_WITHIN_MS,
        async () => sayOf(await askAsRobot()).name === 'sandbox',
      )
      const before = sandbox.countOf('/page?tier')
      assert.equal(sayOf(await askAsRobot()).count, before + 1)
      assert.equal(sayOf(await ask('/page?tier')).name, 'open')
      assert.equal(open.countOf('/page?tier'), 1)
      // What it was served is not kept either.
      await ask('/page?mine', { cookie: robot.cookie })
      assert.equal(sayOf(await ask('/page?mine')).name, 'open')
      robot.close()
    })

    it('counts', async () => {
      for (const result of ['hit', 'collapsed', 'miss', 'bypass']) {
        await untilCounted(cacheRequests, result)
      }
    })
  })
}

async function untilCounted(read: () => Promise<Record<string, number>>, name: string) {
  let counts: Record<string, number> = {}
  await until(name, TOLD_WITHIN_MS, async () => {
    counts = await read()
    return (counts[name] ?? 0) > 0
  })
  return counts
}

describe('tier 2', () => {
  let limen: LimenUnderTest
  let port = 0

  before(async () => {
    // What is found of the robot, 6 digits, is tier 2 here.
    const limits = { tier3: 15, requestsPerSecond: 5, work: 2000 }
    ;({ limen, port } = await startAt(limits))
  })
  after(() => limen?.clean())

  it('shows a proof of work, for its own session, and makes fewer requests', async () => {
    const robot = await robotAt(port, 2)
    const ask = overHttp2(port)
    const anybody = await ask('/page')
    assert.equal(anybody.status, 200)
    const asRobot = (path: string, more = '') =>
      untilAdmitted(() => ask(path, { cookie: `${robot.cookie}${more}` }))
    let asked = await asRobot('/page')
    await until('a challenge', TOLD_WITHIN_MS, async () => {
      asked = await asRobot('/page')
      return asked.status === 403
    })
    const { challenge, type } = JSON.parse(asked.body) as { challenge: Challenge; type: string }
    assert.equal(type, 'urn:limen:err:proof-of-work-needed')
    const proof = `${PROOF_PATH}?solution=${encodeURIComponent(solve(challenge))}&to=%2Fpage`
    const other = await robotAt(port, 2)
    const stolen = await untilAdmitted(() => ask(proof, { cookie: other.cookie }))
    assert.equal(stolen.status, 403)
    const passed = await asRobot(proof)
    assert.deepEqual([passed.status, passed.fields['location']], [303, '/page'])
    assert.equal((await asRobot(proof)).status, 403)
    const [pass = ''] = String(passed.fields['set-cookie']).split(';')
    assert.equal((await asRobot('/page', `; ${pass}`)).status, 200)
    const borrowed = { cookie: `${other.cookie}; ${pass}` }
    assert.equal((await untilAdmitted(() => ask('/page', borrowed))).status, 403)
    // Over HTTP/1.1 too, by the same cookies.
    const http1 = overHttp1(port)
    const both = { cookie: `${robot.cookie}; ${pass}` }
    assert.equal((await untilAdmitted(() => http1('/page', both))).status, 200)

    const many = await Promise.all(Array.from({ length: 80 }, () => ask('/page', both)))
    const limited = many.filter(({ status }) => status === 429)
    assert.ok(limited.length > 0 && many.every(({ status }) => status === 200 || status === 429))
    assert.equal(limited[0]?.fields['retry-after'], '1')
    assert.equal((await untilAdmitted(() => http1('/page', both))).status, 200)
    // Others are not limited.
    const free = await Promise.all(Array.from({ length: 80 }, () => ask('/page')))
    assert.ok(free.every(({ status }) => status === 200))
    robot.close()
    other.close()
  })
})

/** Once the session may make a request again. */
async function untilAdmitted(ask: () => Promise<Answered>): Promise<Answered> {
  let answered = await ask()
  await until('a request', TOLD_WITHIN_MS, async () => {
    if (answered.status !== 429) return true
    await new Promise((resolve) => setTimeout(resolve, 250))
    answered = await ask()
    return answered.status !== 429
  })
  return answered
}

function solve({ algorithm, challenge, maxnumber, salt, signature }: Challenge): string {
  for (let number = 0; number <= maxnumber; number++) {
    if (createHash('sha256').update(`${salt}${number}`).digest('hex') !== challenge) continue
    const solution = { algorithm, challenge, number, salt, signature }
    return Buffer.from(JSON.stringify(solution)).toString('base64')
  }
  throw new Error('No number does')
}
