import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  chooseInTurn,
  chooseOfTwo,
  NO_SERVER,
  type ServerLoad,
  withinBound,
} from './choose-server.ts'

const load = (weight: number, inFlight = 0, usable = true): ServerLoad => ({
  weight,
  inFlight,
  usable,
})
const anyLoad = fc
  .tuple(fc.nat(256), fc.nat(50), fc.boolean())
  .map(([weight, inFlight, usable]) => load(weight, inFlight, usable))
const anyLoads = fc.array(anyLoad, { maxLength: 8 })
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

/** Every chooser gives a server that may be chosen whenever there is one. */
function assertFit(loads: readonly ServerLoad[], index: number, except: number): void {
  const fit = (each: ServerLoad, i: number) => each.usable && each.weight > 0 && i !== except
  const some = loads.some(fit)
  assert.equal(index !== NO_SERVER, some)
  if (some) assert.equal(fit(loads[index] as ServerLoad, index), true)
}

/** How often each is chosen, of `turns`. */
function shares(turns: number, servers: number, choose: () => number): number[] {
  const counts = Array<number>(servers).fill(0)
  for (let i = 0; i < turns; i++) {
    const index = choose()
    counts[index] = (counts[index] ?? 0) + 1
  }
  return counts.map((count) => count / turns)
}

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('chooseOfTwo()', () => {
  it('never takes one that is unusable, without weight, or excepted', () => {
    fc.assert(
      fc.property(
        anyLoads,
        chance,
        chance,
        fc.integer({ min: -1, max: 7 }),
        (loads, a, b, except) => assertFit(loads, chooseOfTwo(loads, [a, b], except), except),
      ),
      { seed: 3 },
    )
  })
  it('takes the less loaded of two, relative to weight', () => {
    assert.equal(chooseOfTwo([load(1, 5), load(1, 1)], [0, 0], NO_SERVER), 1)
    assert.equal(chooseOfTwo([load(10, 5), load(1, 1)], [0, 0], NO_SERVER), 0)
  })
  it('gives shares by weight to idle servers', () => {
    const loads = [8, 1, 1].map((weight) => ({ weight, inFlight: 0, usable: true }))
    let seed = 1
    const fraction = () => {
      seed = (seed * 16_807) % 2_147_483_647
      return seed / 2_147_483_647
    }
    const found = shares(20_000, 3, () => chooseOfTwo(loads, [fraction(), fraction()], NO_SERVER))
    for (const [i, share] of [0.8, 0.1, 0.1].entries()) {
      assert.ok(Math.abs((found[i] ?? 0) - share) < 0.02, `${found}`)
    }
  })

  it('gives shares by weight when requests stay as long', () => {
    const loads = [load(1), load(2), load(5)]
    const random = seeded(1)
    const queue: number[] = []
    const found = shares(20_000, 3, () => {
      const index = chooseOfTwo(loads, [random(), random()], NO_SERVER)
      ;(loads[index] as ServerLoad).inFlight++
      queue.push(index)
      if (queue.length > 40) (loads[queue.shift() ?? 0] as ServerLoad).inFlight--
      return index
    })
    for (const [i, share] of [1 / 8, 2 / 8, 5 / 8].entries())
      assert.ok(Math.abs((found[i] ?? 0) - share) < 0.03, `${found}`)
  })
})

describe('chooseInTurn()', () => {
  it('never takes one that is unusable, without weight, or excepted', () => {
    fc.assert(
      fc.property(anyLoads, fc.integer({ min: -1, max: 7 }), (loads, except) =>
        assertFit(loads, chooseInTurn(loads, new Float64Array(loads.length), except), except),
      ),
      { seed: 3 },
    )
  })
  it('gives exact shares by weight, spread evenly', () => {
    const loads = [load(5), load(1), load(1)]
    const credits = new Float64Array(3)
    const order = Array.from(
      { length: 7 },
      () => 'abc'[chooseInTurn(loads, credits, NO_SERVER)],
    ).join('')
    // The example of nginx's smooth weighted round robin.
    assert.equal(order, 'aabacaa')
  })
})

describe('withinBound()', () => {
  it('lets a server have its fair share times the bound, rounded up', () => {
    const loads = [load(1, 3), load(1, 0)]
    assert.equal(withinBound(loads, 0, 1.25), false)
    assert.equal(withinBound(loads, 1, 1.25), true)
    assert.equal(withinBound([load(1, 0, false)], 0, 2), false)
  })
})
