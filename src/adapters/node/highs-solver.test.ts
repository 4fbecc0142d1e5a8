import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import highsModule, { type Highs } from 'highs'
import { wholePlacementProgram } from '../../../test/fixtures/whole-placement-program.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { isPlacement } from '../../keys/custody/domain-rule.ts'
import { solvePlacement } from '../../keys/custody/placement-program.ts'
import { routeShares } from '../../keys/custody/route-shares.ts'
import { withLinearProgram } from './highs-solver.ts'

/** Six nodes in three domains, the last of each far away; three keys, each busier than the next. */
const nodes = Array.from({ length: 6 }, (_, i) => ({
  domain: `zone-${i % 3}`,
  rttMs: i < 3 ? 1 : 9,
  cpuMsPerS: 1000,
  slots: 2,
  partMs: [0.5],
}))
const demands = Array.from({ length: 3 }, (_, i) => ({
  holders: 3,
  threshold: 2,
  perS: [300 / (i + 1)],
}))
const patient = { isLate: () => false }

describe('withLinearProgram()', () => {
  it('solves a program whose solution is known, and goes on when columns are added', async () => {
    // 3 x + 5 y at most, of x <= 4, 2 y <= 12, 3 x + 2 y <= 18.
    const rows = [4, 12, 18].map((upper) => ({ lower: 0, upper }))
    await withLinearProgram(rows, (program) => {
      const upper = Number.POSITIVE_INFINITY
      program.add([{ cost: -3, upper, rows: [0, 2], values: [1, 3] }])
      assert.ok(Math.abs(program.solve().cost + 12) < 1e-9)
      program.add([{ cost: -5, upper, rows: [1, 2], values: [2, 2] }])
      const { cost, values, prices } = program.solve()
      assert.ok(Math.abs(cost + 36) < 1e-9)
      assert.deepEqual([...values].map(Math.round), [2, 6])
      // What cost changes by when a bound gives way by one.
      assert.deepEqual(
        [...prices].map((price) => Math.round(-10 * price) + 0),
        [0, 15, 10],
      )
    })
  })

  it('says that there is no solution', async () => {
    await assert.rejects(
      () =>
        withLinearProgram([{ lower: 2, upper: 2 }], (program) => {
          program.add([{ cost: 1, upper: 1, rows: [0], values: [1] }])
          return program.solve()
        }),
      (error) => error instanceof LimenError && error.code === 'no_solution',
    )
  })
})

const highs = await (highsModule as unknown as () => Promise<Highs>)()

/** What the program costs when it is written down whole and solved at once; undefined: it has no solution. */
function costOfWhole(program: string): number | undefined {
  const { Status, ObjectiveValue } = highs.solve(program, { output_flag: false, mip_rel_gap: 0 })
  if (Status === 'Infeasible') return undefined
  assert.equal(Status, 'Optimal')
  return ObjectiveValue
}

describe('solvePlacement()', () => {
  it('is a bound that its own rounding comes close to, within the rule and the room', async () => {
    const { placed, boundMs } = await solvePlacement(nodes, demands, withLinearProgram, patient)
    assert.ok(placed.kind === 'placed')
    const used = nodes.map(() => 0)
    for (const [key, place] of placed.placement.entries()) {
      const domains = nodes.map(({ domain }) => domain)
      assert.ok(isPlacement(domains, demands[key] ?? { holders: 0, threshold: 0 }, place))
      for (const node of place) used[node] = (used[node] ?? 0) + 1
    }
    assert.ok(used.every((count) => count <= 2))
    const { costMs } = routeShares(nodes, demands, placed.placement)
    assert.ok(costMs >= boundMs * (1 - 1e-6), `${costMs} below ${boundMs}`)
    // The best of all 8^3 placements, one node of each domain for each key.
    let best = Number.POSITIVE_INFINITY
    for (let code = 0; code < 512; code++) {
      const placement = demands.map((_, key) => {
        const bits = (code >> (3 * key)) & 7
        return [0, 1, 2].map((zone) => zone + 3 * ((bits >> zone) & 1)).sort((a, b) => a - b)
      })
      const fits = nodes.every((_, node) => placement.filter((p) => p.includes(node)).length <= 2)
      if (fits) best = Math.min(best, routeShares(nodes, demands, placement).costMs)
    }
    assert.ok(best >= boundMs * (1 - 1e-6), `${best} below ${boundMs}`)
    assert.ok(costMs <= best * 1.05, `${costMs}, not ${best}`)
  })

  it('keeps shares where they are when moving them costs more than it gains', async () => {
    const few = demands.slice(0, 2)
    const far = few.map(() => [3, 4, 5])
    const place = async (moveMs: number) => {
      const moving = { current: far, moveMs }
      const { placed } = await solvePlacement(nodes, few, withLinearProgram, { moving, ...patient })
      assert.ok(placed.kind === 'placed')
      return placed.placement
    }
    assert.deepEqual(await place(1000), far)
    assert.notDeepEqual(await place(0.001), far)
  })

  it('that is late from the start answers with what it knows: a placement, and a bound that holds', async () => {
    const inTime = await solvePlacement(nodes, demands, withLinearProgram, patient)
    const late = await solvePlacement(nodes, demands, withLinearProgram, { isLate: () => true })
    assert.equal(late.placed.kind, 'placed')
    assert.ok(late.boundMs >= 0 && late.boundMs <= inTime.costMs, `${late.boundMs}`)
    assert.ok(late.costMs >= inTime.boundMs, `${late.costMs}`)
  })

  it('costs between what parts of shares would cost and what whole ones do, of any nodes, keys and moves', async () => {
    const part = fc.double({ min: 0.1, max: 3, noNaN: true })
    const clusters = fc.record({
      nodes: fc.array(
        fc.record({
          domain: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
          rttMs: fc.double({ min: 0.1, max: 9, noNaN: true }),
          cpuMsPerS: fc.constantFrom(1000, 2000),
          slots: fc.integer({ min: 3, max: 9 }),
          partMs: fc.tuple(part, part),
        }),
        { minLength: 5, maxLength: 9 },
      ),
      demands: fc.array(
        fc.record({
          ...{ holders: fc.constantFrom(4, 5), threshold: fc.constant(3) },
          perS: fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 30 })),
        }),
        { minLength: 1, maxLength: 7 },
      ),
      moveMs: fc.constantFrom(0.01, 1),
    })
    let solved = 0
    await fc.assert(
      fc.asyncProperty(clusters, async ({ nodes: own, demands: asked, moveMs }) => {
        const current = asked.map(({ holders }) => [...own.keys()].slice(0, holders))
        const moving = { current, moveMs }
        const parts = costOfWhole(wholePlacementProgram(own, asked, moving, 'in parts'))
        const whole = costOfWhole(wholePlacementProgram(own, asked, moving, 'whole'))
        const work = solvePlacement(own, asked, withLinearProgram, { moving, ...patient })
        if (parts === undefined) return void (await assert.rejects(() => work, /no_placement/))
        if (whole === undefined) return void (await work.catch(() => {}))
        const { costMs, boundMs } = await work
        assert.ok(costMs >= parts * (1 - 1e-6), `${costMs} below ${parts}`)
        assert.ok(costMs <= whole * (1 + 2e-4), `${costMs} above ${whole}`)
        assert.ok(boundMs <= whole * (1 + 1e-6), `${boundMs} above ${whole}`)
        assert.ok(boundMs >= costMs * (1 - 2e-4), `${boundMs} far below ${costMs}`)
        solved++
      }),
      { numRuns: 40, seed: 20261122, endOnFailure: true },
    )
    assert.ok(solved > 12, `${solved}`)
  })
})
