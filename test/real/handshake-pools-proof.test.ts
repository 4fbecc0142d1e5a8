/**
 * The proof of work of the rigorous pool, by a real browser, by ALTCHA's own solver over HTTP/1.1 and HTTP/2, and by
 * those who would rather not do it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { after, before, describe, it } from 'node:test'
import { solveChallenge } from 'altcha-lib/v1'
import { chromium } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import { ADMISSION, type EdgeUnderTest, startEdge } from './edge-under-test.ts'
import { connectOctets, converse } from './octet-client.ts'

const WORK = 500
const PROOF = '/.well-known/limen/proof'

let origin: EdgeOrigin
let edge: EdgeUnderTest
let work = WORK
/** Who everybody is; '' for what the engine says. */
let profile = ''

before(async () => {
  origin = await startEdgeOrigin()
  edge = await startEdge({
    upstreamPorts: [origin.port],
    timeouts: { idleMs: 20_000 },
    admission: {
      rigorous: {
        ...ADMISSION.rigorous,
        userAgentCheck: false,
        get work() {
          return work
        },
      },
    },
    enforce: () => ({
      pool: 'rigorous',
      member: 'here',
      ...(profile === '' ? {} : { profile }),
    }),
  })
})

after(async () => {
  edge?.close()
  await origin?.close()
})

interface Wanted {
  readonly algorithm: string
  readonly challenge: string
  readonly maxnumber: number
  readonly salt: string
  readonly signature: string
}

interface Problem {
  readonly type: string
  readonly status: number
  readonly detail: string
  readonly challenge: Wanted
  readonly decision: string
}

/** By ALTCHA's solver. */
async function solutionOf({ maxnumber, ...wanted }: Wanted): Promise<string> {
  const { challenge, salt, algorithm } = wanted
  const solved = await solveChallenge(challenge, salt, algorithm, maxnumber).promise
  assert.ok(solved)
  return Buffer.from(JSON.stringify({ ...wanted, number: solved.number })).toString('base64')
}

const request = (target: string, fields = ''): string =>
  `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${fields}Connection: close\r\n\r\n`
const ask = (target: string, fields = ''): Promise<string> =>
  converse(edge.tlsPort, request(target, fields), { servername: 'localhost' })
const redeem = (solution: string, to = '/echo'): Promise<string> =>
  ask(`${PROOF}?solution=${encodeURIComponent(solution)}&to=${encodeURIComponent(to)}`)
const statusOf = (text: string): number => Number(text.slice(9, 12))
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)
const fieldOf = (text: string, name: string): string =>
  new RegExp(`^${name}: ([^\\r]*)`, 'im').exec(text)?.[1] ?? ''
const problemOf = (text: string): Problem => JSON.parse(bodyOf(text)) as Problem
const checks = () => edge.outcomes.flatMap(({ check }) => (check === '' ? [] : [check]))

async function passFor(): Promise<string> {
  const { challenge } = problemOf(await ask('/echo'))
  return fieldOf(await redeem(await solutionOf(challenge)), 'set-cookie').split(';')[0] ?? ''
}

describe('a program', () => {
  it('is told what is wanted, does it, and passes with the cookie on any connection', async () => {
    const refused = await ask('/echo')
    assert.equal(statusOf(refused), 403)
    assert.equal(fieldOf(refused, 'content-type'), 'application/problem+json')
    assert.equal(fieldOf(refused, 'cache-control'), 'no-store')
    const problem = problemOf(refused)
    assert.equal(problem.type, 'urn:limen:err:proof-of-work-needed')
    assert.match(problem.detail, /proof of work/)
    assert.equal(problem.decision, edge.decisions.at(-1)?.id)
    assert.equal(problem.challenge.maxnumber, 2 * WORK)
    const before = checks().length
    const redeemed = await redeem(await solutionOf(problem.challenge), '/echo?a=b')
    assert.equal(statusOf(redeemed), 303)
    assert.equal(fieldOf(redeemed, 'location'), '/echo?a=b')
    const cookie = fieldOf(redeemed, 'set-cookie')
    assert.match(
      cookie,
      /^__Host-limen-pass=[\w-]+; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Lax$/,
    )
    assert.deepEqual(checks().slice(before), ['challenge-passed'])
    assert.equal(edge.outcomes.at(-1)?.profile, edge.decisions.at(-1)?.profile)
    const pass = cookie.split(';')[0]
    for (let i = 0; i < 3; i++) {
      assert.equal(statusOf(await ask('/echo', `Cookie: a=b; ${pass}; c=d\r\n`)), 200)
    }
    assert.equal(statusOf(await ask('/echo')), 403)
  })

  it('goes on over the same connection, also behind a refusal', async () => {
    const client = await connectOctets(edge.tlsPort, { servername: 'localhost' })
    const plain = 'GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n'
    client.write(plain)
    const { challenge } = problemOf(await client.read(/"decision":"\w+"}$/))
    const solution = encodeURIComponent(await solutionOf(challenge))
    client.write(`GET ${PROOF}?solution=${solution}&to=/ HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    await client.read(/HTTP\/1\.1 303 [\s\S]*\r\n\r\n$/)
    client.write(plain)
    await client.read(/HTTP\/1\.1 200 [\s\S]*"url":"\/echo"/)
    client.close()
  })

  it('gets one answer when it sends more behind, or a body: then the connection ends', async () => {
    for (const more of [request('/echo'), '']) {
      const head = `POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello${more}`
      const text = await converse(edge.tlsPort, head, {})
      assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 1)
      assert.equal(statusOf(text), 403)
      assert.equal(fieldOf(text, 'connection'), 'close')
    }
  })

  it('does it over HTTP/2 too', async () => {
    const session = http2.connect(`https://localhost:${edge.tlsPort}`, {
      rejectUnauthorized: false,
    })
    const say = async (headers: http2.OutgoingHttpHeaders, body?: string) => {
      const stream = session.request(headers, { endStream: body === undefined })
      if (body !== undefined) stream.end(body)
      const [got] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
      let text = ''
      for await (const piece of stream.setEncoding('utf8')) text += piece
      return { status: got[':status'], headers: got, text }
    }
    const refused = await say({ ':path': '/echo' })
    assert.equal(refused.status, 403)
    const { challenge } = JSON.parse(refused.text) as Problem
    assert.equal((await say({ ':path': '/upload', ':method': 'POST' }, 'x'.repeat(99))).status, 403)
    const page = await say({ ':path': '/echo', accept: 'text/html' })
    assert.match(page.text, /<noscript>/)
    const query = new URLSearchParams({ solution: await solutionOf(challenge), to: '/echo' })
    const redeemed = await say({ ':path': `${PROOF}?${query}` })
    assert.equal(redeemed.status, 303)
    assert.match(String(redeemed.headers['set-cookie']), /^__Host-limen-pass=/)
    assert.equal((await say({ ':path': '/echo' })).status, 200)
    session.close()
    const cookie = String(redeemed.headers['set-cookie']).split(';')[0] ?? ''
    const again = http2.connect(`https://localhost:${edge.tlsPort}`, { rejectUnauthorized: false })
    const stream = again.request({ ':path': '/echo', cookie })
    const [got] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
    assert.equal(got[':status'], 200)
    again.destroy()
  })
})

describe('who would rather not', () => {
  it('gets nothing for a solution that is used again', async () => {
    const { challenge } = problemOf(await ask('/echo'))
    const solution = await solutionOf(challenge)
    assert.equal(statusOf(await redeem(solution)), 303)
    const before = checks().length
    const replayed = await redeem(solution)
    assert.equal(statusOf(replayed), 403)
    assert.match(problemOf(replayed).detail, /used before/)
    assert.equal(checks().length, before)
  })

  it('gets nothing for a forged one, and that is held against it', async () => {
    const { challenge } = problemOf(await ask('/echo'))
    const { maxnumber: _, ...rest } = challenge
    const before = checks().length
    for (const forged of [{ ...rest, number: 1.5 }, { ...rest, number: -1 }, 'nonsense', rest]) {
      const text = await redeem(Buffer.from(JSON.stringify(forged)).toString('base64'))
      assert.equal(statusOf(text), 403)
      assert.match(problemOf(text).detail, /not right/)
    }
    assert.deepEqual(checks().slice(before), Array(4).fill('challenge-failed'))
  })

  it('gets nothing for the solution or the pass of another profile', async () => {
    const pass = await passFor()
    const { challenge } = problemOf(await ask('/echo'))
    const solution = await solutionOf(challenge)
    profile = 'ffffffffffffffff'
    try {
      assert.equal(statusOf(await redeem(solution)), 403)
      assert.equal(statusOf(await ask('/echo', `Cookie: ${pass}\r\n`)), 403)
    } finally {
      profile = ''
    }
    assert.equal(statusOf(await ask('/echo', `Cookie: ${pass}\r\n`)), 200)
  })

  it('gets nothing for a pass that was changed', async () => {
    const pass = await passFor()
    for (const changed of [
      `${pass}A`,
      pass.slice(0, -1),
      `${pass.slice(0, -1)}${pass.endsWith('A') ? 'B' : 'A'}`,
    ]) {
      assert.equal(statusOf(await ask('/echo', `Cookie: ${changed}\r\n`)), 403)
    }
  })

  it('is not sent away to another site', async () => {
    for (const to of [
      '//evil.test/',
      'https://evil.test/',
      '/\\evil.test',
      `${PROOF}?x`,
      '/a\r\nb: c',
    ]) {
      const { challenge } = problemOf(await ask('/echo'))
      const redeemed = await redeem(await solutionOf(challenge), to)
      assert.equal(statusOf(redeemed), 303)
      assert.equal(fieldOf(redeemed, 'location'), '/')
    }
  })
})

describe('a person', () => {
  it('gets a page that needs nothing from elsewhere, and says what to do without JavaScript', async () => {
    const marked = bodyOf(await ask('/<b>?"&', 'Accept: text/html\r\n'))
    assert.match(marked, /data-to="\/&#60;b&#62;\?&#34;&#38;"/)
    assert.doesNotMatch(marked, /<b>/)
    const page = await ask("/a?b=c&d='e'", 'Accept: text/html,application/xhtml+xml\r\n')
    assert.equal(statusOf(page), 403)
    assert.equal(fieldOf(page, 'content-type'), 'text/html; charset=utf-8')
    assert.match(
      fieldOf(page, 'content-security-policy'),
      /^default-src 'none'; script-src 'sha256-/,
    )
    const body = bodyOf(page)
    assert.equal(Buffer.byteLength(body, 'latin1'), Number(fieldOf(page, 'content-length')))
    assert.doesNotMatch(body, /\b(?:src|href)=|https?:\/\//)
    assert.match(body, /<noscript><p>[^<]+JavaScript/)
    assert.match(body, /role="status" aria-live="polite"/)
    assert.match(body, /data-to="\/a\?b=c&#38;d=&#39;e&#39;"/)
    const head = await ask('/a', 'Accept: text/html\r\n').then((get) => get.indexOf('\r\n\r\n') + 4)
    const only = await converse(
      edge.tlsPort,
      'HEAD /a HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n',
      {},
    )
    assert.equal(only.length, head)
  })

  it('is taken to where they wanted to go, by a real browser', async () => {
    const executablePath = findChromium()
    assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
    work = 20_000
    const browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
    try {
      const page = await browser.newPage({ ignoreHTTPSErrors: true })
      const complaints: string[] = []
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('console', (message) => {
        if (/content security policy/i.test(message.text())) complaints.push(message.text())
      })
      const url = `https://localhost:${edge.tlsPort}`
      const first = await page.goto(`${url}/echo?page=1`)
      assert.equal(first?.status(), 403)
      await page.waitForURL(`${url}/echo?page=1`, { timeout: 20_000 })
      await page.getByText('"url":"/echo?page=1"').waitFor({ timeout: 20_000 })
      assert.deepEqual(complaints, [])
      const second = await page.goto(`${url}/echo?page=2`)
      assert.equal(second?.status(), 200)
      const [cookie] = await page.context().cookies()
      assert.equal(cookie?.name, '__Host-limen-pass')
      assert.equal(cookie?.httpOnly && cookie.secure, true)
    } finally {
      work = WORK
      await browser.close()
    }
  })
})
