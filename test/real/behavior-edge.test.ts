/**
 * The collector in a real Chromium, through a real `limen up`: the script it serves, tokens, batches, what a visitor is told,
 * by cookie and by session key.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { type DemoSite, startDemoSite } from '../../src/apps/demo/site.ts'
import { BEHAVIOR_PATH } from '../../src/wire/behavior-batch.ts'
import { freePorts } from '../free-ports.ts'
import { type LimenUnderTest, startLimen } from './fleet-under-test.ts'

const ROOT = join(import.meta.dirname, '../..')
const STEP_MS_MAX = 30_000
const ARRIVAL_MS_MAX = 30_000

let demo: DemoSite
let limen: LimenUnderTest
let browser: Browser
let origin = ''

before(async () => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/client-files.ts')], { stdio: 'inherit' })
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  demo = await startDemoSite({ ports: [0] })
  const [port = 0] = await freePorts(1)
  origin = `https://localhost:${port}`
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost'] }],
    pools: [
      { name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${demo.servers[0]?.port}` }] },
    ],
    routes: [{ pool: 'site' }],
    sessions: { enabled: true },
    behavior: { mode: 'observe', everyMs: 2000 },
  })
  const args = [...CHROMIUM_FLAGS, '--ignore-certificate-errors']
  browser = await chromium.launch({ executablePath, args })
})
after(async () => {
  await browser?.close()
  await limen?.clean()
  await demo?.close()
})

/** Requests to the behavior path as they were answered: `GET 200`, `POST 204 signed`. */
function watched(page: Page): string[] {
  const answers: string[] = []
  page.on('response', (response) => {
    const request = response.request()
    if (new URL(response.url()).pathname !== BEHAVIOR_PATH) return
    const signed = request.headers()['sessionkey'] === undefined ? '' : ' signed'
    answers.push(`${request.method()} ${response.status()}${signed}`)
  })
  return answers
}

async function until(what: string, isSo: () => boolean, told: readonly string[]): Promise<void> {
  for (const endMs = Date.now() + ARRIVAL_MS_MAX; !isSo(); await delay(50)) {
    if (Date.now() > endMs) assert.fail(`Not in time: ${what}; ${told.join(', ')}`)
  }
}

async function newContext(): Promise<BrowserContext> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true })
  context.setDefaultTimeout(STEP_MS_MAX)
  return context
}

describe('the collector and the edge', () => {
  it('a cookie, tokens, batches, and what the visitor got', async () => {
    const context = await newContext()
    try {
      const page = await context.newPage()
      const answers = watched(page)
      await page.goto(`${origin}/behavior`)
      await page.getByRole('switch').check()
      await page.getByText('Typing and pointing is looked at.').waitFor()
      await page.type('#words', 'the quick brown fox', { delay: 40 })
      await until('a batch', () => answers.includes('POST 204'), answers)
      await page.type('#words', 'jumps over the lazy dog', { delay: 40 })
      await until('another', () => answers.filter((one) => one === 'POST 204').length > 1, answers)
      assert.equal(answers[0], 'GET 200')
      assert.deepEqual([...new Set(answers)], ['GET 200', 'POST 204'])
      assert.equal(answers.filter((one) => one === 'GET 200').length, 1)
      await page.locator('[data-tier]', { hasText: /^[123]$/ }).waitFor()
      const loggedIn = page.waitForResponse((one) => one.request().method() === 'POST')
      await page.type('#user', 'ada', { delay: 40 })
      await page.getByRole('button', { name: 'Log in' }).click()
      assert.equal((await loggedIn).headers()['limen-user'], undefined)
      await page.getByText('You are ada now.').waitFor()
      const cookies = await context.cookies(origin)
      const [cookie = assert.fail()] = cookies.filter(({ name }) => name.includes('behavior'))
      assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite], [true, true, 'Lax'])
    } finally {
      await context.close()
    }
  })

  it('under a session key all of it is signed, and there is no other cookie', async () => {
    const context = await newContext()
    try {
      const page = await context.newPage()
      const answers = watched(page)
      await page.goto(`${origin}/form`)
      const mode = await page.evaluate(`(async () => {
        const { startSession } = await import('/.well-known/limen/limen.js')
        const { openBehavior } = await import('/.well-known/limen/behavior.js')
        const session = startSession()
        return await openBehavior({ fetch: session.fetch }).consent()
      })()`)
      assert.equal(mode, 'profile')
      await page.type('#message', 'the quick brown fox', { delay: 40 })
      await until('a batch', () => answers.includes('POST 204 signed'), answers)
      assert.deepEqual(answers, ['GET 200 signed', 'POST 204 signed'])
      const cookies = await context.cookies(origin)
      assert.ok(cookies.every(({ name }) => !name.includes('behavior')))
    } finally {
      await context.close()
    }
  })
})
