import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { capturedHello } from '../../test/fixtures/hello-bytes.ts'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { ClientHelloReader } from '../wire/client-hello.ts'
import { newHelloScoring, scoreHello } from './score-hellos.ts'

const NOW = Date.UTC(2026, 10, 21)
const RANDOM_AT = 11

function hello(fill: number, changes: object = {}) {
  const bytes = capturedHello('openssl-sclient-001')
  bytes.set(seededRandom(fill).bytes(32), RANDOM_AT)
  const outcome = new ClientHelloReader().feed(bytes, NOW)
  if (outcome.kind !== 'hello') throw new Error('the fixture is a hello')
  return { kind: 'hello', hello: { ...outcome.hello, ...changes } } as const
}

const client = { remoteAddress: '192.0.2.7', remotePort: 50_000 }

describe('scoreHello()', () => {
  it('decides as an edge does, and lets the profiler learn in between', () => {
    const scoring = newHelloScoring(seededRandom(1))
    for (let i = 0; i < 5; i++) {
      const decision = scoreHello(scoring, { ...client, at: NOW + i * 1000, seen: hello(i) }, 2)
      assert.deepEqual([decision.tier, decision.enforced, decision.pool], [1, 1, 'primary'])
    }
    const [profile] = scoring.profiler.hot.profiles.values()
    assert.equal(profile?.connections, 4)
    const replayed = scoreHello(scoring, { ...client, at: NOW + 6000, seen: hello(0) })
    assert.deepEqual([replayed.tier, replayed.pool], [3, 'rigorous'])
  })

  it('answers the second hello of a connection with the decision on its first', () => {
    const scoring = newHelloScoring(seededRandom(1))
    const at = { ...client, conversation: 'a', at: NOW }
    const first = scoreHello(scoring, { ...at, seen: hello(1) })
    const { hello: again } = hello(1)
    const shares = [{ group: 24, length: 97, key: new Uint8Array(97) }]
    const second = { kind: 'hello', hello: { ...again, keyShares: shares } } as const
    assert.equal(scoreHello(scoring, { ...at, at: NOW + 20, seen: second }), first)
    const cookie = hello(1, { extensions: [...again.extensions, 44] })
    assert.equal(scoreHello(scoring, { ...at, at: NOW + 20, seen: cookie }), first)
  })

  it('takes a hello that came again unchanged for what it is, on the same ports too', () => {
    const scoring = newHelloScoring(seededRandom(1))
    const at = { ...client, conversation: 'a' }
    const first = scoreHello(scoring, { ...at, at: NOW, capturedAt: NOW, seen: hello(1) })
    // The same packet in another capture is no second hello.
    const packet = { ...at, at: NOW + 5000, capturedAt: NOW, seen: hello(1) }
    assert.equal(scoreHello(scoring, packet), first)
    const replayed = scoreHello(scoring, {
      ...at,
      at: NOW + 9,
      capturedAt: NOW + 9,
      seen: hello(1),
    })
    assert.ok(replayed.reasons.some(({ code }) => code === 'random-repeated'))
    const elsewhere = { ...client, conversation: 'b', at: NOW + 20, seen: hello(1) }
    assert.equal(scoreHello(scoring, elsewhere).tier, 3)
  })

  it('holds what the settings given to it say', () => {
    const scoring = newHelloScoring(seededRandom(1), { mode: 'observe' })
    scoreHello(scoring, { ...client, at: NOW, seen: hello(1) })
    const { tier, enforced } = scoreHello(scoring, { ...client, at: NOW + 1, seen: hello(1) })
    assert.deepEqual([tier, enforced], [3, 1])
  })
})
