/**
 * People in Chromium before a whole Limen (`people-site.ts`), with the collector that pages load: for tests and for `npm run eval -- impostor`.
 *
 * Keys and moves are dispatched with the times they are said to have been made at, which is what a page reads, as fast as Chromium takes
 * them. So an hour takes no hour: a page may be some 40 s ahead of the clock, less than what Limen takes for made up.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type Browser, type CDPSession, chromium, type Page, type Request } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { BEHAVIOR_PASS_COOKIE } from '../../src/adapters/edge/behavior-sessions.ts'
import { until } from './fleet-under-test.ts'
import { type HandEvent, pageOf, startPeopleSite, type Visit } from './people-site.ts'

/** So far a page may be ahead of the clock: 60 s are taken for made up (`page-order.ts`). */
export const AHEAD_MS_MAX = 40_000

export interface PeopleInChromium {
  /** A new browser of somebody who has logged in as `user`; how often each server served it is counted under `visitor`. */
  comes(visitor: string, user: string): Promise<Visit>
  /** How often each server has served pages to a visitor. */
  served(visitor: string): Readonly<Record<string, number>>
  close(): Promise<void>
}

const STEP_MS_MAX = 60_000
/** Of the people who were recorded, no screen was larger. */
const VIEWPORT = { width: 1920, height: 1080 }

export async function startPeople(): Promise<PeopleInChromium> {
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  const site = await startPeopleSite()
  let browser: Browser | undefined
  const close = async () => {
    await browser?.close()
    await site.close()
  }
  try {
    const opened = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
    browser = opened
    return {
      comes: (visitor, user) => comes(opened, site.origin, visitor, user),
      served: site.served,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
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
      await page.goto(pageOf(origin, visitor, query))
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
