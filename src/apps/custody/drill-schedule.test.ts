import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { type MemoryCluster, memoryCluster } from '../../../test/custody-nodes.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { toHex } from '../../ground/hex.ts'
import type { KeyLabel } from '../../keys/custody/key-label.ts'
import { type DrillFinding, DrillSchedule } from './drill-schedule.ts'

const HOLDING = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
const label = (name: string): KeyLabel => ({ use: 'derive', name, version: 1 })

describe('DrillSchedule', () => {
  let cluster: MemoryCluster
  const ids: string[] = []
  before(async () => {
    cluster = await memoryCluster(3)
    for (const name of ['a', 'b', 'c']) {
      ids.push(toHex((await cluster.driver.make(label(name), HOLDING)).keyId))
    }
  })

  /** Until `isDone` says so; what was found meanwhile. */
  async function scheduled(
    withRepair: boolean,
    isDone: (schedule: DrillSchedule, found: readonly DrillFinding[]) => boolean,
    everyMs = 60,
  ) {
    const found: DrillFinding[] = []
    const errors: string[] = []
    const { links, manifests } = cluster.client
    const schedule = new DrillSchedule({
      ...{ links, manifests, groups: cluster.groups, random: systemRandom(), everyMs },
      driver: withRepair ? cluster.driver : undefined,
      onFinding: (finding) => found.push(finding),
      onError: (text) => errors.push(text),
      now: () => Date.now(),
    })
    schedule.begin()
    for (let i = 0; i < 1000 && !isDone(schedule, found); i++) {
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.ok(isDone(schedule, found), errors.join('\n'))
    await schedule.close()
    return { schedule, found, errors }
  }
  const allSeen = (schedule: DrillSchedule) => schedule.results().length === ids.length

  it('drills every key, one after the other, and has nothing to tell', async () => {
    const { schedule, found, errors } = await scheduled(false, allSeen)
    assert.deepEqual([found, errors], [[], []])
    const results = schedule.results()
    assert.deepEqual(results.map(({ keyId }) => keyId).sort(), [...ids].sort())
    assert.ok(results.every(({ holders }) => holders.join() === 'n1,n2,n3'))
    const times = results.map(({ at }) => at).sort((a, b) => a - b)
    assert.equal(new Set(times).size, ids.length)
  })

  it('tells of a fault once, and again when the share is good', async () => {
    const [node] = cluster.nodes
    let isAway = true
    cluster.between = async (to, _request, pass) =>
      to.id === node?.id && isAway ? 'away' : await pass()
    let rounds = 0
    const { found } = await scheduled(false, (schedule, so) => {
      const faults = schedule.results().reduce((sum, one) => sum + one.faults.length, 0)
      if (faults === ids.length && ++rounds > 20) isAway = false
      return !isAway && faults === 0 && so.length >= 2 * ids.length
    })
    const of = (fault: string | undefined) =>
      found
        .filter((one) => one.fault === fault)
        .map(({ keyId }) => keyId)
        .sort()
    assert.deepEqual(of('away'), [...ids].sort())
    assert.deepEqual(of(undefined), [...ids].sort())
    assert.equal(found.length, 2 * ids.length)
    cluster.between = (_to, _request, pass) => pass()
  })

  it('repairs a lost share when it may', async () => {
    const vault = cluster.nodes[2]?.world.vault
    const keyId = Uint8Array.from(Buffer.from(ids[1] ?? '', 'hex'))
    for (const { generation } of vault?.generations(keyId) ?? []) {
      await vault?.destroy(keyId, generation)
    }
    cluster.nodes[2]?.restart()
    const { schedule, found } = await scheduled(
      true,
      (one, so) => allSeen(one) && so.some(({ fault }) => fault === undefined),
    )
    assert.deepEqual(
      found.map(({ node, fault }) => [node, fault]),
      [
        ['n3', 'lost'],
        ['n3', undefined],
      ],
    )
    const { verdicts, repairs } = schedule.figures()
    assert.equal(repairs, 1)
    assert.equal(verdicts.get('n3')?.get('lost'), 1)
    assert.equal(verdicts.get('n1')?.has('lost'), false)
    assert.ok((verdicts.get('n3')?.get('good') ?? 0) >= 1)
  })

  it('drills all of them when it is asked to, at once for all who ask, and says what it repaired', async () => {
    const vault = cluster.nodes[0]?.world.vault
    const keyId = Uint8Array.from(Buffer.from(ids[0] ?? '', 'hex'))
    for (const { generation } of vault?.generations(keyId) ?? []) {
      await vault?.destroy(keyId, generation)
    }
    cluster.nodes[0]?.restart()
    const { links, manifests } = cluster.client
    const errors: string[] = []
    const schedule = new DrillSchedule({
      ...{ links, manifests, groups: cluster.groups, random: systemRandom(), everyMs: 86_400_000 },
      driver: cluster.driver,
      onFinding: () => undefined,
      onError: (text) => errors.push(text),
      now: () => Date.now(),
    })
    await Promise.all([schedule.drillNow(), schedule.drillNow()])
    await schedule.close()
    assert.deepEqual(errors, [])
    const results = schedule.results()
    assert.equal(results.length, ids.length)
    assert.ok(results.every(({ faults }) => faults.length === 0))
    const repaired = results.flatMap((one) => one.repaired)
    assert.deepEqual(repaired, [{ keyId: ids[0], node: 'n1', fault: 'lost' }])
    // Once each, and once more after the repair.
    const { verdicts } = schedule.figures()
    const good = [...(verdicts.get('n2') ?? [])].reduce((sum, [, count]) => sum + count, 0)
    assert.equal(good, ids.length + 1)
  })

  it('does not take a bad share for good, nor its key for gone, while nobody answers', async () => {
    const vault = cluster.nodes[2]?.world.vault
    const keyId = Uint8Array.from(Buffer.from(ids[2] ?? '', 'hex'))
    for (const { generation } of vault?.generations(keyId) ?? []) {
      await vault?.destroy(keyId, generation)
    }
    cluster.nodes[2]?.restart()
    let isAway = false
    let lists = 0
    cluster.between = async (_to, { operation }, pass) => {
      if (!isAway) return await pass()
      if (operation === 'list') lists++
      return 'away'
    }
    const { schedule, found } = await scheduled(false, (one, so) => {
      isAway ||= allSeen(one) && so.length > 0
      // Three nodes, a few rounds.
      return lists > 9
    })
    assert.deepEqual(
      found.map(({ node, fault }) => [node, fault]),
      [['n3', 'lost']],
    )
    assert.ok(allSeen(schedule))
    cluster.between = (_to, _request, pass) => pass()
  })
})
