import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { beforeEach, describe, it } from 'node:test'
import { type MemoryCluster, memoryCluster } from '../../../test/custody-nodes.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import { compileAccess } from '../../keys/custody/access-policy.ts'
import { keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { writeCustodyDeletion } from '../../wire/custody-deletion.ts'
import { FIELD } from '../../wire/custody-message.ts'
import { custodyNode } from './custody-node.ts'
import { toBeSigned } from './node-world.ts'

const HOLDING = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] }
const CA = { name: 'ca', version: 1 }
const TABLE = { name: 'table', version: 1 }
const CA_ID = keyIdOf(writeKeyLabel({ use: 'sign', ...CA }))
const TABLE_ID = keyIdOf(writeKeyLabel({ use: 'encrypt', ...TABLE }))
const UNKNOWN = { code: 'custody-key-unknown' }

let cluster: MemoryCluster
beforeEach(async () => {
  cluster = await memoryCluster(5)
  await cluster.driver.make({ use: 'sign', ...CA }, HOLDING)
  await cluster.driver.bring({ use: 'encrypt', ...TABLE }, new Uint8Array(32).fill(7), HOLDING)
})

const held = (keyId: Uint8Array) =>
  cluster.nodes.map(({ world }) => world.vault.generations(keyId).length)
/** Asked of the first node. */
async function outcomeOf(
  operation: 'delete' | 'commit',
  tag: number,
  bytes: Uint8Array,
  keyId = CA_ID,
): Promise<string | undefined> {
  const [node] = cluster.client.links.nodes
  const answer = await node?.ask(operation, keyId, 0, new Map([[tag, [bytes]]]), 1_000)
  return answer?.outcome
}

describe('ShareDriver.delete()', () => {
  it('takes a key away at all nodes, and no other', async () => {
    await cluster.client.sign(CA, octetsOf('message'))
    const deleted = await cluster.driver.delete(CA_ID)
    assert.deepEqual(deleted.waiting, [])
    assert.deepEqual(held(CA_ID), [0, 0, 0, 0, 0])
    assert.deepEqual(held(TABLE_ID), [1, 1, 1, 1, 1])
    await assert.rejects(cluster.client.sign(CA, octetsOf('message')), UNKNOWN)
    const sealed = await cluster.client.encrypt(TABLE, octetsOf('plain'))
    await cluster.driver.delete(TABLE_ID)
    // The secret that a node had put together is gone, too.
    await assert.rejects(cluster.client.decrypt(TABLE, sealed), UNKNOWN)
    const [node] = cluster.nodes
    const deletions = node?.audited.filter(({ operation }) => operation === 'delete')
    assert.deepEqual(
      deletions?.map(({ caller, result }) => [caller, result]),
      [
        ['server/s1', 'done'],
        ['server/s1', 'done'],
      ],
    )
  })

  it('is done again as if once, and refused for a key that never was', async () => {
    await cluster.driver.delete(CA_ID)
    const before = cluster.nodes.map(({ world }) => world.vault.deletion(CA_ID))
    await cluster.driver.delete(CA_ID)
    assert.deepEqual(
      cluster.nodes.map(({ world }) => world.vault.deletion(CA_ID)),
      before,
    )
    await assert.rejects(cluster.driver.delete(new Uint8Array(16).fill(3)), /no node has it/)
  })

  it('does not let an old manifest bring it back', async () => {
    const vault = cluster.nodes[0]?.world.vault ?? assert.fail()
    const old = vault.current(CA_ID) ?? assert.fail()
    const { header, secret } = old.open()
    const [manifest, share] = [old.manifest, { header: { ...header, keyId: CA_ID }, secret }]
    await cluster.driver.delete(CA_ID)
    assert.equal(await outcomeOf('commit', FIELD.manifest, manifest), 'state')
    const unsigned = manifest.subarray(0, -64)
    await assert.rejects(vault.prepare(unsigned, share), { code: 'vault-state' })
    assert.deepEqual(held(CA_ID), [0, 0, 0, 0, 0])
  })

  it('reaches a node that was away with the next change, which finds no key', async () => {
    let away: string | undefined = 'n5'
    cluster.between = async (to, _request, pass) => (to.id === away ? 'away' : await pass())
    const { waiting } = await cluster.driver.delete(CA_ID)
    assert.deepEqual(waiting, ['n5'])
    away = undefined
    assert.deepEqual(held(CA_ID), [0, 0, 0, 0, 1])
    // One share is no key, and it does not pass for one.
    await assert.rejects(cluster.client.sign(CA, octetsOf('message')), UNKNOWN)
    await assert.rejects(cluster.driver.reshare(CA_ID), /no node has it/)
    assert.deepEqual(held(CA_ID), [0, 0, 0, 0, 0])
    assert.deepEqual((await cluster.driver.delete(CA_ID)).waiting, [])
  })

  it('leaves its name free for another key', async () => {
    const before = await cluster.client.publicKey({ use: 'sign', ...CA })
    await cluster.driver.delete(CA_ID)
    const made = await cluster.driver.make({ use: 'sign', ...CA }, HOLDING)
    assert.equal(made.generation, 3)
    assert.notDeepEqual(made.publicKey, before)
    assert.equal((await cluster.client.sign(CA, octetsOf('message'))).length, 64)
    await cluster.driver.reshare(CA_ID)
    // The deletion of before takes nothing of it.
    const deletion = cluster.nodes[0]?.world.vault.deletion(CA_ID) ?? assert.fail()
    assert.equal(await outcomeOf('delete', FIELD.deletion, deletion), 'done')
    assert.equal((await cluster.client.sign(CA, octetsOf('message'))).length, 64)
  })
})

describe('a custody node', () => {
  it('deletes nothing that the cluster has not ordered, or of another key', async () => {
    const signed = writeCustodyDeletion({ keyId: CA_ID, generation: 9 })
    const stranger = generateKeyPairSync('ed25519').privateKey
    const by = (signature: Uint8Array) => joinOctets(signed, signature)
    const forged = new Uint8Array(sign(null, toBeSigned('deletion', signed), stranger))
    // As a manifest or a plan is signed.
    const otherwise = cluster.sign(toBeSigned('plan', signed))
    const good = by(cluster.sign(toBeSigned('deletion', signed)))
    for (const bytes of [by(forged), by(otherwise), by(new Uint8Array(64))]) {
      assert.equal(await outcomeOf('delete', FIELD.deletion, bytes), 'state')
    }
    assert.equal(await outcomeOf('delete', FIELD.deletion, good, TABLE_ID), 'state')
    assert.deepEqual([...held(CA_ID), ...held(TABLE_ID)], Array(10).fill(1))
    assert.equal(await outcomeOf('delete', FIELD.deletion, good), 'done')
  })

  it('lets a role delete that may, and says in its log who was refused', async () => {
    const [node] = cluster.nodes
    if (node === undefined) assert.fail()
    const decide = compileAccess([
      { caller: { role: 'server' }, key: '**', operations: ['sign', 'state', 'list'] },
      { caller: { role: 'custodian' }, key: '**', operations: ['delete'] },
    ])
    node.node = custodyNode({ ...node.world, decide })
    const signed = writeCustodyDeletion({ keyId: CA_ID, generation: 9 })
    const good = joinOctets(signed, cluster.sign(toBeSigned('deletion', signed)))
    assert.equal(await outcomeOf('delete', FIELD.deletion, good), 'refused')
    assert.equal(held(CA_ID)[0], 1)
    const { operation, result, caller } = node.audited.at(-1) ?? assert.fail()
    assert.deepEqual([operation, result, caller], ['delete', 'no-rule', 'server/s1'])
  })
})
