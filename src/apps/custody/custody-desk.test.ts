import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { memoryCluster } from '../../../test/custody-nodes.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { toHex } from '../../ground/hex.ts'
import { octetsOf } from '../../ground/octets.ts'
import { nodeIdOf } from './caller.ts'
import { CustodyDesk, type DeskCluster } from './custody-desk.ts'
import { readDemand } from './demand-file.ts'
import { KeyUse } from './key-use.ts'
import { placeJob } from './place-job.ts'
import { surveyCluster } from './survey-cluster.ts'

const IDS = ['n1', 'n2', 'n3', 'n4', 'n5']

it('CustodyDesk routes by what was counted, and moves shares away from nodes that are far', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'limen-desk-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const cluster = await memoryCluster(5)
  const { driver, groups } = cluster
  const config: DeskCluster['config'] = {
    nodes: IDS.map((id) => ({
      ...{ id, address: `${id}:1`, domain: `zone-${id}`, slots: 100, cores: 4 },
    })),
    drill: { everyS: 60, repair: false },
    placement: { mode: 'act', movesMax: 8, moveMs: 0.001 },
  }
  const holding = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
  const { keyId } = await driver.make({ use: 'derive', name: 'a', version: 1 }, holding)
  // Two of three holders are far away, so one of these has to take part.
  cluster.between = async ({ id }, _request, pass) => {
    if (id === 'n1' || id === 'n2') await new Promise((resolve) => setTimeout(resolve, 100))
    return await pass()
  }
  const told: string[] = []
  const now = () => Date.now()
  const complain = (text: string) => told.push(text)
  const opened = () => new KeyUse({ cluster: 'memory', folder, now, complain })
  const use = opened()
  const client = use.counted(cluster.client)
  for (let i = 0; i < 20; i++) await client.derive({ name: 'a', version: 1 }, octetsOf(`${i}`))
  await assert.rejects(client.derive({ name: 'none', version: 1 }, octetsOf('a')))
  const desk = new CustodyDesk({
    cluster: { config, groups, random: systemRandom(), client, changes: { driver } },
    ...{ use, now, onFinding: () => assert.fail('all shares are good') },
    tell: (_level, text) => told.push(text),
    // Here and without a solver: what threads do is in the test of place-job.ts.
    place: (job) =>
      placeJob(job, async () => {
        throw new Error('no solver')
      }),
  })
  use.endMinute()
  desk.tick()
  await desk.close()
  const { plan, demand, load } = desk.view()
  assert.deepEqual(
    demand.map(({ key, operation, uses }) => [key, operation, uses]),
    [[toHex(keyId), 'derive', 20]],
  )
  assert.equal(plan?.boundMs, undefined)
  assert.ok((load.get('n3') ?? 0) > 0)
  const moved = (plan?.results ?? []).filter(({ outcome }) => outcome === 'moved')
  assert.ok(moved.length > 0, told.join())
  const { keys } = await surveyCluster(config, client)
  const far = keys[0]?.holders.filter((id) => id === 'n1' || id === 'n2') ?? []
  assert.ok(keys[0]?.holders.length === 3 && far.length <= 1, `${keys[0]?.holders}`)
  // Chances are of the holders of before; of a key or node that is not known all do alike.
  const chances = ['n1', 'n2', 'n3'].map((id) =>
    use.routing.chanceOf(keyId, nodeIdOf('memory', id)),
  )
  assert.ok(Math.abs(chances.reduce<number>((a, b) => a + b, 0) - 2) < 1e-6, chances.join())
  assert.ok((chances[2] ?? 0) > 0.99, chances.join())
  assert.equal(use.routing.chanceOf(new Uint8Array(16), nodeIdOf('memory', 'n1')), 1)
  // Another one goes on with what was counted.
  const again = opened().demand.series(180, 60)
  assert.deepEqual(
    again.map(({ key, uses }) => [key, uses]),
    [[toHex(keyId), 20]],
  )
  assert.ok((readDemand(join(folder, 'demand')).get(toHex(keyId))?.[2] ?? 0) > 0)
})

it('CustodyDesk drills when it is asked to, repairs, and has seen what came of it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'limen-desk-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const cluster = await memoryCluster(3)
  const { driver, groups, client } = cluster
  const nodes = cluster.nodes.map(({ id }) => ({ id, address: '', cores: 1, slots: 10 }))
  const holding = { threshold: 2, nodes: nodes.map(({ id }) => id) }
  const { keyId } = await driver.make({ use: 'sign', name: 'a', version: 1 }, holding)
  const vault = cluster.nodes[1]?.world.vault
  for (const { generation } of vault?.generations(keyId) ?? []) {
    await vault?.destroy(keyId, generation)
  }
  cluster.nodes[1]?.restart()
  const found: unknown[] = []
  const now = () => Date.now()
  const desk = new CustodyDesk({
    cluster: {
      config: {
        ...{ nodes, drill: { everyS: 86_400, repair: true } },
        placement: { mode: 'off', movesMax: 8, moveMs: 0.01 },
      },
      ...{ groups, random: systemRandom(), client, changes: { driver } },
    },
    use: new KeyUse({ cluster: 'memory', folder, now, complain: assert.fail }),
    ...{ now, onFinding: (finding) => found.push(finding), tell: assert.fail },
  })
  await desk.drillNow()
  const key = { keyId: toHex(keyId), node: 'n2' }
  assert.deepEqual(found, [
    { ...key, fault: 'lost' },
    { ...key, fault: undefined },
  ])
  const { survey, drilled, plan } = desk.view()
  assert.deepEqual([survey?.keys[0]?.generation, survey?.keys[0]?.present], [2, 3])
  assert.deepEqual(drilled[0]?.repaired, [{ ...key, fault: 'lost' }])
  assert.equal(plan, undefined)
  await desk.close()
})
