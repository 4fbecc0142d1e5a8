/**
 * A live Limen that starts and stops upstream servers as the load asks for it, and tells a webhook: real processes, real
 * requests, a real receiver.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { ScalingView } from '../../src/apps/server/scale-pools.ts'
import { freePortRow } from '../free-ports.ts'
import { until } from './fleet-under-test.ts'
import { type LimenProcess, startLimen } from './limen-process.ts'

const QUICK = join(import.meta.dirname, 'quick-limen.ts')
const BURNER = join(import.meta.dirname, 'burner-process.ts')
const STARTED_WITHIN_MS = 30_000
const START_UP_MS = 700
/** As many as a pool may grow by. */
const PORTS = 4
/** The admin API takes 600 requests a minute. */
const ASKED_EVERY_MS = 200

interface Upstream {
  readonly id: string
  readonly state: string
  readonly requests: number
  readonly process?: { readonly phase: string; readonly pid: number; readonly restarts: number }
}

const config = (portFrom: number, scaling: object, mode = 'act'): string => `
listeners: [{ name: web, address: 'SITE' }]
pools:
  - name: site
    servers: [{ id: a, address: 'UPSTREAM' }]
    slowStartMs: 0
    scaling: ${JSON.stringify({
      ...{ min: 2, max: 4, startUpS: 1, marginS: 1, capacityPerServer: 20, utilisation: 0.5 },
      processes: { command: [process.execPath, BURNER, '{port}', String(START_UP_MS)], portFrom },
      ...scaling,
    })}
routes: [{ pool: site }]
workers: 2
forecast: { mode: ${mode} }
timeouts: { drainMs: 4000 }
admin: { address: 'ADMIN', openToLoopback: viewer }
metrics: { address: 'METRICS' }
`

const started: LimenProcess[] = []
after(async () => {
  for (const limen of started) {
    // Killed, it would leave its processes to nobody.
    limen.signal('SIGTERM')
    await Promise.race([limen.ended, delay(STARTED_WITHIN_MS)])
    await limen.clean()
  }
})
const start = async (text: string): Promise<LimenProcess> => {
  const limen = await startLimen([process.execPath, QUICK], text)
  started.push(limen)
  return limen
}
const read = async <T>(limen: LimenProcess, path: string): Promise<T> => {
  await delay(ASKED_EVERY_MS)
  const response = await fetch(`${limen.adminUrl}${path}`)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}
const scalingOf = async (limen: LimenProcess): Promise<ScalingView> => {
  const [view] = await read<readonly ScalingView[]>(limen, 'v1/scaling')
  if (view === undefined) throw new Error('No pool is scaled')
  return view
}
const processesOf = async (limen: LimenProcess): Promise<readonly Upstream[]> =>
  (await read<readonly Upstream[]>(limen, 'v1/upstreams')).filter(
    (one) => one.process !== undefined,
  )
const ready = async (limen: LimenProcess): Promise<readonly Upstream[]> =>
  (await processesOf(limen)).filter(
    ({ process: of, state }) => of?.phase === 'ready' && state === 'up',
  )
const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
const pidsOf = (upstreams: readonly Upstream[]): readonly number[] =>
  upstreams.map(({ process: of }) => of?.pid ?? 0)
/** Who answered, `perSecond` requests, none of which may fail. What is late on a busy machine is sent together. */
const drive = async (limen: LimenProcess, perSecond: number, ms: number): Promise<Set<string>> => {
  const seen = new Set<string>()
  const answers: Promise<void>[] = []
  const began = performance.now()
  while (answers.length < (perSecond * ms) / 1000) {
    const due = Math.min(performance.now() - began, ms) * (perSecond / 1000)
    while (answers.length < due) {
      answers.push(
        fetch(limen.siteUrl).then(async (response) => {
          assert.equal(response.status, 200)
          seen.add(await response.text())
        }),
      )
    }
    await delay(1000 / perSecond)
  }
  await Promise.all(answers)
  return seen
}
const auditOf = (limen: LimenProcess): readonly { action: string; who: string }[] =>
  readFileSync(join(limen.folder, 'data/audit.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
const metricOf = async (limen: LimenProcess): Promise<number> => {
  const text = readFileSync(join(limen.folder, 'limen.yaml'), 'utf8')
  const address = /metrics: \{ address: '([^']+)'/.exec(text)?.[1]
  const metrics = await (await fetch(`http://${address}/metrics`)).text()
  return Number(/^limen_pool_servers_wanted\{pool="site"\} (\S+)$/m.exec(metrics)?.[1])
}

describe('a pool that is scaled by processes', () => {
  let limen: LimenProcess

  it('starts what the minimum asks for, and sends requests there once it answers', async () => {
    process.env['LIMEN_SECRET'] = 'not for servers'
    const port = await freePortRow(PORTS)
    limen = await start(config(port, {}))
    delete process.env['LIMEN_SECRET']
    await until('a process is seen', STARTED_WITHIN_MS, async () =>
      (await processesOf(limen)).some(({ process: of }) => of?.phase === 'starting'),
    )
    await until('it is ready', STARTED_WITHIN_MS, async () => (await ready(limen)).length === 1)
    const answered = await drive(limen, 30, 1000)
    const [one] = pidsOf(await ready(limen))
    assert.ok(
      answered.has(JSON.stringify({ pid: one, port, ours: [] })),
      `${one}: ${[...answered]}`,
    )
    assert.equal(await metricOf(limen), 2)
  })

  it('starts more under more load, says why, and says so at the maximum', async () => {
    const load = drive(limen, 60, 12_000)
    await until('all are ready', STARTED_WITHIN_MS, async () => (await ready(limen)).length === 3)
    const answered = await load
    const { wanted, reason, explained, actions } = await scalingOf(limen)
    assert.deepEqual([wanted, reason], [4, 'at-maximum'])
    assert.match(explained, /^At the maximum of 4, and [5-7] would be needed: /)
    assert.match(limen.printed(), /A pool is at its maximum/)
    assert.ok(answered.size === 4, `${[...answered]}`)
    const did = actions.map((action) => action.did)
    assert.equal(did.filter((one) => one === 'process.start').length, 3)
    assert.equal(did.filter((one) => one === 'process.ready').length, 3)
    for (const { why } of actions) assert.ok(why.length > 0)
    const audited = auditOf(limen).filter(({ who }) => who === 'scaling')
    assert.equal(audited.filter(({ action }) => action === 'process.start').length, 3)
    assert.ok(audited.some(({ action }) => action === 'pool.scale'))
  })

  it('starts one again that is killed, and no request fails', async () => {
    const before = await ready(limen)
    const [victim = 0] = pidsOf(before)
    const load = drive(limen, 20, 6000)
    process.kill(victim, 'SIGKILL')
    await until('another took its place', STARTED_WITHIN_MS, async () => {
      const now = await ready(limen)
      return now.length === 3 && !pidsOf(now).includes(victim)
    })
    await load
    const again = (await processesOf(limen)).find(({ process: of }) => of?.restarts === 1)
    assert.equal(again?.id, before[0]?.id)
    const { actions } = await scalingOf(limen)
    const died = actions.find(({ did }) => did === 'process.died')
    assert.deepEqual([died?.server, died?.why], [again?.id, 'ended by SIGKILL'])
  })

  it('leaves no process behind when it stops, and at its next start none of a Limen that was killed', async () => {
    const first = pidsOf(await ready(limen))
    limen.signal('SIGTERM')
    assert.equal(await limen.ended, 0)
    assert.deepEqual(first.filter(lives), [])

    const portFrom = await freePortRow(PORTS)
    const second = await start(config(portFrom, {}))
    await until('ready', STARTED_WITHIN_MS, async () => (await ready(second)).length === 1)
    const left = pidsOf(await ready(second))
    second.signal('SIGKILL')
    await second.ended
    assert.deepEqual(left.filter(lives), left)
    // The same folder, as after a crash.
    const third = await startLimen(
      [process.execPath, QUICK],
      `data: '${join(second.folder, 'data')}'${config(portFrom, {})}`,
    )
    started.push(third)
    await until('gone', STARTED_WITHIN_MS, async () => left.filter(lives).length === 0)
    await until('ready', STARTED_WITHIN_MS, async () => (await ready(third)).length === 1)
    assert.match(third.printed(), /Ended what was left behind/)
  })

  it('does nothing in observe, but says what it would', async () => {
    const observing = await start(config(await freePortRow(PORTS), {}, 'observe'))
    await drive(observing, 40, 4000)
    const { wanted, mode, processes, reason } = await scalingOf(observing)
    assert.deepEqual([mode, processes.length], ['observe', 0])
    assert.ok(wanted > 2 && reason !== 'enough', `${wanted} ${reason}`)
    assert.equal(await metricOf(observing), wanted)
    assert.deepEqual(await processesOf(observing), [])
    assert.doesNotMatch(readFileSync(join(observing.folder, 'data/audit.jsonl'), 'utf8'), /scaling/)
  })
})

describe('a webhook', () => {
  interface Taken {
    readonly headers: IncomingHttpHeaders
    readonly body: string
  }
  const receiver = async (statuses: number[]): Promise<{ server: Server; taken: Taken[] }> => {
    const taken: Taken[] = []
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request.setEncoding('utf8')) body += chunk
      taken.push({ headers: request.headers, body })
      response.writeHead(statuses.shift() ?? 204).end()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    after(() => server.close())
    return { server, taken }
  }
  const key = randomBytes(32)
  const webhookTo = (server: Server) => {
    const secretFile = join(tmpdir(), `limen-webhook-${process.pid}`)
    writeFileSync(secretFile, `whsec_${key.toString('base64')}\n`, { mode: 0o600 })
    const { port } = server.address() as AddressInfo
    return { processes: undefined, webhook: { url: `http://127.0.0.1:${port}/scale`, secretFile } }
  }

  it('is told what is wanted, signed, and again with the same id after 500', async () => {
    const { server, taken } = await receiver([500, 503])
    const limen = await start(config(0, webhookTo(server)))
    await until('it was taken', STARTED_WITHIN_MS, async () => taken.length === 3)
    assert.equal(new Set(taken.map(({ headers }) => headers['webhook-id'])).size, 1)
    assert.equal(new Set(taken.map(({ body }) => body)).size, 1)
    for (const { headers, body } of taken) {
      const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = headers
      // As the specification says it, not by our code.
      const expected = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64')
      assert.equal(signature, `v1,${expected}`)
      assert.ok(Math.abs(Number(at) - Date.now() / 1000) < 60)
    }
    const { type, data } = JSON.parse(taken[0]?.body ?? '')
    assert.deepEqual([type, data.pool, data.wanted, data.from], ['limen.pool.scale', 'site', 2, 1])
    assert.ok(data.explained.length > 0)
    await until('it is said', STARTED_WITHIN_MS, async () =>
      (await scalingOf(limen)).actions.some(({ did, why }) => {
        return did === 'webhook' && why === 'taken at attempt 3'
      }),
    )
    assert.ok(!limen.printed().includes(key.toString('base64')), 'the secret is in no log')
  })

  it('is told nothing in observe', async () => {
    const { server, taken } = await receiver([])
    const limen = await start(config(0, webhookTo(server), 'observe'))
    await drive(limen, 40, 3000)
    assert.ok((await scalingOf(limen)).wanted > 1)
    assert.deepEqual(taken, [])
  })
})
