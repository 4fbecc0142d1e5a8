import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Registry } from 'prom-client'
import { memoryCluster } from '../../../../test/custody-nodes.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { toHex } from '../../../ground/hex.ts'
import { octetsOf } from '../../../ground/octets.ts'
import { CustodyDesk } from '../../custody/custody-desk.ts'
import { KeyUse } from '../../custody/key-use.ts'
import { placeJob } from '../../custody/place-job.ts'
import { custodyView } from '../admin/custody-views.ts'
import { custodyMetrics } from './custody-metrics.ts'
import { type CustodyView, keyNames, viewCustody } from './custody-view.ts'

const OBJECTS = { name: 'objects', version: 1 }
/** Shares that n3 and n4 hold are one domain's. */
const DOMAINS: Readonly<Record<string, string>> = { n3: 'rack', n4: 'rack' }
const HOLDING = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }

let folder = ''
let desk: CustodyDesk
let view: CustodyView
let derives = ''
let signs = ''
let metrics = ''

// A share of one of two keys is lost, and one node is away.
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-custody-view-'))
  const cluster = await memoryCluster(4)
  const { driver, groups } = cluster
  derives = toHex((await driver.make({ ...OBJECTS, use: 'derive' }, HOLDING)).keyId)
  const unsafe = { threshold: 2, nodes: ['n1', 'n3', 'n4'] }
  const made = await driver.make({ use: 'sign', name: 'ca', version: 3 }, unsafe)
  signs = toHex(made.keyId)
  const vault = cluster.nodes[2]?.world.vault
  for (const { generation } of vault?.generations(made.keyId) ?? []) {
    await vault?.destroy(made.keyId, generation)
  }
  cluster.nodes[2]?.restart()
  const now = () => Date.now()
  const use = new KeyUse({ cluster: 'memory', folder, now, complain: assert.fail })
  const client = use.counted(cluster.client)
  for (let i = 0; i < 6; i++) await client.derive(OBJECTS, octetsOf(`${i}`))
  use.endMinute()
  cluster.between = async ({ id }, _request, pass) => (id === 'n4' ? 'away' : await pass())
  const placement = { mode: 'plan', movesMax: 8, moveMs: 0.01 } as const
  const drill = { everyS: 60, repair: false }
  const nodes = cluster.nodes.map(({ id }) => ({
    ...{ id, address: '', cores: 1, slots: 100 },
    ...(DOMAINS[id] === undefined ? {} : { domain: DOMAINS[id] }),
  }))
  desk = new CustodyDesk({
    cluster: {
      ...{ config: { nodes, drill, placement }, groups, random: systemRandom(), client },
      changes: undefined,
    },
    ...{ use, now, onFinding: () => undefined, tell: (_level, text) => assert.fail(text) },
    place: (job) =>
      placeJob(job, async () => {
        throw new Error('no solver')
      }),
  })
  desk.tick()
  await desk.drillNow()
  const { links } = client
  const labels = [{ ...OBJECTS, use: 'derive' as const }]
  const shown = () =>
    viewCustody({
      ...{ desk, links, names: keyNames(labels), drill, mode: placement.mode, events: [] },
    })
  await desk.close()
  view = shown()
  const registry = new Registry()
  custodyMetrics(() => view, [registry])
  metrics = await registry.metrics()
})
after(() => rmSync(folder, { recursive: true }))

describe('viewCustody()', () => {
  it('is what the admin API says it is', () => {
    assert.deepEqual(custodyView.parse(view), view)
  })

  it('has nodes with their domains, and says which are away', () => {
    assert.deepEqual(
      view.nodes.map(({ id, domain, state, shares }) => [id, domain, state, shares]),
      [
        ['n1', 'n1', 'up', 2],
        ['n2', 'n2', 'up', 1],
        ['n3', 'rack', 'up', 2],
        ['n4', 'rack', 'away', 1],
      ],
    )
    const [first, , , last] = view.nodes
    const counted = first?.operations.find(({ operation }) => operation === 'multiply')
    assert.ok((counted?.count ?? 0) > 0)
    assert.ok((last?.unanswered ?? 0) > 0)
    const { hits = 0, misses = 0, hitRate } = first?.cache ?? {}
    assert.equal(hitRate, hits / (hits + misses))
  })

  it('has keys with who holds them, what the drill said, and how much they are used', () => {
    const key = view.keys.find(({ id }) => id === derives)
    assert.deepEqual(
      [key?.name, key?.type, key?.threshold, key?.generation, key?.holders, key?.isSafe],
      ['derive/objects@1', 'ristretto255', 2, 1, HOLDING.nodes, true],
    )
    assert.equal(key?.drill?.verdict, 'good')
    const [use] = key?.uses ?? []
    assert.deepEqual([use?.operation, use?.count, use?.perMinute], ['derive', 6, 6])
    const other = view.keys.find(({ id }) => id === signs)
    // A name that nobody told it; two of three shares in one rack.
    assert.deepEqual([other?.name, other?.type, other?.isSafe], [null, 'ed25519', false])
    assert.equal(other?.present, 1)
    assert.deepEqual(other?.drill?.verdict, 'bad')
    assert.deepEqual(
      other?.drill?.shares.map(({ node, verdict }) => [node, verdict]),
      [
        ['n1', 'good'],
        ['n3', 'lost'],
        ['n4', 'away'],
      ],
    )
  })

  it('has the plan before it acts, and the use of all keys by operation', () => {
    const { mode, by, boundMs, costMs } = view.plan
    assert.deepEqual([mode, by, boundMs], ['plan', 'greedy', null])
    assert.ok(costMs !== null && costMs > 0)
    assert.ok(view.plan.moves.every(({ outcome }) => outcome === null))
    assert.deepEqual(
      view.operations.map(({ operation }) => operation),
      ['derive'],
    )
    const [{ history, expected } = { history: [], expected: [] }] = view.operations
    assert.equal(
      history.reduce<number>((sum, one) => sum + (one ?? 0), 0),
      6,
    )
    assert.equal(expected.length, 60)
    assert.ok(view.countedAt !== null)
  })
})

describe('custodyMetrics()', () => {
  const value = (line: string): number =>
    Number(
      metrics
        .split('\n')
        .find((one) => one.startsWith(`limen_custody_${line} `))
        ?.split(' ')[1],
    )

  it('has nodes, shares, operations and caches', () => {
    assert.equal(value('node_up{node="n1"}'), 1)
    assert.equal(value('node_up{node="n4"}'), 0)
    assert.equal(value('node_shares{node="n3"}'), 2)
    assert.ok(value('node_operations_total{node="n1",operation="multiply"}') > 0)
    assert.ok(value('node_unanswered_total{node="n4"}') > 0)
    assert.ok(value('node_cache_total{node="n1",result="hit"}') >= 0)
  })

  it('has drills by node and verdict, and their age', () => {
    assert.equal(value('drills_total{node="n3",verdict="lost"}'), 1)
    assert.equal(value('drills_total{node="n3",verdict="good"}'), 1)
    assert.equal(value('drills_total{node="n4",verdict="away"}'), 1)
    assert.equal(value('shares_bad{node="n3"}'), 1)
    assert.equal(value('shares_bad{node="n4"}'), 0)
    assert.equal(value('drill_repairs_total'), 0)
    const at = value('drill_oldest_timestamp_seconds{type="ed25519"}')
    assert.ok(Math.abs(Date.now() / 1000 - at) < 600, `${at}`)
  })

  it('has keys by name, or by id', () => {
    assert.equal(value('key_generation{key="derive/objects@1",type="ristretto255"}'), 1)
    assert.equal(value('key_holders_missing{key="derive/objects@1"}'), 0)
    assert.equal(value(`key_holders_missing{key="${signs}"}`), 2)
    assert.equal(value('uses_total{key="derive/objects@1",operation="derive"}'), 6)
  })

  it('looks once for all lines, and again the next time', async () => {
    const registry = new Registry()
    let looks = 0
    custodyMetrics(() => {
      looks++
      return view
    }, [registry])
    await registry.metrics()
    const first = looks
    await registry.metrics()
    assert.deepEqual([first, looks], [1, 2])
  })

  it('has no lines where no nodes run', async () => {
    const registry = new Registry()
    custodyMetrics(() => undefined, [registry])
    assert.doesNotMatch(await registry.metrics(), /^limen_custody_[a-z_]+\{/m)
  })
})
