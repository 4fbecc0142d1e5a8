/**
 * A whole Limen with a server for each tier, and people in Chromium before it, with the collector that pages load: for tests and for
 * `npm run eval -- impostor`.
 *
 * Keys and moves are dispatched with the times they are said to have been made at, which is what a page reads, as fast as Chromium takes
 * them. So an hour takes no hour: a page may be some 40 s ahead of the clock, less than what Limen takes for made up.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Browser, type CDPSession, chromium, type Page, type Request } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { BEHAVIOR_PASS_COOKIE } from '../../src/adapters/edge/behavior-sessions.ts'
import { freePorts } from '../free-ports.ts'
import { type ConfigText, type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

/** Servers of tier 1, 2 and 3. */
export const TIER_SERVERS = ['open', 'strict', 'sandbox'] as const
/** So far a page may be ahead of the clock: 60 s are taken for made up (`page-order.ts`). */
export const AHEAD_MS_MAX = 40_000

/** `atMs`: milliseconds, of any origin; those of one call of {@link Visit.play} in order. */
export type HandEvent =
  | { readonly kind: 'down' | 'up'; readonly atMs: number; readonly key: string }
  | {
      readonly kind: 'move' | 'press' | 'release'
      readonly atMs: number
      readonly x: number
      readonly y: number
    }
  /** A field is gone to. */
  | { readonly kind: 'focus'; readonly atMs: number; readonly field: 'name' | 'secret' }

export interface Me {
  readonly known: boolean
  readonly tier: number
  readonly reasons: readonly string[]
}

export interface PeopleInChromium {
  /** A new browser of somebody who has logged in as `user`; how often each server served it is counted under `visitor`. */
  comes(visitor: string, user: string): Promise<Visit>
  /** How often each server has served pages to a visitor. */
  served(visitor: string): Readonly<Record<string, number>>
  close(): Promise<void>
}

export interface Visit {
  /** Loads the page and agrees to be looked at. @returns the server that served it */
  load(query?: string): Promise<string>
  /** Lets hands do that, on the page as it is; the first event is now. */
  play(events: readonly HandEvent[]): Promise<void>
  me(): Promise<Me>
  /** The page has done the work that tier 2 asks for. */
  hasPass(): Promise<boolean>
  leave(): Promise<void>
}

const ROOT = join(import.meta.dirname, '../..')
const STEP_MS_MAX = 60_000
/** Of the proof of work: a moment. */
const WORK = 1000
/** Of the people who were recorded, no screen was larger. */
const VIEWPORT = { width: 1920, height: 1080 }

const html = (name: string) => `<!doctype html><html lang="en"><meta charset="utf-8">
<title>Log in</title><p id="server">${name}</p>
<label>Name <input id="name"></label> <label>Password <input id="secret" type="password"></label>
<script type="module">
import { openBehavior } from '/.well-known/limen/behavior.js'
document.addEventListener('contextmenu', (event) => event.preventDefault())
window.behavior = openBehavior()
</script></html>`

export async function startPeople(): Promise<PeopleInChromium> {
  execFileSync(process.execPath, [join(ROOT, 'scripts/client-files.ts')], { stdio: 'pipe' })
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  /** By visitor. */
  const served = new Map<string, Record<string, number>>()
  const servers: Server[] = []
  let limen: LimenUnderTest | undefined
  let browser: Browser | undefined
  const close = async () => {
    await browser?.close()
    await limen?.clean()
    for (const one of servers) one.close().closeAllConnections()
  }
  const [port = 0] = await freePorts(1)
  try {
    for (const name of TIER_SERVERS) servers.push(await startSite(name, served))
    limen = await startLimen(configOf(port, servers))
    const opened = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
    browser = opened
    return {
      comes: (visitor, user) => comes(opened, `https://localhost:${port}`, visitor, user),
      served: (visitor) => served.get(visitor) ?? {},
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function configOf(port: number, servers: readonly Server[]): ConfigText {
  return {
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
    pools: TIER_SERVERS.map((name, i) => {
      const address = servers[i]?.address() as AddressInfo | undefined
      return { name, servers: [{ id: 'a', address: `127.0.0.1:${address?.port}` }] }
    }),
    routes: [{ pool: 'open', pools: { tier2: 'strict', tier3: 'sandbox' } }],
    behavior: { mode: 'enforce', thresholds: 'fixed', everyMs: 2000, work: WORK },
  }
}

async function startSite(
  name: string,
  served: Map<string, Record<string, number>>,
): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://site.invalid')
    const user = searchParams.get('user')
    if (user !== null) response.setHeader('Limen-User', user)
    const visitor = searchParams.get('as')
    if (pathname === '/' && visitor !== null) {
      const counts = served.get(visitor) ?? {}
      served.set(visitor, { ...counts, [name]: (counts[name] ?? 0) + 1 })
    }
    response.setHeader('content-type', 'text/html').end(html(name))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function comes(
  browser: Browser,
  origin: string,
  visitor: string,
  user: string,
): Promise<Visit> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: VIEWPORT })
  context.setDefaultTimeout(STEP_MS_MAX)
  const page = await context.newPage()
  const cdp = await context.newCDPSession(page)
  // One batch at a time: what is done while one is under way is lost when the page goes.
  const telling = new Set<Request>()
  page.on('request', (asked) => {
    if (asked.method() === 'POST') telling.add(asked)
  })
  page.on('requestfinished', (asked) => telling.delete(asked))
  page.on('requestfailed', (asked) => telling.delete(asked))
  const visit: Visit = {
    async load(query = '') {
      await until('what was done is told', STEP_MS_MAX, () => telling.size === 0)
      await page.goto(`${origin}/?as=${visitor}${query === '' ? '' : `&${query}`}`)
      // Whoever must do some work first is led there, and back when it is done.
      await page.waitForFunction('window.behavior !== undefined')
      // Whether what a page says in going has arrived is not told.
      telling.clear()
      assert.equal(await page.evaluate('behavior.consent()'), 'profile')
      return (await page.textContent('#server')) ?? ''
    },
    play: (events) => play(page, cdp, events),
    me: () => page.evaluate(`fetch('/.well-known/limen/behavior/me').then((it) => it.json())`),
    async hasPass() {
      return (await context.cookies()).some(({ name }) => name === BEHAVIOR_PASS_COOKIE)
    },
    leave: () => context.close(),
  }
  await visit.load()
  await visit.load(`user=${user}`)
  await until('who it is is known', STEP_MS_MAX, async () => (await visit.me()).known)
  return visit
}

async function play(page: Page, cdp: CDPSession, events: readonly HandEvent[]): Promise<void> {
  const shiftMs = Date.now() - (events[0]?.atMs ?? 0)
  let isPressed = false
  for (const event of events) {
    const timestamp = (event.atMs + shiftMs) / 1000
    if (event.kind === 'focus') await page.focus(`#${event.field}`)
    else if ('key' in event) {
      await cdp.send('Input.dispatchKeyEvent', { ...keyEvent(event.kind, event.key), timestamp })
    } else {
      const { x, y, kind } = event
      if (kind !== 'move') isPressed = kind === 'press'
      await cdp.send('Input.dispatchMouseEvent', {
        ...{ type: MOUSE_TYPES[kind], x, y, timestamp },
        ...{ button: kind === 'move' && !isPressed ? 'none' : 'left', buttons: isPressed ? 1 : 0 },
        clickCount: kind === 'move' ? 0 : 1,
      })
    }
  }
}

const MOUSE_TYPES = { move: 'mouseMoved', press: 'mousePressed', release: 'mouseReleased' } as const

/** Codes of the keys that are no letters, on an English keyboard. */
const CODES: Readonly<Record<string, string>> = { 5: 'Digit5', '.': 'Period', Enter: 'Enter' }
/** Windows has 13 for Enter; of what is here the others are their capitals. */
const ENTER = 13

function keyEvent(kind: 'down' | 'up', key: string) {
  const code = CODES[key] ?? `Key${key.toUpperCase()}`
  const virtual = key === 'Enter' ? ENTER : key.toUpperCase().charCodeAt(0)
  const text = kind === 'down' && key.length === 1 ? { text: key } : {}
  const type = kind === 'down' ? ('keyDown' as const) : ('keyUp' as const)
  return { type, key, code, windowsVirtualKeyCode: virtual, ...text }
}
