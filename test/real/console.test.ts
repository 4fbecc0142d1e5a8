/**
 * The demo and the console in a real Chromium: what a person sees who types `npm start`.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { get } from 'node:https'
import { after, afterEach, before, type TestContext, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { complaintsOf, NARROW, violations } from './console-desk.ts'
import { type DemoUnderTest, startDemoUnderTest } from './demo-under-test.ts'

const JA4 = /^t13[di]\d{4}h2_[0-9a-f]{12}_[0-9a-f]{12}$/
const WIDE = { width: 1360, height: 860 }
/** A step that takes longer has failed; the slowest here takes under a second where nothing runs beside it. */
const STEP_MS_MAX = 30_000
const CONSOLE_PAGES = [
  'overview',
  'connections',
  'clients',
  'sessions',
  'decisions',
  'upstreams',
  'forecast',
]

/** In the page: has the first chart drawn a line in its color (blue on every theme), not only its axes? */
const CHART_HAS_A_LINE = `(() => {
  const canvas = document.querySelector('canvas')
  if (canvas === null) return false
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  let colored = 0
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] > 150 && data[i + 2] - data[i] > 80) colored += 1
  }
  return colored > 40
})()`
const FITS_SIDEWAYS = 'document.documentElement.scrollWidth <= innerWidth'

let demo: DemoUnderTest
let browser: Browser
let visitor: Page
let desk: Page
/** What the browser complained about on console pages: blocked scripts, exceptions. */
let complaints: readonly string[] = []

before(async () => {
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  demo = await startDemoUnderTest()
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  visitor = await browser.newPage({ ignoreHTTPSErrors: true, viewport: WIDE })
  desk = await (await browser.newContext({ viewport: WIDE, ignoreHTTPSErrors: true })).newPage()
  for (const page of [visitor, desk]) page.setDefaultTimeout(STEP_MS_MAX)
  complaints = complaintsOf(desk)
})

after(async () => {
  await browser?.close()
  await demo?.close()
})

/** What a person would look at next. */
afterEach(async (context) => {
  if ((context as TestContext).passed) return
  console.error(`${desk.url()} shows:\n${await desk.locator('body').innerText()}`)
  console.error(`Limen printed:\n${demo.limenLog()}`)
})

test('a visitor sees their own handshake explained', async () => {
  await visitor.goto(demo.siteUrl)
  await visitor.getByRole('heading', { name: 'You look like Chromium.' }).waitFor()
  assert.match(await ja4OnPage(), JA4)
  await visitor.getByText('TLS 1.3', { exact: true }).waitFor()
  await visitor.getByText('ordinary: you share the resources of everyone').waitFor()
})

test('with the cookie one server answers, without it several', async () => {
  await visitor.getByRole('button', { name: '30 requests with the cookie' }).click()
  await visitor.getByText(/^[abc] 30; .* ms each/).waitFor()
  await visitor.getByRole('button', { name: '30 requests without' }).click()
  // A server that has just started may be taken for slow, and is asked seldom.
  await visitor.getByText(/^[ab] \d+, (?:b \d+, )?[bc] \d+; .* ms each/).waitFor()
})

test('the form goes through, and comes back escaped', async () => {
  await visitor.getByRole('link', { name: 'Form' }).click()
  await visitor.getByLabel('Name').fill('<b>Ada</b>')
  await visitor.getByLabel('Message').fill('hello & goodbye')
  await visitor.getByRole('button', { name: 'Send' }).click()
  await visitor.getByRole('heading', { name: 'Thank you, <b>Ada</b>.' }).waitFor()
  await visitor.getByText('hello & goodbye').waitFor()
})

test('the WebSocket echo works through the edge', async () => {
  await visitor.getByRole('link', { name: 'Live echo' }).click()
  await visitor.getByText('open', { exact: true }).waitFor()
  await visitor.getByLabel('Text to send').fill('is anybody there?')
  await visitor.getByRole('button', { name: 'Send' }).click()
  await visitor.getByRole('log').getByText('is anybody there?').waitFor()
})

test('the console shows the connection, with its JA4 and Chromium as the guess', async () => {
  await desk.goto(`${demo.consoleUrl}/#/connections`)
  const row = desk.getByRole('row').filter({ hasText: 'Chromium' }).first()
  await row.waitFor()
  const expected = await ja4OfVisitor()
  await desk.getByRole('row').filter({ hasText: expected }).first().waitFor()
})

test('a connection opens its decision, explained; Escape closes it', async () => {
  await desk.getByRole('link', { name: 'Chromium' }).first().click()
  const panel = desk.getByRole('dialog', { name: 'Why this decision' })
  await panel.getByText(/served like everybody else/).waitFor()
  await panel.getByText('As text, to pass on').click()
  await panel.getByText(/Decided by handshake\//).waitFor()
  assert.deepEqual(await violations(desk), [])
  await desk.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached' })
  assert.match(desk.url(), /#\/connections$/)
})

test('decisions arrive live, and can be filtered', async () => {
  await desk.goto(`${demo.consoleUrl}/#/decisions`)
  await desk.getByText(/^Live\. /).waitFor()
  await desk.getByLabel(/^Filter by/).fill('no-such-client')
  await desk.getByText('Nothing matches').waitFor()
  await desk.getByLabel(/^Filter by/).fill('')
  const count = desk.getByText(/^Live\. /)
  const before = await numberIn(count)
  const fresh = await browser.newPage({ ignoreHTTPSErrors: true })
  await fresh.goto(demo.siteUrl)
  await fresh.close()
  await untilTrue(desk, `Number(/Live\\. (\\d+)/.exec(document.body.innerText)?.[1]) > ${before}`)
})

test('the plots have data, on the canvas and in the table', async () => {
  await desk.goto(`${demo.consoleUrl}/#/overview`)
  const chart = desk.getByRole('figure', { name: 'Requests per second' })
  await chart.waitFor()
  await visitor.goto(demo.siteUrl)
  await visitor.getByRole('button', { name: '30 requests without' }).click()
  await visitor.getByText(/ms each/).waitFor()
  await desk.getByLabel('1 min').check({ force: true })
  await untilTrue(desk, CHART_HAS_A_LINE)
  await chart.getByText('As a table').click()
  assert.ok((await chart.getByRole('row').count()) > 3)
  assert.match(await chart.getByRole('img').getAttribute('aria-label').then(String), /now: all \d/)
})

test('a drain asks an operator to sign in, and is seen at once', async () => {
  await desk.goto(`${demo.consoleUrl}/#/upstreams`)
  await desk.getByText('up', { exact: true }).nth(2).waitFor()
  await desk.getByRole('button', { name: 'Drain server b' }).click()
  await desk.getByLabel('Token').fill('a guess')
  await desk.getByRole('button', { name: 'Sign in' }).click()
  await desk.getByText('That token is not known').waitFor()
  assert.deepEqual(await violations(desk), [])
  await desk.getByLabel('Token').fill(demo.adminToken)
  await desk.getByRole('button', { name: 'Sign in' }).click()
  await desk.getByText(/^Server b is draining/).waitFor()
  await desk.getByRole('button', { name: 'Restore server b' }).click()
  await desk.getByText('Server b takes requests again.').waitFor()
  await desk.getByLabel('Weight of server c').fill('2')
  await desk.getByRole('button', { name: 'Set weight of server c' }).click()
  await desk.getByText('Server c now has weight 2.').waitFor()
})

test('clients are listed with their scores; an operator marks one, and takes its signature back', async () => {
  await new Promise((resolve, reject) => {
    const options = { rejectUnauthorized: false, agent: false }
    get(`${demo.siteUrl}/api/time`, options, (answer) => answer.resume().on('end', resolve)).on(
      'error',
      reject,
    )
  })
  await desk.goto(`${demo.consoleUrl}/#/clients`)
  await desk.getByRole('row').filter({ hasText: 'Chromium' }).first().waitFor()
  await desk.getByRole('link', { name: 'Node.js' }).first().click()
  const panel = desk.getByRole('dialog', { name: 'This client' })
  await panel.getByText('Nobody has said what this client is.').waitFor()
  await panel.getByRole('figure', { name: 'Score over time' }).waitFor()
  await panel.getByText('As a table').click()
  assert.ok((await panel.getByRole('row').count()) > 1)
  assert.deepEqual(await violations(desk), [])
  await panel.getByRole('button', { name: 'Mark as bad' }).click()
  await panel.getByText('Marked bad by admin-token.').waitFor()
  await desk.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached' })
  const signature = desk.getByRole('region', { name: 'Signatures' }).getByRole('row').nth(1)
  await signature.getByText('admin-token', { exact: true }).waitFor()
  assert.deepEqual(await violations(desk), [])
  await signature.getByRole('button', { name: /^Remove/ }).click()
  await desk.getByText(/^Signature [0-9a-f]+ is removed/).waitFor()
  const pools = desk.getByRole('region', { name: 'Handshake pools' })
  await pools.getByRole('rowheader', { name: /^primary, here/ }).waitFor()
  await pools.getByRole('rowheader', { name: /^rigorous, here/ }).waitFor()
})

test('the site on the same host name never gets the session of who signed in', async () => {
  const [session, ...others] = await desk.context().cookies()
  assert.deepEqual(others, [])
  assert.match(session?.path ?? '', /^\/s\/[\w-]{22}$/)
  const beside = await desk.context().newPage()
  for (const url of [demo.plainSiteUrl, demo.siteUrl]) {
    for (const path of ['/api/me', '/v1/status', '/s/v1/status']) {
      const asked = beside.waitForRequest(url + path)
      await beside.goto(url + path).catch(() => undefined)
      const { cookie } = await (await asked).allHeaders()
      assert.doesNotMatch(cookie ?? '', /limen_session/)
    }
  }
  await beside.close()
})

test('axe finds nothing on any page, light and dark, wide and narrow', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const page of [desk, visitor]) await page.emulateMedia({ colorScheme })
    for (const size of [WIDE, NARROW]) {
      for (const name of CONSOLE_PAGES) {
        await desk.setViewportSize(size)
        await desk.goto(`${demo.consoleUrl}/#/${name}`)
        await desk.getByRole('heading', { level: 1, name: new RegExp(name, 'i') }).waitFor()
        await desk.getByText('Loading').first().waitFor({ state: 'detached' })
        assert.deepEqual(await violations(desk), [], `${name}, ${colorScheme}, ${size.width} px`)
        assert.ok(await desk.evaluate(FITS_SIDEWAYS), `${name} is wider than ${size.width} px`)
      }
      for (const path of ['/', '/form', '/live', '/nowhere']) {
        await visitor.setViewportSize(size)
        await visitor.goto(demo.siteUrl + path)
        assert.deepEqual(await violations(visitor), [], `${path}, ${colorScheme}, ${size.width} px`)
        assert.ok(await visitor.evaluate(FITS_SIDEWAYS), `${path} is wider than ${size.width} px`)
      }
    }
  }
})

test('nothing was blocked or thrown on the way, and no worker died', async () => {
  assert.deepEqual(complaints, [])
  const workers: unknown = await (await fetch(`${demo.consoleUrl}/v1/workers`)).json()
  assert.ok(Array.isArray(workers) && workers.length > 0)
  for (const worker of workers) assert.equal(worker.restarts, 0, demo.limenLog())
})

test('without its server the console says so, and keeps what it has', async () => {
  await desk.setViewportSize(WIDE)
  await desk.goto(`${demo.consoleUrl}/#/upstreams`)
  await desk.getByRole('button', { name: 'Drain server a' }).waitFor()
  await demo.stopLimen()
  await desk.getByText(/^Limen does not answer/).waitFor()
  assert.ok(await desk.getByRole('button', { name: 'Drain server a' }).isVisible())
  assert.deepEqual(await violations(desk), [])
})

async function ja4OnPage(): Promise<string> {
  return (await visitor.locator('.ja4').innerText()).trim()
}

/** The JA4 of the connection the visitor's page now uses, as an upstream is told. */
async function ja4OfVisitor(): Promise<string> {
  return visitor.evaluate(async () => {
    const me: unknown = await (await fetch('/api/me')).json()
    return typeof me === 'object' && me !== null && 'ja4' in me ? String(me.ja4) : ''
  })
}

async function numberIn(locator: ReturnType<Page['getByText']>): Promise<number> {
  return Number(/(\d+)/.exec(await locator.innerText())?.[1])
}

/** Asks again and again from here: waitForFunction would `eval` in the page, which its CSP forbids. */
async function untilTrue(page: Page, expression: string): Promise<void> {
  const until = performance.now() + STEP_MS_MAX
  while (!(await page.evaluate(expression))) {
    assert.ok(performance.now() < until, `never true: ${expression}`)
    await page.waitForTimeout(50)
  }
}
