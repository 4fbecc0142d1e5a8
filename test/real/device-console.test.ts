/**
 * The console's page of video sources in a real Chromium: a camera is learned, its transport is killed and goes on with what it learned, a
 * second encoder takes over with the camera's key, and the page shows it; an operator re-keys, labels and revokes.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import { bindSocket } from '../../src/apps/media/datagrams.ts'
import { LEARN_MS } from '../../src/behavior/device/stream-watch.ts'
import { freePorts } from '../free-ports.ts'
import { complaintsOf, NARROW, violations } from './console-desk.ts'
import { buildConsole } from './demo-under-test.ts'
import {
  type DeviceSite,
  freeMediaPort,
  HOST,
  type Started,
  startDeviceSite,
  until,
} from './device-keys-site.ts'
import { type LimenUnderTest, startLimen } from './fleet-under-test.ts'
import { makeVideo, startEncoder, startThief, type Thief } from './second-encoder.ts'

const WIDE = { width: 1360, height: 1900 }
const DEVICE = 'camera-1'
const STEP_MS_MAX = 60_000
/** A busy machine may take its time. */
const LEARNING_MS_MAX = LEARN_MS + 120_000

let site: DeviceSite
let limen: LimenUnderTest
let browser: Browser
let desk: Page
let camera: Started
let thief: Thief | undefined
let transport: Started
let transportPort = 0
let outputs: string[]
let sink: Awaited<ReturnType<typeof bindSocket>>
let [ours, latest] = [0, 0]
let complaints: readonly string[] = []

const startTransport = () => site.startTransport(transportPort, outputs, '--watch', 'h264')

before(async () => {
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  await buildConsole()
  site = await startDeviceSite()
  const [port = 0] = await freePorts(1)
  const keys = join(site.folder, 'keys')
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}` }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${port + 1}` }] }],
    routes: [{ pool: 'site' }],
    // Its nodes would take their time.
    custody: { mode: 'off' },
    devices: {
      keyService: site.keysUrl,
      caFile: join(keys, 'ca.pem'),
      tokenFile: join(keys, 'token'),
    },
  })
  makeVideo(join(site.folder, 'camera.ts'), 'testsrc2', 'ultrafast')
  makeVideo(join(site.folder, 'thief.ts'), 'mandelbrot', 'veryfast')
  const outputPort = await freeMediaPort()
  sink = await bindSocket({ host: HOST, port: outputPort })
  sink.on('message', (packet) => {
    if (thief?.isHis(packet) === true) return
    ours++
    latest = packet.readUInt16BE(2)
  })
  transportPort = await freeMediaPort()
  outputs = [`${DEVICE}=${HOST}:${outputPort}`]
  transport = await startTransport()
  const agentPort = await freeMediaPort()
  await site.startAgent(DEVICE, agentPort, transportPort)
  await until('a key', () => site.audit('device.changed', DEVICE) > 0)
  camera = startEncoder(join(site.folder, 'camera.ts'), agentPort)
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  desk = await (await browser.newContext({ viewport: WIDE, ignoreHTTPSErrors: true })).newPage()
  desk.setDefaultTimeout(STEP_MS_MAX)
  complaints = complaintsOf(desk)
})

after(async () => {
  await browser?.close()
  await limen?.clean()
  await thief?.close()
  await camera?.stop('SIGKILL')
  sink?.close()
  await site?.close()
})

const row = () =>
  desk
    .getByRole('region', { name: 'Devices and transports' })
    .getByRole('row')
    .filter({ hasText: DEVICE })
const happened = () => desk.getByRole('region', { name: 'Rotations' })

test('shows a camera while it is learned, and that it is as it was', async () => {
  await desk.goto(`${limen.adminUrl}/#/devices`)
  await row().getByText('learning').waitFor()
  await row().getByText('normal').waitFor({ timeout: LEARNING_MS_MAX })
  await desk.getByRole('figure', { name: 'Scores; 1 is their limit' }).waitFor()
  const features = desk.getByRole('region', { name: 'Features now' })
  await features.getByRole('row').filter({ hasText: 'frame interval' }).waitFor()
  await desk.getByLabel('Feature in the chart').selectOption('rate')
  await desk.getByRole('figure', { name: 'From the baseline, in spreads: rate' }).waitFor()
})

test('a transport that was killed goes on with what it had learned', async () => {
  const baselines = join(site.folder, 'transport-1', 'baselines')
  await until('a baseline on the disk', () =>
    readdirSync(baselines).includes(`${DEVICE}.baseline.sealed`),
  )
  await transport.stop('SIGKILL')
  const changes = site.audit('device.changed', DEVICE)
  transport = await startTransport()
  await until('another key', () => site.audit('device.changed', DEVICE) > changes)
  const before = ours
  await until('pictures', () => ours > before + 500)
  const stream = (await (await fetch(`${limen.adminUrl}/v1/devices/${DEVICE}/stream`)).json()) as {
    state: readonly string[]
  }
  // It was learned once, before.
  const states = stream.state.slice(stream.state.indexOf('normal'))
  assert.equal(states.includes('learning'), false, states.join())
  assert.equal(states.at(-1), 'normal')
})

test('axe finds nothing, light and dark, wide and narrow', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    await desk.emulateMedia({ colorScheme })
    for (const size of [WIDE, NARROW]) {
      await desk.setViewportSize(size)
      await row().waitFor()
      assert.deepEqual(await violations(desk), [], `${colorScheme}, ${size.width} px`)
      const fits = 'document.documentElement.scrollWidth <= innerWidth'
      assert.ok(await desk.evaluate(fits), `wider than ${size.width} px`)
    }
  }
  await desk.emulateMedia({ colorScheme: 'light' })
  await desk.setViewportSize(WIDE)
})

test('shows a second encoder take over, and lose the key', async () => {
  const file = join(site.folder, 'thief.ts')
  thief = await startThief(site, DEVICE, transportPort, file, () => latest)
  await desk.getByRole('alert').filter({ hasText: DEVICE }).waitFor()
  await row().getByText('anomalous').waitFor()
  await happened()
    .getByRole('row')
    .filter({ hasText: 'changed' })
    .filter({ hasText: 'anomaly' })
    .first()
    .waitFor()
  // With the evidence.
  await happened()
    .getByRole('row')
    .filter({ hasText: 'anomalous' })
    .getByText('parameters')
    .first()
    .waitFor()
  assert.deepEqual(await violations(desk), [])
  const { DEVICES_SCREENSHOT: path } = process.env
  if (path !== undefined) await desk.screenshot({ path, fullPage: true })
  await thief.close()
  thief = undefined
})

test('an operator re-keys, says what it was, and revokes, when sure', async () => {
  const token = readFileSync(join(limen.folder, 'data/admin-token'), 'utf8').trim()
  const rekeys = site.audit('device.rekey', DEVICE)
  await desk.getByRole('button', { name: 'Re-key' }).click()
  await desk.getByLabel('Token').fill(token)
  await desk.getByRole('button', { name: 'Sign in' }).click()
  await desk.getByText('Another key is on its way.').waitFor()
  await until('it to be written down', () => site.audit('device.rekey', DEVICE) > rekeys)
  await desk.getByRole('button', { name: 'False alarm' }).click()
  await happened().getByText('said to be: false-alarm').waitFor()
  await desk.getByRole('button', { name: 'Intrusion' }).click()
  await happened().getByText('said to be: intrusion').waitFor()
  assert.equal(site.audit('device.label', DEVICE), 2)
  await desk.getByRole('button', { name: 'Revoke' }).click()
  const dialog = desk.getByRole('dialog', { name: `Revoke ${DEVICE}?` })
  assert.deepEqual(await violations(desk), [])
  await desk.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  assert.equal(site.audit('device.revoked', DEVICE), 0)
  await desk.getByRole('button', { name: 'Revoke' }).click()
  await dialog.getByRole('button', { name: 'Revoke' }).click()
  await row().getByText('revoked').waitFor()
  const log = readFileSync(join(limen.folder, 'data/audit.jsonl'), 'utf8')
  for (const action of ['device.rekey', 'device.label', 'device.revoke']) {
    assert.ok(log.includes(`"action":"${action}","subject":"${DEVICE}"`), action)
  }
})

test('nothing was blocked or thrown on the way', () => assert.deepEqual(complaints, []))
