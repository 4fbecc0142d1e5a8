/**
 * The console's page of people in a real Chromium: somebody who types like a program is in tier 3, what was sent there can be read, and
 * an operator says who it was.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { actPerson } from '../acted-person.ts'
import { freePorts } from '../free-ports.ts'
import { robotBatches, TOLD_WITHIN_MS } from './behavior-tiers-site.ts'
import { Visitor } from './behavior-visitor.ts'
import { complaintsOf, NARROW, violations, WIDE } from './console-desk.ts'
import { buildConsole } from './demo-under-test.ts'
import { type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

/** A step that takes longer has failed: the page asks every 3 s, for captures every 10 s. */
const STEP_MS_MAX = 25_000

let site: Server
let limen: LimenUnderTest
let browser: Browser
let desk: Page
const visitors: Visitor[] = []
let complaints: readonly string[] = []

/** Known to the site as that user. */
async function visitorAs(port: number, user: string): Promise<Visitor> {
  const visitor = new Visitor(port)
  visitors.push(visitor)
  await visitor.consent()
  await until('it is known', TOLD_WITHIN_MS, async () => {
    await visitor.ask('GET', '/', undefined, { cookie: `${visitor.cookie}; user=${user}` })
    return (await visitor.me()).known
  })
  return visitor
}

before(async () => {
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  await buildConsole()
  site = createServer((request, response) => {
    const user = /\buser=(\w+)/.exec(request.headers.cookie ?? '')?.[1]
    request.resume()
    response.writeHead(200, user === undefined ? {} : { 'limen-user': user }).end('{}')
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  const [port = 0] = await freePorts(1)
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost'] }],
    pools: [
      {
        name: 'site',
        servers: [{ id: 'a', address: `127.0.0.1:${(site.address() as AddressInfo).port}` }],
      },
    ],
    routes: [{ pool: 'site' }],
    behavior: {
      ...{ mode: 'enforce', thresholds: 'fixed', everyMs: 2000 },
      capture: { enabled: true },
    },
  })
  const owner = await visitorAs(port, 'owner')
  for (const batch of actPerson(2).type(600)) await owner.tell(batch)
  const robot = await visitorAs(port, 'robot')
  for (const batch of robotBatches()) await robot.tell(batch)
  await until('tier 3', TOLD_WITHIN_MS, async () => (await robot.me()).tier === 3)
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  await until('a capture', TOLD_WITHIN_MS, async () => {
    await robot.ask('POST', '/transfer?to=mallory', Buffer.from('amount=4711&to=mallory'), form)
    const { captures } = (await (
      await fetch(`${limen.adminUrl}/health/anomalydetection`)
    ).json()) as { captures: { kept: number } }
    return captures.kept > 0
  })
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  desk = await (await browser.newContext({ viewport: WIDE, ignoreHTTPSErrors: true })).newPage()
  desk.setDefaultTimeout(STEP_MS_MAX)
  complaints = complaintsOf(desk)
})

after(async () => {
  for (const visitor of visitors) visitor.close()
  await browser?.close()
  await limen?.clean()
  site?.close().closeAllConnections()
})

const people = () => desk.getByRole('region', { name: 'People' })

test('shows who is in which tier, by pseudonym', async () => {
  await desk.goto(`${limen.adminUrl}/#/people`)
  const rows = people().getByRole('row')
  await rows
    .filter({ hasText: 'Tier 3' })
    .getByText('timings-repeated')
    .or(rows.filter({ hasText: 'Tier 3' }).getByText('typing-synthetic'))
    .first()
    .waitFor()
  assert.equal(await rows.filter({ hasText: 'Tier 1' }).count(), 1)
  const text = await people().innerText()
  assert.equal([...text.matchAll(/\b[0-9a-f]{32}\b/g)].length, 2)
  assert.ok(!/robot|owner/.test(text))
  // The tier is chosen by its label; the input itself is out of sight.
  await desk.getByRole('radio', { name: 'Tier 3' }).check({ force: true })
  assert.equal(await rows.filter({ hasText: 'Tier 1' }).count(), 0)
  await desk.getByRole('radio', { name: 'All' }).check({ force: true })
})

test('shows what was captured, and one request as it was', async () => {
  const captures = desk.getByRole('region', { name: 'Captured requests' })
  const link = captures.getByRole('link', { name: 'POST /transfer' }).first()
  await link.waitFor()
  assert.ok(!(await captures.innerText()).includes('mallory'))
  await link.click()
  const panel = desk.getByRole('dialog', { name: 'This request' })
  await panel.getByText('amount=4711&to=mallory').waitFor()
  await panel.getByText('POST /transfer?to=mallory HTTP/1.1').waitFor()
  await panel.getByText('cookie: [redacted]').waitFor()
  assert.deepEqual(await violations(desk), [])
  const audit = readFileSync(join(limen.folder, 'data', 'audit.jsonl'), 'utf8')
  assert.equal(audit.split('"capture.read"').length - 1, 1)
  await desk.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached' })
})

test('axe finds nothing, light and dark, wide and narrow', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await desk.emulateMedia({ colorScheme })
    for (const size of [WIDE, NARROW]) {
      await desk.setViewportSize(size)
      await people().waitFor()
      assert.deepEqual(await violations(desk), [], `${colorScheme}, ${size.width} px`)
      const fits = 'document.documentElement.scrollWidth <= innerWidth'
      assert.ok(await desk.evaluate(fits), `wider than ${size.width} px`)
    }
  }
  await desk.emulateMedia({ colorScheme: 'light' })
  await desk.setViewportSize(WIDE)
})

test('what is known of a person', async () => {
  await people().getByRole('row').filter({ hasText: 'Tier 1' }).getByRole('link').click()
  const panel = desk.getByRole('dialog', { name: 'This person' })
  await panel.getByText('Drift of their scores').waitFor()
  await panel.getByText('text desktop qwerty').waitFor()
  await panel.getByText('No session has changed its tier.').waitFor()
  assert.deepEqual(await violations(desk), [])
  await desk.keyboard.press('Escape')
  await panel.waitFor({ state: 'detached' })
})

test('a person’s scores over time, and an operator says who it was', async () => {
  await people().getByRole('row').filter({ hasText: 'Tier 3' }).getByRole('link').click()
  const panel = desk.getByRole('dialog', { name: 'This person' })
  const chart = panel.getByRole('figure', { name: 'Score over time' })
  await chart.getByText('As a table').click()
  assert.ok((await chart.getByRole('row').count()) > 1)
  await panel.getByText('Nothing is kept of this person yet.').waitFor()
  const turns = panel.getByRole('region', { name: 'Changes of tier' })
  for (const colorScheme of ['dark', 'light'] as const) {
    await desk.emulateMedia({ colorScheme })
    assert.deepEqual(await violations(desk), [], colorScheme)
  }
  await turns
    .getByRole('button', { name: /^Impostor/ })
    .first()
    .click()
  const token = readFileSync(join(limen.folder, 'data/admin-token'), 'utf8').trim()
  await desk.getByLabel('Token').fill(token)
  await desk.getByRole('button', { name: 'Sign in' }).click()
  await panel.getByText('Said: an impostor.').waitFor()
  await turns.getByText('an impostor', { exact: true }).waitFor()
  assert.deepEqual(complaints, [])
})
