import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { fromHex, toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { isPlacement } from '../../keys/custody/domain-rule.ts'
import { planMoves } from '../../keys/custody/move-shares.ts'
import { placeShares } from '../../keys/custody/place-shares.ts'
import type { CustodyNode, KeyDemand } from '../../keys/custody/route-shares.ts'
import type { Holding } from './drive-change.ts'
import type { NodeState } from './key-manifests.ts'
import type { KnownNode } from './node-links.ts'
import { type NamedMove, type RunMovesOptions, runMoves } from './run-moves.ts'

const SEED = 11764948

/** Nodes and keys that can be placed, where shares are, and where they should be. */
const worlds = fc
  .record({
    domains: fc.integer({ min: 3, max: 6 }),
    perDomain: fc.integer({ min: 1, max: 3 }),
    keys: fc.integer({ min: 1, max: 5 }),
    seed: fc.nat(),
  })
  .map(({ domains, perDomain, keys, seed }) => {
    const random = seededRandom(seed)
    const nodesOf = (): CustodyNode[] =>
      Array.from({ length: domains * perDomain }, (_, i) => ({
        domain: `zone-${i % domains}`,
        rttMs: random.fraction() * 3,
        cpuMsPerS: 1000 + 1000 * random.fraction(),
        slots: 10,
        partMs: [0.5],
      }))
    const demands: KeyDemand[] = Array.from({ length: keys }, () => {
      const holders = 3 + Math.floor(random.fraction() * Math.max(1, domains - 2))
      return { holders, threshold: 2, perS: [random.fraction() * 200] }
    })
    const [before, after] = [nodesOf(), nodesOf()]
    const [current, target] = [placeShares(before, demands), placeShares(after, demands)]
    return { nodes: before, demands, current, target, seed }
  })

/** A cluster that is nothing but who holds what; a reshare may fail, and others may move shares in between. */
function memory(
  nodes: readonly CustodyNode[],
  demands: readonly KeyDemand[],
  placement: readonly (readonly number[])[],
  disturb: () => 'nothing' | 'fail',
) {
  const ids = nodes.map((_, i) => `n${i}`)
  const keyIds = placement.map((_, key) => toHex(new Uint8Array(16).fill(key + 1)))
  const held = new Map(placement.map((place, key) => [keyIds[key] ?? '', [...place]]))
  const known = ids.map((id, i) => ({ id, node: new Uint8Array(16).fill(100 + i) }) as KnownNode)
  const nodeOf = (node: Uint8Array) => known[(node[0] ?? 0) - 100]
  const checkAll = () => {
    const domains = nodes.map(({ domain }) => domain)
    for (const [key, demand] of demands.entries()) {
      const place = held.get(keyIds[key] ?? '') ?? []
      assert.ok(isPlacement(domains, demand, place), 'a placement breaks the rule')
    }
  }
  const options: RunMovesOptions = {
    links: { nodes: known, nodeOf },
    manifests: {
      async states(keyId) {
        const place = held.get(toHex(keyId)) ?? []
        const { threshold } = demands[(keyId[0] ?? 0) - 1] as KeyDemand
        const holders = place.map((node, i) => ({ point: i + 1, node: known[node]?.node }))
        const manifest = { keyId, generation: 1, threshold, holders }
        const key = { manifest, bytes: new Uint8Array(place), group: undefined }
        return place.map(
          (node) => ({ node: known[node], keys: [key], newest: 1 }) as never,
        ) as NodeState[]
      },
    },
    driver: {
      async reshare(keyId: Uint8Array, holding?: Holding) {
        const what = disturb()
        if (what === 'fail') {
          throw new LimenError('custody-change', 'no', { side: 'upstream', retry: true })
        }
        const place = (holding?.nodes ?? []).map((id) => ids.indexOf(id))
        held.set(toHex(keyId), place)
        checkAll()
        return { keyId, generation: 2, publicKey: undefined, waiting: [] }
      },
    },
    domainOf: (id) => nodes[ids.indexOf(id)]?.domain ?? id,
  }
  return { options, held, keyIds, ids, checkAll }
}

describe('runMoves()', () => {
  it('never breaks the rule of domains, whatever fails and wherever it is told to go', async () => {
    let made = 0
    let refused = 0
    await fc.assert(
      fc.asyncProperty(worlds, fc.integer({ min: 0, max: 9 }), async (world, chaos) => {
        const { nodes, demands, current, target, seed } = world
        fc.pre(current.kind === 'placed' && target.kind === 'placed')
        if (current.kind !== 'placed' || target.kind !== 'placed') return
        const order = [...demands.keys()]
        const { moves, placement } = planMoves(
          ...([nodes, demands, current.placement, target.placement] as const),
          { order, movesMax: 100 },
        )
        const random = seededRandom(seed + 1)
        const cluster = memory(nodes, demands, current.placement, () =>
          random.fraction() * 10 < chaos ? 'fail' : 'nothing',
        )
        const named = moves.map(
          ({ key, from, to }): NamedMove => ({
            keyId: fromHex(cluster.keyIds[key] ?? ''),
            from: cluster.ids[from] ?? '',
            to: cluster.ids[to] ?? '',
          }),
        )
        // Another plan than the one that fits: any node to any other.
        const wild = named.map((move): NamedMove => {
          const to = cluster.ids[Math.floor(random.fraction() * nodes.length)] ?? ''
          return random.fraction() * 10 < chaos ? { ...move, to } : move
        })
        const results = await runMoves(cluster.options, wild)
        cluster.checkAll()
        assert.equal(results.length, wild.length)
        made += results.filter(({ outcome }) => outcome === 'moved').length
        refused += results.filter(({ outcome }) => outcome === 'unsafe').length
        if (chaos > 0) return
        // With nothing in the way all of the plan is done.
        assert.ok(results.every(({ outcome }) => outcome === 'moved'))
        for (const [key, place] of placement.entries()) {
          const now = cluster.held.get(cluster.keyIds[key] ?? '') ?? []
          assert.deepEqual(
            [...now].sort((a, b) => a - b),
            [...place],
          )
        }
      }),
      { seed: SEED, numRuns: 300 },
    )
    // The property is about something.
    assert.ok(made > 100 && refused > 20, `${made} made, ${refused} refused`)
  })

  it('leaves a key alone that is not where the plan found it', async () => {
    const nodes = ['a', 'b', 'c', 'd'].map((domain) => ({
      ...{ domain, rttMs: 1, cpuMsPerS: 1000, slots: 9, partMs: [1] },
    }))
    const demands = [{ holders: 3, threshold: 2, perS: [1] }]
    const { options, keyIds } = memory(nodes, demands, [[0, 1, 2]], () => 'nothing')
    const keyId = fromHex(keyIds[0] ?? '')
    const results = await runMoves(options, [
      { keyId, from: 'n3', to: 'n0' },
      { keyId, from: 'n0', to: 'n3' },
    ])
    assert.deepEqual(
      results.map(({ outcome }) => outcome),
      ['gone', 'gone'],
    )
  })
})
