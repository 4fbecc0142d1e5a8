import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { hpkeKeyPair } from '../../adapters/node/hpke.ts'
import {
  isMediaAckMac,
  mediaAckKey,
  mediaAckMac,
  sealMediaKeyOrder,
} from '../../adapters/node/media-key-seal.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { KEM } from '../../wire/key-config.ts'
import { readMediaKeyAnswer } from '../../wire/media-key-answer.ts'
import type { MediaKeyOrder } from '../../wire/media-key-message.ts'
import { KeyInbox } from './key-inbox.ts'

const NOW = 1_795_000_000_000
const PARTY = 'camera-1'
const random = systemRandom()
const pair = hpkeKeyPair(KEM.x25519, random.bytes(32))
const keys = generateKeyPairSync('ed25519')
const identity = keys.publicKey.export({ format: 'raw-public' })
const master = (octet: number) => new Uint8Array(16).fill(octet)
const install = (epoch: number, key: Uint8Array): MediaKeyOrder => ({
  ...{ kind: 'install', epoch, key, salt: new Uint8Array(12), notAfter: NOW, device: PARTY },
})

/** An inbox, and how to ask it something: state or refusal. */
function inboxOf(change: { readonly isKept?: () => boolean } = {}) {
  const { isKept = () => true } = change
  const events: string[] = []
  const given: Uint8Array[] = []
  let deliver: (message: Uint8Array) => void = () => undefined
  let answered: (answer: Uint8Array) => void = () => undefined
  const inbox = new KeyInbox({
    ...{ party: PARTY, pair, identity, last: 5n, now: () => NOW },
    channel: {
      send: (answer) => answered(answer),
      listen: (heard) => {
        deliver = heard
      },
    },
    async keep(sequence) {
      events.push(`keep ${sequence}`)
      return isKept()
    },
    carryOut(order) {
      events.push(`${order.kind} ${order.epoch}`)
      if (order.kind === 'install') given.push(order.key)
      return order.epoch < 100
    },
  })
  const ask = async (order: MediaKeyOrder, sequence: bigint) => {
    const options = { party: PARTY, publicKey: pair.publicKey, sequence, now: NOW, random }
    const { promise, resolve } = Promise.withResolvers<Uint8Array>()
    answered = resolve
    deliver(
      sealMediaKeyOrder(order, { ...options, sign: (data) => sign(null, data, keys.privateKey) }),
    )
    const answer = readMediaKeyAnswer(await promise)
    assert.ok(answer !== undefined && answer.kind !== 'hello')
    assert.equal(answer.sequence, sequence)
    return answer
  }
  const word = async (order: MediaKeyOrder, sequence: bigint) => {
    const answer = await ask(order, sequence)
    return answer.kind === 'ack' ? answer.state : answer.code
  }
  /** At once; answers as they come. */
  const askAll = async (orders: readonly MediaKeyOrder[]) => {
    const answers: string[] = []
    const { promise, resolve } = Promise.withResolvers<void>()
    answered = (bytes) => {
      const answer = readMediaKeyAnswer(bytes)
      answers.push(answer?.kind === 'ack' ? `${answer.sequence} ${answer.state}` : 'refused')
      if (answers.length === orders.length) resolve()
    }
    for (const [i, order] of orders.entries()) {
      const options = { party: PARTY, publicKey: pair.publicKey, now: NOW, random }
      const signed = (data: Uint8Array) => sign(null, data, keys.privateKey)
      deliver(sealMediaKeyOrder(order, { ...options, sequence: BigInt(6 + i), sign: signed }))
    }
    await promise
    return answers
  }
  return { inbox, events, given, ask, word, askAll }
}

describe('KeyInbox', () => {
  it('keeps that a message was taken before it acts upon it, and answers with a MAC', async () => {
    const { events, given, ask, word } = inboxOf()
    const answer = await ask(install(1, master(1)), 6n)
    assert.ok(answer.kind === 'ack')
    const wanted = mediaAckMac(mediaAckKey(master(1), PARTY), 6n, 1, 'installed')
    assert.ok(isMediaAckMac(answer.mac, wanted))
    assert.equal(await word({ kind: 'activate', epoch: 1 }, 7n), 'active')
    assert.equal(await word({ kind: 'retire', epoch: 1 }, 8n), 'retired')
    assert.deepEqual(events, ['keep 6', 'install 1', 'keep 7', 'activate 1', 'keep 8', 'retire 1'])
    // The key is in OpenSSL's hands by now.
    assert.deepEqual(given, [new Uint8Array(16)])
  })

  it('keeps what waits together, ACTIVATE alone, and carries it out in order', async () => {
    const { events, given, askAll } = inboxOf()
    const answers = await askAll([
      ...[install(1, master(1)), install(2, master(2)), { kind: 'activate', epoch: 1 } as const],
      ...[{ kind: 'retire', epoch: 2 } as const, install(3, master(3))],
    ])
    const states = ['6 installed', '7 installed', '8 active', '9 retired', '10 installed']
    assert.deepEqual(answers, states)
    assert.deepEqual(events, [
      ...['keep 7', 'install 1', 'install 2', 'keep 8', 'activate 1'],
      ...['keep 10', 'retire 2', 'install 3'],
    ])
    assert.deepEqual(
      given,
      [1, 2, 3].map(() => new Uint8Array(16)),
    )
  })

  it('keeps thousands with few writings, and no more than 64 in one', async () => {
    const { events, askAll } = inboxOf()
    const many = Array.from({ length: 300 }, (_, i) => install((i % 99) + 1, master((i % 99) + 1)))
    const answers = await askAll(many)
    assert.deepEqual(
      answers,
      many.map((_, i) => `${6 + i} installed`),
    )
    const kept = events.filter((event) => event.startsWith('keep'))
    assert.deepEqual(kept, ['keep 69', 'keep 133', 'keep 197', 'keep 261', 'keep 305'])
  })

  it('answers the same again, takes no other key for an epoch, and nothing twice', async () => {
    const { inbox, events, word } = inboxOf()
    assert.equal(await word(install(1, master(1)), 6n), 'installed')
    assert.equal(await word(install(1, master(1)), 7n), 'installed')
    assert.equal(await word(install(1, master(2)), 8n), 'epoch')
    assert.equal(await word(install(1, master(1)), 9n), 'installed')
    assert.equal(await word(install(2, master(2)), 9n), 'replay')
    assert.equal(await word(install(2, master(2)), 5n), 'replay')
    assert.deepEqual(
      events.filter((event) => event.startsWith('install')),
      ['install 1'],
    )
    assert.deepEqual(
      [...inbox.refused],
      [
        ['epoch', 1],
        ['replay', 2],
      ],
    )
  })

  it('refuses what its owner does not do, and what cannot be kept', async () => {
    let isKept = true
    const { word, events } = inboxOf({ isKept: () => isKept })
    assert.equal(await word(install(100, master(1)), 6n), 'epoch')
    assert.equal(await word({ kind: 'activate', epoch: 1 }, 7n), 'epoch')
    isKept = false
    assert.equal(await word(install(1, master(1)), 8n), 'store')
    assert.equal(events.includes('install 1'), false)
    isKept = true
    assert.equal(await word(install(1, master(1)), 9n), 'installed')
  })
})
