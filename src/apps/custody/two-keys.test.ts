/**
 * Two keys of one name: made while the holders of the first are away. What is made now asks all nodes; what was made before, or by somebody who asked
 * other nodes, is told of and not changed.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { type MemoryCluster, memoryCluster } from '../../../test/custody-nodes.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { joinOctets } from '../../ground/octets.ts'
import { type KeyLabel, keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { writeCustodyDeletion } from '../../wire/custody-deletion.ts'
import { FIELD } from '../../wire/custody-message.ts'
import { drillKey } from './drill.ts'
import { ShareDriver } from './drive-change.ts'
import { KeyManifests } from './key-manifests.ts'
import type { NodeLinks } from './node-links.ts'
import { toBeSigned } from './node-world.ts'
import { surveyCluster } from './survey-cluster.ts'

const CA: KeyLabel = { use: 'sign', name: 'ca', version: 1 }
const MARKS: KeyLabel = { use: 'mac', name: 'marks', version: 1 }
const [CA_ID, MARKS_ID] = [CA, MARKS].map((label) => keyIdOf(writeKeyLabel(label))) as [
  Uint8Array,
  Uint8Array,
]
const FIRST = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
const SECOND = { threshold: 2, nodes: ['n4', 'n5', 'n6'] }
const SECRET = new Uint8Array(32).fill(7)
const OTHER = new Uint8Array(32).fill(8)
const random = systemRandom()

let cluster: MemoryCluster
const away = new Set<string>()
beforeEach(async () => {
  cluster = await memoryCluster(6)
  away.clear()
  cluster.between = async (to, _request, pass) => (away.has(to.id) ? 'away' : await pass())
  await cluster.driver.make(CA, FIRST)
  await cluster.driver.bring(MARKS, SECRET, FIRST)
})

const held = (keyId: Uint8Array): readonly number[] =>
  cluster.nodes.map(({ world }) => world.vault.generations(keyId).length)

/** As by one who knows three of the nodes. */
async function makeSeconds(): Promise<void> {
  const nodes = cluster.client.links.nodes.filter(({ id }) => SECOND.nodes.includes(id))
  const { nodeOf } = cluster.client.links
  const links: NodeLinks = { nodes, nodeOf, close: async () => undefined }
  const manifests = new KeyManifests(links, cluster.groups, cluster.identity)
  const driver = new ShareDriver({
    ...{ links, manifests, groups: cluster.groups, random, graceMs: 0 },
    sign: async (octets) => cluster.sign(octets),
  })
  await driver.make(CA, SECOND)
  await driver.bring(MARKS, OTHER, SECOND)
}

describe('ShareDriver, of a key that may be out of sight', () => {
  it('makes none while two nodes or more do not answer, and says which', async () => {
    for (const id of FIRST.nodes) away.add(id)
    const said = { code: 'custody-change', message: /with nodes that do not answer: n1, n2, n3$/ }
    await assert.rejects(cluster.driver.make(CA, SECOND), said)
    await assert.rejects(cluster.driver.bring(MARKS, OTHER, SECOND), said)
    away.delete('n3')
    await assert.rejects(cluster.driver.make(CA, SECOND), /is there already/)
    assert.deepEqual([held(CA_ID), held(MARKS_ID)], Array(2).fill([1, 1, 1, 0, 0, 0]))
  })

  it('makes one while one node is away, which alone has no key', async () => {
    away.add('n1')
    const other = { ...CA, name: 'other' }
    assert.equal((await cluster.driver.make(other, SECOND)).generation, 1)
    // But not when somebody has begun with one that this node may have committed.
    const [label, keyId] = [
      { ...CA, name: 'begun' },
      keyIdOf(writeKeyLabel({ ...CA, name: 'begun' })),
    ]
    away.clear()
    cluster.between = async (to, { operation }, pass) =>
      operation === 'commit' && to.id !== 'n1' ? 'away' : await pass()
    await cluster.driver.make(label, FIRST)
    cluster.between = async (to, _request, pass) => (to.id === 'n1' ? 'away' : await pass())
    await assert.rejects(cluster.driver.make(label, SECOND), /may be there already.*: n1$/)
    cluster.between = (_to, _request, pass) => pass()
    await assert.rejects(cluster.driver.make(label, SECOND), /is there already/)
    assert.equal((await cluster.driver.reshare(keyId)).waiting.length, 0)
  })
})

describe('two keys of one name', () => {
  beforeEach(makeSeconds)

  it('are told of by the drill and by a look at the cluster', async () => {
    const { client, groups } = cluster
    for (const keyId of [CA_ID, MARKS_ID]) {
      const shares = await drillKey({ ...client, groups, random }, keyId)
      const faults = shares.filter(({ fault }) => fault !== undefined)
      assert.deepEqual(
        faults.map(({ node, fault }) => `${node} ${fault}`),
        ['n4 other', 'n5 other', 'n6 other'],
      )
    }
    const nodes = cluster.nodes.map(({ id }) => ({ id, address: `${id}:1`, cores: 1, slots: 9 }))
    const { keys } = await surveyCluster({ nodes }, client)
    assert.deepEqual(
      keys.map(({ others }) => others),
      Array(2).fill(['n4', 'n5', 'n6']),
    )
  })

  it('are both kept: no change touches them', async () => {
    for (const keyId of [CA_ID, MARKS_ID]) {
      const said = { code: 'custody-change', message: /two keys of this name, .* n4, n5, n6$/ }
      await assert.rejects(cluster.driver.reshare(keyId), said)
      await assert.rejects(cluster.driver.reshare(keyId, SECOND, ['n1']), said)
      assert.deepEqual(held(keyId), [1, 1, 1, 1, 1, 1])
    }
  })

  it('are both kept when one is refreshed while the holders of the other are away', async () => {
    for (const [keyId, holding] of [
      [CA_ID, SECOND],
      [MARKS_ID, SECOND],
    ] as const) {
      for (const id of FIRST.nodes) away.add(id)
      // Back when the old shares are destroyed.
      cluster.between = async (to, { operation }, pass) => {
        if (operation === 'destroy') away.clear()
        return away.has(to.id) ? 'away' : await pass()
      }
      assert.equal((await cluster.driver.reshare(keyId, holding)).generation, 2)
      assert.deepEqual(held(keyId), [1, 1, 1, 1, 1, 1])
      assert.equal(cluster.nodes[0]?.world.vault.generations(keyId)[0]?.generation, 1)
      assert.equal(cluster.nodes[3]?.world.vault.generations(keyId)[0]?.generation, 2)
    }
  })

  it('can be deleted, both', async () => {
    assert.deepEqual((await cluster.driver.delete(CA_ID)).waiting, [])
    assert.deepEqual(held(CA_ID), Array(6).fill(0))
  })

  it('are not seen in one key and what of it was deleted', async () => {
    const signed = writeCustodyDeletion({ keyId: CA_ID, generation: 1 })
    const bytes = joinOctets(signed, cluster.sign(toBeSigned('deletion', signed)))
    const [first] = cluster.client.links.nodes
    await first?.ask('delete', CA_ID, 0, new Map([[FIELD.deletion, [bytes]]]), 1_000)
    await assert.rejects(cluster.driver.reshare(CA_ID), /no node has it/)
  })
})
