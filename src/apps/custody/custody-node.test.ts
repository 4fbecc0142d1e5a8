import assert from 'node:assert/strict'
import { before, beforeEach, describe, it } from 'node:test'
import { type MemoryCluster, memoryCluster } from '../../../test/custody-nodes.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import { type KeyUse, keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import {
  type CustodyAnswer,
  FIELD,
  fieldOf,
  type OperationName,
  readCustodyAnswer,
  writeCustodyRequest,
} from '../../wire/custody-message.ts'
import { NODE_OPERATIONS } from './custody-node.ts'
import { NONCE_BATCH } from './nonce-pool.ts'

const HOLDING = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
const MESSAGE = octetsOf('message')
const CALLER = { cluster: 'memory', role: 'server', id: 's1' }
const label = (use: KeyUse, name: string) => writeKeyLabel({ use, name, version: 1 })
const CA = label('sign', 'ca')
const TABLE = label('encrypt', 'table')
const OBJECTS = label('derive', 'objects')
const ENCRYPT = Uint8Array.of(1)

let cluster: MemoryCluster
before(async () => {
  cluster = await memoryCluster(4)
  const { driver } = cluster
  await driver.make({ use: 'sign', name: 'ca', version: 1 }, HOLDING)
  await driver.make({ use: 'derive', name: 'objects', version: 1 }, HOLDING)
  await driver.bring(
    { use: 'encrypt', name: 'table', version: 1 },
    new Uint8Array(32).fill(5),
    HOLDING,
  )
})
beforeEach(() => {
  cluster.ahead = 0
  cluster.between = (_to, _request, pass) => pass()
})

type Values = readonly (readonly [number, readonly Uint8Array[]])[]

async function ask(
  at: string,
  operation: OperationName,
  labelBytes: Uint8Array,
  more: Values = [],
  generation = 0,
): Promise<CustodyAnswer> {
  const node = cluster.client.links.nodes.find(({ id }) => id === at) ?? assert.fail()
  const fields = new Map([[FIELD.label, [labelBytes]], ...more])
  return (
    (await node.ask(operation, keyIdOf(labelBytes), generation, fields, 1_000)) ?? assert.fail()
  )
}
const noncesAt = async (at: string) =>
  (await ask(at, 'nonces', CA)).fields.get(FIELD.commitment) ?? assert.fail()
const pointOf = (at: string, keyId: Uint8Array) =>
  cluster.nodes
    .find(({ id }) => id === at)
    ?.world.vault.current(keyId)
    ?.open().header.point ?? 0

/** Commitments of two signers as a request has them. */
async function commitments() {
  const keyId = keyIdOf(CA)
  const both = await Promise.all(
    ['n1', 'n2'].map(async (id) => {
      const [first = assert.fail()] = await noncesAt(id)
      return joinOctets(Uint8Array.of(pointOf(id, keyId)), first)
    }),
  )
  return both.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0))
}

describe('custodyNode()', () => {
  it('signs once with its nonces', async () => {
    assert.equal((await noncesAt('n1')).length, NONCE_BATCH)
    const fields: Values = [
      [FIELD.input, [MESSAGE]],
      [FIELD.commitment, await commitments()],
    ]
    assert.equal((await ask('n1', 'sign', CA, fields)).outcome, 'done')
    assert.equal((await ask('n1', 'sign', CA, fields)).outcome, 'nonces')
    const other: Values = [[FIELD.input, [octetsOf('other')]], ...fields.slice(1)]
    assert.equal((await ask('n1', 'sign', CA, other)).outcome, 'nonces')
    assert.equal((await ask('n3', 'sign', CA, fields)).outcome, 'nonces')
  })

  it('uses nonces up when what they are asked to sign beside is no good', async () => {
    const [one = assert.fail(), two = assert.fail()] = await commitments()
    const backwards: Values = [
      [FIELD.input, [MESSAGE]],
      [FIELD.commitment, [two, one]],
    ]
    assert.equal((await ask('n1', 'sign', CA, backwards)).outcome, 'nonces')
    const right: Values = [
      [FIELD.input, [MESSAGE]],
      [FIELD.commitment, [one, two]],
    ]
    assert.equal((await ask('n1', 'sign', CA, right)).outcome, 'nonces')
  })

  it('signs beside no commitment to nothing, nor beside one of who holds no share', async () => {
    const { identity } = cluster.groups.ed25519
    const points = ['n1', 'n2', 'n3'].map((id) => pointOf(id, keyIdOf(CA)))
    const stranger = [1, 2, 3, 4].find((point) => !points.includes(point)) ?? 0
    const [, holder = 0] = points
    const from = async (point: number, second?: Uint8Array): Promise<Values> => {
      const [first = assert.fail()] = await noncesAt('n1')
      const [other = assert.fail()] = await noncesAt('n2')
      const own = joinOctets(Uint8Array.of(pointOf('n1', keyIdOf(CA))), first)
      const both = [own, joinOctets(Uint8Array.of(point), second ?? other)]
      both.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0))
      return [
        [FIELD.input, [MESSAGE]],
        [FIELD.commitment, both],
      ]
    }
    const outcome = async (fields: Values) => (await ask('n1', 'sign', CA, fields)).outcome
    assert.equal(await outcome(await from(holder, joinOctets(identity, identity))), 'nonces')
    assert.equal(await outcome(await from(stranger)), 'nonces')
    assert.equal(await outcome(await from(holder)), 'done')
  })

  it('forgets nonces and secrets when it starts anew', async () => {
    const fields: Values = [
      [FIELD.input, [MESSAGE]],
      [FIELD.commitment, await commitments()],
    ]
    cluster.nodes[0]?.restart()
    assert.equal((await ask('n1', 'sign', CA, fields)).outcome, 'nonces')
    await cluster.client.sign({ name: 'ca', version: 1 }, MESSAGE)
  })

  it('refuses requests that were there before, or are of another time', async () => {
    const { node } = cluster.nodes[0] ?? assert.fail()
    const write = (time: number) =>
      writeCustodyRequest({
        ...{ operation: 'list', requestId: new Uint8Array(16).fill(time % 251), time },
        ...{ keyId: new Uint8Array(16), generation: 0, fields: new Map() },
      })
    const outcome = async (body: Uint8Array) =>
      readCustodyAnswer((await node.handle(CALLER, body.slice())) ?? assert.fail())?.outcome
    const body = write(Date.now())
    assert.equal(await outcome(body), 'done')
    assert.equal(await outcome(body), 'replayed')
    assert.equal(await outcome(write(Date.now() - 31_000)), 'clock')
    assert.equal(await outcome(write(Date.now() + 31_000)), 'clock')
    cluster.ahead = 29_000
    assert.equal(await outcome(body), 'replayed')
    assert.equal(await node.handle(CALLER, body.subarray(1)), undefined)
  })

  it('does for a key what it is for, and nothing else', async () => {
    const input: Values = [[FIELD.input, [new Uint8Array(32).fill(1)]]]
    assert.equal((await ask('n1', 'multiply', OBJECTS, input)).outcome, 'done')
    assert.equal((await ask('n1', 'multiply', CA, input)).outcome, 'input')
    assert.equal((await ask('n1', 'nonces', OBJECTS)).outcome, 'input')
    const node = cluster.client.links.nodes[0] ?? assert.fail()
    // The id of one key with the label of another, which may open what this one only derives.
    const fields = new Map([[FIELD.label, [label('open', 'objects')]], ...input])
    const answer = await node.ask('multiply', keyIdOf(OBJECTS), 0, fields, 1_000)
    assert.equal(answer?.outcome, 'input')
    assert.equal((await ask('n1', 'nonces', label('sign', 'none'))).outcome, 'unknown-key')
    assert.equal((await ask('n4', 'nonces', CA)).outcome, 'unknown-key')
    assert.equal((await ask('n1', 'nonces', CA, [], 9)).outcome, 'share-gen')
  })

  it('has words for access rules', () => {
    assert.deepEqual([...NODE_OPERATIONS].sort(), [
      ...['abort', 'checkpoint', 'commit', 'compare', 'deal', 'decrypt', 'delete', 'deliver'],
      ...['derive', 'destroy', 'encrypt', 'figures', 'list', 'mac', 'open', 'prepare', 'prove'],
      ...['sign', 'state', 'take'],
    ])
  })

  it('asks who may, and writes down what came of it', async () => {
    const { node, audited } = cluster.nodes[0] ?? assert.fail()
    audited.length = 0
    const keyId = keyIdOf(CA)
    const request = (n: number) =>
      writeCustodyRequest({
        ...{ operation: 'nonces', requestId: new Uint8Array(16).fill(n), time: Date.now(), keyId },
        ...{ generation: 0, fields: new Map([[FIELD.label, [CA]]]) },
      })
    const stranger = { ...CALLER, role: 'edge' }
    const refused = await node.handle(stranger, request(1))
    assert.equal(readCustodyAnswer(refused ?? assert.fail())?.outcome, 'refused')
    await node.handle(CALLER, request(2))
    assert.deepEqual(audited, [
      { caller: 'edge/s1', key: 'ca', operation: 'sign', result: 'no-rule' },
      { caller: 'server/s1', key: 'ca', operation: 'sign', result: 'done' },
    ])
  })

  it('puts a secret together for one session, of shares sealed for it, and keeps it for a while', async () => {
    const input: Values = [
      [FIELD.input, [MESSAGE]],
      [FIELD.action, [ENCRYPT]],
    ]
    const first = await ask('n1', 'use', TABLE, input)
    assert.equal(first.outcome, 'not-assembled')
    const session = fieldOf(first.fields, FIELD.session)
    const card = cluster.nodes[0]?.card ?? assert.fail()
    const deliver: Values = [
      [FIELD.session, [session]],
      [FIELD.card, [card]],
    ]
    const delivered = await ask('n2', 'deliver', TABLE, deliver)
    const from = Uint8Array.of(pointOf('n2', keyIdOf(TABLE)))
    const sealed = joinOctets(from, fieldOf(delivered.fields, FIELD.sealed))
    const withShares = (of: Uint8Array): Values => [
      ...input,
      [FIELD.session, [of]],
      [FIELD.sealed, [sealed]],
    ]
    // Of a session that is none, and then of another one than the shares are for.
    const wrong = await ask('n1', 'use', TABLE, withShares(new Uint8Array(16)))
    assert.equal(wrong.outcome, 'not-assembled')
    const other = await ask('n1', 'use', TABLE, withShares(fieldOf(wrong.fields, FIELD.session)))
    assert.equal(other.outcome, 'inconsistent')
    assert.deepEqual(other.fields.get(FIELD.point), [from])
    assert.equal((await ask('n1', 'use', TABLE, withShares(session))).outcome, 'done')
    assert.equal((await ask('n1', 'use', TABLE, input)).outcome, 'done')
    cluster.ahead = 30_001
    cluster.nodes[0]?.node.sweep()
    assert.equal((await ask('n1', 'use', TABLE, withShares(session))).outcome, 'not-assembled')
  })

  it('says how often shares and secrets were at hand', async () => {
    const figures = async () => {
      const node = cluster.client.links.nodes[2] ?? assert.fail()
      const answer = await node.ask('figures', keyIdOf(TABLE), 0, new Map(), 1_000)
      const { fields } = answer ?? assert.fail()
      const octets = fieldOf(fields, FIELD.output)
      const view = new DataView(octets.buffer, octets.byteOffset)
      return [0, 8, 16, 24].map((at) => Number(view.getBigUint64(at)))
    }
    cluster.ahead = 60_000
    const [hits = 0, misses = 0, atHand, not = 0] = await figures()
    for (let i = 0; i < 3; i++) {
      await ask('n3', 'use', TABLE, [
        [FIELD.input, [MESSAGE]],
        [FIELD.action, [ENCRYPT]],
      ])
    }
    assert.deepEqual(await figures(), [hits + 2, misses + 1, atHand, not + 3])
  })

  it('gives its share to holders of the key only, by the card the cluster has signed', async () => {
    const card = cluster.nodes[1]?.card ?? assert.fail()
    const deliver = async (to: Uint8Array) =>
      (
        await ask('n1', 'deliver', TABLE, [
          [FIELD.session, [new Uint8Array(16)]],
          [FIELD.card, [to]],
        ])
      ).outcome
    assert.equal(await deliver(card), 'done')
    assert.equal(await deliver(cluster.nodes[3]?.card ?? card), 'state')
    const forged = card.slice()
    forged.fill(9, 24, 56)
    assert.equal(await deliver(forged), 'state')
  })

  it('takes no change that the cluster has not signed', async () => {
    const seen = new Map<string, Map<number, readonly Uint8Array[]>>()
    cluster.between = async (_to, { operation, fields }, pass) => {
      const copies = [...fields].map(
        ([tag, values]) => [tag, values.map((v) => v.slice())] as const,
      )
      seen.set(operation, new Map(copies))
      return await pass()
    }
    const keyId = keyIdOf(CA)
    await cluster.driver.reshare(keyId)
    const node = cluster.client.links.nodes[0] ?? assert.fail()
    for (const operation of ['deal', 'take', 'commit', 'destroy'] as const) {
      const fields = seen.get(operation) ?? assert.fail(operation)
      const tag = operation === 'deal' || operation === 'take' ? FIELD.plan : FIELD.manifest
      const [signed = assert.fail()] = fields.get(tag) ?? []
      const forged = signed.slice()
      forged[27] = (forged[27] ?? 0) + 1
      const asked = new Map([...fields, [tag, [forged]] as const])
      assert.equal((await node.ask(operation, keyId, 0, asked, 1_000))?.outcome, 'state')
    }
    // Nor one of another key.
    const fields = seen.get('destroy') ?? assert.fail()
    assert.equal((await node.ask('destroy', keyIdOf(TABLE), 0, fields, 1_000))?.outcome, 'state')
    await cluster.client.sign({ name: 'ca', version: 1 }, MESSAGE)
  })
})
