/**
 * What servers say of their load, end to end: three origins that say it in three formats, the agent of a machine as a process, and a
 * limen that reads both. It is shown, clients never see it, and who lies gets no other share than before.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { UpstreamView } from '../../src/ports/data-plane.ts'
import { freePorts } from '../free-ports.ts'
import {
  type LimenUnderTest,
  makeCertificate,
  type Origin,
  startLimen,
  startOrigin,
  until,
} from './fleet-under-test.ts'

const LIMEN = join(import.meta.dirname, '..', '..', 'bin', 'limen')
const TOKEN = 'a-token-of-this-test-0'
/** cpu_utilization 0.75, named_metrics { queue: 3 }: the protobuf by hand. */
const MESSAGE = Buffer.from('09000000000000e83f42100a057175657565110000000000000840', 'hex')
/** The admin API takes 600 requests a minute. */
const ASKED_EVERY_MS = 200
/** An agent that is back is asked again twenty seconds after the last time at the latest. */
const BACK_WITHIN_MS = 40_000
/** Workers report twice a second. */
const SHOWN_WITHIN_MS = 10_000

let limen: LimenUnderTest
let origins: readonly Origin[] = []
let agent: ChildProcess
let agentPort = 0
let [web, plain] = [0, 0]
let metricsUrl = ''

const upstreams = async () => {
  await delay(ASKED_EVERY_MS)
  return (await limen.upstreams()) as unknown as readonly UpstreamView[]
}
const upstream = async (id: string): Promise<UpstreamView> => {
  const found = (await upstreams()).find((one) => one.id === id)
  assert.ok(found)
  return found
}
const site = (more: object = {}, ids: readonly string[] = ['text', 'json', 'binary']) => ({
  listeners: [
    { name: 'web', address: `127.0.0.1:${web}`, tls: {} },
    { name: 'plain', address: `127.0.0.1:${plain}` },
  ],
  certificates: [{ certFile: 'site.pem', keyFile: 'site.key' }],
  pools: [
    {
      name: 'site',
      // A server that is new would get its share over ten seconds.
      slowStartMs: 0,
      load: { header: true, agentTokenFile: 'agent-token' },
      servers: origins
        .filter(({ id }) => ids.includes(id))
        .map(({ id, port }) => ({
          ...{ id, address: `127.0.0.1:${port}` },
          ...(id === 'text' ? { agent: `http://127.0.0.1:${agentPort}/load` } : {}),
        })),
      ...more,
    },
  ],
  routes: [{ pool: 'site' }],
})
/** So many requests, as many at once as connections; what became of them by server. */
async function ask(count: number, atOnce = 4): Promise<ReadonlyMap<string, number>> {
  const shares = new Map<string, number>()
  let left = count
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await fetch(`http://127.0.0.1:${plain}/who`)
      assert.deepEqual(loadFields([...response.headers.keys()]), [])
      const [id = ''] = (await response.text()).split(' ')
      shares.set(id, (shares.get(id) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, client))
  return shares
}
const loadFields = (names: readonly string[]) =>
  names.filter((name) => name.startsWith('endpoint-load'))

async function startAgent(): Promise<ChildProcess> {
  const token = join(limen.folder, 'agent-token')
  const words = ['load-agent', '--listen', `127.0.0.1:${agentPort}`, '--token-file', token]
  const child = spawn(LIMEN, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

before(async () => {
  ;[web = 0, plain = 0, agentPort = 0] = await freePorts(3)
  origins = await Promise.all([
    startOrigin(
      'text',
      'Endpoint-Load-Metrics: TEXT cpu_utilization=0.25,mem_utilization=0.5,eps=2',
    ),
    startOrigin(
      'json',
      'endpoint-load-metrics: JSON {"cpu_utilization":0.5,"rps_fractional":12.5}',
    ),
    startOrigin('binary', `endpoint-load-metrics-bin: ${MESSAGE.toString('base64')}`),
    startOrigin('liar', 'endpoint-load-metrics: TEXT cpu_utilization=0,rps_fractional=1e9'),
    startOrigin('slow-liar', 'endpoint-load-metrics: TEXT cpu_utilization=0', '60'),
    startOrigin('babbler', 'endpoint-load-metrics: TEXT cpu_utilization=NaN'),
  ])
  limen = await startLimen({
    listeners: [{ name: 'plain', address: `127.0.0.1:${plain}` }],
    pools: [{ name: 'site', servers: [{ id: 'text', address: `127.0.0.1:${origins[0]?.port}` }] }],
    routes: [{ pool: 'site' }],
  })
  const metrics = JSON.parse(readFileSync(join(limen.folder, 'limen.yaml'), 'utf8')).metrics.address
  metricsUrl = `http://${metrics}/metrics`
  const inFolder = (name: string) => join(limen.folder, name)
  makeCertificate({ certFile: inFolder('site.pem'), keyFile: inFolder('site.key') }, ['localhost'])
  writeFileSync(inFolder('agent-token'), `${TOKEN}\n`)
  agent = await startAgent()
})
after(async () => {
  agent?.kill('SIGKILL')
  await limen?.clean()
  for (const origin of origins) await origin.clean()
})

describe('what servers say of their load', () => {
  it('is passed on like any field while nobody asks for it', async () => {
    const response = await fetch(`http://127.0.0.1:${plain}/who`)
    assert.match(response.headers.get('endpoint-load-metrics') ?? '', /^TEXT cpu_utilization=0.25/)
    assert.equal((await upstream('text')).load, undefined)
  })

  it('is shown where it is asked for, from each format, and no client sees it', async () => {
    await limen.reload(site())
    const soFar = Date.now()
    await ask(60)
    await until('all three reports', SHOWN_WITHIN_MS, async () =>
      (await upstreams()).every(({ load }) => load !== undefined),
    )
    const { at, ...text } = (await upstream('text')).load ?? {}
    assert.ok(at !== undefined && at >= soFar - 1000 && at <= Date.now() + 1000, `${at}`)
    const none = { utilization: [], named: [] }
    assert.deepEqual(text, { cpu: 0.25, memory: 0.5, errorsPerSecond: 2, ...none })
    const { at: _, ...json } = (await upstream('json')).load ?? {}
    assert.deepEqual(json, { cpu: 0.5, requestsPerSecond: 12.5, ...none })
    const binary = (await upstream('binary')).load
    assert.deepEqual([binary?.cpu, binary?.named], [0.75, [{ name: 'queue', value: 3 }]])
  })

  it('nor a client of HTTP/2', async () => {
    const session = http2.connect(`https://127.0.0.1:${web}`, { rejectUnauthorized: false })
    for (let i = 0; i < 12; i++) {
      const stream = session.request({ ':path': '/who' })
      const [fields] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
      assert.deepEqual(loadFields(Object.keys(fields)), [])
      assert.equal(fields[':status'], 200)
      stream.resume()
      await once(stream, 'end')
    }
    session.close()
  })

  it('and what its machine says, by the agent there', async () => {
    await until(
      'the agent',
      SHOWN_WITHIN_MS,
      async () => (await upstream('text')).machine !== undefined,
    )
    const { machine } = await upstream('text')
    assert.ok(machine !== undefined && machine.cpu >= 0 && machine.cpu <= 1)
    assert.ok(machine.memory > 0 && machine.memory < 1 && machine.at <= Date.now() + 1000)
    assert.equal((await upstream('json')).machine, undefined)
    assert.ok(!limen.printed().includes(TOKEN))
  })

  it('is metrics, with the times that were measured', async () => {
    const text = await (await fetch(metricsUrl)).text()
    const value = (line: string) => Number(new RegExp(`^${line} (\\S+)$`, 'm').exec(text)?.[1])
    const cpu = (server: string, source: string) =>
      value(`limen_upstream_cpu_utilization\\{pool="site",server="${server}",source="${source}"\\}`)
    assert.deepEqual(
      [cpu('text', 'header'), cpu('json', 'header'), cpu('binary', 'header')],
      [0.25, 0.5, 0.75],
    )
    assert.ok(cpu('text', 'agent') >= 0)
    const { requests } = await upstream('json')
    const first = value('limen_upstream_first_byte_seconds_count\\{pool="site",server="json"\\}')
    assert.ok(first > 0 && first <= requests, `${first} of ${requests}`)
    assert.ok(!text.includes('queue'), 'no label is what a server says')
  })

  it('goes on when the agent dies: what it said is dropped soon, and it is known again when it is back', async () => {
    agent.kill('SIGKILL')
    await once(agent, 'exit')
    await until('a warning', 20_000, () =>
      limen.printed().includes('The load agent does not answer'),
    )
    await until(
      'nothing of the machine',
      20_000,
      async () => (await upstream('text')).machine === undefined,
    )
    assert.ok((await ask(20)).size > 0)
    agent = await startAgent()
    await until(
      'the agent again',
      BACK_WITHIN_MS,
      async () => (await upstream('text')).machine !== undefined,
    )
  })
})

describe('a server that lies about its load', () => {
  it('keeps its share: idle, it says, and a thousand million requests a second', async () => {
    await limen.reload(site({}, ['text', 'json', 'liar']))
    const shares = await ask(2700, 6)
    const share = (shares.get('liar') ?? 0) / 2700
    // A third, but for what a busy machine makes slow: 0.19 and 0.49 were seen. Who believed it would send nearly all there.
    assert.ok(share > 0.1 && share < 0.6, `${share}`)
    await until(
      'what it says',
      SHOWN_WITHIN_MS,
      async () => (await upstream('liar')).load !== undefined,
    )
    assert.equal((await upstream('liar')).load?.cpu, 0)
    assert.equal((await upstream('liar')).weight, 1)
  })

  it('is given little when it is slow, however idle it says it is', async () => {
    await limen.reload(site({}, ['text', 'json', 'slow-liar']))
    await ask(300, 6)
    const shares = await ask(900, 6)
    const share = (shares.get('slow-liar') ?? 0) / 900
    assert.ok(share < 0.1, `${share}`)
    // What is measured of it is the truth: none of its answers came within 32 ms.
    const text = await (await fetch(metricsUrl)).text()
    const within = (le: string) =>
      Number(
        new RegExp(
          `^limen_upstream_first_byte_seconds_bucket\\{pool="site",server="slow-liar",le="${le}"\\} (\\S+)$`,
          'm',
        ).exec(text)?.[1],
      )
    assert.equal(within('0.032'), 0)
    assert.ok(within('\\+Inf') > 0)
  })

  it('says nothing when what it says is no number', async () => {
    await limen.reload(site({}, ['text', 'babbler']))
    await ask(100)
    await until(
      'its requests',
      SHOWN_WITHIN_MS,
      async () => (await upstream('babbler')).requests > 0,
    )
    assert.equal((await upstream('babbler')).load, undefined)
  })
})
