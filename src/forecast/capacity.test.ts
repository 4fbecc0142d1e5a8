import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import {
  adviseCapacity,
  BREAK_FACTOR,
  boundByCpu,
  type CapacityQuestion,
  type LoadSample,
  limitOf,
} from './capacity.ts'

/** Requests per second one worker of the simulated server serves. */
const SERVED = 100

/** A queue with exponential arrivals and service: one sample of its p99 per load. */
function simulated(loads: readonly number[], workers: number, requests = 3000): LoadSample[] {
  const random = seededRandom(1)
  const exponential = (rate: number) => -Math.log(1 - random.fraction()) / rate
  return loads.map((load) => {
    const free = new Array<number>(workers).fill(0)
    let now = 0
    const tookMs = Array.from({ length: requests }, () => {
      now += exponential(load)
      const worker = free.indexOf(Math.min(...free))
      const done = Math.max(now, free[worker] ?? 0) + exponential(SERVED)
      free[worker] = done
      return 1000 * (done - now)
    }).sort((a, b) => a - b)
    return { load, p99Ms: tookMs[Math.floor(0.99 * tookMs.length)] ?? 0, errors: 0 }
  })
}

const evenly = (from: number, to: number, count = 120) =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1))

describe('limitOf()', () => {
  it('finds the knee of M/M/1: p99 is ln 100 / (served - load)', () => {
    const { load, known } = limitOf(simulated(evenly(5, 95), 1))
    // Three times the p99 of the quietest group, whose median load is 8.4.
    const knee = SERVED - (SERVED - 8.4) / BREAK_FACTOR
    assert.ok(known && Math.abs(load / knee - 1) < 0.06, `${load}, not ${knee}`)
  })

  it('finds that of M/M/4 higher up, below its capacity', () => {
    const { load, known } = limitOf(simulated(evenly(20, 398, 60), 4, 8000))
    assert.ok(known && load > 0.85 * 4 * SERVED && load < 4 * SERVED, `${load}`)
  })

  it('draws the line on when it was near, and is right', () => {
    const { load, known } = limitOf(simulated(evenly(5, 60), 1))
    assert.ok(known && Math.abs(load / 68 - 1) < 0.12, `${load}`)
  })

  it('gives what was carried as a lower bound when it was never near', () => {
    const { load, known } = limitOf(simulated(evenly(5, 30), 1))
    assert.ok(!known && load > 28 && load <= 30, `${load}`)
  })

  it('is not moved by a tenth of absurd samples', () => {
    const samples = simulated(evenly(5, 95), 1)
    const clean = limitOf(samples).load
    const dirty = samples.map((sample, i) => (i % 10 === 3 ? { ...sample, p99Ms: 60_000 } : sample))
    assert.ok(Math.abs(limitOf(dirty).load / clean - 1) < 0.1)
  })

  it('takes errors for breaking', () => {
    const samples = evenly(1, 100).map((load) => ({ load, p99Ms: 10, errors: load > 50 ? 0.2 : 0 }))
    const { load, known } = limitOf(samples)
    assert.ok(known && load > 45 && load < 56, `${load}`)
    // Where nothing is answered there is no latency either.
    const dead = samples.map((one) => (one.load > 50 ? { ...one, p99Ms: 0, errors: 1 } : one))
    assert.deepEqual(limitOf(dead), limitOf(samples))
  })

  it('says nothing of nothing', () => {
    assert.deepEqual(limitOf([]), { load: 0, known: false })
    const bad = { load: Number.NaN, p99Ms: -1, errors: 0 }
    assert.deepEqual(limitOf(new Array(50).fill(bad)), { load: 0, known: false })
  })
})

describe('boundByCpu()', () => {
  const unbroken = evenly(1, 40, 40).map((load) => ({ load, p99Ms: 10, errors: 0 }))
  const said = (cpu: (load: number) => number) =>
    unbroken.map((sample) => ({ ...sample, cpu: cpu(sample.load) }))
  const bound = (samples: readonly LoadSample[]) => boundByCpu(limitOf(samples), samples)

  it('is the load over the share of the CPU it takes, beside what was carried', () => {
    const { load, known, atMost = 0 } = bound(said((x) => x / 100))
    assert.deepEqual([load, known], [limitOf(unbroken).load, false])
    assert.ok(Math.abs(atMost / 100 - 1) < 1e-9, `${atMost}`)
  })

  it('says nothing when nobody says anything, of an idle CPU and of a full one, and of few samples', () => {
    for (const cpu of [0, 0.29, 0.96, 1, 10, Number.NaN, -1, 1e9]) {
      assert.deepEqual(bound(said(() => cpu)), limitOf(unbroken), `${cpu}`)
    }
    assert.equal(bound(unbroken).atMost, undefined)
    assert.equal(bound(said((x) => (x > 37 ? 0.5 : 0))).atMost, undefined)
  })

  it('is never below what was carried, nor more than 3.4 times it, whatever is said', () => {
    const { load } = limitOf(unbroken)
    for (const lie of [0.3, 0.5, 0.95]) {
      const { atMost = 0 } = bound(said(() => lie))
      assert.ok(atMost >= load && atMost <= load / 0.3, `${lie}: ${atMost}`)
    }
    assert.equal(bound(said(() => 0.95)).atMost, load)
  })

  it('nothing that is said counts once the latency says where it breaks: idle or full', () => {
    const broken = simulated(evenly(5, 95), 1)
    for (const cpu of [0, 0.35, 0.94, 1e9]) {
      const samples = broken.map((sample) => ({ ...sample, cpu }))
      assert.deepEqual(bound(samples), limitOf(broken))
    }
  })

  it('a tenth of lies does not move it', () => {
    const honest = said((x) => x / 100)
    const lying = honest.map((sample, i) => (i % 10 === 3 ? { ...sample, cpu: 0.31 } : sample))
    assert.ok(Math.abs((bound(lying).atMost ?? 0) / 100 - 1) < 0.05)
  })
})

describe('adviseCapacity()', () => {
  const question: CapacityQuestion = {
    expected: Float64Array.of(90, 150, 250, 310),
    stepS: 60,
    measured: 90,
    limit: { load: 100, known: true },
    now: 2,
    max: 10,
  }

  it('grows in time', () => {
    const advice = { needed: 4, now: 2, leadTimeS: 120, reason: 'grow' }
    assert.deepEqual(adviseCapacity(question), advice)
  })

  it('grows at once for what is measured, whatever is expected', () => {
    const advice = adviseCapacity({ ...question, expected: Float64Array.of(10), measured: 290 })
    assert.deepEqual(advice, { needed: 3, now: 2, leadTimeS: 0, reason: 'grow' })
  })

  it('stops at the maximum and says so', () => {
    const { needed, reason } = adviseCapacity({ ...question, max: 3 })
    assert.deepEqual([needed, reason], [3, 'beyond-max'])
  })

  it('never shrinks on a forecast alone', () => {
    const quiet = { ...question, expected: Float64Array.of(10, 10), now: 5 }
    const reasonAt = (measured: number) => adviseCapacity({ ...quiet, measured })
    assert.deepEqual(
      [reasonAt(460).needed, reasonAt(460).reason, reasonAt(Number.NaN).reason],
      [5, 'not-shrunk', 'not-shrunk'],
    )
    assert.deepEqual([reasonAt(150).needed, reasonAt(150).reason], [2, 'shrink'])
    const falling = adviseCapacity({ ...quiet, measured: 10, expected: Float64Array.of(350) })
    assert.equal(falling.needed, 4)
  })

  it('leaves everything as it is when the servers suffice, or nothing is known', () => {
    assert.equal(adviseCapacity({ ...question, now: 4 }).reason, 'enough')
    const unknown = adviseCapacity({ ...question, limit: { load: 0, known: false } })
    assert.deepEqual([unknown.needed, unknown.reason], [2, 'unknown-limit'])
  })
})
