/**
 * Five custody nodes in three zones, each a network namespace with a cable that can be pulled. Run by `custody-zones.test.ts` in a
 * network of its own: a browser notices when cables of the machine come and go, and gives up what it was doing.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { readClusterConfig } from '../../src/apps/custody/cluster-config.ts'
import type { CustodyClient } from '../../src/apps/custody/custody-client.ts'
import { drill } from '../../src/apps/custody/drill.ts'
import { makeCluster } from '../../src/apps/custody/make-cluster.ts'
import { changesOf, type OpenCluster, openCluster } from '../../src/apps/custody/open-cluster.ts'
import { surveyCluster } from '../../src/apps/custody/survey-cluster.ts'
import { octetsOf } from '../../src/ground/octets.ts'
import { isPlacement } from '../../src/keys/custody/domain-rule.ts'
import { untilItListens } from './custody-node-process.ts'

const MAIN = join(import.meta.dirname, '../../src/apps/cli/main.ts')
/** Of a machine that is busy with others. */
const STEP_MS = 120_000
/** Two at most in one zone: 3 of 5 go on without any of them. */
const ZONES = { n1: 'a', n2: 'a', n3: 'b', n4: 'b', n5: 'c' } as const
const IDS = Object.keys(ZONES) as (keyof typeof ZONES)[]
const MARK = process.pid.toString(36).slice(-4)
const BRIDGE = `lim${MARK}`
/** RFC 2544's network for tests, a part of it by chance. */
const NET = `198.18.${process.pid % 250}`
const MESSAGE = octetsOf('message')
const random = systemRandom()

const ip = (...words: readonly string[]): void => {
  execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] })
}
const space = (zone: string): string => `lim${MARK}${zone}`
/** The end of a zone's cable that is outside. */
const cable = (zone: string): string => `lim${MARK}o${zone}`
const zones = [...new Set(Object.values(ZONES))]

function layCables(): void {
  ip('link', 'add', BRIDGE, 'type', 'bridge')
  ip('address', 'add', `${NET}.1/24`, 'dev', BRIDGE)
  ip('link', 'set', BRIDGE, 'up')
  for (const [i, zone] of zones.entries()) {
    ip('netns', 'add', space(zone))
    ip('link', 'add', cable(zone), 'type', 'veth', 'peer', 'name', 'in', 'netns', space(zone))
    ip('link', 'set', cable(zone), 'master', BRIDGE, 'up')
    ip('-n', space(zone), 'address', 'add', `${NET}.${10 + i}/24`, 'dev', 'in')
    ip('-n', space(zone), 'link', 'set', 'in', 'up')
  }
}

function removeCables(): void {
  for (const words of [
    ...zones.map((zone) => ['netns', 'del', space(zone)]),
    ['link', 'del', BRIDGE],
  ]) {
    try {
      ip(...words)
    } catch {
      // It was not there.
    }
  }
}

async function start(folder: string, id: keyof typeof ZONES): Promise<ChildProcess> {
  const node = [
    process.execPath,
    MAIN,
    'custody-node',
    '-c',
    join(folder, 'nodes', id, 'node.yaml'),
  ]
  const child = spawn('ip', ['netns', 'exec', space(ZONES[id]), ...node])
  await untilItListens(child, id)
  return child
}

describe('custody nodes in three zones', { timeout: 5 * STEP_MS }, () => {
  let folder = ''
  let cluster: OpenCluster
  let app: OpenCluster
  const children: ChildProcess[] = []

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'limen-pdesk-'))
    layCables()
    const nodes = IDS.map((id, i) => {
      const zone = ZONES[id]
      return { id, address: `${NET}.${10 + zones.indexOf(zone)}:${9500 + i}`, domain: zone }
    })
    await makeCluster({
      ...{ folder, cluster: 'zones', nodes, threshold: 3, clock: systemClock, random },
      from: { kind: 'new', operators: 3, operatorsNeeded: 2 },
    })
    for (const id of IDS) children.push(await start(folder, id))
    const config = readClusterConfig(join(folder, 'custody.yaml'))
    const [certificate, key] = [join(folder, 'server.pem'), join(folder, 'server.key')]
    cluster = await openCluster(config, { graceMs: 0 })
    app = await openCluster({ ...config, certificate, key })
    const holding = { threshold: 3, nodes: IDS }
    const { driver } = changesOf(cluster)
    await driver.make({ use: 'sign', name: 'ca', version: 1 }, holding)
    await driver.make({ use: 'derive', name: 'objects', version: 1 }, holding)
    const label = { use: 'encrypt', name: 'table', version: 1 } as const
    await driver.bring(label, random.bytes(32), holding)
  })
  after(async () => {
    await cluster?.close()
    await app?.close()
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }
    removeCables()
    rmSync(folder, { recursive: true })
  })

  it('keeps the rule of domains: no zone has a key, and none takes one with it', async () => {
    const { nodes, keys } = await surveyCluster(cluster.config, cluster.client)
    const domains = nodes.map(({ domain }) => domain)
    assert.equal(keys.length, 3)
    for (const { holders, threshold } of keys) {
      const place = holders.map((id) => nodes.findIndex((node) => node.id === id))
      assert.ok(isPlacement(domains, { holders: holders.length, threshold }, place))
    }
  })

  it('goes on without a failed operation while the cable of any one of them is out', async (t) => {
    const { client } = app
    const key = (name: string) => ({ name, version: 1 })
    const derived = await client.derive(key('objects'), MESSAGE)
    const operations: readonly ((by: CustodyClient) => Promise<void>)[] = [
      async (by) => assert.equal((await by.sign(key('ca'), MESSAGE)).length, 64),
      async (by) => assert.deepEqual(await by.derive(key('objects'), MESSAGE), derived),
      async (by) => {
        const encrypted = await by.encrypt(key('table'), MESSAGE)
        assert.deepEqual(await by.decrypt(key('table'), encrypted), MESSAGE)
      },
    ]
    for (const zone of zones) {
      const failed: string[] = []
      let [done, isOver] = [0, false]
      const work = async (from: number): Promise<void> => {
        for (let i = from; !isOver; i++) {
          try {
            await operations[i % operations.length]?.(client)
            done++
          } catch (error) {
            failed.push(String(error))
          }
        }
      }
      const workers = [0, 1].map(work)
      try {
        await new Promise((resolve) => setTimeout(resolve, 500))
        ip('link', 'set', cable(zone), 'down')
        const before = done
        for (let i = 0; i < 1000 && done < before + 60; i++) {
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
        assert.ok(done >= before + 60, `${done - before} operations without zone ${zone}`)
        const { links, manifests } = cluster.client
        const { groups } = app
        const away = new Set(
          (await drill({ links, manifests, groups, random }))
            .filter(({ fault }) => fault === 'away')
            .map(({ node }) => node),
        )
        assert.deepEqual(away, new Set(IDS.filter((id) => ZONES[id] === zone)))
        t.diagnostic(`zone ${zone} away: ${done - before} operations, ${failed.length} failed`)
      } finally {
        ip('link', 'set', cable(zone), 'up')
        isOver = true
        await Promise.all(workers)
      }
      assert.deepEqual(failed, [])
      // Until all of them are there again.
      for (let i = 0; i < 240; i++) {
        const { nodes } = await surveyCluster(cluster.config, cluster.client)
        if (nodes.every(({ isAway }) => !isAway)) break
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    }
  })
})
