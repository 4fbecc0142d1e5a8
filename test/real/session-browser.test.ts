/**
 * Session keys in a real Chromium, through a real `limen up`: the page of a refused navigation opens a session, the service
 * worker signs what pages ask for, the page's own client rotates, in one tab and in twelve.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { freePorts } from '../free-ports.ts'
import { type LimenUnderTest, startLimen } from './fleet-under-test.ts'
import { type SessionSite, startSessionSite } from './session-site.ts'

const ROOT = join(import.meta.dirname, '../..')
const STEP_MS_MAX = 30_000
/** What a browser downloads of each, compressed. */
const GZIP_BYTES_MAX = 15_000
const TABS = 12
/** Of all tabs together. 6000, 500 for each tab, take 20 minutes: `LIMEN_TEST_ROTATIONS=6000`, now and then. */
const ROTATIONS = Number(process.env['LIMEN_TEST_ROTATIONS'] ?? 500)
/** Connections of its own each. */
const REPLAYED_AT_ONCE = 100
/** What a page evaluates has no deadline of its own. */
const SUITE_MS_MAX = 600 * ROTATIONS

let abroad: Server
let site: SessionSite
let limen: LimenUnderTest
let browser: Browser
let context: BrowserContext
let origin = ''

before(async () => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/client-files.ts')], { stdio: 'inherit' })
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  abroad = createServer((_request, response) => {
    response.setHeader('content-type', 'image/svg+xml')
    response.end('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
  }).listen(0, '127.0.0.1')
  await once(abroad, 'listening')
  site = await startSessionSite(`http://127.0.0.1:${(abroad.address() as AddressInfo).port}/`)
  const [port = 0] = await freePorts(1)
  origin = `https://localhost:${port}`
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost'] }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }] }],
    routes: [
      { pool: 'site', path: '/abroad', sessionKey: 'optional' },
      { pool: 'site', sessionKey: 'required' },
    ],
    sessions: { enabled: true, rotation: { perSecondMax: 1000 } },
  })
  // A service worker is installed from a site with a good certificate only, and ours is of a CA of its own.
  const args = [...CHROMIUM_FLAGS, '--ignore-certificate-errors']
  browser = await chromium.launch({ executablePath, args })
  context = await browser.newContext({ ignoreHTTPSErrors: true })
  context.setDefaultTimeout(STEP_MS_MAX)
})
after(async () => {
  await browser?.close()
  await limen?.clean()
  await site?.close()
  abroad?.close()
})

const visitsOf = (path: string) => site.visits.filter(({ url }) => url.split('?')[0] === path)
/** In the page: runs `body` with `limen`, a session of this tab. */
const inPage = <T>(page: Page, body: string): Promise<T> =>
  page.evaluate(`(async () => {
    const { startSession } = await import('/.well-known/limen/limen.js')
    const limen = (window.limen ??= startSession())
    ${body}
  })()`) as Promise<T>

/** Sends a request of a tab once more. Status and code of the answer. */
function replay(fields: Readonly<Record<string, string>>): Promise<string> {
  const { ':method': method = 'GET', ':url': url = '', ...headers } = fields
  const ca = readFileSync(join(limen.folder, 'data/local-ca/ca.pem'))
  return new Promise((resolve, reject) => {
    const body = method === 'POST' ? 'x' : ''
    const sent = request(url, {
      method,
      headers: { ...headers, 'content-length': body.length },
      ca,
    })
    sent.on('response', (response) => {
      response.resume()
      resolve(`${response.statusCode} ${response.headers['sessionkey-error']}`)
    })
    sent.on('error', reject).end(body)
  })
}

describe('what browsers download', () => {
  for (const name of ['limen.js', 'worker.js', 'start.js']) {
    it(`${name} is small`, (t) => {
      const bytes = gzipSync(readFileSync(join(ROOT, 'dist/browser', name))).length
      t.diagnostic(`${bytes} bytes compressed`)
      assert.ok(bytes < GZIP_BYTES_MAX)
    })
  }
})

describe('a browser that comes for the first time', { timeout: SUITE_MS_MAX }, () => {
  let page: Page
  before(async () => {
    page = await context.newPage()
  })

  it('is given a session and a service worker, and then the place it asked for', async () => {
    const first = await page.goto(`${origin}/shop?x=1`)
    assert.equal(first?.status(), 401)
    await page.getByRole('heading', { name: 'Site' }).waitFor()
    assert.equal(await page.textContent('#place'), '/shop')
    assert.equal(page.url(), `${origin}/shop?x=1`)
    const [visit] = visitsOf('/shop')
    assert.equal(visit?.claims?.level, 'proof')
  })

  it('gets pictures, scripts and styles under its session', async () => {
    await page.waitForFunction('document.body.dataset.script === "ran"')
    await page.waitForFunction('document.images[0].naturalWidth === 7')
    const color = await page.evaluate('getComputedStyle(document.querySelector("h1")).color')
    assert.equal(color, 'rgb(1, 2, 3)')
    for (const path of ['/mark.svg', '/app.js', '/site.css']) {
      assert.equal(visitsOf(path)[0]?.claims?.level, 'proof', path)
    }
  })

  it('fetches in pages that know nothing of Limen', async () => {
    const who = await page.evaluate('fetch("/who").then((r) => r.json())')
    assert.equal((who as { level: string }).level, 'proof')
  })

  it('follows redirects: of pages, of fetches, of forms', async () => {
    await page.goto(`${origin}/away`)
    assert.equal(page.url(), `${origin}/landed?from=away`)
    const url = await page.evaluate('fetch("/away").then((r) => r.text())')
    assert.match(String(url), /\/landed/)
    await page.goto(`${origin}/form`)
    await page.getByRole('button', { name: 'Send' }).click()
    await page.waitForURL(`${origin}/landed?sent=3`)
  })

  it('gets a part of something', async () => {
    const script = `fetch('/media', { headers: { range: 'bytes=10-19' } })
      .then(async (r) => [r.status, (await r.arrayBuffer()).byteLength])`
    assert.deepEqual(await page.evaluate(script), [206, 10])
  })

  it('sends bodies, small and large, with their digests', async () => {
    for (const size of [10, 9 * 2 ** 20]) {
      const script = `fetch('/upload', { method: 'POST', body: new Uint8Array(${size}).fill(7) })
        .then((r) => r.json())`
      const sha256 = createHash('sha256').update(Buffer.alloc(size, 7)).digest('hex')
      assert.deepEqual(await page.evaluate(script), { bytes: size, sha256 })
    }
  })

  it('gets a picture that another origin has', async () => {
    const script = `new Promise((resolve) => {
      const image = new Image()
      image.onload = () => resolve(image.naturalWidth)
      image.onerror = () => resolve('error')
      image.src = '/abroad'
    })`
    assert.equal(await page.evaluate(script), 9)
  })

  it('has keys that no script can read', async () => {
    const script = `new Promise((resolve, reject) => {
      const opened = indexedDB.open('limen')
      opened.onsuccess = () => {
        const asked = opened.result.transaction('session').objectStore('session').get('state')
        asked.onsuccess = () => {
          const { requestKey, bodyKey, device } = asked.result.session
          const keys = [requestKey, bodyKey, device.privateKey]
          resolve(keys.map((key) => [key instanceof CryptoKey, key.extractable]))
        }
      }
      opened.onerror = () => reject(opened.error)
    })`
    assert.deepEqual(await page.evaluate(script), Array(3).fill([true, false]))
  })

  it('uses the same session in the page and in the worker', async () => {
    const [inside, outside] = await inPage<{ sid: string }[]>(
      page,
      `return await Promise.all([limen.fetch('/who'), fetch('/who')].map(async (r) => (await r).json()))`,
    )
    assert.ok(inside?.sid)
    assert.equal(inside?.sid, outside?.sid)
  })

  it('rotates in the page, and the worker follows', async () => {
    const generation = await inPage<number>(page, 'return await limen.rotate()')
    assert.ok(generation > 1)
    const who = await page.evaluate('fetch("/who").then((r) => r.json())')
    assert.equal((who as { gen: number }).gen, generation)
  })

  it('opens a WebSocket', async () => {
    const said = await inPage(
      page,
      `const socket = new WebSocket(await limen.webSocketUrl('/ws?room=1'))
      return await new Promise((resolve, reject) => {
        socket.onopen = () => socket.send('hello')
        socket.onmessage = ({ data }) => resolve(data)
        socket.onerror = () => reject(new Error('refused'))
      })`,
    )
    assert.equal(said, 'hello')
  })

  it('comes back past the worker, and is let in again', async () => {
    const client = await context.newCDPSession(page)
    await client.send('Network.enable')
    await client.send('Network.setBypassServiceWorker', { bypass: true })
    assert.equal((await page.goto(`${origin}/again`))?.status(), 401)
    await client.send('Network.setBypassServiceWorker', { bypass: false })
    // The page that refused may be on its way there by itself.
    await page.goto(`${origin}/again`).catch((error: unknown) => {
      if (!String(error).includes('interrupted by another navigation')) throw error
    })
    assert.equal(await page.textContent('#place'), '/again')
  })
})

/** What a tab saw. */
interface TabReport {
  readonly requests: number
  readonly failures: readonly string[]
  readonly sids: readonly string[]
  readonly generation: number
  /** Fields of some of its requests. */
  readonly sent: readonly Readonly<Record<string, string>>[]
}

/** In the page: asks and rotates at moments of its own, until the session has come so far. */
const LIVE_IN_TAB = `
  const real = window.fetch
  const sent = []
  window.fetch = (url, init) => {
    const fields = init?.headers instanceof Headers ? Object.fromEntries(init.headers) : {}
    if (fields.signature !== undefined && Math.random() < 0.1) {
      sent.push({ ...fields, ':method': init.method, ':url': String(url) })
    }
    return real(url, init)
  }
  const failures = []
  const sids = new Set()
  let [requests, generation] = [0, 0]
  const ask = async (init) => {
    try {
      const response = await limen.fetch('/who', init)
      if (response.ok) sids.add((await response.json()).sid)
      else failures.push(response.status + ' ' + response.headers.get('sessionkey-error'))
    } catch (error) {
      failures.push(String(error))
    }
    requests++
  }
  while (generation <= LAST) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60))
    const [rotated] = await Promise.all([
      limen.rotate(),
      ask({}),
      ask({ method: 'POST', body: 'x' }),
    ])
    generation = rotated
  }
  window.fetch = real
  return { requests, failures, sids: [...sids], generation, sent }
`

describe('twelve tabs', { timeout: SUITE_MS_MAX }, () => {
  it(`rotate ${ROTATIONS} times: nobody is logged out, no request fails`, async (t) => {
    const tabs = await Promise.all(Array.from({ length: TABS }, () => context.newPage()))
    await Promise.all(tabs.map((tab) => tab.goto(`${origin}/tab`)))
    const [first] = tabs
    assert.ok(first !== undefined)
    const { sid, gen } = await inPage<{ sid: string; gen: number }>(
      first,
      `return await (await limen.fetch('/who')).json()`,
    )
    const script = LIVE_IN_TAB.replace('LAST', String(gen + ROTATIONS - 1))
    const reports = await Promise.all(tabs.map((tab) => inPage<TabReport>(tab, script)))
    const requests = reports.reduce((sum, report) => sum + report.requests, 0)
    t.diagnostic(
      `${requests} requests during ${ROTATIONS} rotations of one session in ${TABS} tabs`,
    )
    assert.deepEqual(
      reports.flatMap(({ failures }) => failures),
      [],
    )
    for (const { sids, generation } of reports) {
      assert.deepEqual(sids, [sid])
      assert.ok(generation >= gen + ROTATIONS)
    }
    const sent = reports.flatMap((report) => report.sent)
    assert.ok(sent.length > TABS)
    const codes: string[] = []
    for (let at = 0; at < sent.length; at += REPLAYED_AT_ONCE) {
      const some = sent.slice(at, at + REPLAYED_AT_ONCE)
      codes.push(...(await Promise.all(some.map((fields) => replay(fields)))))
    }
    const counts = new Map<string, number>()
    for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1)
    t.diagnostic(`${sent.length} of them once more: ${JSON.stringify([...counts])}`)
    const refusals = ['replay', 'sig_stale', 'superseded'].map((code) => `401 ${code}`)
    assert.deepEqual(
      codes.filter((code) => !refusals.includes(code)),
      [],
    )
    await Promise.all(tabs.map((tab) => tab.close()))
  })

  it('rotate once when all are told at the same time', async () => {
    const tabs = await Promise.all(Array.from({ length: TABS }, () => context.newPage()))
    await Promise.all(tabs.map((tab) => tab.goto(`${origin}/tab`)))
    // Each knows the session it is to rotate before any does.
    const known = await Promise.all(
      tabs.map((tab) =>
        inPage<{ gen: number }>(tab, `return await (await limen.fetch('/who')).json()`),
      ),
    )
    const before = known[0]?.gen ?? 0
    const after = await Promise.all(
      tabs.map((tab) => inPage<number>(tab, 'return await limen.rotate()')),
    )
    assert.ok(after.every((generation) => generation > before))
    assert.ok(Math.max(...after) < before + TABS, 'some took the key of another')
    await Promise.all(tabs.map((tab) => tab.close()))
  })
})

describe('a tab that is closed while its key rotates', () => {
  it('loses nothing: the next asks for the lost reply again, with the same bytes', async () => {
    const alone = await browser.newContext({ ignoreHTTPSErrors: true, serviceWorkers: 'block' })
    alone.setDefaultTimeout(STEP_MS_MAX)
    const tab = await alone.newPage()
    await tab.goto(`${origin}/tab`)
    const opened = await inPage<{ sid: string; gen: number }>(
      tab,
      `return await (await limen.fetch('/who')).json()`,
    )
    const messages: Buffer[] = []
    await alone.route('**/.well-known/limen/rotate', async (route) => {
      messages.push(route.request().postDataBuffer() ?? Buffer.alloc(0))
      const response = await route.fetch()
      if (messages.length === 1) await route.abort('connectionreset')
      else await route.fulfill({ response })
    })
    await assert.rejects(inPage(tab, 'return await limen.rotate()'), /did not answer/)
    await tab.close()
    const next = await alone.newPage()
    await next.goto(`${origin}/tab`)
    const rotated = await inPage<number>(next, 'return await limen.rotate()')
    // Told to rotate by an answer, the page may have done so by itself before.
    assert.ok(rotated === opened.gen + 1 || rotated === opened.gen + messages.length - 1)
    const after = await inPage<{ sid: string; gen: number }>(
      next,
      `return await (await limen.fetch('/who')).json()`,
    )
    assert.deepEqual([after.sid, after.gen], [opened.sid, rotated])
    const [once, again] = messages
    assert.ok(once !== undefined && once.length > 100)
    assert.deepEqual(again, once)
    await alone.close()
  })
})

describe('a browser of the time before X25519 and Ed25519', () => {
  it('opens a session by P-256', async () => {
    const old = await browser.newContext({ ignoreHTTPSErrors: true })
    // What such a browser says of algorithms it does not know.
    await old.addInitScript(`(() => {
      for (const name of ['generateKey', 'importKey']) {
        const real = SubtleCrypto.prototype[name]
        SubtleCrypto.prototype[name] = function (...args) {
          if (/X25519|Ed25519|ML-KEM/.test(JSON.stringify(args))) {
            return Promise.reject(new DOMException('Unrecognized name', 'NotSupportedError'))
          }
          return real.apply(this, args)
        }
      }
    })()`)
    const page = await old.newPage()
    await page.goto(`${origin}/old`)
    await page.locator('#place').waitFor()
    const sid = site.visits.findLast(({ url }) => url === '/old')?.claims?.sid
    const shown = await (await fetch(`${limen.adminUrl}/v1/sessions/${sid}`)).json()
    assert.equal((shown as { suite: string }).suite, 'p256')
    await old.close()
  })
})
