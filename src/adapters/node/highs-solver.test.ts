import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LimenError } from '../../ground/limen-error.ts'
import { isPlacement } from '../../keys/custody/domain-rule.ts'
import { roundPlacement, writePlacementProgram } from '../../keys/custody/placement-program.ts'
import { routeShares } from '../../keys/custody/route-shares.ts'
import { solveLinearProgram } from './highs-solver.ts'

const LIMIT_S = 60

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

describe('solveLinearProgram()', () => {
  it('solves a program whose solution is known', async () => {
    const program =
      'Minimize\n c: - 3 x - 5 y\nSubject To\n a: x <= 4\n b: 2 y <= 12\n d: 3 x + 2 y <= 18\nEnd\n'
    const { cost, value } = await solveLinearProgram(program, LIMIT_S)
    assert.ok(Math.abs(cost + 36) < 1e-6)
    assert.ok(Math.abs(value('x') - 2) < 1e-6 && Math.abs(value('y') - 6) < 1e-6)
    assert.equal(value('nobody'), 0)
  })

  it('says that there is no solution', async () => {
    const program = 'Minimize\n c: x\nSubject To\n a: x >= 2\n b: x <= 1\nEnd\n'
    await assert.rejects(
      () => solveLinearProgram(program, LIMIT_S),
      (error) => error instanceof LimenError && error.code === 'no_solution',
    )
  })
})

describe('the placement of shares as a program', () => {
  it('is a bound that its own rounding comes close to, within the rule and the room', async () => {
    const solved = await solveLinearProgram(writePlacementProgram(nodes, demands), LIMIT_S)
    const rounded = roundPlacement(nodes, demands, solved.value)
    assert.ok(rounded.kind === 'placed')
    const used = nodes.map(() => 0)
    for (const [key, place] of rounded.placement.entries()) {
      const domains = nodes.map(({ domain }) => domain)
      assert.ok(isPlacement(domains, demands[key] ?? { holders: 0, threshold: 0 }, place))
      for (const node of place) used[node] = (used[node] ?? 0) + 1
    }
    assert.ok(used.every((count) => count <= 2))
    const { costMs } = routeShares(nodes, demands, rounded.placement)
    assert.ok(costMs >= solved.cost * (1 - 1e-6), `${costMs} below ${solved.cost}`)
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
    assert.ok(best >= solved.cost * (1 - 1e-6), `${best} below ${solved.cost}`)
    assert.ok(costMs <= best * 1.05, `${costMs}, not ${best}`)
  })

  it('keeps shares where they are when moving them costs more than it gains', async () => {
    const few = demands.slice(0, 2)
    const far = few.map(() => [3, 4, 5])
    const place = async (moveMs: number) => {
      const program = writePlacementProgram(nodes, few, { current: far, moveMs })
      const rounded = roundPlacement(nodes, few, (await solveLinearProgram(program, LIMIT_S)).value)
      assert.ok(rounded.kind === 'placed')
      return rounded.placement
    }
    assert.deepEqual(await place(1000), far)
    assert.notDeepEqual(await place(0.001), far)
  })
})
