import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { type MemoryCluster, type MemoryNode, memoryCluster } from '../../../test/custody-nodes.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { SCHEME } from '../../wire/share-record.ts'
import { HeldKeys } from './held-keys.ts'
import { groupOf } from './node-world.ts'

const HOLDING = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
let cluster: MemoryCluster
let first: MemoryNode
let held: HeldKeys
let signing: Uint8Array
let octets: Uint8Array
let now = 0
beforeEach(async () => {
  now = 0
  cluster = await memoryCluster(3)
  first = cluster.nodes[0] ?? assert.fail()
  const { vault } = first.world
  const groupOfScheme = (scheme: 1 | 2 | 3) => groupOf(cluster.groups, scheme)
  held = new HeldKeys({ vault, clock: { now: () => now }, groupOf: groupOfScheme })
  const { driver } = cluster
  signing = (await driver.make({ use: 'sign', name: 'ca', version: 1 }, HOLDING)).keyId
  const secret = new Uint8Array(32)
  octets = (await driver.bring({ use: 'mac', name: 'm', version: 1 }, secret, HOLDING)).keyId
})

describe('HeldKeys', () => {
  it('keeps what it has opened for half a minute, and zeroes it then', () => {
    for (const keyId of [signing, octets]) {
      const [hits, misses] = [held.hits, held.misses]
      const found = held.find(keyId, 0)
      assert.ok(found.kind === 'held')
      assert.deepEqual(held.find(keyId, 0), found)
      assert.deepEqual(held.find(keyId, 1), found)
      assert.deepEqual([held.hits - hits, held.misses - misses], [2, 1])
      const { share } = found.held
      assert.ok(share.some((octet) => octet !== 0))
      now += 30_000
      held.sweep()
      assert.ok(share.every((octet) => octet === 0))
    }
  })

  it('zeroes and opens anew what has changed', async () => {
    const found = held.find(signing, 0)
    assert.ok(found.kind === 'held')
    await cluster.driver.reshare(signing)
    held.forget(signing)
    assert.ok(found.held.share.every((octet) => octet === 0))
    const after = held.find(signing, 0)
    assert.ok(after.kind === 'held')
    assert.equal(after.held.manifest.generation, 2)
    assert.deepEqual(held.find(signing, 1), { kind: 'not', outcome: 'share-gen', generation: 2 })
    held.close()
    assert.ok(after.held.share.every((octet) => octet === 0))
  })

  it('gives no share that is not as committed to, nor one that does not open', () => {
    for (const keyId of [signing, octets]) {
      const { vault } = first.world
      const entry = vault.current(keyId) ?? assert.fail()
      const { header, secret } = entry.open()
      const other = secret.slice()
      other[3] = (other[3] ?? 0) ^ 1
      const corrupt = { kind: 'not', outcome: 'share-commit', generation: 1 }
      const { current } = vault
      vault.current = () => ({ ...entry, open: () => ({ header, secret: other }) })
      assert.deepEqual(held.find(keyId, 0), corrupt)
      const details = { side: 'operator', retry: false } as const
      vault.current = () => {
        throw new LimenError('vault-record', 'It does not open', details)
      }
      assert.deepEqual(held.find(keyId, 0), corrupt)
      vault.current = current
      assert.equal(held.find(keyId, 0).kind, 'held')
    }
  })

  it('knows what is not there', () => {
    const unknown = { kind: 'not', outcome: 'unknown-key', generation: 0 }
    assert.deepEqual(held.find(new Uint8Array(16), 0), unknown)
    assert.throws(() => groupOf(cluster.groups, SCHEME.octets), RangeError)
  })
})
