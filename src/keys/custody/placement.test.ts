import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { domainLimit, isPlacement, mayMove } from './domain-rule.ts'
import { planMoves } from './move-shares.ts'
import { type Placed, placeByWeight, placeNewShares, placeShares } from './place-shares.ts'
import { type CustodyNode, type KeyDemand, type Placement, routeShares } from './route-shares.ts'

const SEED = 11764948

/** Nodes in domains, and keys with an n and t each: some can be placed, some cannot. */
const plans = fc
  .record({
    sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 }),
    sharings: fc.array(
      fc.integer({ min: 3, max: 7 }).chain((holders) =>
        fc.record({
          holders: fc.constant(holders),
          threshold: fc.integer({ min: 2, max: holders }),
        }),
      ),
      { minLength: 1, maxLength: 6 },
    ),
    slots: fc.integer({ min: 1, max: 8 }),
    seed: fc.nat(),
  })
  .map(({ sizes, sharings, slots, seed }) => {
    const random = seededRandom(seed)
    const nodes: CustodyNode[] = sizes.flatMap((size, domain) =>
      Array.from({ length: size }, () => ({
        domain: `zone-${domain}`,
        rttMs: random.fraction() * 3,
        cpuMsPerS: 1000 + 3000 * random.fraction(),
        slots,
        partMs: [0.1 + random.fraction(), 0.1 + random.fraction()],
      })),
    )
    const demands: KeyDemand[] = sharings.map((sharing) => ({
      ...sharing,
      perS: [random.fraction() * 300, random.fraction() * 100],
    }))
    return { nodes, demands, seed }
  })
type Plan = typeof plans extends fc.Arbitrary<infer T> ? T : never

const domainsOf = (nodes: readonly CustodyNode[]) => nodes.map(({ domain }) => domain)

/** Written again, without the code under test: what the rule is for. */
function assertSafe(nodes: readonly CustodyNode[], sharing: KeyDemand, held: readonly number[]) {
  for (const domain of new Set(domainsOf(nodes))) {
    const within = held.filter((node) => nodes[node]?.domain === domain).length
    assert.ok(within < sharing.threshold, 'a domain has the key')
    assert.ok(held.length - within >= sharing.threshold, 'a domain takes the key with it')
  }
}

function mostInDomain(nodes: readonly CustodyNode[], held: ReadonlySet<number>): number {
  const inDomain = (domain: string) => [...held].filter((node) => nodes[node]?.domain === domain)
  return Math.max(...domainsOf(nodes).map((domain) => inDomain(domain).length))
}

function assertPlaced({ nodes, demands }: Plan, placement: Placement) {
  const used = nodes.map(() => 0)
  placement.forEach((place, key) => {
    const demand = demands[key] as KeyDemand
    assert.equal(new Set(place).size, demand.holders)
    assertSafe(nodes, demand, place)
    for (const node of place) used[node] = (used[node] ?? 0) + 1
  })
  for (const [node, count] of used.entries()) assert.ok(count <= (nodes[node]?.slots ?? 0))
}

/** Whether nodes with all the room there could be would do. */
const isPossible = ({ nodes, demands }: Plan, key: number): boolean => {
  const demand = demands[key] as KeyDemand
  const domains = domainsOf(nodes)
  const room = [...new Set(domains)].map((domain) =>
    Math.min(domains.filter((each) => each === domain).length, domainLimit(demand)),
  )
  return room.reduce((a, b) => a + b, 0) >= demand.holders
}

const byChance = (seed: number) => {
  const random = seededRandom(seed)
  const drawn = new Map<number, number>()
  return (key: number, node: number) => {
    const at = key * 100 + node
    const known = drawn.get(at) ?? random.fraction()
    drawn.set(at, known)
    return known
  }
}

describe('the domain rule', () => {
  it('is that of 2 of 3, 3 of 5 and 4 of 7, and leaves nothing where it cannot be', () => {
    assert.equal(domainLimit({ holders: 3, threshold: 2 }), 1)
    assert.equal(domainLimit({ holders: 5, threshold: 3 }), 2)
    assert.equal(domainLimit({ holders: 7, threshold: 4 }), 3)
    assert.equal(domainLimit({ holders: 5, threshold: 4 }), 1)
    assert.equal(domainLimit({ holders: 3, threshold: 3 }), 0)
  })

  it('knows placements and moves', () => {
    const domains = ['a', 'a', 'a', 'b', 'b', 'c', 'c', 'd']
    const sharing = { holders: 5, threshold: 3 }
    assert.ok(isPlacement(domains, sharing, [0, 1, 3, 4, 5]))
    assert.ok(!isPlacement(domains, sharing, [0, 1, 2, 3, 5]))
    assert.ok(!isPlacement(domains, sharing, [0, 1, 3, 5]))
    assert.ok(!isPlacement(domains, sharing, [0, 1, 3, 4, 4]))
    assert.ok(mayMove(domains, sharing, [0, 1, 3, 4, 5], [0, 1, 3, 4, 6]))
    // Both would be placements, but meanwhile zone a would hold three shares.
    assert.ok(!mayMove(domains, sharing, [0, 1, 3, 4, 5], [0, 2, 3, 4, 5]))
  })
})

describe('placements', () => {
  const ways: readonly [string, (plan: Plan) => Placed][] = [
    ['placeShares()', ({ nodes, demands }) => placeShares(nodes, demands)],
    [
      'placeNewShares()',
      ({ nodes, demands }) =>
        placeNewShares(
          nodes,
          demands,
          demands.map(() => undefined),
        ),
    ],
    [
      'placeByWeight()',
      ({ nodes, demands, seed }) => placeByWeight(nodes, demands, byChance(seed)),
    ],
  ]
  for (const [name, place] of ways) {
    it(`${name} never breaks the rule, and says which key has no place`, () => {
      const seen = { placed: 0, domains: 0, slots: 0 }
      fc.assert(
        fc.property(plans, (plan) => {
          const made = place(plan)
          if (made.kind === 'placed') {
            seen.placed++
            assertPlaced(plan, made.placement)
            return
          }
          seen[made.code]++
          assert.equal(isPossible(plan, made.key), made.code === 'slots')
        }),
        { seed: SEED, numRuns: 300 },
      )
      assert.ok(seen.placed > 20 && seen.domains > 20 && seen.slots > 5, JSON.stringify(seen))
    })
  }

  it('placeNewShares() leaves old keys where they are', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const { nodes, demands } = plan
        const all = placeByWeight(nodes, demands, byChance(plan.seed))
        fc.pre(all.kind === 'placed' && demands.length > 1)
        const [, ...old] = all.placement
        const made = placeNewShares(nodes, demands, [undefined, ...old])
        if (made.kind === 'refused') {
          assert.equal(made.key, 0)
          return
        }
        assertPlaced(plan, made.placement)
        assert.deepEqual(made.placement.slice(1), old)
      }),
      { seed: SEED, numRuns: 200 },
    )
  })
})

describe('routeShares()', () => {
  it('uses holders only, as many as the threshold, and says what each node does', () => {
    fc.assert(
      fc.property(plans, ({ nodes, demands, seed }) => {
        const made = placeByWeight(nodes, demands, byChance(seed))
        fc.pre(made.kind === 'placed')
        const { routing, utilisation, costMs } = routeShares(nodes, demands, made.placement)
        const work = nodes.map(() => 0)
        demands.forEach(({ perS, threshold }, key) => {
          perS.forEach((rate, operation) => {
            const share = routing[key]?.[operation] ?? new Float64Array()
            const sum = share.reduce((a, b) => a + b, 0)
            assert.ok(Math.abs(sum - threshold) < 1e-9)
            for (const [node, part] of share.entries()) {
              assert.ok(part >= 0 && part <= 1 + 1e-9)
              if (part > 0) assert.ok(made.placement[key]?.includes(node))
              work[node] = (work[node] ?? 0) + part * rate * (nodes[node]?.partMs[operation] ?? 0)
            }
          })
        })
        for (const [node, { cpuMsPerS }] of nodes.entries()) {
          assert.ok(Math.abs((work[node] ?? 0) / cpuMsPerS - (utilisation[node] ?? 0)) < 1e-9)
        }
        assert.ok(Number.isFinite(costMs) && costMs > 0)
      }),
      { seed: SEED, numRuns: 200 },
    )
  })

  it('spreads equal nodes alike, and spares a slow one', () => {
    const node = { rttMs: 1, cpuMsPerS: 1000, slots: 10, partMs: [1] }
    const nodes = ['a', 'b', 'c'].map((domain) => ({ ...node, domain }))
    const demands = [{ holders: 3, threshold: 2, perS: [900] }]
    const even = routeShares(nodes, demands, [[0, 1, 2]])
    for (const each of even.utilisation) assert.ok(Math.abs(each - 0.6) < 0.01)
    const slow = nodes.map((each, i) => (i === 0 ? { ...each, cpuMsPerS: 500 } : each))
    const spared = routeShares(slow, demands, [[0, 1, 2]])
    const share = spared.routing[0]?.[0] ?? []
    assert.ok((share[0] ?? 1) < 0.5 && (share[1] ?? 0) > 0.7)
  })

  it('stands still where nothing is asked for', () => {
    const nodes = ['a', 'b', 'c'].map((domain, i) => ({
      domain,
      rttMs: 3 - i,
      cpuMsPerS: 1000,
      slots: 1,
      partMs: [1],
    }))
    const { routing, costMs } = routeShares(
      nodes,
      [{ holders: 3, threshold: 2, perS: [0] }],
      [[0, 1, 2]],
    )
    assert.deepEqual([...(routing[0]?.[0] ?? [])], [0, 1, 1])
    assert.ok(Number.isFinite(costMs))
  })
})

describe('planMoves()', () => {
  const orderOf = (demands: readonly KeyDemand[]) => [...demands.keys()]

  it('never breaks the rule: before, during and after each move', () => {
    let moved = 0
    let aside = 0
    fc.assert(
      fc.property(plans, fc.nat(40), ({ nodes, demands, seed }, movesMax) => {
        const from = placeByWeight(nodes, demands, byChance(seed))
        const to = placeByWeight(nodes, demands, byChance(seed + 1))
        fc.pre(from.kind === 'placed' && to.kind === 'placed')
        const order = orderOf(demands)
        const plan = planMoves(nodes, demands, from.placement, to.placement, { order, movesMax })
        assert.ok(plan.moves.length <= movesMax)
        const held = from.placement.map((place) => new Set(place))
        const shares = nodes.map((_, node) => held.filter((place) => place.has(node)).length)
        for (const { key, from: old, to: next } of plan.moves) {
          moved++
          const place = held[key] ?? new Set()
          const demand = demands[key] as KeyDemand
          assert.ok(place.has(old) && !place.has(next))
          if (!to.placement[key]?.includes(next)) aside++
          assertSafe(nodes, demand, [...place])
          place.add(next)
          shares[next] = (shares[next] ?? 0) + 1
          // Both have a share now: of any one domain, still too few.
          assert.ok(mostInDomain(nodes, place) < demand.threshold)
          assert.ok((shares[next] ?? 0) <= (nodes[next]?.slots ?? 0))
          place.delete(old)
          shares[old] = (shares[old] ?? 0) - 1
          assertSafe(nodes, demand, [...place])
        }
        for (const key of order) {
          const end: number[] = [...(held[key] ?? [])].sort((a, b) => a - b)
          assert.deepEqual(plan.placement[key], end)
          const stays = plan.left.includes(key)
          const goal: readonly number[] | undefined = (stays ? from : to).placement[key]
          assert.deepEqual(end, goal)
        }
      }),
      { seed: SEED, numRuns: 700 },
    )
    assert.ok(moved > 200 && aside > 5, `${moved} moves, ${aside} aside`)
  })

  const zones = ['a', 'a', 'a', 'b', 'b', 'c', 'c']
  const nodes = zones.map((domain) => ({
    domain,
    rttMs: 1,
    cpuMsPerS: 1000,
    slots: 2,
    partMs: [1],
  }))
  const demands = [{ holders: 5, threshold: 3, perS: [1] }]

  it('goes by way of another domain where the share would be one too many', () => {
    const limits = { order: [0], movesMax: 10 }
    const plan = planMoves(nodes, demands, [[0, 1, 3, 4, 5]], [[0, 2, 3, 4, 5]], limits)
    assert.deepEqual(plan.moves, [
      { key: 0, from: 1, to: 6 },
      { key: 0, from: 6, to: 2 },
    ])
  })

  it('leaves a key when there are too many moves, or no way', () => {
    const limits = { order: [0], movesMax: 1 }
    const goal = [[0, 2, 3, 4, 5]]
    assert.deepEqual(planMoves(nodes, demands, [[0, 1, 3, 4, 5]], goal, limits).left, [0])
    // Nowhere to step aside.
    const few = nodes.slice(0, 6)
    const stuck = planMoves(few, demands, [[0, 1, 3, 4, 5]], goal, { order: [0], movesMax: 10 })
    assert.deepEqual(stuck, { moves: [], placement: [[0, 1, 3, 4, 5]], left: [0] })
  })
})
