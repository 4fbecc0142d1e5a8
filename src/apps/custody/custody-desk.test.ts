import assert from 'node:assert/strict'
import { it } from 'node:test'
import { memoryCluster } from '../../../test/custody-nodes.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { toHex } from '../../ground/hex.ts'
import { octetsOf } from '../../ground/octets.ts'
import { nodeIdOf } from './caller.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { countedClient } from './counted-client.ts'
import { CustodyDesk } from './custody-desk.ts'
import { KeyDemand } from './key-demand.ts'
import { placeJob } from './place-job.ts'
import { RoutingTable } from './routing-table.ts'
import { surveyCluster } from './survey-cluster.ts'

const IDS = ['n1', 'n2', 'n3', 'n4', 'n5']

it('CustodyDesk routes by what was counted, and moves shares away from nodes that are far', async () => {
  const cluster = await memoryCluster(5)
  const { driver, groups, identity } = cluster
  const config = {
    cluster: 'memory',
    nodes: IDS.map((id) => ({
      ...{ id, address: `${id}:1`, card: '', domain: `zone-${id}`, slots: 100 },
      cores: 4,
    })),
    drill: { everyS: 60, repair: false },
    placement: { mode: 'act', movesMax: 8, moveMs: 0.001 },
  } as unknown as ClusterConfig
  const holding = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
  const { keyId } = await driver.make({ use: 'derive', name: 'a', version: 1 }, holding)
  // Two of three holders are far away, so one of these has to take part.
  cluster.between = async ({ id }, _request, pass) => {
    if (id === 'n1' || id === 'n2') await new Promise((resolve) => setTimeout(resolve, 100))
    return await pass()
  }
  const demand = new KeyDemand()
  const routing = new RoutingTable('memory')
  const client = countedClient(cluster.client, demand)
  for (let i = 0; i < 20; i++) await client.derive({ name: 'a', version: 1 }, octetsOf(`${i}`))
  await assert.rejects(client.derive({ name: 'none', version: 1 }, octetsOf('a')))
  const told: string[] = []
  const desk = new CustodyDesk({
    cluster: {
      ...{ config, identity, groups, random: systemRandom(), client },
      changes: { driver, sign: async (octets) => cluster.sign(octets) },
      close: async () => undefined,
    },
    ...{ demand, routing, now: () => Date.now(), tell: (_level, text) => told.push(text) },
    // Here and without a solver: what threads do is in the test of place-job.ts.
    place: (job) =>
      placeJob(job, async () => {
        throw new Error('no solver')
      }),
  })
  desk.tick()
  await desk.close()
  const { plan, expected, load } = desk.view()
  assert.deepEqual([...expected.keys()], [toHex(keyId)])
  assert.ok((load.get('n3') ?? 0) > 0)
  const moved = (plan?.results ?? []).filter(({ outcome }) => outcome === 'moved')
  assert.ok(moved.length > 0, told.join())
  const { keys } = await surveyCluster(config, client)
  const far = keys[0]?.holders.filter((id) => id === 'n1' || id === 'n2') ?? []
  assert.ok(keys[0]?.holders.length === 3 && far.length <= 1, `${keys[0]?.holders}`)
  // Chances are of the holders of before; of a key or node that is not known all do alike.
  const chances = ['n1', 'n2', 'n3'].map((id) => routing.chanceOf(keyId, nodeIdOf('memory', id)))
  assert.ok(Math.abs(chances.reduce<number>((a, b) => a + b, 0) - 2) < 1e-6, chances.join())
  assert.ok((chances[2] ?? 0) > 0.99, chances.join())
  assert.equal(routing.chanceOf(new Uint8Array(16), nodeIdOf('memory', 'n1')), 1)
})
