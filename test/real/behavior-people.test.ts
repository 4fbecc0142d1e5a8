/**
 * Two people at one account, in Chromium, with the collector that pages load, in front of a whole Limen with three servers: the owner
 * stays with the first server, the other goes to the second and the third, and gets access again by what a person can show.
 *
 * How they type was fitted to recordings of two people (`fitted-typists.ts`). Keys are dispatched with the times they were typed at, so
 * that an hour of logins takes no hour: a page is some 40 s ahead of the clock then, less than what Limen takes for made up.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { BEHAVIOR_PASS_COOKIE } from '../../src/adapters/edge/behavior-sessions.ts'
import { fittedTypist, type TypedKey } from '../fixtures/fitted-typists.ts'
import { freePorts } from '../free-ports.ts'
import { type LimenUnderTest, startLimen } from './fleet-under-test.ts'

const ROOT = join(import.meta.dirname, '../..')
const STEP_MS_MAX = 30_000
/** What docs/behavior.md states of passwords. */
const TIER2_WITHIN_PASSWORDS = 10
const TIER3_WITHIN_PASSWORDS = 20
/** 60 are taken on trust, ten more make sure of it. */
const LEARNED_PASSWORDS = 72
const OWNER_PASSWORDS = 40
/** Of one load of the page: 4 s each. */
const PASSWORDS_PER_PAGE = 10
/** From one password to the next, the name that is typed before it included. */
const BETWEEN_MS = 1500
/** Of the proof of work: a moment. */
const WORK = 1000
const TIERS = ['open', 'strict', 'sandbox'] as const

const HTML = (name: string) => `<!doctype html><html lang="en"><meta charset="utf-8">
<title>Log in</title><p id="server">${name}</p>
<label>Name <input id="name"></label> <label>Password <input id="secret" type="password"></label>
<script type="module">
import { openBehavior } from '/.well-known/limen/behavior.js'
window.behavior = openBehavior()
</script></html>`

interface Person {
  readonly page: Page
  readonly cdp: CDPSession
  readonly type: () => TypedKey[]
}

const origins: Server[] = []
/** What each server has served, by its name. */
const served = new Map<string, number>()
let limen: LimenUnderTest
let browser: Browser
let origin = ''

before(async () => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/client-files.ts')], { stdio: 'inherit' })
  for (const name of TIERS) origins.push(await startSite(name))
  const [port = 0] = await freePorts(1)
  origin = `https://localhost:${port}`
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
    pools: TIERS.map((name, i) => {
      const address = origins[i]?.address() as AddressInfo | undefined
      return { name, servers: [{ id: 'a', address: `127.0.0.1:${address?.port}` }] }
    }),
    routes: [{ pool: 'open', pools: { tier2: 'strict', tier3: 'sandbox' } }],
    behavior: { mode: 'enforce', thresholds: 'fixed', everyMs: 2000, work: WORK },
  })
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
})
after(async () => {
  await browser?.close()
  await limen?.clean()
  for (const one of origins) one.close().closeAllConnections()
})

async function startSite(name: string): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://site.invalid')
    const user = searchParams.get('user')
    if (user !== null) response.setHeader('Limen-User', user)
    if (pathname === '/') served.set(name, (served.get(name) ?? 0) + 1)
    response.setHeader('content-type', 'text/html').end(HTML(name))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function comes(type: () => TypedKey[]): Promise<Person> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  context.setDefaultTimeout(STEP_MS_MAX)
  const page = await context.newPage()
  const person = { page, cdp: await context.newCDPSession(page), type }
  await visit(person)
  await visit(person, '?user=alice')
  await until('who it is is known', async () => (await me(page)).known)
  return person
}

interface Me {
  readonly known: boolean
  readonly tier: number
  readonly reasons: readonly string[]
}

function me(page: Page): Promise<Me> {
  return page.evaluate(`fetch('/.well-known/limen/behavior/me').then((it) => it.json())`)
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + STEP_MS_MAX; !(await isSo()); await delay(100)) {
    if (Date.now() > endMs) assert.fail(`Not in time: ${what}`)
  }
}

/** Loads the page and agrees to be looked at. @returns the server that served it */
async function visit({ page }: Person, query = ''): Promise<string> {
  await page.goto(`${origin}/${query}`)
  // Whoever must do some work first is led there, and back when it is done.
  await page.waitForFunction('window.behavior !== undefined')
  assert.equal(await page.evaluate('behavior.consent()'), 'profile')
  return (await page.textContent('#server')) ?? ''
}

async function hasPass({ page }: Person): Promise<boolean> {
  return (await page.context().cookies()).some(({ name }) => name === BEHAVIOR_PASS_COOKIE)
}

/** Types the password so often, on one load of the page. */
async function typePasswords({ page, cdp, type }: Person, count: number): Promise<void> {
  let atMs = Date.now()
  const press = (key: string, pressedMs: number, releasedMs: number) => [
    { type: 'keyDown' as const, atMs: pressedMs, key },
    { type: 'keyUp' as const, atMs: releasedMs, key },
  ]
  const dispatch = async (events: readonly ReturnType<typeof press>[number][]) => {
    for (const { type, key, atMs: timeMs } of events) {
      const code = /[a-z]/i.test(key)
        ? `Key${key.toUpperCase()}`
        : key === '5'
          ? 'Digit5'
          : 'Period'
      const text = type === 'keyDown' ? { text: key } : {}
      const virtual = key.toUpperCase().charCodeAt(0)
      await cdp.send('Input.dispatchKeyEvent', {
        ...{ type, key, code, timestamp: timeMs / 1000, windowsVirtualKeyCode: virtual },
        ...text,
      })
    }
  }
  for (let i = 0; i < count; i++) {
    await page.focus('#name')
    await dispatch(press('a', atMs, atMs + 80))
    await page.focus('#secret')
    const startMs = atMs + BETWEEN_MS
    const typed = type().flatMap(({ key, pressMs, releaseMs }) =>
      press(key, startMs + pressMs, startMs + releaseMs),
    )
    await dispatch(typed.sort((a, b) => a.atMs - b.atMs))
    atMs = Math.max(...typed.map((event) => event.atMs)) + BETWEEN_MS
  }
}

const owner = fittedTypist('s004', 1)
const other = fittedTypist('s002', 2)

describe('two people at one account', () => {
  it('lets the owner be, who has been learned', async () => {
    const person = await comes(owner)
    for (let typed = 0; typed < LEARNED_PASSWORDS; typed += PASSWORDS_PER_PAGE) {
      await typePasswords(person, PASSWORDS_PER_PAGE)
      assert.equal(await visit(person), 'open')
    }
    await person.page.context().close()
    const again = await comes(owner)
    for (let typed = 0; typed < OWNER_PASSWORDS; typed += PASSWORDS_PER_PAGE) {
      await typePasswords(again, PASSWORDS_PER_PAGE)
      assert.equal(await visit(again), 'open')
    }
    const { tier, reasons } = await me(again.page)
    assert.deepEqual([tier, reasons], [1, []])
    await again.page.context().close()
    assert.deepEqual([...served.keys()], ['open'])
  })

  it('takes the other to the second server and the third, and back by a second factor', async () => {
    const person = await comes(other)
    /** Types on until that server serves, which it must after so many passwords. */
    const typeUntil = async (server: string, typed: number, within: number): Promise<number> => {
      let count = typed
      while (count < within) {
        await typePasswords(person, 2)
        count += 2
        if ((await visit(person)) === server) return count
      }
      // What was told last is judged soon, not at once.
      await until(server, async () => (await visit(person)) === server)
      return count
    }
    assert.equal(await hasPass(person), false)
    const strict = await typeUntil('strict', 0, TIER2_WITHIN_PASSWORDS)
    // The second server serves whoever has done the work, which the page did by itself.
    assert.equal(await hasPass(person), true)
    const sandbox = await typeUntil('sandbox', strict, TIER3_WITHIN_PASSWORDS)
    console.log(`tier 2 after ${strict} passwords, tier 3 after ${sandbox}`)
    assert.ok((served.get('strict') ?? 0) > 0 && (served.get('sandbox') ?? 0) > 0)
    assert.ok((await me(person.page)).reasons.includes('password-differs'))
    await visit(person, '?user=alice;confirmed')
    await until('tier 1', async () => (await me(person.page)).tier === 1)
    await until('the first server', async () => (await visit(person)) === 'open')
    await person.page.context().close()
  })
})
