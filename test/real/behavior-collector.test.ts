/**
 * The collector of behavior in a real Chromium: what a person, a script and the browser itself do, and what of it arrives.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import {
  type Browser,
  type BrowserContext,
  type CDPSession,
  chromium,
  type Page,
} from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { type PointerEvent, readActions } from '../../src/behavior/biometrics/pointer-actions.ts'
import { POINTER_FEATURES } from '../../src/behavior/biometrics/pointer-features.ts'
import { type BehaviorRecord, type KeyRecord, PATH_STEP_MS } from '../../src/wire/behavior-batch.ts'
import { type BehaviorSite, startBehaviorSite } from './behavior-site.ts'

const ROOT = join(import.meta.dirname, '../..')
const STEP_MS_MAX = 30_000
/** Issue 7. */
const GZIP_BYTES_MAX = 8000
/** The least that a page asks for. */
const EVERY_MS = 2000
const ARRIVAL_MS_MAX = 30_000
/** What is not to come would have come by then. */
const SILENCE_MS = 5000

/** The page keeps what it saw itself, to be compared with what arrives. */
const HTML = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Login</title>
<style>body { height: 5000px; margin: 40px } #area { width: 600px; height: 300px; background: #ccc; touch-action: none }</style>
<form onsubmit="return false"><label>Name <input id="name"></label>
<label>Password <input id="secret" type="password"></label><button id="go">Go</button></form>
<textarea id="text" aria-label="Text"></textarea><input id="private" aria-label="Private" data-limen-behavior="off">
<div id="area"></div>
<script type="module">
import { openBehavior } from '/.well-known/limen/behavior.js'
window.behavior = openBehavior()
window.seen = []
const keep = ({ type, timeStamp, key, clientX, clientY }) => seen.push({ type, timeStamp, key, clientX, clientY })
for (const type of ['keydown', 'keyup', 'pointermove', 'pointerdown', 'pointerup']) addEventListener(type, keep)
</script></html>`

let site: BehaviorSite
let browser: Browser
let context: BrowserContext
let page: Page
let cdp: CDPSession

before(async () => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/client-files.ts')], { stdio: 'inherit' })
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  site = await startBehaviorSite(HTML)
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
})
after(async () => {
  await browser?.close()
  await site?.close()
})
beforeEach(async () => {
  site.mode = 'profile'
  site.everyMs = EVERY_MS
  context = await browser.newContext({ ignoreHTTPSErrors: true, hasTouch: true })
  context.setDefaultTimeout(STEP_MS_MAX)
  page = await context.newPage()
  cdp = await context.newCDPSession(page)
  await page.goto(site.origin)
  await page.waitForFunction('window.behavior !== undefined')
})
afterEach(async () => {
  await context.close()
  site.forget()
})

const consent = (how = ''): Promise<unknown> => page.evaluate(`behavior.consent(${how})`)
const marks = (): string[] =>
  site.records().flatMap((one) => (one.kind === 'mark' ? [`${one.mark} ${one.field}`] : []))
const keys = (): KeyRecord[] => site.records().filter((one) => one.kind === 'key')

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const endMs = Date.now() + ARRIVAL_MS_MAX; !isSo(); await delay(50)) {
    const told = JSON.stringify([site.requests, site.records()]).slice(0, 2000)
    if (Date.now() > endMs) assert.fail(`Not in time: ${what}; ${told}`)
  }
}

/** Listeners of window and document, as the debugger sees them. */
async function listeners(): Promise<number> {
  let count = 0
  for (const expression of ['window', 'document']) {
    const { result } = await cdp.send('Runtime.evaluate', { expression })
    const found = await cdp.send('DOMDebugger.getEventListeners', {
      objectId: result.objectId ?? assert.fail(),
    })
    count += found.listeners.length
  }
  return count
}

interface Seen {
  readonly type: string
  readonly timeStamp: number
  readonly key?: string
  readonly clientX?: number
  readonly clientY?: number
}
const seen = (): Promise<Seen[]> => page.evaluate('seen') as Promise<Seen[]>

describe('behavior.js', () => {
  it('is small', (t) => {
    const bytes = gzipSync(readFileSync(join(ROOT, 'dist/browser/behavior.js'))).length
    t.diagnostic(`${bytes} bytes compressed`)
    assert.ok(bytes < GZIP_BYTES_MAX)
  })
})

describe('consent in Chromium', () => {
  it('before it nothing listens and nothing is sent; withdrawn, nothing more', async () => {
    const own = await listeners()
    await page.type('#name', 'ada')
    await page.mouse.move(200, 200, { steps: 20 })
    await delay(SILENCE_MS)
    assert.deepEqual([await listeners(), site.requests], [own, []])
    assert.equal(await consent(), 'profile')
    assert.ok((await listeners()) > own + 10)
    await page.type('#name', 'ada')
    await until('a batch', () => keys().length === 3)
    await page.type('#name', 'bob')
    await page.evaluate('behavior.withdraw()')
    assert.equal(await listeners(), own)
    await page.type('#name', 'eve')
    await delay(SILENCE_MS)
    assert.equal(keys().length, 3)
    assert.deepEqual(site.requests, ['GET profile', 'POST 204'])
  })

  it('opened again, by another URL too, it is the same collector: no key is told twice', async () => {
    const again = `(async () => {
      const { openBehavior } = await import('/.well-known/limen/behavior.js#again')
      const other = openBehavior()
      await other.consent()
      return other === window.behavior
    })()`
    assert.equal(await consent(), 'profile')
    assert.equal(await page.evaluate(again), true)
    await page.type('#name', 'ada')
    await until('a batch', () => keys().length >= 3)
    await delay(SILENCE_MS)
    assert.equal(keys().length, 3)
  })

  it('where the site is off nothing listens', async () => {
    site.mode = 'off'
    const own = await listeners()
    assert.equal(await consent(), 'off')
    assert.equal(await listeners(), own)
  })

  it('to be told from programs only: the batches say so, and name no field', async () => {
    assert.equal(await consent("'bot-only'"), 'bot-only')
    await page.type('#name', 'ada')
    await until('a batch', () => keys().length === 3)
    const [{ envelope, batch } = assert.fail()] = site.batches
    assert.deepEqual([envelope.botOnly, batch.place, batch.context.keyboard], [true, 0, 'unknown'])
    assert.ok(keys().every(({ field }) => field === 0))
  })
})

describe('keys in Chromium', () => {
  it('arrive with the times the page saw, by class and field', async () => {
    await consent()
    await page.type('#name', 'Ada 7!', { delay: 60 })
    await page.press('#name', 'Backspace')
    await page.type('#secret', 'pA5', { delay: 40 })
    await page.type('#private', 'diary')
    await page.type('#text', 'x')
    await until('all keys', () => keys().length >= 11)
    const told = keys().filter((one) => one.class !== 'modifier')
    const of = (field: number) => told.filter((one) => one.field === field)
    assert.deepEqual(
      of(1).map((one) => one.class),
      ['letter', 'letter', 'letter', 'space', 'digit', 'punctuation', 'edit'],
    )
    assert.deepEqual(
      [of(2), of(3), of(4)].map((all) => all.map((one) => one.class)),
      [['hidden', 'hidden', 'hidden'], ['letter'], []],
    )
    const raw = (await seen()).filter(({ key = '' }) => key !== 'Shift')
    const downs = raw.filter(({ type }) => type === 'keydown')
    const ups = raw.filter(({ type }) => type === 'keyup')
    for (const [i, one] of told.slice(0, 7).entries()) {
      const downMs = downs[i]?.timeStamp ?? 0
      assert.ok(Math.abs(one.atMs - downMs) <= 1, `${one.atMs} ${downMs}`)
      const heldMs = (ups[i]?.timeStamp ?? 0) - downMs
      assert.ok(Math.abs((one.holdMs ?? -9) - heldMs) <= 1, `${one.holdMs} ${heldMs}`)
    }
  })

  it('of one class and the same times arrive as the same', async () => {
    // Chromium reads these times off the clock on the wall, which is set right meanwhile: a millisecond at either end is chance.
    const WITHIN_MS = 2
    const type = async (text: string): Promise<KeyRecord[]> => {
      await page.reload()
      await page.waitForFunction('window.behavior !== undefined')
      site.forget()
      await consent()
      await page.focus('#text')
      const originMs = (await page.evaluate('performance.timeOrigin')) as number
      const nowMs = Math.round((await page.evaluate('performance.now()')) as number)
      let atMs = nowMs
      for (const [i, key] of [...text].entries()) {
        const code = `Key${key.toUpperCase()}`
        const at = (ms: number) => ({ timestamp: (originMs + ms + 0.3) / 1000 })
        const down = { type: 'keyDown' as const, key, code, text: key, ...at(atMs) }
        await cdp.send('Input.dispatchKeyEvent', down)
        atMs += 61 + 7 * (i % 5)
        await cdp.send('Input.dispatchKeyEvent', { type: 'keyUp', key, code, ...at(atMs) })
        atMs += 40 + 11 * (i % 3)
      }
      await until('all keys', () => keys().length === text.length)
      const [first] = keys()
      return keys().map((one) => ({ ...one, atMs: one.atMs - (first?.atMs ?? 0) }))
    }
    const told = await type('attackatdawn')
    const others = await type('zqwryuiophjk')
    const timeless = (keys: readonly KeyRecord[]) =>
      keys.map((key) => ({ ...key, atMs: 0, holdMs: 0 }))
    assert.deepEqual(timeless(others), timeless(told))
    for (const [i, { atMs, holdMs = 0 }] of told.entries()) {
      const other = others[i]
      assert.ok(Math.abs(holdMs - (61 + 7 * (i % 5))) <= WITHIN_MS, `key ${i} held ${holdMs}`)
      assert.ok(Math.abs(holdMs - (other?.holdMs ?? -9)) <= WITHIN_MS, `key ${i} held otherwise`)
      assert.ok(Math.abs(atMs - (other?.atMs ?? -9)) <= WITHIN_MS, `key ${i} at another time`)
    }
    assert.deepEqual(marks(), [])
  })
})

describe('missing data in Chromium', () => {
  it('paste, filled fields, and what an input method composed', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await consent()
    await page.evaluate('navigator.clipboard.writeText("pasted text")')
    await page.focus('#text')
    await page.keyboard.press('Control+v')
    await until('paste', () => marks().includes('paste 3'))
    assert.equal(await page.inputValue('#text'), 'pasted text')
    assert.ok(keys().every((one) => one.class === 'other' || one.class === 'modifier'))
    // As a script of the page does it, and as a password manager.
    await page.evaluate('document.querySelector("#name").value = "ada"')
    await page.evaluate(`{
      const field = document.querySelector('#secret')
      field.value = 'from a manager'
      field.dispatchEvent(new InputEvent('input', { bubbles: true, inputType: 'insertText' }))
    }`)
    await until('both fields', () => {
      const told = marks()
      return told.includes('autofill 1') && told.includes('autofill 2')
    })
    await page.focus('#text')
    await cdp.send('Input.imeSetComposition', { text: 'に', selectionStart: 1, selectionEnd: 1 })
    await cdp.send('Input.insertText', { text: '日本' })
    await until('input method', () => marks().includes('ime 3'))
  })

  it('what the browser fills in by itself: marked, and no key', async () => {
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(error.message))
    await consent()
    await page.evaluate(`document.body.insertAdjacentHTML('beforeend', '<form>' +
      '<input id="holder" autocomplete="cc-name"><input id="number" autocomplete="cc-number">' +
      '<input autocomplete="cc-exp"><input autocomplete="cc-csc"></form>')`)
    await page.focus('#number')
    const { result } = await cdp.send('Runtime.evaluate', {
      expression: 'document.querySelector("#number")',
    })
    const { node } = await cdp.send('DOM.describeNode', {
      objectId: result.objectId ?? assert.fail(),
    })
    // The number of all examples.
    const card = { number: '4111111111111111', name: 'Ada', expiryMonth: '12', expiryYear: '2030' }
    const fieldId = node.backendNodeId
    await cdp.send('Autofill.trigger', { fieldId, card: { ...card, cvc: '123' } })
    await until('both', () => marks().includes('autofill 5') && marks().includes('autofill 6'))
    assert.equal(await page.inputValue('#number'), card.number)
    assert.deepEqual([keys(), errors], [[], []])
  })

  it('keyboards without a pointer; clicks as screen readers make them', async () => {
    await consent()
    for (let i = 0; i < 6; i++) await page.keyboard.press('Tab', { delay: 30 })
    await until('keyboard', () => marks().includes('keyboard-only 0'))
    assert.ok(keys().every((one) => one.class === (one.field === 2 ? 'hidden' : 'navigation')))
    assert.ok(keys().every((one) => one.holdMs !== undefined))
    await delay(1500)
    // Neither the click of a script nor that of a key is one.
    await page.evaluate('document.querySelector("#go").click()')
    await page.focus('#go')
    await page.keyboard.press('Enter')
    await page.keyboard.type('x')
    await delay(SILENCE_MS)
    assert.ok(!marks().includes('assistive 0'))
    // A form that is sent without a key or a press: the browser clicks its button, as it does for a screen reader.
    await page.focus('#name')
    await cdp.send('Input.dispatchKeyEvent', { type: 'char', text: '\r' })
    await until('a click', () => marks().includes('assistive 0'))
  })

  it('events of scripts are counted and not told', async () => {
    await consent()
    await page.evaluate(`for (let i = 0; i < 30; i++) {
      const field = document.querySelector('#text')
      field.dispatchEvent(new KeyboardEvent('keydown', { key: 'a', code: 'KeyA', bubbles: true }))
      field.dispatchEvent(new KeyboardEvent('keyup', { key: 'a', code: 'KeyA', bubbles: true }))
      dispatchEvent(new PointerEvent('pointermove', { pointerType: 'mouse', clientX: i, clientY: i }))
    }`)
    await until('the count', () => marks().includes('synthetic 0'))
    const amounts = site.records().map((one) => (one.kind === 'mark' ? one.amount : assert.fail()))
    assert.equal(
      amounts.reduce((sum, amount) => sum + amount, 0),
      90,
    )
  })
})

/** As the engine takes them. */
function pointerEvents(records: readonly BehaviorRecord[]): PointerEvent[] {
  let [x, y] = [0, 0]
  return records.flatMap((one): PointerEvent[] => {
    if (one.kind !== 'path' && one.kind !== 'press' && one.kind !== 'release') return []
    x += one.dx
    y += one.dy
    const first = { timeS: one.atMs / 1000, x, y }
    if (one.kind !== 'path') return [{ ...first, kind: one.kind }]
    const steps = one.steps.map(({ dx, dy }, i) => {
      x += dx
      y += dy
      const timeS = (one.atMs + (i + 1) * PATH_STEP_MS) / 1000
      return { timeS, x, y, kind: 'move' as const }
    })
    return [{ ...first, kind: 'move' }, ...steps]
  })
}

const KINDS: Readonly<Record<string, PointerEvent['kind']>> = {
  pointermove: 'move',
  pointerdown: 'press',
  pointerup: 'release',
}

describe('pointers in Chromium', () => {
  it('the engine reads the same from what arrives as from what the page saw', async () => {
    await consent()
    // When is part of the drive, however late a busy machine delivers it: a path that ended at a whole step of the
    // engine's would have that step or not by the rounding of a millisecond.
    let atMs = (await page.evaluate('performance.timeOrigin + performance.now()')) as number
    const mouse = async (
      type: 'Moved' | 'Pressed' | 'Released',
      afterMs: number,
      x: number,
      y: number,
    ) => {
      atMs += afterMs
      const held = type === 'Moved' ? {} : ({ button: 'left', clickCount: 1 } as const)
      const timestamp = atMs / 1000
      await cdp.send('Input.dispatchMouseEvent', { type: `mouse${type}`, x, y, timestamp, ...held })
      await delay(afterMs)
    }
    for (let round = 0; round < 3; round++) {
      let [x, y] = [0, 0]
      for (let i = 0; i <= 60; i++) {
        const angle = i / 12 + round
        ;[x, y] = [300 + 4 * i + 80 * Math.cos(angle), 300 + 90 * Math.sin(angle)]
        await mouse('Moved', i === 0 ? 330 : 12, x, y)
      }
      await mouse('Pressed', 15, x, y)
      await mouse('Released', 70, x, y)
    }
    await until('three clicks', () => {
      return site.records().filter(({ kind }) => kind === 'release').length === 3
    })
    const raw = (await seen()).flatMap(({ type, timeStamp, clientX: x = 0, clientY: y = 0 }) => {
      const kind = KINDS[type]
      return kind === undefined ? [] : [{ timeS: timeStamp / 1000, x, y, kind }]
    })
    const expected = readActions(raw)
    const actions = readActions(pointerEvents(site.records()))
    assert.equal(actions.length, expected.length)
    assert.ok(expected.length >= 3)
    for (const [i, row] of expected.entries()) {
      const value = (name: (typeof POINTER_FEATURES)[number], of: Float64Array | undefined) =>
        of?.[POINTER_FEATURES.indexOf(name)] ?? assert.fail()
      for (const name of ['length', 'distance', 'speed mean', 'speed p50', 'speed max'] as const) {
        const [told, own] = [value(name, actions[i]), value(name, row)]
        // Whole pixels and milliseconds.
        assert.ok(Math.abs(told - own) < 0.03 * Math.abs(own) + 12, `${name}: ${told} of ${own}`)
      }
      const [told, own] = [value('duration', actions[i]), value('duration', row)]
      assert.ok(Math.abs(told - own) < 0.11, `duration: ${told} of ${own}`)
    }
  })

  it('two fingers, a pen, and a page scrolled by the wheel', async () => {
    await consent()
    const point = (id: number, x: number) => ({
      id,
      x,
      y: 300,
      radiusX: 12,
      radiusY: 10,
      force: 0.5,
    })
    await page.locator('#area').scrollIntoViewIfNeeded()
    const touch = async (type: 'touchStart' | 'touchMove' | 'touchEnd', ...xs: number[]) => {
      const touchPoints = xs.map((x, id) => point(id, x))
      await cdp.send('Input.dispatchTouchEvent', { type, touchPoints })
      await delay(60)
    }
    await touch('touchStart', 200, 300)
    for (const far of [10, 20, 30, 40]) await touch('touchMove', 200 - far, 300 + far)
    await touch('touchEnd')
    const contacts = () => site.records().filter((one) => one.kind === 'contact')
    await until('two contacts', () => contacts().length === 2)
    assert.deepEqual(
      contacts().map((one) => [one.pen, one.fingers, one.size, one.pressure]),
      [
        [false, 1, 22, 128],
        [false, 2, 22, 128],
      ],
    )
    const ways = contacts().map(({ steps }) => steps.reduce((sum, { dx }) => sum + dx, 0))
    assert.ok((ways[0] ?? 0) <= -30 && (ways[1] ?? 0) >= 30, String(ways))
    const pen = async (type: 'mousePressed' | 'mouseMoved' | 'mouseReleased', x: number) => {
      const force = type === 'mouseReleased' ? 0 : 0.25
      const held = { button: 'left', buttons: 1, pointerType: 'pen', force } as const
      await cdp.send('Input.dispatchMouseEvent', { type, x, y: 300, ...held })
      await delay(60)
    }
    await pen('mousePressed', 200)
    for (let x = 210; x <= 290; x += 10) await pen('mouseMoved', x)
    await pen('mouseReleased', 290)
    await until('a pen', () => contacts().some((one) => one.pen && one.steps.length >= 5))
    await page.mouse.move(300, 300)
    await page.mouse.wheel(0, 400)
    await until('scrolling', () => site.records().some(({ kind }) => kind === 'scroll'))
    const scrolled = () =>
      site.records().reduce((sum, one) => sum + (one.kind === 'scroll' ? one.dy : 0), 0)
    await until('all of it', () => scrolled() === 400)
  })
})

describe('pages that are left', () => {
  it('say the rest at once, as it is', async () => {
    await consent()
    // It has its token: without one nothing can be sent.
    await page.waitForLoadState('networkidle')
    await page.type('#name', 'ada')
    await page.goto(`${site.origin}/other`)
    await until('the rest', () => keys().length === 3)
    assert.equal(site.batches[0]?.envelope.deflated, false)
  })

  it('a minute of ordinary use is under 1 kB, as posted', async (t) => {
    site.everyMs = 10_000
    await consent()
    const startMs = Date.now()
    // Reading, a little mousing and a sentence: twelve words and nine movements.
    for (let i = 0; i < 3; i++) {
      for (let way = 0; way < 3; way++) {
        const [x, y] = [100 + 150 * way, 200 + 60 * i]
        for (let step = 0; step <= 30; step++) {
          await page.mouse.move(x + 5 * step, y + 40 * Math.sin(step / 9))
          await delay(16)
        }
        await page.mouse.click(x + 150, y)
        await delay(1500)
      }
      await page.focus('#text')
      for (const key of 'the quick brown fox jumps') {
        await page.keyboard.press(key, { delay: 70 + 8 * (key.charCodeAt(0) % 5) })
        await delay(60 + 13 * (key.charCodeAt(0) % 7))
      }
      await page.mouse.wheel(0, 300)
      await delay(3000)
    }
    await delay(Math.max(0, startMs + 62_000 - Date.now()))
    const seconds = (Date.now() - startMs) / 1000
    const bytes = site.batches.reduce((sum, one) => sum + one.bytes.length, 0)
    const said = `${bytes} bytes in ${site.batches.length} batches, ${keys().length} keys, ${seconds.toFixed(0)} s`
    t.diagnostic(said)
    assert.equal(keys().length, 75)
    assert.ok((bytes * 60) / seconds < 1000, said)
  })
})
