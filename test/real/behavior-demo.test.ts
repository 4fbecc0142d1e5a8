/**
 * The demo's page on behavior in a real Chromium, behind a small edge of the test's own.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { type DemoSite, startDemoSite } from '../../src/apps/demo/site.ts'
import { type BehaviorSite, startBehaviorSite } from './behavior-site.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Evaluated in the page, because the page's own policy refuses a script tag. */
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8')
const STEP_MS_MAX = 30_000
/** The least that a page asks for. */
const EVERY_MS = 2000
const ARRIVAL_MS_MAX = 30_000
/** What is not to come would have come by then. */
const SILENCE_MS = 5000

let demo: DemoSite
let edge: BehaviorSite
let browser: Browser
let page: Page

before(async () => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/client-files.ts')], { stdio: 'inherit' })
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  demo = await startDemoSite({ ports: [0] })
  edge = await startBehaviorSite(demo.servers[0]?.port ?? 0)
  edge.everyMs = EVERY_MS
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  page = await browser.newPage({ ignoreHTTPSErrors: true })
  page.setDefaultTimeout(STEP_MS_MAX)
})
after(async () => {
  await browser?.close()
  await edge?.close()
  await demo?.close()
})

async function until(isSo: () => boolean): Promise<void> {
  for (const endMs = Date.now() + ARRIVAL_MS_MAX; !isSo(); await delay(50)) {
    if (Date.now() > endMs) assert.fail(JSON.stringify([edge.requests, edge.records()]))
  }
}

describe('the demo page', () => {
  it('collects while its switch is on, and shows what the edge makes of it', async () => {
    await page.goto(`${edge.origin}/behavior`)
    const agree = page.getByRole('switch')
    await page.getByText('Nothing is collected.').waitFor()
    await page.fill('#words', '')
    await page.type('#words', 'ada')
    assert.deepEqual(edge.requests, [])
    await agree.check()
    await page.getByText('Typing and pointing is looked at.').waitFor()
    await page.locator('[data-tier]', { hasText: '2' }).waitFor()
    await page.getByText('typing hold').waitFor()
    assert.equal(await page.textContent('[data-score]'), '0.75')
    await page.type('#words', 'bob')
    const box = (await page.locator('canvas').boundingBox()) ?? assert.fail()
    await page.mouse.move(box.x + 20, box.y + 20)
    await page.mouse.down()
    await page.mouse.move(box.x + 220, box.y + 120, { steps: 30 })
    await page.mouse.up()
    await page.getByRole('button', { name: 'Clear' }).click()
    await until(() => {
      const kinds = edge.records().map(({ kind }) => kind)
      return kinds.filter((kind) => kind === 'key').length === 3 && kinds.includes('press')
    })
    await page.type('#user', 'ada')
    await page.type('#pass', 'secret')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('You are ada now.').waitFor()
    await agree.uncheck()
    await page.getByText('Nothing is collected any more.').waitFor()
    const { length } = edge.requests
    await page.type('#words', 'eve')
    await delay(SILENCE_MS)
    assert.equal(edge.requests.length, length)
  })

  it('says so where the edge does not want it', async () => {
    edge.mode = 'off'
    await page.goto(`${edge.origin}/behavior`)
    await page.getByRole('switch').click()
    await page.getByText('The edge does not want it').waitFor()
    assert.equal(await page.getByRole('switch').isChecked(), false)
    edge.mode = 'profile'
  })

  it('is accessible, fits a phone, and says what it is without JavaScript', async () => {
    await page.setViewportSize({ width: 400, height: 800 })
    await page.goto(`${edge.origin}/behavior`)
    await page.evaluate(AXE)
    const found = (await page.evaluate('axe.run()')) as { violations: { id: string }[] }
    assert.deepEqual(
      found.violations.map(({ id }) => id),
      [],
    )
    assert.equal(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'), true)
    const plain = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false })
    try {
      const still = await plain.newPage()
      await still.goto(`${edge.origin}/behavior`)
      // Chromium parses as if scripts ran, so this is in the page but not shown.
      assert.match((await still.textContent('noscript')) ?? '', /nothing is collected/)
      assert.equal(await still.getByRole('switch').isDisabled(), true)
    } finally {
      await plain.close()
    }
  })
})
