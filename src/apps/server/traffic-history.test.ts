import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeDataPlane, noTraffic } from '../../../test/fake-data-plane.ts'
import { LATENCY_BOUNDS_MS } from '../../ports/data-plane.ts'
import { quantileMs, recordTraffic, SAMPLES_MAX, sampleBetween } from './traffic-history.ts'

describe('sampleBetween()', () => {
  it('gives what happened per second', () => {
    const after = {
      ...noTraffic(),
      ...{
        responses: [0, 50, 20, 0, 4, 0],
        connectionsOpen: 9,
        connectionsTotal: 8,
        bytesOut: 100,
      },
      sessionChecks: { valid: 5, bearer: 1, none: 9, replay: 2, expired: 1 },
      ...{ handshakesFull: 3, handshakesResumed: 1, tiers: [0, 5, 1, 0], refusals: { a: 1, b: 2 } },
    }
    const sample = sampleBetween(noTraffic(), after, 2000, 2000)
    assert.deepEqual(sample.sessionChecks, { passed: 6, refused: 3 })
    // 1xx are interim answers, not requests.
    assert.equal(sample.requestsPerSecond, 12)
    assert.deepEqual(sample.responses, [0, 25, 10, 0, 2, 0])
    assert.deepEqual(sample.handshakes, { full: 3, resumed: 1, failed: 0 })
    assert.deepEqual(
      [sample.connectionsOpen, sample.connectionsPerSecond, sample.handshakesPerSecond],
      [9, 4, 2],
    )
    assert.deepEqual(
      [sample.tiers, sample.refusals, sample.bytesOutPerSecond],
      [[0, 5, 1, 0], 3, 50],
    )
  })

  it('takes a counter that fell for one that was restarted', () => {
    const before = { ...noTraffic(), connectionsTotal: 100 }
    const after = { ...noTraffic(), connectionsTotal: 7 }
    assert.equal(sampleBetween(before, after, 1000, 1000).connectionsPerSecond, 7)
  })
})

describe('quantileMs()', () => {
  const counts = (...pairs: readonly (readonly [index: number, count: number])[]) => {
    const all = noTraffic().latencyCounts.slice()
    for (const [index, count] of pairs) all[index] = count
    return all
  }

  it('is 0 without requests', () => assert.equal(quantileMs(counts(), 0.99), 0))

  it('lies within the bucket that holds the rank', () => {
    const histogram = counts([3, 90], [8, 10])
    assert.ok(quantileMs(histogram, 0.5) > 0.63 && quantileMs(histogram, 0.5) <= 1)
    assert.ok(quantileMs(histogram, 0.99) > 6.3 && quantileMs(histogram, 0.99) <= 10)
    assert.equal(quantileMs(histogram, 0.9), 1)
  })

  it('says the last bound for what is beyond it', () => {
    assert.equal(quantileMs(counts([LATENCY_BOUNDS_MS.length, 1]), 0.5), 16_000)
  })
})

describe('recordTraffic()', () => {
  it('keeps ten minutes, and tells who watches', (test) => {
    test.mock.timers.enable({ apis: ['setInterval'] })
    const plane = fakeDataPlane()
    let now = 0
    const keys = { opened: 3, time: 0 }
    const history = recordTraffic(plane, { now: () => now }, () => keys)
    let told = 0
    const stop = history.watch(() => told++)
    for (let i = 0; i < SAMPLES_MAX + 5; i++) {
      now += 1000
      keys.time += 2
      test.mock.timers.tick(1000)
    }
    assert.equal(history.samples().length, SAMPLES_MAX)
    assert.equal(history.samples()[0]?.at, 6000)
    assert.equal(told, SAMPLES_MAX + 5)
    assert.deepEqual(history.samples().at(-1)?.sessionKeys, { opened: 0, time: 2 })
    stop()
    history.close()
  })
})
