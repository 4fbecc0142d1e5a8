/**
 * `limen up` with custody elsewhere: five `limen custody-node` processes with files of their own. Two are killed under load, Limen is
 * started again without them, and an edge of its key server renews its certificate all the while.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import type { CustodyClient } from '../../src/apps/custody/custody-client.ts'
import { readCredentials } from '../../src/apps/server/cluster/credentials.ts'
import type { EdgeView } from '../../src/apps/server/key-server/key-views.ts'
import { octetsOf } from '../../src/ground/octets.ts'
import { CLUSTER, type CustodyCluster, startCustodyCluster } from '../custody-cluster.ts'
import { freePorts } from '../free-ports.ts'
import { type ConfigText, type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
const run = promisify(execFile)
/** Of what a busy machine takes its time for. */
const WITHIN_MS = 60_000
/** Renewed after a third of it. An edge whose certificate has ended stays out, and a busy machine takes its time for a start. */
const CERTIFICATE_S = 60
const RECORD = { name: 'limen/record', version: 1 }
const EDGES = { name: 'limen/edges', version: 1 }
const HOLDING = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] }

const root = mkdtempSync(join(tmpdir(), 'limen-external-'))
const data = join(root, 'data')
const upstream = createServer((_request, response) => response.end('hello'))
let cluster: CustodyCluster
let client: CustodyClient
let custody: ConfigText
let config: ConfigText
let limen: LimenUnderTest | undefined
let edge: LimenUnderTest | undefined
let siteUrl = ''
let edgeUrl = ''

before(async () => {
  cluster = await startCustodyCluster(5)
  client = await cluster.client()
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  const own = await cluster.issue(`limen://${CLUSTER}/server/limen-1`)
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(root, name), content, { mode: 0o600 })
    return join(root, name)
  }
  custody = {
    mode: 'external',
    waitS: 20,
    external: {
      cluster: CLUSTER,
      identity: write('identity.pem', cluster.identity.export({ format: 'pem', type: 'spki' })),
      certificate: write('limen.pem', own.certificate),
      key: write('limen.key', own.key),
      authority: write('authority.pem', cluster.authority),
      nodes: cluster.nodes.map(({ id, host, port, card }) => ({
        ...{ id, address: `${host}:${port}`, card: write(`${id}.card`, card) },
      })),
    },
  }
  const [site = 0, elsewhere = 0, http = 0, keys = 0] = await freePorts(4)
  siteUrl = `http://127.0.0.1:${site}/`
  edgeUrl = `http://127.0.0.1:${elsewhere}/`
  const { port } = upstream.address() as AddressInfo
  const serving = (listener: number): ConfigText => ({
    workers: 1,
    listeners: [{ name: 'web', address: `127.0.0.1:${listener}` }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${port}` }] }],
    routes: [{ pool: 'site' }],
    timeouts: { drainMs: 500 },
  })
  const address = `127.0.0.1:${keys}`
  config = {
    ...{ ...serving(site), data, custody },
    sessions: {
      ...{ enabled: true, hosts: ['shop.test'], listen: `127.0.0.1:${http}` },
      cluster: { address, certificateS: CERTIFICATE_S },
    },
  }
  edgeConfig = {
    ...serving(elsewhere),
    sessions: {
      server: { address, http: `127.0.0.1:${http}`, credentials: join(root, 'edge-1') },
    },
  }
})
let edgeConfig: ConfigText
after(async () => {
  await edge?.clean()
  await limen?.clean()
  await cluster.close()
  upstream.close()
  upstream.closeAllConnections()
  rmSync(root, { recursive: true })
})

/** What `limen up` says when it does not start. */
async function refusal(): Promise<string> {
  const file = join(root, 'refused.yaml')
  const more = { admin: { address: '127.0.0.1:0' }, metrics: { address: '127.0.0.1:0' } }
  writeFileSync(file, JSON.stringify({ ...config, ...more }))
  const child = spawn(LIMEN, ['up', '-c', file], { cwd: root })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
    })
  }
  const [code] = (await once(child, 'close')) as [number]
  assert.notEqual(code, 0, printed)
  return printed
}

const restart = async (): Promise<LimenUnderTest> => {
  limen = await startLimen(config)
  return limen
}

async function stop(one: LimenUnderTest): Promise<void> {
  one.signal('SIGINT')
  assert.equal(await one.ended, 0, one.printed())
}

/** Requests at both sites, and operations at the nodes, over and over, while `meanwhile` goes on: what failed. */
async function underLoad(meanwhile: () => Promise<void>) {
  let isOver = false
  const failed: string[] = []
  const done = { requests: 0, operations: 0 }
  const derived = await client.derive(RECORD, octetsOf('object'))
  const request = (url: string) => async (): Promise<void> => {
    assert.equal(await (await fetch(url)).text(), 'hello')
    done.requests++
  }
  const derive = async (): Promise<void> => {
    assert.deepEqual(await client.derive(RECORD, octetsOf('object')), derived)
    done.operations++
  }
  const work = async (act: () => Promise<void>): Promise<void> => {
    while (!isOver) {
      await act().catch((error: unknown) => failed.push(String(error)))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const workers = [request(siteUrl), request(edgeUrl), derive].map(work)
  try {
    await meanwhile()
  } finally {
    isOver = true
    await Promise.all(workers)
  }
  return { failed, done }
}

const edges = async (): Promise<readonly EdgeView[]> => {
  const response = await fetch(`${limen?.adminUrl}/v1/edges`)
  assert.equal(response.status, 200, await response.clone().text())
  return (await response.json()) as readonly EdgeView[]
}
const renewedAt = (): number => readCredentials(join(root, 'edge-1')).issuedAt
/** Private keys and tickets that a copy of the folder would give away. */
const plainSecrets = (): readonly string[] =>
  readdirSync(data, { recursive: true })
    .map(String)
    .filter((name) => /(^|\/)(.*\.key|ticket\.keys)$/.test(name))

describe('limen up with custody elsewhere', { timeout: 480_000 }, () => {
  it('does not start while its key is not there, and says which', async () => {
    assert.match(await refusal(), /limen\/record/)
    const quick = cluster.driver(client, 0)
    await quick.make({ use: 'derive', ...RECORD }, HOLDING)
    await quick.make({ use: 'sign', ...EDGES }, HOLDING)
  })

  it('seals all its secrets, and lets an edge in by a certificate of custody', async () => {
    const opened = await restart()
    assert.deepEqual(plainSecrets(), [])
    for (const name of ['affinity.key', 'ticket.keys', 'profile.key']) {
      assert.ok(existsSync(join(data, `${name}.sealed`)), name)
    }
    assert.ok(existsSync(join(data, 'record.sealed')) && !existsSync(join(data, 'custody')))
    const file = join(opened.folder, 'limen.yaml')
    await run(LIMEN, ['cluster', 'issue', 'edge-1', '-c', file, '--to', join(root, 'edge-1')])
    assert.equal(readCredentials(join(root, 'edge-1')).by, 'custody')
    edge = await startLimen(edgeConfig)
    await until('the edge', WITHIN_MS, async () =>
      (await edges()).some(({ id, state }) => id === 'edge-1' && state === 'connected'),
    )
  })

  it('goes on under load when two nodes are killed, renewing certificates', async (t) => {
    const { failed, done } = await underLoad(async () => {
      const before = renewedAt()
      await until('a certificate', WITHIN_MS, () => renewedAt() > before)
      for (const { id, kill } of cluster.nodes) {
        if (id === 'n2' || id === 'n4') await kill('SIGKILL')
      }
      const killedAt = renewedAt()
      await until('certificates by three', WITHIN_MS, () => renewedAt() - killedAt > 8_000)
    })
    t.diagnostic(JSON.stringify(done))
    assert.deepEqual(failed, [])
    assert.ok(done.requests > 100 && done.operations > 20, JSON.stringify(done))
    // With a new certificate it connects anew.
    await until('the edge', WITHIN_MS, async () => (await edges())[0]?.state === 'connected')
    assert.doesNotMatch(edge?.printed() ?? '', /key server is away|not renewed/)
  })

  it('starts again with three of five, and has what it had', async () => {
    assert.ok(limen !== undefined)
    const affinity = readFileSync(join(data, 'affinity.key.sealed'))
    await stop(limen)
    await limen.clean()
    const opened = await restart()
    assert.deepEqual(readFileSync(join(data, 'affinity.key.sealed')), affinity)
    assert.equal(await (await fetch(siteUrl)).text(), 'hello')
    await until('the edge again', WITHIN_MS, async () =>
      (await edges()).some(({ id, state }) => id === 'edge-1' && state === 'connected'),
    )
    assert.doesNotMatch(opened.printed(), /secret-file-bad|record-key-bad/)
  })

  it('serves on without any node, and does not start without three', async () => {
    for (const { id, kill } of cluster.nodes) if (id !== 'n1') await kill('SIGKILL')
    for (let i = 0; i < 20; i++) assert.equal(await (await fetch(siteUrl)).text(), 'hello')
    assert.ok(limen !== undefined)
    await stop(limen)
    assert.match(await refusal(), /Key limen\/record version 1 cannot be used now/)
    await Promise.all(cluster.nodes.map((node) => node.restart()))
    await limen.clean()
    await restart()
    assert.equal(await (await fetch(siteUrl)).text(), 'hello')
  })
})
