/**
 * The console's page of video sources in a real Chromium: a camera of RTP and one of SRT are learned, their transport is killed and goes on
 * with what it learned, a second encoder takes over with the camera's key, somebody on the way changes SRT, and the page shows it; an
 * operator re-keys, labels and revokes. Without a key service the page says so, and asks nothing.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
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
import { ffmpegScript, type Middle, srtReceiver, startMiddle } from './srt-programs.ts'

const WIDE = { width: 1360, height: 1900 }
const DEVICE = 'camera-1'
const SRT_DEVICE = 'camera-2'
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
let srtAgent: Started
let middle: Middle
let srtOptions: string[]
let transportPort = 0
let outputs: string[]
let sink: Awaited<ReturnType<typeof bindSocket>>
let [ours, latest] = [0, 0]
let complaints: readonly string[] = []

const startTransport = () =>
  site.startTransport(transportPort, outputs, '--watch', 'h264', ...srtOptions)

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
  const [relayPort, receiver, other] = [
    ...[await freeMediaPort(), await freeMediaPort(), await freeMediaPort()],
  ]
  middle = await startMiddle(relayPort ?? 0)
  const came = join(site.folder, 'came')
  mkdirSync(came)
  srtOptions = [
    ...['--srt', `${SRT_DEVICE}=${HOST}:${relayPort}=${HOST}:${receiver},${HOST}:${other}`],
    ...['--srt-command', srtReceiver(site.folder, came)],
  ]
  transport = await startTransport()
  const agentPort = await freeMediaPort()
  await site.startAgent(DEVICE, agentPort, transportPort)
  await until('a key', () => site.audit('device.changed', DEVICE) > 0)
  camera = startEncoder(join(site.folder, 'camera.ts'), agentPort)
  srtAgent = await site.startSrtAgent(SRT_DEVICE, srtEncoder(middle.port))
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
  // They end what they started.
  await srtAgent?.stop()
  if (transport?.child.exitCode === null) await transport.stop()
  middle?.close()
  sink?.close()
  await site?.close()
})

/** The same pictures, again and again, to a caller of SRT. */
function srtEncoder(port: number): string {
  const url = `srt://${HOST}:${port}?mode=caller&pkt_size=1316&passphrase=$(cat "$3")`
  return ffmpegScript(join(site.folder, 'encoder.sh'), [
    ...['-loglevel', 'error', '-re', '-stream_loop', '-1', '-i', `${site.folder}/camera.ts`],
    // No longer than this test.
    ...['-t', '900', '-map', '0:v', '-c', 'copy', '-f', 'mpegts', url],
  ])
}

const row = (device = DEVICE) =>
  desk
    .getByRole('region', { name: 'Devices and transports' })
    .getByRole('row')
    .filter({ hasText: device })
const show = async (device: string) => {
  await desk.getByRole('button', { name: `Show ${device}` }).click()
  await desk.getByRole('heading', { name: device }).waitFor()
}
const streamOf = async (device: string) =>
  (await (await fetch(`${limen.adminUrl}/v1/devices/${device}/stream`)).json()) as {
    readonly state: readonly string[]
    readonly features: readonly { readonly name: string; readonly middle: number | null }[]
  }
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

test('shows a camera that sends SRT, by what its headers say', async () => {
  await row(SRT_DEVICE).getByText('SRT', { exact: true }).waitFor()
  await row(SRT_DEVICE).getByText('normal').waitFor({ timeout: LEARNING_MS_MAX })
  await show(SRT_DEVICE)
  await desk.getByText('Direct evidence makes another passphrase due.').waitFor()
  const features = desk.getByRole('region', { name: 'Features now' })
  await features.getByRole('row').filter({ hasText: 'packet size' }).waitFor()
  await desk.getByLabel('Feature in the chart').selectOption('packet rate')
  await desk.getByRole('figure', { name: 'From the baseline, in spreads: packet rate' }).waitFor()
  const { features: said } = await streamOf(SRT_DEVICE)
  const size = Math.exp(said.find(({ name }) => name === 'packet size')?.middle ?? 0)
  // Seven packets of MPEG-TS at most, which SRT's 1316 are.
  assert.ok(size > 188 && size <= 1316, `${size}`)
  await show(DEVICE)
})

test('a transport that was killed goes on with what it had learned', async () => {
  const baselines = join(site.folder, 'transport-1', 'baselines')
  const files = [`${DEVICE}.baseline.sealed`, `${SRT_DEVICE}.srt.sealed`]
  await until('baselines on the disk', () =>
    files.every((file) => readdirSync(baselines).includes(file)),
  )
  await transport.stop('SIGKILL')
  const changes = site.audit('device.changed', DEVICE)
  const srtChanges = site.audit('device.changed', SRT_DEVICE)
  const { features: learned } = await streamOf(SRT_DEVICE)
  transport = await startTransport()
  await until('another key', () => site.audit('device.changed', DEVICE) > changes)
  const before = ours
  await until('pictures', () => ours > before + 500)
  // It was learned once, before.
  const { state } = await streamOf(DEVICE)
  const states = state.slice(state.indexOf('normal'))
  assert.equal(states.includes('learning'), false, states.join())
  assert.equal(states.at(-1), 'normal')
  const { length: reports } = (await streamOf(SRT_DEVICE)).state
  await until('another passphrase', () => site.audit('device.changed', SRT_DEVICE) > srtChanges)
  await until('SRT', async () => (await streamOf(SRT_DEVICE)).state.length > reports + 2)
  const again = await streamOf(SRT_DEVICE)
  assert.equal(again.state.slice(reports).includes('learning'), false, again.state.join())
  const middles = (of: typeof learned) => of.map(({ middle: one }) => one)
  assert.deepEqual(middles(again.features), middles(learned))
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
  // So that it is known which key is this device's: he has it. The other device gets keys, too.
  const { length: before } = site.drawn
  const changes = site.audit('device.changed', DEVICE)
  await site.devices('rekey', DEVICE)
  await until('another key', () => site.audit('device.changed', DEVICE) > changes)
  const key = site.drawn.slice(before).find(({ salt }) => salt.some((octet) => octet !== 0))
  thief = await startThief(site, DEVICE, transportPort, file, () => latest, key)
  await desk.getByRole('alert').filter({ hasText: DEVICE }).waitFor()
  await row().getByText('anomalous').waitFor()
  await happened()
    .getByRole('row')
    .filter({ hasText: 'changed' })
    .filter({ hasText: 'anomaly' })
    .first()
    .waitFor()
  // With the evidence: mostly `parameters`, or, where the two meet first, what one encoder's packets are to the other's.
  await happened()
    .getByRole('row')
    .filter({ hasText: 'anomalous' })
    .getByText(/parameters|encoder|units|numbers|restart|clock|sequence|clash|fragments/)
    .first()
    .waitFor()
  assert.deepEqual(await violations(desk), [])
  const { DEVICES_SCREENSHOT: path } = process.env
  if (path !== undefined) await desk.screenshot({ path, fullPage: true })
  await thief.close()
  thief = undefined
})

test('shows that somebody on the way changes SRT, and that it got another passphrase', async () => {
  await row(SRT_DEVICE).getByText('normal').waitFor()
  const { epoch } = await site.show(SRT_DEVICE)
  await show(SRT_DEVICE)
  middle.replace = (packet) => {
    const other = Buffer.from(packet)
    // Five seconds ahead of its clock.
    other.writeUInt32BE((other.readUInt32BE(8) + 5_000_000) % 2 ** 32, 8)
    return other
  }
  await desk.getByRole('alert').filter({ hasText: SRT_DEVICE }).waitFor()
  middle.replace = undefined
  const events = (what: string) => happened().getByRole('row').filter({ hasText: what })
  await events('anomalous').getByText('time', { exact: true }).first().waitFor()
  await events('changed').filter({ hasText: 'anomaly' }).first().waitFor()
  await until(
    'another epoch',
    async () => ((await site.show(SRT_DEVICE)).epoch ?? 0) > (epoch ?? 0),
  )
  await row(SRT_DEVICE).getByText('normal').waitFor()
  assert.deepEqual(await violations(desk), [])
  const { DEVICES_SCREENSHOT: path } = process.env
  if (path !== undefined) await desk.screenshot({ path: `${path}.srt.png`, fullPage: true })
  await show(DEVICE)
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

test('without a key service the page says so, and asks nothing', async () => {
  const [port = 0] = await freePorts(1)
  const alone = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}` }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${port + 1}` }] }],
    routes: [{ pool: 'site' }],
  })
  const page = await browser.newPage()
  try {
    const [asked, failed]: [string[], string[]] = [[], []]
    page.on('response', (response) => {
      asked.push(response.url())
      if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`)
    })
    page.on('console', (message) => {
      if (message.type() === 'error') failed.push(message.text())
    })
    await page.goto(`${alone.adminUrl}/#/devices`)
    await page.getByText('No key service is asked').waitFor()
    await page.getByRole('link', { name: 'Devices off' }).waitFor()
    const statuses = () => asked.filter((url) => url.endsWith('/v1/status')).length
    const before = statuses()
    // Three times as long as a page that asks waits between two questions.
    await until('other questions', () => statuses() > before + 1)
    assert.deepEqual(failed, [])
    assert.deepEqual(
      asked.filter((url) => url.includes('/v1/devices')),
      [],
    )
    assert.deepEqual(await violations(page), [])
  } finally {
    await page.close()
    await alone.clean()
  }
})

test('nothing was blocked or thrown on the way', () => assert.deepEqual(complaints, []))
