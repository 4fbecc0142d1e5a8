/**
 * Shares are refreshed over and over, and a node replaced again and again, under a load of all operations: none fails. For as many seconds as
 * `LIMEN_TEST_REFRESH_S` says, else 15; from a minute on shares are refreshed every 10 s (issue 6), else every 2 s.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import type { CustodyClient } from '../../src/apps/custody/custody-client.ts'
import { drill } from '../../src/apps/custody/drill.ts'
import type { ShareDriver } from '../../src/apps/custody/drive-change.ts'
import { type CustodyCluster, startCustodyCluster } from '../custody-cluster.ts'
import {
  CUSTODY_KEYS,
  type CustodyOperations,
  custodyKeyId,
  custodyOperations,
  underCustodyLoad,
} from '../custody-operations.ts'

const FOR_S = Number(process.env['LIMEN_TEST_REFRESH_S'] ?? 15)
const EVERY_S = FOR_S >= 60 ? 10 : 2
/** So that a refresh is over before the next begins, as long as the machine keeps up. */
const GRACE_MS = 500 * EVERY_S
/** A refresh on a machine that is busy with others. */
const SLACK_S = 120
const HOLDING = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] }
const WITHOUT = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n4', 'n6'] }

let cluster: CustodyCluster
let client: CustodyClient
let operations: CustodyOperations
before(async () => {
  cluster = await startCustodyCluster(6)
  client = await cluster.client()
  operations = await custodyOperations(cluster, client, HOLDING)
})
after(async () => await cluster.close())

const nodeAt = (id: string) => cluster.nodes.find((one) => one.id === id) ?? assert.fail(id)

let starting: Promise<void> | undefined

/** Refreshes all keys, or replaces the node that has them by the other, and kills the one that has left. */
async function changeAll(
  driver: ShareDriver,
  isReplacing: boolean,
  { generation, replaced }: { readonly generation: number; readonly replaced: number },
) {
  const [leaves, to] = replaced % 2 === 0 ? (['n5', WITHOUT] as const) : (['n6', HOLDING] as const)
  // The one that comes left a while ago.
  if (isReplacing) await starting
  const changes = CUSTODY_KEYS.map(([use, name]) =>
    driver.reshare(custodyKeyId(use, name), isReplacing ? to : undefined),
  )
  for (const changed of await Promise.all(changes)) {
    assert.deepEqual([changed.generation, changed.waiting], [generation + 1, []])
  }
  if (isReplacing) {
    await nodeAt(leaves).kill('SIGKILL')
    // Comes back by the time it is wanted again, without a share.
    starting = nodeAt(leaves).restart()
  }
  return { generation: generation + 1, replaced: replaced + (isReplacing ? 1 : 0) }
}

describe('custody nodes as processes', () => {
  const timeout = (FOR_S + SLACK_S) * 1000
  it('refresh over and over, and a node is replaced meanwhile', { timeout }, async (t) => {
    const driver = cluster.driver(client, GRACE_MS)
    let changed = { generation: 1, replaced: 0 }
    const apartMs: number[] = []
    const { done, failed } = await underCustodyLoad(operations, client, async () => {
      const begun = performance.now()
      let last = begun
      for (let round = 1; performance.now() - begun < FOR_S * 1000; round++) {
        const now = performance.now()
        apartMs.push(Math.round(now - last))
        last = now
        changed = await changeAll(driver, round % 2 === 0, changed)
        const leftMs = begun + round * EVERY_S * 1000 - performance.now()
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, leftMs)))
      }
    })
    const { generation, replaced } = changed
    const count = [...done.values()].reduce((sum, one) => sum + one, 0)
    t.diagnostic(
      JSON.stringify({
        seconds: FOR_S,
        everyS: EVERY_S,
        generation,
        replaced,
        count,
        failed: failed.length,
      }),
    )
    t.diagnostic(JSON.stringify(Object.fromEntries(done)))
    t.diagnostic(`milliseconds between two changes: ${apartMs.slice(1).join(', ')}`)
    await starting
    assert.deepEqual(failed, [])
    assert.equal(done.size, operations.length)
    assert.ok(generation >= 4 && replaced >= 1, `${generation} generations, ${replaced} replaced`)
    const { links, manifests } = client
    const shares = await drill({ links, manifests, groups: cluster.groups, random: systemRandom() })
    const holders = replaced % 2 === 0 ? HOLDING : WITHOUT
    assert.equal(shares.length, holders.nodes.length * CUSTODY_KEYS.length)
    for (const one of shares) {
      assert.deepEqual([one.fault, one.generation], [undefined, generation], one.node)
      assert.ok(holders.nodes.includes(one.node), one.node)
    }
  })
})
