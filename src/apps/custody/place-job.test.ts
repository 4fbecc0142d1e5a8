import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { withLinearProgram } from '../../adapters/node/highs-solver.ts'
import { isPlacement } from '../../keys/custody/domain-rule.ts'
import type { CustodyNode, KeyDemand } from '../../keys/custody/route-shares.ts'
import { placeInThread } from './place-in-thread.ts'
import { type PlaceJob, type PlaceResult, placeJob } from './place-job.ts'

const node = (domain: string, rttMs: number): CustodyNode => ({
  ...{ domain, rttMs, cpuMsPerS: 1000, slots: 10, partMs: [1] },
})
/** Two near nodes in domains of their own; the shares are far away. */
const nodes = [node('a', 10), node('b', 10), node('c', 10), node('d', 1), node('e', 1)]
const demands: KeyDemand[] = [{ holders: 3, threshold: 2, perS: [50] }]
const job = (moveMs: number, movesMax = 8): PlaceJob => ({
  ...{ nodes, demands, current: [[0, 1, 2]], moving: { movesMax, moveMs, solveS: 30 } },
})
const never = async (): Promise<never> => {
  throw new Error('late')
}
const moved = ({ plan }: PlaceResult) => new Set(plan?.moves.map(({ to }) => to))

describe('placeJob()', () => {
  it('moves shares to where they cost less, by the solver and without it', async () => {
    const solved = await placeJob(job(0.01), withLinearProgram)
    const greedy = await placeJob(job(0.01), never)
    assert.equal(greedy.plan?.boundMs, undefined)
    // Below the placement that was found, with its two moves, and not by much.
    const { boundMs = 0, costMs = 0 } = solved.plan ?? {}
    assert.ok(boundMs <= costMs + 0.02 && boundMs > 0.9 * costMs, `${boundMs} ${costMs}`)
    assert.deepEqual([solved.plan?.by, greedy.plan?.by], ['solver', 'greedy'])
    for (const result of [solved, greedy]) {
      assert.deepEqual(moved(result), new Set([3, 4]))
      assert.equal(result.plan?.isWorthIt, true)
      // Two round trips of 10 ms before, of 1 ms after, and waiting.
      assert.ok(result.costMs > 20 && result.plan.costMs < 5, `${result.plan.costMs}`)
    }
  })

  it('does not move what is not worth it', async () => {
    const { plan } = await placeJob(job(100), never)
    assert.equal(plan?.isWorthIt, false)
  })

  it('names keys that are where they should never be', async () => {
    const together = [node('a', 1), node('a', 1), node('b', 1), node('c', 1)]
    const { plan } = await placeJob({ ...job(0.01), nodes: together }, never)
    assert.deepEqual(plan?.unsafe, [0])
  })

  it('plans for the others where a key has no place', async () => {
    // Of five domains no seven can be without two shares in one, which is more than the key can do without.
    const many: KeyDemand = { holders: 7, threshold: 6, perS: [5] }
    const more = [...nodes, node('a', 10), node('b', 10)]
    const two: PlaceJob = {
      ...{ ...job(0.01), nodes: more, demands: [many, ...demands] },
      current: [
        [0, 1, 2, 3, 4, 5, 6],
        [0, 1, 2],
      ],
    }
    for (const [by, program] of [
      ['solver', withLinearProgram],
      ['greedy', never],
    ] as const) {
      const { plan } = await placeJob(two, program)
      assert.deepEqual([plan?.by, plan?.unsafe, plan?.isWorthIt], [by, [0], true])
      assert.deepEqual(
        new Set(plan?.moves.map(({ key, to }) => `${key} ${to}`)),
        new Set(['1 3', '1 4']),
      )
    }
  })

  it('leaves keys without a place the room they have', async () => {
    const many: KeyDemand = { holders: 7, threshold: 6, perS: [5] }
    const full = [...nodes, node('a', 10), node('b', 10)].map((each, i) => {
      return i === 3 ? { ...each, slots: 1 } : each
    })
    const { plan } = await placeJob(
      {
        ...{ ...job(0.01), nodes: full, demands: [many, ...demands] },
        current: [
          [0, 1, 2, 3, 4, 5, 6],
          [0, 1, 2],
        ],
      },
      withLinearProgram,
    )
    assert.deepEqual(moved({ plan } as PlaceResult), new Set([4]))
  })

  it('says how often each holder takes part', async () => {
    const { routing, plan } = await placeJob({ ...job(0), moving: undefined }, never)
    assert.equal(plan, undefined)
    const sum = routing[0]?.[0]?.reduce((all, one) => all + one, 0) ?? 0
    assert.ok(Math.abs(sum - 2) < 1e-9)
  })
})

describe('placeInThread()', () => {
  it('has the solver in a thread', async () => {
    const result = await placeInThread(job(0.01))
    assert.equal(result.plan?.by, 'solver')
    assert.deepEqual(moved(result), new Set([3, 4]))
    const domains = nodes.map(({ domain }) => domain)
    assert.ok(isPlacement(domains, demands[0] as KeyDemand, [0, 3, 4]))
  })

  it('goes on without it when there is no such thread', async () => {
    const result = await placeInThread(job(0.01), '/nowhere.ts')
    assert.equal(result.plan?.by, 'greedy')
    assert.deepEqual(moved(result), new Set([3, 4]))
  })
})
