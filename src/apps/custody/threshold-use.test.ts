import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { memoryCluster } from '../../../test/custody-nodes.ts'
import { octetsOf } from '../../ground/octets.ts'
import { FIELD, readCustodyAnswer, writeCustodyAnswer } from '../../wire/custody-message.ts'

const CA = { name: 'ca', version: 1 }
const MESSAGE = octetsOf('message')
const LIAR = 'n2'
const ELEMENT_BYTES = 32
/** Enough that each holder has its turn, 3 of 5 at a time. */
const SIGNATURES = 20

/** What a liar makes of its own commitments, hiding and binding. */
const COMMITMENTS: Readonly<Record<string, (pair: Uint8Array) => void>> = {
  'no points': (pair) => void pair.fill(255),
  'hiding elements of small order': (pair) => void pair.fill(0, 0, ELEMENT_BYTES),
  'binding elements of small order': (pair) => void pair.fill(0, ELEMENT_BYTES),
}

describe('ThresholdUse', () => {
  for (const [what, spoil] of Object.entries(COMMITMENTS)) {
    it(`names who commits to ${what}, leaves it out, and signs without it`, async () => {
      const cluster = await memoryCluster(5)
      const nodes = cluster.nodes.map(({ id }) => id)
      const made = await cluster.driver.make({ use: 'sign', ...CA }, { threshold: 3, nodes })
      const key = Buffer.from(made.publicKey ?? assert.fail())
      const publicKey = createPublicKey({ key, format: 'raw-public', asymmetricKeyType: 'ed25519' })
      let lies = 0
      cluster.between = async ({ id }, { operation }, pass) => {
        const answered = await pass()
        const answer = readCustodyAnswer(answered.slice())
        if (id !== LIAR || operation !== 'nonces' || answer?.outcome !== 'done') return answered
        lies++
        for (const pair of answer.fields.get(FIELD.commitment) ?? []) spoil(pair)
        return writeCustodyAnswer(answer)
      }
      for (let i = 0; i < SIGNATURES; i++) {
        assert.ok(verify(null, MESSAGE, publicKey, await cluster.client.sign(CA, MESSAGE)))
      }
      assert.ok(lies > 0)
      for (const { id, health } of cluster.client.links.nodes) {
        assert.equal(health.isExcluded, id === LIAR, id)
      }
    })
  }

  it('refuses what no request has room for, as an input', async () => {
    const cluster = await memoryCluster(3)
    const holding = { threshold: 2, nodes: cluster.nodes.map(({ id }) => id) }
    await cluster.driver.make({ use: 'sign', ...CA }, holding)
    await cluster.driver.make({ use: 'derive', ...CA }, holding)
    await cluster.driver.bring({ use: 'mac', ...CA }, new Uint8Array(32).fill(1), holding)
    const long = new Uint8Array(70_000)
    const { client } = cluster
    for (const asked of [client.sign(CA, long), client.derive(CA, long), client.mac(CA, long)]) {
      await assert.rejects(asked, {
        ...{ code: 'custody-input', message: 'Key ca version 1 does not take so much at once' },
      })
    }
    assert.equal((await client.sign(CA, long.subarray(0, 65_536))).length, 64)
  })
})
