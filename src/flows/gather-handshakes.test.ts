import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { sampleFeatures, sampleObservation } from '../../test/fixtures/sample-handshake.ts'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import type { HandshakeObservation, HandshakeOutcome } from '../behavior/handshake/observation.ts'
import { toHex } from '../ground/hex.ts'
import type { HandshakesSeen } from '../ports/data-plane.ts'
import { HandshakeGathering, SINGLY_MAX, TOGETHER_MAX } from './gather-handshakes.ts'
import { learnHandshakes } from './profile-handshakes.ts'
import { newProfiler, PROFILER_DEFAULTS, type Profiler } from './profiler-state.ts'

const NOW = Date.UTC(2026, 10, 21)
const random = seededRandom(5)
let decisions = 0

function hello(changes: Partial<HandshakeObservation> = {}, at = NOW): HandshakeObservation {
  const features = sampleFeatures({ random: toHex(random.bytes(32)) })
  return sampleObservation('a', { decision: `d${decisions++}`, at, features, ...changes })
}

function ended(
  { decision, profile, at }: HandshakeObservation,
  changes: Partial<HandshakeOutcome> = {},
): HandshakeOutcome {
  const ordinary = { result: 'full', handshakeMs: 5, helloRetry: false, check: '' } as const
  return { decision, profile, at, ...ordinary, ...changes }
}

describe('HandshakeGathering', () => {
  it('tells the first of a client one by one, and counts further ones with their ends', () => {
    const gathering = new HandshakeGathering(100)
    const seen = Array.from({ length: SINGLY_MAX + 5 }, (_, i) => hello({}, NOW + i))
    for (const one of seen) gathering.see(one, true)
    for (const [i, one] of seen.entries()) {
      gathering.end(ended(one, { handshakeMs: 9 - (i % 3), result: i % 2 ? 'resumed' : 'full' }))
    }
    const [batch] = gathering.take()
    assert.equal(batch?.observations.length, SINGLY_MAX)
    assert.equal(batch?.outcomes.length, SINGLY_MAX)
    const counts = { hellos: 5, resumptions: 0, full: 3, resumed: 2, helloRetries: 0 }
    assert.deepEqual(batch?.more, [
      { profile: 'a', at: NOW + SINGLY_MAX + 4, ...counts, roundTripMs: 7 },
    ])
    assert.deepEqual(gathering.take(), [])
  })

  it('counts ends that come with a later batch', () => {
    const gathering = new HandshakeGathering(100)
    const seen = Array.from({ length: SINGLY_MAX + 2 }, () => hello())
    for (const one of seen) gathering.see(one, true)
    gathering.take()
    for (const one of seen) gathering.end(ended(one))
    const [batch] = gathering.take()
    assert.equal(batch?.outcomes.length, SINGLY_MAX)
    assert.equal(batch?.more?.[0]?.full, 2)
    assert.equal(batch?.more?.[0]?.hellos, 0)
  })

  it('tells one by one whatever is not ordinary, however many', () => {
    const gathering = new HandshakeGathering(1000)
    for (let i = 0; i < SINGLY_MAX; i++) gathering.see(hello(), true)
    const { features: _, ...unreadable } = hello({ error: 'decode:short' })
    gathering.see(unreadable, true)
    gathering.see(hello(), false)
    gathering.see(hello({ profile: 'b', own: 'a', lineage: true }), true)
    const counted = hello()
    gathering.see(counted, true)
    gathering.end(ended(counted, { result: 'failed' }))
    const [batch] = gathering.take()
    assert.equal(batch?.observations.length, SINGLY_MAX + 3)
    assert.deepEqual(
      batch?.outcomes.map(({ result }) => result),
      ['failed'],
    )
    assert.equal(batch?.more?.[0]?.hellos, 1)
  })

  it('keeps clients apart, and drops what is beyond its bound, counted', () => {
    const gathering = new HandshakeGathering(10)
    for (let i = 0; i < 20; i++) gathering.see(hello({ profile: `p${i}`, own: `p${i}` }), true)
    for (let i = 0; i < 20; i++) gathering.end(ended(hello()))
    assert.equal(gathering.dropped, 20)
    const [batch] = gathering.take()
    assert.deepEqual([batch?.observations.length, batch?.outcomes.length], [10, 10])
    assert.deepEqual(batch?.more, [])
  })
})

describe('HandshakeGathering, of many clients', () => {
  const outcomeOrder = fc.array(fc.nat(), { maxLength: 4 * TOGETHER_MAX })

  it('tells all, in order, in messages of a bounded size, outcomes never before what they are of', () => {
    fc.assert(
      fc.property(fc.nat(4 * TOGETHER_MAX), outcomeOrder, (clients, order) => {
        const gathering = new HandshakeGathering(10_000)
        const seen = Array.from({ length: clients }, (_, i) =>
          hello({ profile: `p${i}`, own: `p${i}` }),
        )
        for (const one of seen) gathering.see(one, true)
        const ends = clients === 0 ? [] : order.map((n) => ended(seen[n % clients] as never))
        for (const one of ends) gathering.end(one)
        const batches = gathering.take()
        assert.deepEqual(
          batches.flatMap(({ observations }) => observations),
          seen,
        )
        assert.deepEqual(
          batches.flatMap(({ outcomes }) => outcomes),
          ends,
        )
        const told = new Set<string>()
        for (const { observations, outcomes } of batches) {
          assert.ok(JSON.stringify({ observations, outcomes }).length < 100 * 1024)
          for (const { decision } of observations) told.add(decision)
          for (const { decision } of outcomes) assert.ok(told.has(decision))
        }
        assert.deepEqual(gathering.take(), [])
      }),
      { seed: 34, numRuns: 60 },
    )
  })

  it('keeps its counts for the end', () => {
    const gathering = new HandshakeGathering(10_000)
    for (let i = 0; i < 3 * TOGETHER_MAX; i++) {
      gathering.see(hello({ profile: `p${i}`, own: `p${i}` }), true)
    }
    for (let i = 0; i <= SINGLY_MAX; i++) gathering.see(hello(), true)
    assert.deepEqual(
      gathering.take().map(({ more }) => more?.length),
      [0, 0, 0, 1],
    )
  })
})

describe('learnHandshakes(), of counted handshakes', () => {
  const limen = (): Profiler =>
    newProfiler({ random: seededRandom(1), settings: { ...PROFILER_DEFAULTS } })

  /** The same minute of a busy client, told in full or gathered. */
  function minute(profiler: Profiler, perSecond: number, gathered: boolean): void {
    for (let s = 0; s < 60; s++) {
      for (let fifth = 0; fifth < 5; fifth++) {
        const at = NOW + s * 1000 + fifth * 200
        const seen = Array.from({ length: perSecond / 5 }, () => hello({}, at))
        const others = Array.from({ length: 2 }, (_, i) =>
          hello({ profile: `o${i}`, own: `o${i}`, addressGroup: `10.0.${i}.0/24` }, at),
        )
        const all = [...seen, ...others]
        const gathering = new HandshakeGathering(10_000)
        for (const one of all) gathering.see(one, true)
        for (const one of all) gathering.end(ended(one))
        const told: HandshakesSeen = {
          observations: all,
          outcomes: all.map((one) => ended(one)),
        }
        for (const one of gathered ? gathering.take() : [told]) {
          learnHandshakes(profiler, one, [], at)
        }
      }
    }
  }

  it('comes to the same counts and the same judgement as of all told one by one', () => {
    for (const [perSecond, tier] of [
      [25, 1],
      [250, 3],
    ] as const) {
      const [whole, counted] = [limen(), limen()]
      minute(whole, perSecond, false)
      minute(counted, perSecond, true)
      const [a, b] = [whole, counted].map((profiler) => profiler.hot.profiles.get('a'))
      assert.equal(b?.connections, a?.connections)
      assert.equal(b?.unflagged, a?.unflagged)
      assert.deepEqual(b?.counts, a?.counts)
      assert.deepEqual(b?.rate.counts, a?.rate.counts)
      assert.ok(Math.abs((b?.rate.means[0] ?? 0) - (a?.rate.means[0] ?? 9)) < 1e-6)
      assert.equal(b?.tier, a?.tier)
      assert.equal(b?.tier, tier)
    }
  })
})
