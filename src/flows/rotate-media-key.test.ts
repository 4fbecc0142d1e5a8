import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { type MediaKeyState, writeMediaKeyAnswer } from '../wire/media-key-answer.ts'
import type { MediaKeyOrder } from '../wire/media-key-message.ts'
import { RotateMediaKey, type RotationNews } from './rotate-media-key.ts'

const DEVICE = 'camera-1'
const BOOT = 'A'.repeat(22)

/** Sealing that hides nothing, and MACs that are the first octet of the key. */
function world() {
  const said: { readonly to: string; readonly order: MediaKeyOrder; readonly key: string }[] = []
  const news: RotationNews[] = []
  let now = 1000
  let epoch = 0
  let sequence = 0n
  const rotate = new RotateMediaKey({
    ...{ device: DEVICE, transports: ['t1'], quarantine: false, graceMs: 300, keyAgeMs: 5000 },
    random: seededRandom(7),
    nextEpoch: () => ++epoch,
    channel: { send: () => undefined },
    seal(order, to) {
      said.push({ to, order, key: order.kind === 'install' ? `${order.key}` : '' })
      return new Uint8Array(0)
    },
    ackCheck: (key) => {
      const [first] = key
      return (_party, _sequence, _epoch, _state, mac) => mac[0] === first
    },
    now: () => now,
    told: (one) => void news.push(one),
  })
  const answer = (from: string, state: MediaKeyState, mac?: number) => {
    const install = said.map(({ order }) => order).findLast(({ kind }) => kind === 'install')
    const first = said.findLast(({ order }) => order.kind === 'install')?.key.split(',')[0]
    const bytes = new Uint8Array(32).fill(mac ?? Number(first))
    const ack = { kind: 'ack', sequence: ++sequence, epoch: install?.epoch ?? 0, state } as const
    rotate.heard(from, writeMediaKeyAnswer({ ...ack, mac: bytes }))
  }
  const wait = (ms: number) => {
    now += ms
    rotate.due()
  }
  return { rotate, said, news, answer, wait, now: () => now }
}

describe('RotateMediaKey', () => {
  it('tells all the same key, says the same again, and forgets it when it is in force', () => {
    const { rotate, said, news, answer, wait } = world()
    rotate.want('hand')
    wait(500)
    answer('t1', 'installed')
    answer(DEVICE, 'installed')
    answer(DEVICE, 'active')
    assert.equal(rotate.epoch, undefined)
    answer('t1', 'seen')
    assert.equal(rotate.epoch, 1)
    const kinds = said.map(({ to, order }) => `${order.kind} ${order.epoch} ${to}`)
    assert.deepEqual(kinds, [
      ...['install 1 t1', 'install 1 t1', `install 1 ${DEVICE}`, `activate 1 ${DEVICE}`],
    ])
    const [first, second, third] = said
    assert.ok(first !== undefined && first.key === second?.key && first.key === third?.key)
    const { order } = first
    assert.ok(order.kind === 'install')
    assert.equal(order.notAfter, 6000)
    assert.deepEqual([order.key, order.salt], [new Uint8Array(16), new Uint8Array(12)])
    assert.deepEqual(news, [{ kind: 'changed', epoch: 1, reason: 'hand', tookMs: 500 }])
  })

  it('believes no answer without its MAC, none of a step that is not due, and nothing else', () => {
    const { rotate, news, answer } = world()
    rotate.want('hand')
    answer('t1', 'installed', 300)
    rotate.heard('t1', Uint8Array.of(1, 2, 3))
    rotate.heard('t1', writeMediaKeyAnswer({ kind: 'nack', sequence: 1n, code: 'stale' }))
    answer('t1', 'active')
    answer(DEVICE, 'installed')
    assert.equal(rotate.step, 'transports')
    assert.deepEqual(news, [
      { kind: 'forged', from: 't1' },
      { kind: 'forged', from: 't1' },
      { kind: 'refused', from: 't1', code: 'stale' },
    ])
  })

  it('takes a question once, and again when nothing came of it', () => {
    const { rotate, said, news, wait } = world()
    const hello = () => rotate.heard(DEVICE, writeMediaKeyAnswer({ kind: 'hello', boot: BOOT }))
    hello()
    hello()
    rotate.heard('stranger', writeMediaKeyAnswer({ kind: 'hello', boot: 'B'.repeat(22) }))
    assert.equal(said.length, 1)
    for (const ms of [500, 1000, 2000, 4000]) wait(ms)
    assert.equal(said.length, 4)
    assert.equal(news.at(-1)?.kind, 'failed')
    hello()
    assert.equal(said.at(-1)?.order.epoch, 2)
    assert.equal(rotate.step, 'transports')
  })
})
