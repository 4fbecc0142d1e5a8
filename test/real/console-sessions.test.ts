/**
 * The console's page of session keys in a real Chromium: sessions that real clients opened, rotated and were refused for,
 * ended by an operator.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { type SessionClient, sessionFetch } from '../../src/apps/client/session-fetch.ts'
import { freePorts } from '../free-ports.ts'
import { complaintsOf, NARROW, violations } from './console-desk.ts'
import { buildConsole } from './demo-under-test.ts'
import { type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'
import { type SessionSite, startSessionSite } from './session-site.ts'

const WIDE = { width: 1360, height: 1600 }
/** A step that takes longer has failed: the page asks every 5 s, and for keys every 10 s. */
const STEP_MS_MAX = 25_000

let site: SessionSite
let limen: LimenUnderTest
let browser: Browser
let desk: Page
let client: SessionClient
let sid = ''
let complaints: readonly string[] = []

before(async () => {
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  await buildConsole()
  site = await startSessionSite()
  const [port = 0] = await freePorts(1)
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost'] }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }] }],
    routes: [{ pool: 'site', sessionKey: 'required' }],
    sessions: { enabled: true },
  })
  const origin = `https://localhost:${port}`
  const ca = readFileSync(join(limen.folder, 'data/local-ca/ca.pem'))
  client = sessionFetch({ origin, ca })
  sid = ((await (await client('/who')).json()) as { sid: string }).sid
  await client.rotate()
  for (let i = 0; i < 20; i++) await (await client('/who')).body?.cancel()
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  desk = await (await browser.newContext({ viewport: WIDE, ignoreHTTPSErrors: true })).newPage()
  desk.setDefaultTimeout(STEP_MS_MAX)
  complaints = complaintsOf(desk)
  const stranger = await desk.context().newPage()
  await stranger.request.get(`${origin}/who`)
  await stranger.close()
  // Workers tell what they count twice a second.
  await until('the checks to be counted', 10_000, async () => {
    const { checks } = (await (await fetch(`${limen.adminUrl}/v1/session-figures`)).json()) as {
      checks: Readonly<Record<string, number>>
    }
    const { valid = 0, session_needed: needed = 0 } = checks
    return valid >= 21 && needed >= 1
  })
})

after(async () => {
  await client?.end()
  await browser?.close()
  await limen?.clean()
  await site?.close()
})

test('shows keys, who holds them, and what checks came to', async () => {
  await desk.goto(`${limen.adminUrl}/#/sessions`)
  const groups = desk.getByRole('region', { name: 'Key groups' })
  await groups.getByRole('row').filter({ hasText: 'active' }).getByText('2 of 2').waitFor()
  await groups.getByText('worker 1, worker 2').waitFor()
  const keys = desk.getByRole('region', { name: 'Keys that clients seal to' })
  assert.ok((await keys.getByRole('row').count()) >= 4)
  const checks = desk.getByRole('region', { name: 'Checks' })
  await checks.getByRole('row', { name: /^valid under a session key 2[1-9] / }).waitFor()
  await checks.getByRole('row', { name: /^session_needed / }).waitFor()
})

test('shows the rotations by why, over time', async () => {
  const chart = desk.getByRole('figure', { name: 'Keys agreed on per minute' })
  await chart.waitFor()
  await chart.getByText('As a table').click()
  assert.ok((await chart.getByRole('row').count()) > 1)
  await desk.getByRole('figure', { name: 'Checks per second' }).waitFor()
})

test('axe finds nothing, light and dark, wide and narrow', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await desk.emulateMedia({ colorScheme })
    for (const size of [WIDE, NARROW]) {
      await desk.setViewportSize(size)
      await desk.getByRole('region', { name: 'Live sessions' }).waitFor()
      assert.deepEqual(await violations(desk), [], `${colorScheme}, ${size.width} px`)
      const fits = 'document.documentElement.scrollWidth <= innerWidth'
      assert.ok(await desk.evaluate(fits), `wider than ${size.width} px`)
    }
  }
  await desk.emulateMedia({ colorScheme: 'light' })
  await desk.setViewportSize(WIDE)
})

test('an operator ends a session, when sure', async () => {
  const row = desk.getByRole('region', { name: 'Live sessions' }).getByRole('row', { name: sid })
  await row.getByText('by the client').waitFor()
  const dialog = desk.getByRole('dialog', { name: 'End this session?' })
  // The page was another width a moment ago: while charts above find theirs, a click may miss.
  await until('the dialog', STEP_MS_MAX, async () => {
    if (!(await dialog.isVisible())) await row.getByRole('button', { name: /^End/ }).click()
    return await dialog.isVisible()
  })
  await dialog.getByText(sid).waitFor()
  assert.deepEqual(await violations(desk), [])
  await desk.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  assert.equal((await client('/who')).status, 200)
  await row.getByRole('button', { name: /^End/ }).click()
  await dialog.getByRole('button', { name: 'End session' }).click()
  const token = readFileSync(join(limen.folder, 'data/admin-token'), 'utf8').trim()
  await desk.getByLabel('Token').fill(token)
  await desk.getByRole('button', { name: 'Sign in' }).click()
  await desk.getByText(`Session ${sid} is ended.`).waitFor()
  await row.getByText('ended', { exact: true }).waitFor()
  // The client goes on as somebody else.
  const { sid: next } = (await (await client('/who')).json()) as { sid: string }
  assert.notEqual(next, sid)
  const checks = desk.getByRole('region', { name: 'Checks' })
  await checks.getByRole('row', { name: /^revoked / }).waitFor()
})

test('where session keys are off it says how to turn them on', async () => {
  const [port = 0] = await freePorts(1)
  const off = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}` }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }] }],
    routes: [{ pool: 'site' }],
  })
  try {
    await desk.goto(`${off.adminUrl}/#/sessions`)
    await desk.getByText('Session keys are off').waitFor()
    await desk.getByText('sessionKey: required').waitFor()
    for (const size of [WIDE, NARROW]) {
      await desk.setViewportSize(size)
      assert.deepEqual(await violations(desk), [], `${size.width} px`)
    }
  } finally {
    await off.clean()
  }
})

test('nothing was blocked or thrown on the way', () => assert.deepEqual(complaints, []))
