import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { type MemoryCluster, memoryCluster } from '../../../test/custody-nodes.ts'
import { isShareProven, proveShare } from './drill-proof.ts'
import { type HeldKey, HeldKeys } from './held-keys.ts'
import { ed25519PublicKey, groupOf } from './node-world.ts'

const HOLDING = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
const CHALLENGE = new Uint8Array(32).fill(4)
let cluster: MemoryCluster
let keyIds: Uint8Array[]
before(async () => {
  cluster = await memoryCluster(3)
  const { driver } = cluster
  const made = await driver.make({ use: 'sign', name: 'ca', version: 1 }, HOLDING)
  const opens = await driver.make({ use: 'open', name: 'box', version: 1 }, HOLDING)
  const secret = new Uint8Array(32)
  const brought = await driver.bring({ use: 'mac', name: 'm', version: 1 }, secret, HOLDING)
  keyIds = [made.keyId, opens.keyId, brought.keyId]
})

function heldAt(index: number, keyId: Uint8Array): HeldKey {
  const { vault, clock } = cluster.nodes[index]?.world ?? assert.fail()
  const keys = new HeldKeys({ vault, clock, groupOf: (scheme) => groupOf(cluster.groups, scheme) })
  const found = keys.read(keyId, 0)
  assert.ok(found.kind === 'held')
  return found.held
}

describe('proveShare()', () => {
  it('proves a share of its holder, key and challenge, and no other', () => {
    const { groups } = cluster
    const { signing, random } = cluster.nodes[0]?.world ?? assert.fail()
    const signingKey = (i: number) =>
      ed25519PublicKey(cluster.client.links.nodes[i]?.card.signingKey ?? assert.fail())
    for (const keyId of keyIds) {
      const held = heldAt(0, keyId)
      const { manifest, point } = held
      const proof = proveShare(groups, signing, held, CHALLENGE, random)
      assert.equal(proof.length, 64)
      const isProven = (change: { point?: number; challenge?: Uint8Array; by?: number } = {}) =>
        isShareProven(
          ...([groups, signingKey(change.by ?? 0), manifest, change.point ?? point] as const),
          change.challenge ?? CHALLENGE,
          proof,
        )
      assert.ok(isProven())
      assert.ok(!isProven({ point: heldAt(1, keyId).point }))
      assert.ok(!isProven({ challenge: new Uint8Array(32) }))
      const next = { ...manifest, generation: manifest.generation + 1 }
      assert.ok(!isShareProven(groups, signingKey(0), next, point, CHALLENGE, proof))
      // Of octets one has to believe the node, by its key; of a group, the share alone tells.
      assert.equal(isProven({ by: 1 }), manifest.checkValue === undefined)
    }
  })

  it('proves nothing without the share of a group', () => {
    const { groups } = cluster
    const { signing, random } = cluster.nodes[0]?.world ?? assert.fail()
    const key = ed25519PublicKey(cluster.client.links.nodes[0]?.card.signingKey ?? assert.fail())
    for (const keyId of keyIds.slice(0, 2)) {
      const held = heldAt(0, keyId)
      const other = { ...held, share: heldAt(1, keyId).share }
      const proof = proveShare(groups, signing, other, CHALLENGE, random)
      assert.ok(!isShareProven(groups, key, held.manifest, held.point, CHALLENGE, proof))
    }
  })
})
