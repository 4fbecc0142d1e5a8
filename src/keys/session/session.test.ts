import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { acknowledge, advanceEpochs, type EpochOrder, newKeyGroup } from './epochs.ts'
import { ReplayWindow } from './replay-window.ts'
import { Revocations } from './revocations.ts'
import { ROTATION_DEFAULTS, RotationGate, rotationInterval } from './rotation-policy.ts'

const SEED = 20261121
const OPTIONS = { epochS: 3600, ticketS: 900 }
const EDGES = new Set(['a', 'b'])

describe('ReplayWindow', () => {
  it('never takes a proof twice while it could be good, whenever the sets turn', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.nat(20)), { maxLength: 200 }), (steps) => {
        const window = new ReplayWindow(1000, seededRandom(SEED))
        const takenAt = new Map<string, number>()
        let now = 1000
        for (const [wait, which] of steps) {
          now += wait
          const proof = `p${which}`
          const before = takenAt.get(proof)
          const met = window.meet(proof, now)
          // A proof may be 30 s old and 5 s ahead: 35 s are what counts.
          if (before !== undefined && now - before <= 35) assert.equal(met, 'replay')
          if (met === 'fresh') takenAt.set(proof, now)
        }
      }),
      { seed: SEED },
    )
  })

  it('says so when it is full', () => {
    const window = new ReplayWindow(2, seededRandom(SEED))
    assert.equal(window.meet('a', 0), 'fresh')
    assert.equal(window.meet('b', 0), 'fresh')
    assert.equal(window.meet('c', 0), 'full')
    assert.equal(window.meet('c', 100), 'fresh')
  })
})

describe('ReplayWindow of a busy edge', () => {
  it('knows each of 200 000 proofs again and takes none for another', () => {
    const window = new ReplayWindow(200_000, seededRandom(SEED))
    for (let i = 0; i < 200_000; i++) assert.equal(window.meet(`proof${i}`, 0), 'fresh')
    for (let i = 0; i < 200_000; i++) assert.equal(window.meet(`proof${i}`, 34), 'replay')
    assert.equal(window.meet('one more', 34), 'full')
    assert.equal(window.meet('proof7', 36), 'replay', 'of the turn before')
  })
})

describe('Revocations', () => {
  it('takes entries in order, and says when one is missing', () => {
    const revocations = new Revocations()
    assert.equal(revocations.take({ seq: 5, kind: 'checkpoint' }, 0), true)
    assert.equal(revocations.take({ seq: 5, kind: 'checkpoint' }, 0), true)
    assert.equal(revocations.take({ seq: 7, kind: 'checkpoint' }, 0), false)
    assert.equal(revocations.seq, 5)
    assert.equal(revocations.take({ seq: 6, kind: 'checkpoint' }, 0), true)
  })

  it('forgets what no ticket can be about any more', () => {
    const revocations = new Revocations()
    for (let seq = 1; seq <= 1000; seq++) {
      revocations.take(
        { seq, kind: 'revoke', session: `s${seq}`, generation: 1, until: seq + 10 },
        seq,
      )
    }
    assert.ok(revocations.size <= 12, `${revocations.size}`)
  })
})

describe('advanceEpochs()', () => {
  const kinds = (orders: readonly EpochOrder[]) => orders.map(({ kind }) => kind)

  it('makes a key, waits for every edge, and only then seals with it', () => {
    let { group, orders } = advanceEpochs(newKeyGroup(1), EDGES, OPTIONS, 0)
    assert.deepEqual(kinds(orders), ['make'])
    group = acknowledge(group, 1, 'a')
    ;({ group, orders } = advanceEpochs(group, EDGES, OPTIONS, 1))
    assert.deepEqual(orders, [])
    group = acknowledge(group, 1, 'b')
    ;({ group, orders } = advanceEpochs(group, EDGES, OPTIONS, 2))
    assert.deepEqual(orders, [{ kind: 'activate', group: 1, epoch: 1 }])
  })

  it('goes on without an edge that never answers, and says which', () => {
    let group = newKeyGroup(1)
    let orders: readonly EpochOrder[] = []
    const seen: EpochOrder[] = []
    for (let now = 0; now < 3 * 3600; now += 10) {
      ;({ group, orders } = advanceEpochs(group, EDGES, OPTIONS, now))
      seen.push(...orders)
      for (const { epoch } of group.epochs) {
        group = acknowledge(group, epoch, 'a')
        if (now < 1800) group = acknowledge(group, epoch, 'b')
      }
    }
    assert.deepEqual(
      seen.find(({ kind }) => kind === 'exclude'),
      { kind: 'exclude', group: 1, edges: ['b'] },
    )
  })

  it('leaves no ticket that an edge cannot open, over 100 rotations whenever they come', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const site = new Site(seed)
        while (site.rotations < 100) site.step()
      }),
      { seed: SEED, numRuns: 20 },
    )
  })
})

/** A key server with two edges, as time goes by: asserts that every live ticket can be opened. */
class Site {
  rotations = 0
  #group = newKeyGroup(9)
  #now = 0
  readonly #fraction: () => number
  readonly #held = new Set<number>()
  #tickets: { epoch: number; expires: number }[] = []

  constructor(seed: number) {
    this.#fraction = seededRandom(seed).fraction
  }

  step(): void {
    this.#now += 20 + this.#fraction() * 400
    const rotate = this.#fraction() < 0.3
    const { group, orders } = advanceEpochs(this.#group, EDGES, OPTIONS, this.#now, rotate)
    this.#group = group
    for (const order of orders) this.#obey(order)
    for (const { epoch, state } of group.epochs) {
      if (state === 'pending' && this.#fraction() < 0.7) {
        this.#group = acknowledge(acknowledge(this.#group, epoch, 'a'), epoch, 'b')
      }
    }
    this.#check()
  }

  #obey(order: EpochOrder): void {
    if (order.kind === 'make') this.#held.add(order.epoch)
    if (order.kind === 'destroy') this.#held.delete(order.epoch)
    if (order.kind === 'activate') this.rotations++
  }

  #check(): void {
    const active = this.#group.epochs.find(({ state }) => state === 'active')
    if (active !== undefined) {
      this.#tickets.push({ epoch: active.epoch, expires: this.#now + OPTIONS.ticketS })
    }
    this.#tickets = this.#tickets.filter(({ expires }) => expires > this.#now)
    for (const { epoch } of this.#tickets) assert.ok(this.#held.has(epoch), `epoch ${epoch}`)
    assert.ok(this.#group.epochs.length < 40)
  }
}

describe('rotationInterval()', () => {
  it('is shorter for suspects, longer before a peak, within bounds, and says why', () => {
    const every = (tier: 1 | 2 | 3, predictedLoad?: number) =>
      rotationInterval(ROTATION_DEFAULTS, { tier, predictedLoad }).seconds
    assert.equal(every(1), 600)
    assert.equal(every(2), 300)
    assert.equal(every(3), 60)
    assert.equal(every(1, 0.9), 1500)
    assert.equal(every(1, 2), 2400)
    assert.equal(every(3, 2), 60, 'a suspect is not spared')
    const { why } = rotationInterval(ROTATION_DEFAULTS, { tier: 1, predictedLoad: 1 })
    assert.deepEqual(why, ['Every 600 s by policy', 'load 1.00 of capacity: times 4.0'])
  })
})

describe('RotationGate', () => {
  it('admits so many a second, whenever they come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { maxLength: 200 }),
        (waits) => {
          const gate = new RotationGate(20)
          const admitted: number[] = []
          let now = 1000
          for (const wait of waits) {
            now += wait / 20
            if (gate.admit('ordinary', now)) admitted.push(now)
          }
          for (const at of admitted) {
            // A bucket of a second's worth, and what comes in within the second.
            assert.ok(admitted.filter((other) => other >= at && other < at + 1).length <= 40)
          }
        },
      ),
      { seed: SEED },
    )
  })

  it('keeps a fifth for those that cannot wait, and never refuses security', () => {
    const gate = new RotationGate(10)
    const admitted = (need: 'security' | 'urgent' | 'ordinary') => {
      let count = 0
      while (count < 100 && gate.admit(need, 5)) count++
      return count
    }
    assert.equal(admitted('ordinary'), 8)
    assert.equal(admitted('urgent'), 2)
    assert.equal(admitted('security'), 100)
    assert.equal(gate.admit('urgent', 5.9), false, 'paid for by those that come after')
    assert.equal(gate.admit('urgent', 6.2), true)
  })
})
