import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { beforeEach, describe, it } from 'node:test'
import { type MemoryCluster, memoryCluster } from '../../../test/custody-nodes.ts'
import { sharesAt } from '../../crypto/shamir.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { octetsOf } from '../../ground/octets.ts'
import { type KeyUse, keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import {
  FIELD,
  fieldOf,
  readCustodyAnswer,
  writeCustodyAnswer,
} from '../../wire/custody-message.ts'
import { readCustodyPlan } from '../../wire/custody-plan.ts'
import { drillKey, repair } from './drill.ts'
import type { Changed } from './drive-change.ts'
import { sealShare } from './sealed-shares.ts'

const NODES = ['n1', 'n2', 'n3', 'n4', 'n5']
const HOLDING = { threshold: 3, nodes: NODES }
const MESSAGE = octetsOf('message')
const SECRET = new Uint8Array(32).fill(7)
const CA = { name: 'ca', version: 1 }
const TABLE = { name: 'table', version: 1 }
const idOf = (use: KeyUse, name: string) => keyIdOf(writeKeyLabel({ use, name, version: 1 }))
const CA_ID = idOf('sign', 'ca')
const TABLE_ID = idOf('encrypt', 'table')

let cluster: MemoryCluster
let made: Changed
let encrypted: Uint8Array
beforeEach(async () => {
  cluster = await memoryCluster(7)
  made = await cluster.driver.make({ use: 'sign', ...CA }, HOLDING)
  await cluster.driver.bring({ use: 'encrypt', ...TABLE }, SECRET.slice(), HOLDING)
  encrypted = await cluster.client.encrypt(TABLE, MESSAGE)
})

/** Both keys still do what they did. */
async function assertUsable(): Promise<void> {
  assert.ok(made.publicKey !== undefined)
  const key = Buffer.from(made.publicKey)
  const publicKey = createPublicKey({ key, format: 'raw-public', asymmetricKeyType: 'ed25519' })
  assert.ok(verify(null, MESSAGE, publicKey, await cluster.client.sign(CA, MESSAGE)))
  assert.deepEqual(await cluster.client.decrypt(TABLE, encrypted), MESSAGE)
}
const heldBy = (id: string, keyId: Uint8Array) =>
  cluster.nodes
    .find((node) => node.id === id)
    ?.world.vault.generations(keyId)
    .map(({ generation, state }) => `${generation} ${state}`)
const drilled = async (keyId: Uint8Array) => {
  const { client, groups } = cluster
  const { random } = cluster.nodes[0]?.world ?? assert.fail()
  return await drillKey({ ...client, groups, random }, keyId)
}

describe('ShareDriver', () => {
  it('makes keys nobody has, once', async () => {
    await assertUsable()
    await assert.rejects(cluster.driver.make({ use: 'sign', ...CA }, HOLDING), {
      code: 'custody-change',
      message: /is there already/,
    })
  })

  it('refreshes: other shares of the same key, and the old ones are gone', async () => {
    const before = cluster.nodes[0]?.world.vault.current(CA_ID)?.open().secret
    for (const keyId of [CA_ID, TABLE_ID]) {
      const { generation, waiting } = await cluster.driver.reshare(keyId)
      assert.deepEqual([generation, waiting], [2, []])
      for (const id of NODES) assert.deepEqual(heldBy(id, keyId), ['2 committed'])
    }
    assert.notDeepEqual(cluster.nodes[0]?.world.vault.current(CA_ID)?.open().secret, before)
    await assertUsable()
  })

  it('reshares to other nodes and another threshold', async () => {
    const holding = { threshold: 4, nodes: ['n2', 'n3', 'n4', 'n5', 'n6', 'n7'] }
    for (const keyId of [CA_ID, TABLE_ID]) await cluster.driver.reshare(keyId, holding)
    assert.deepEqual(heldBy('n1', CA_ID), [])
    assert.deepEqual(heldBy('n7', TABLE_ID), ['2 committed'])
    await assertUsable()
    const shares = await drilled(TABLE_ID)
    assert.deepEqual(
      shares.map(({ fault }) => fault),
      Array(6).fill(undefined),
    )
  })

  it('needs t of the old holders, and all of the new ones', async () => {
    const dead = new Set(['n4', 'n5'])
    cluster.between = async (to, _request, pass) => (dead.has(to.id) ? 'away' : await pass())
    await assert.rejects(cluster.driver.reshare(CA_ID), /take has failed at (n4|n5) \(away\)/)
    const holding = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n6', 'n7'] }
    assert.equal((await cluster.driver.reshare(CA_ID, holding)).generation, 2)
    dead.add('n3').add('n6').add('n7')
    await assert.rejects(cluster.driver.reshare(CA_ID), /cannot be changed/)
    dead.clear()
    await assertUsable()
  })

  const steps = ['deal', 'take', 'prepare', 'compare', 'commit', 'destroy'] as const
  for (const step of steps) {
    for (const after of [0, 2]) {
      it(`leaves one valid generation when it ends at ${step} ${after}, and goes on from there`, async () => {
        for (const keyId of [CA_ID, TABLE_ID]) {
          let count = 0
          let isDead = false
          // From there on nothing it says gets anywhere: it was killed.
          cluster.between = async (_to, { operation }, pass) => {
            if (operation === step && count++ >= after) isDead = true
            return isDead ? 'away' : await pass()
          }
          await cluster.driver.reshare(keyId).catch(() => undefined)
          cluster.between = (_to, _request, pass) => pass()
          await assertUsable()
          const { waiting, generation } = await cluster.driver.reshare(keyId)
          assert.deepEqual(waiting, [])
          for (const id of NODES) assert.deepEqual(heldBy(id, keyId), [`${generation} committed`])
          await assertUsable()
        }
      })
    }
  }

  it('begins anew when a node forgets what it has taken', async () => {
    let isFirst = true
    cluster.between = async (to, { operation }, pass) => {
      if (operation === 'prepare' && to.id === 'n2' && isFirst) {
        isFirst = false
        to.restart()
      }
      return await pass()
    }
    await assert.rejects(cluster.driver.reshare(CA_ID), /prepare has failed at n2 \(state\)/)
    assert.deepEqual(heldBy('n1', CA_ID), ['1 committed'])
    assert.ok((await cluster.driver.reshare(CA_ID)).generation > 1)
    await assertUsable()
  })

  it('leaves the old generation when a disk is full', async () => {
    const { vault } = cluster.nodes[1]?.world ?? assert.fail()
    const { prepare } = vault
    vault.prepare = () => Promise.reject(new LimenError('vault-full', 'No room', FULL))
    await assert.rejects(
      cluster.driver.reshare(TABLE_ID),
      /prepare has failed at n2 \(vault-full\)/,
    )
    for (const id of NODES) assert.deepEqual(heldBy(id, TABLE_ID), ['1 committed'])
    vault.prepare = prepare
    await assertUsable()
    await cluster.driver.reshare(TABLE_ID)
  })

  it('does without a dealer whose dealing is not what it should be', async () => {
    for (const keyId of [CA_ID, TABLE_ID]) {
      for (const tag of keyId === CA_ID ? [FIELD.commitment, FIELD.sealed] : [FIELD.sealed]) {
        const lied = new Set<string>()
        cluster.between = async (to, { operation }, pass) => {
          const answer = await pass()
          if (operation !== 'deal' || to.id === 'n5') return answer
          // Whoever is asked first.
          if (lied.size === 0) lied.add(to.id)
          const values = readCustodyAnswer(answer)?.fields.get(tag) ?? []
          for (const one of lied.has(to.id) ? values : []) one.fill(1, 20, 24)
          return answer
        }
        await cluster.driver.reshare(keyId)
        assert.equal(lied.size, 1)
        await assertUsable()
      }
    }
  })

  it('does without a dealer of octets that deals another secret, which only shows at the end', async () => {
    const { random } = cluster.nodes[0]?.world ?? assert.fail()
    for (const liar of NODES.slice(0, 3)) {
      cluster.between = async (to, { operation, fields, requestId }, pass) => {
        const answered = await pass()
        const answer = readCustodyAnswer(answered)
        if (operation !== 'deal' || to.id !== liar || answer?.outcome !== 'done') return answered
        const plan = readCustodyPlan(fieldOf(fields, FIELD.plan))?.value ?? assert.fail()
        const { keyId, generation, attempt, receivers } = plan
        const points = receivers.map(({ point }) => point)
        const held = to.world.vault.current(keyId)?.open().header.point ?? 0
        const errand = { purpose: 'deal', keyId, generation, from: held, attempt } as const
        const shares = sharesAt(points, SECRET, 3, random)
        const sealed = receivers.map((receiver, i) =>
          sealShare(receiver, errand, shares[i] ?? assert.fail(), random),
        )
        const all = new Map([[FIELD.sealed, sealed]])
        return writeCustodyAnswer({ ...answer, requestId, fields: all })
      }
      await cluster.driver.reshare(TABLE_ID)
      await assertUsable()
    }
  })

  it('leaves a key that can be used when two change it at once', async () => {
    for (const keyId of [CA_ID, TABLE_ID]) {
      for (let round = 0; round < 4; round++) {
        const both = [cluster.driver.reshare(keyId), cluster.driver.reshare(keyId)]
        await Promise.allSettled(both)
        await assertUsable()
      }
      const { generation, waiting } = await cluster.driver.reshare(keyId)
      assert.deepEqual(waiting, [])
      for (const id of NODES) assert.deepEqual(heldBy(id, keyId), [`${generation} committed`])
    }
    await assertUsable()
  })

  it('names and repairs lost and old shares', async () => {
    const { vault } = cluster.nodes[3]?.world ?? assert.fail()
    await vault.destroy(CA_ID, 1)
    const faults = (await drilled(CA_ID)).filter(({ fault }) => fault !== undefined)
    assert.deepEqual(
      faults.map(({ node, fault }) => [node, fault]),
      [['n4', 'lost']],
    )
    assert.equal((await repair(cluster.driver, faults))?.generation, 2)
    assert.ok((await drilled(CA_ID)).every(({ fault }) => fault === undefined))
    assert.equal(await repair(cluster.driver, await drilled(CA_ID)), undefined)
    await assertUsable()
  })
})

const FULL = { side: 'operator', retry: true } as const
