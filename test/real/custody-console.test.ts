/**
 * Custody inside a live Limen: drilled, alarmed, repaired, shown. Real nodes, a real receiver of the alarm, the console in a real Chromium.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/demo-traffic/chromium.ts'
import type { CustodyView } from '../../src/apps/server/custody/custody-view.ts'
import { freePorts } from '../free-ports.ts'
import { complaintsOf, NARROW, violations, WIDE } from './console-desk.ts'
import { buildConsole } from './demo-under-test.ts'
import { until } from './fleet-under-test.ts'
import { startLimen } from './limen-process.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
/** Of a start, on a machine that is busy with others. */
const STEP_MS_MAX = 120_000
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5']
const RECORD_KEY = 'derive/limen/record@1'

interface Told {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

const folder = mkdtempSync(join(tmpdir(), 'limen-custody-console-'))
const secret = randomBytes(32)
const told: Told[] = []
const receiver = createServer((request, response) => {
  let body = ''
  request.setEncoding('utf8').on('data', (more: string) => {
    body += more
  })
  request.on('end', () => {
    told.push({ headers: request.headers, body })
    response.writeHead(204).end()
  })
})
let ports: readonly number[] = []
let child: ChildProcess | undefined
let printed = ''
let browser: Browser
let desk: Page
let complaints: readonly string[] = []

before(async () => {
  const executablePath = findChromium()
  assert.ok(executablePath, 'Chromium is missing: install it, or say where it is in CHROMIUM')
  await buildConsole()
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  ports = await freePorts(3)
  writeFileSync(join(folder, 'alarm.secret'), `whsec_${secret.toString('base64')}\n`)
  writeFileSync(
    join(folder, 'limen.yaml'),
    `listeners: [{ name: web, address: 127.0.0.1:${ports[0]} }]
pools: [{ name: site, servers: [{ id: a, address: 127.0.0.1:9 }] }]
routes: [{ pool: site }]
workers: 1
timeouts: { drainMs: 100 }
admin: { address: 127.0.0.1:${ports[1]}, openToLoopback: viewer }
metrics: { address: 127.0.0.1:${ports[2]} }
custody:
  drill: { everyS: 3600, repair: true }
  alarm: { url: 'http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alarm', secretFile: alarm.secret }
`,
  )
  await start()
  browser = await chromium.launch({ executablePath, args: [...CHROMIUM_FLAGS] })
  desk = await (await browser.newContext({ viewport: WIDE })).newPage()
  desk.setDefaultTimeout(STEP_MS_MAX)
  complaints = complaintsOf(desk)
})

after(async () => {
  await browser?.close()
  await stop()
  receiver.close()
  receiver.closeAllConnections()
  rmSync(folder, { recursive: true })
})

async function start(): Promise<void> {
  const begun = spawn(LIMEN, ['up', '-c', 'limen.yaml'], {
    cwd: folder,
    env: { ...process.env, LIMEN_CUSTODY__MODE: 'embedded' },
  })
  child = begun
  for (const stream of [begun.stdout, begun.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      printed += more
    })
  }
  await until('a start', STEP_MS_MAX, async () => {
    assert.equal(begun.exitCode, null, printed)
    return await fetch(`${adminUrl()}readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
}

async function stop(): Promise<void> {
  const ending = child
  child = undefined
  if (ending === undefined || ending.exitCode !== null) return
  const ended = once(ending, 'exit')
  ending.kill('SIGTERM')
  await ended
}

const adminUrl = (): string => `http://127.0.0.1:${ports[1]}/`
const token = (): string => readFileSync(join(folder, 'data/admin-token'), 'utf8').trim()

async function custody(): Promise<CustodyView> {
  const response = await fetch(`${adminUrl()}v1/custody`)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as CustodyView
}

async function drill(): Promise<CustodyView> {
  const response = await fetch(`${adminUrl()}v1/custody/drills`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token()}` },
  })
  assert.equal(response.status, 200)
  return (await response.json()) as CustodyView
}

const recordKey = ({ keys }: CustodyView) => keys.find(({ name }) => name === RECORD_KEY)

async function metrics(): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${ports[2]}/metrics`)).text()
}

/** As a disk may do. */
function changeOneOctet(node: string, keyId: string): void {
  const shares = join(folder, 'data/custody', node, 'shares')
  const file = readdirSync(shares).find((name) => name.startsWith(keyId))
  assert.ok(file, `no share of ${keyId}`)
  const bytes = readFileSync(join(shares, file))
  bytes[90] = (bytes[90] ?? 0) ^ 1
  writeFileSync(join(shares, file), bytes)
}

test('shows nodes, keys and the first drills, to who may see figures', async () => {
  await until('all keys drilled', STEP_MS_MAX, async () => {
    const { keys } = await custody()
    return keys.length === 2 && keys.every(({ drill }) => drill !== null)
  })
  const view = await custody()
  assert.deepEqual(
    view.nodes.map(({ id, domain, state }) => [id, domain, state]),
    NODES.map((id) => [id, id, 'up']),
  )
  assert.ok(view.nodes.every(({ operations }) => operations.length > 0))
  const key = recordKey(view)
  assert.deepEqual(
    [key?.type, key?.threshold, key?.generation, key?.holders, key?.present, key?.isSafe],
    ['ristretto255', 3, 1, NODES, 5, true],
  )
  assert.deepEqual(
    key?.drill?.shares.map(({ verdict }) => verdict),
    NODES.map(() => 'good'),
  )
  // No secret, no share: what is long is an id of a key, by which nobody gets anything.
  const ids = view.keys.map(({ id }) => id)
  const long = JSON.stringify(view).match(/[\w+/=-]{24,}/g) ?? []
  assert.deepEqual(
    long.filter((word) => !ids.includes(word)),
    [],
  )
  const refused = await fetch(`${adminUrl()}v1/custody/drills`, { method: 'POST' })
  assert.equal(refused.status, 401)
})

test('names a share with one octet changed, alarms, and repairs it', async () => {
  const id = recordKey(await custody())?.id ?? ''
  changeOneOctet('n3', id)
  const view = await drill()
  const key = recordKey(view)
  assert.deepEqual([key?.generation, key?.present, key?.drill?.verdict], [2, 5, 'repaired'])
  assert.deepEqual(
    key?.drill?.shares.map(({ node, verdict }) => [node, verdict]),
    NODES.map((node) => [node, node === 'n3' ? 'repaired' : 'good']),
  )
  assert.deepEqual(
    view.events.map(({ node, name, fault }) => [node, name, fault]),
    [
      ['n3', RECORD_KEY, null],
      ['n3', RECORD_KEY, 'corrupt'],
    ],
  )
  const bad = printed.split('\n').find((line) => line.includes('A share in custody is bad')) ?? ''
  const { level, node, keyName, fault } = JSON.parse(bad) as Record<string, unknown>
  assert.deepEqual([level, node, keyName, fault], ['error', 'n3', RECORD_KEY, 'corrupt'])
  const audited = readFileSync(join(folder, 'data/audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { who: string; action: string; subject: string })
  const own = audited.filter(({ who }) => who === 'custody')
  assert.deepEqual(
    own.map(({ action, subject }) => [action, subject]),
    ['bad', 'good'].map((what) => [`custody.share.${what}`, `${RECORD_KEY} at n3`]),
  )
})

test('tells the webhook, signed as the standard has it', async () => {
  await until('the webhook', STEP_MS_MAX, async () => told.some(({ body }) => /corrupt/.test(body)))
  for (const { headers, body } of told) {
    const [id, at] = [headers['webhook-id'], headers['webhook-timestamp']]
    const signed = createHmac('sha256', secret).update(`${id}.${at}.${body}`).digest('base64')
    assert.equal(headers['webhook-signature'], `v1,${signed}`)
  }
  const { type, data } = JSON.parse(told.at(-1)?.body ?? '{}') as {
    type: string
    data: { bad: unknown[]; events: { node: string; fault: string | null }[] }
  }
  assert.equal(type, 'limen.custody.share')
  assert.deepEqual(data.events.at(-1)?.node, 'n3')
  assert.deepEqual(data.events.at(-1)?.fault, 'corrupt')
})

test('counts it in the metrics', async () => {
  const text = await metrics()
  const value = (line: string): number =>
    Number(
      text
        .split('\n')
        .find((one) => one.startsWith(`${line} `))
        ?.split(' ')[1],
    )
  assert.equal(value('limen_custody_drills_total{node="n3",verdict="corrupt"}'), 1)
  assert.ok(value('limen_custody_drills_total{node="n3",verdict="good"}') >= 2)
  assert.equal(value('limen_custody_shares_bad{node="n3"}'), 0)
  assert.equal(value('limen_custody_drill_repairs_total'), 1)
  assert.equal(value(`limen_custody_key_generation{key="${RECORD_KEY}",type="ristretto255"}`), 2)
  for (const node of NODES) assert.equal(value(`limen_custody_node_up{node="${node}"}`), 1)
  const drilled = value('limen_custody_drill_oldest_timestamp_seconds{type="ristretto255"}')
  assert.ok(Math.abs(Date.now() / 1000 - drilled) < STEP_MS_MAX / 1000)
})

test('the page shows it, and drills when an operator asks it to', async () => {
  await desk.goto(`${adminUrl()}#/custody`)
  const nodes = desk.getByRole('region', { name: 'Nodes by domain' })
  await nodes.getByText(`${RECORD_KEY}: repaired`).waitFor()
  const found = desk.getByRole('region', { name: 'What drills have found' })
  await found.getByRole('row', { name: /n3 .*corrupt/ }).waitFor()
  await found.getByRole('row', { name: /n3 .*good again/ }).waitFor()
  await desk.getByRole('button', { name: 'Drill now' }).click()
  await desk.getByLabel('Token').fill(token())
  await desk.getByRole('button', { name: 'Sign in' }).click()
  await desk.getByText('All shares were drilled.').waitFor()
  await nodes.getByText(`${RECORD_KEY}: repaired`).waitFor({ state: 'detached' })
})

test('a node that stands still is away, which is no alarm, until it goes on', async () => {
  const events = (await custody()).events.length
  const line = printed
    .split('\n')
    .findLast((one) => one.includes('A custody node serves') && one.includes('"n5"'))
  const { pid } = JSON.parse(line ?? '{}') as { pid: number }
  process.kill(pid, 'SIGSTOP')
  try {
    const view = await drill()
    assert.equal(view.nodes.find(({ id }) => id === 'n5')?.state, 'away')
    for (const key of view.keys) {
      assert.equal(key.drill?.verdict, 'away')
      assert.equal(key.drill?.shares.find(({ node }) => node === 'n5')?.verdict, 'away')
    }
    assert.match(await metrics(), /^limen_custody_node_up\{node="n5"\} 0$/m)
  } finally {
    process.kill(pid, 'SIGCONT')
  }
  await until('n5 with good shares', STEP_MS_MAX, async () => {
    const { nodes, keys } = await drill()
    const isUp = nodes.find(({ id }) => id === 'n5')?.state === 'up'
    return isUp && keys.every(({ drill: last }) => last?.verdict === 'good')
  })
  assert.equal((await custody()).events.length, events)
})

test('the page shows what was counted, and the plan that came of it, when a minute is over', async () => {
  await until('a plan', STEP_MS_MAX, async () => (await custody()).plan.at !== null)
  const { plan, operations } = await custody()
  assert.deepEqual([plan.mode, plan.by, plan.moves], ['plan', 'solver', []])
  assert.ok((plan.boundMs ?? 0) > 0 && (plan.boundMs ?? 0) <= 1.001 * (plan.costMs ?? 0))
  assert.deepEqual(
    operations.map(({ operation }) => operation),
    ['sign', 'derive'],
  )
  await desk.getByText('Shares are where they should be').waitFor()
  const chart = desk.getByRole('figure', { name: 'Operations a minute: sign, and the next hour' })
  await chart.getByRole('listitem').filter({ hasText: 'expected' }).waitFor()
  await desk.getByLabel('derive').check({ force: true })
  await desk.getByRole('figure', { name: /^Operations a minute: derive/ }).waitFor()
})

test('axe finds nothing, light and dark, wide and narrow', async () => {
  await desk.reload()
  for (const colorScheme of ['light', 'dark'] as const) {
    await desk.emulateMedia({ colorScheme })
    for (const size of [WIDE, NARROW]) {
      await desk.setViewportSize(size)
      await desk.getByRole('region', { name: 'Nodes by domain' }).waitFor()
      const picture = process.env['LIMEN_PICTURES']
      if (picture !== undefined) {
        const path = join(picture, `custody-${colorScheme}-${size.width}.png`)
        await desk.screenshot({ path, fullPage: true })
      }
      assert.deepEqual(await violations(desk), [], `${colorScheme}, ${size.width} px`)
      const fits = 'document.documentElement.scrollWidth <= innerWidth'
      assert.ok(await desk.evaluate(fits), `wider than ${size.width} px`)
    }
  }
})

test('a restart forgets neither how often keys are used, nor the new generation', async () => {
  const uses = (view: CustodyView) =>
    view.keys.flatMap(({ id, uses: own }) =>
      own.map(({ operation, count }) => [`${id} ${operation}`, count] as const),
    )
  const before = uses(await custody())
  assert.ok(before.length >= 2, JSON.stringify(before))
  await stop()
  await start()
  let view = await custody()
  await until('the keys', STEP_MS_MAX, async () => {
    view = await custody()
    return view.keys.length === 2
  })
  const again = new Map(uses(view))
  for (const [name, count] of before) {
    assert.ok((again.get(name) ?? 0) >= count, `${name}: ${again.get(name)} after ${count}`)
  }
  assert.equal(recordKey(view)?.generation, 2)
  // It has been derived once more, to open what is sealed.
  const [record] = recordKey(view)?.uses ?? []
  const [, earlier = 0] = before.find(([name]) => name.startsWith(recordKey(view)?.id ?? '')) ?? []
  assert.ok((record?.count ?? 0) > earlier)
})

test('where no nodes run it says so', async () => {
  const off = await startLimen(
    [LIMEN],
    `listeners: [{ name: web, address: 'SITE' }]
pools: [{ name: site, servers: [{ id: a, address: 'UPSTREAM' }] }]
routes: [{ pool: site }]
workers: 1
admin: { address: 'ADMIN', openToLoopback: viewer }
metrics: { address: 'METRICS' }
`,
  )
  try {
    await desk.goto(`${off.adminUrl}#/custody`)
    await desk.getByText('No custody nodes run here').waitFor()
    assert.deepEqual(await violations(desk), [])
  } finally {
    await off.clean()
  }
})

test('nothing was blocked or thrown on the way', () => assert.deepEqual(complaints, []))
