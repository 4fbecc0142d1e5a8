import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openLog } from '../../adapters/node/json-log.ts'
import type { LoadLimit } from '../../forecast/capacity.ts'
import { logHistogram } from '../../math/log-histogram.ts'
import type { ServerChange, UpstreamView } from '../../ports/data-plane.ts'
import { weighByCapacity } from './capacity-weights.ts'

const view = (id: string, weight = 1): UpstreamView => ({
  ...{ pool: 'site', id, address: '', state: 'up', weight, inFlight: 0, connections: 0 },
  ...{ requests: 0, failures: 0, latencyMs: 0, check: '', latencyCounts: logHistogram() },
})
const known = (load: number): LoadLimit => ({ load, known: true })

/** Minutes pass when they are told to. */
function weighing(servers: readonly UpstreamView[]) {
  let upstreams = servers
  let weights: 'configured' | 'capacity' = 'capacity'
  let limits: Readonly<Record<string, LoadLimit>> = {}
  let look = (): void => {}
  const lines: string[] = []
  const stop = weighByCapacity({
    plane: {
      upstreams: () => upstreams,
      changeServer(pool: string, id: string, { capacity }: ServerChange) {
        assert.ok(capacity !== undefined)
        upstreams = upstreams.map((one) => {
          if (one.pool !== pool || one.id !== id) return one
          const { capacity: _, ...plain } = one
          return capacity.factor === 1 ? plain : { ...plain, capacity }
        })
        return true
      },
    },
    limits: (pool) => new Map(pool === 'site' ? Object.entries(limits) : []),
    pools: () => [{ name: 'site', weights }],
    log: openLog({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
    every(each) {
      look = each
      return () => {
        look = () => {}
      }
    },
  })
  return {
    stop,
    lines,
    minute(found: Readonly<Record<string, LoadLimit>>) {
      limits = found
      look()
    },
    configure(next: typeof weights) {
      weights = next
    },
    operatorSets(id: string, weight: number) {
      upstreams = upstreams.map((one) => (one.id === id ? { ...one, weight } : one))
    },
    factors: () => upstreams.map(({ capacity }) => capacity?.factor ?? 1),
    reasons: () => upstreams.map(({ capacity }) => capacity?.reason),
  }
}

describe('weighByCapacity()', () => {
  it('weighs by what was measured, says why, and writes each change down once', () => {
    const { minute, factors, reasons, lines } = weighing([view('a'), view('b'), view('c')])
    minute({})
    assert.deepEqual(factors(), [1, 1, 1])
    minute({ a: known(100), b: known(300), c: { load: 900, known: false, atMost: 2000 } })
    assert.deepEqual(factors(), [0.5, 1.5, 1])
    assert.equal(reasons()[1], 'carries 300 requests/s, 1.50 times the mean of its pool per weight')
    minute({ a: known(103), b: known(297) })
    assert.deepEqual(factors(), [0.5, 1.5, 1])
    assert.equal(lines.length, 2)
  })

  it('multiplies what an operator set, and is undone when it is not known any more', () => {
    const { minute, factors, operatorSets, reasons } = weighing([view('a'), view('b')])
    minute({ a: known(100), b: known(300) })
    operatorSets('b', 3)
    minute({ a: known(100), b: known(300) })
    assert.deepEqual(factors(), [1, 1], 'three to one is what they carry')
    operatorSets('b', 1)
    minute({ a: known(100), b: known(300) })
    minute({ a: known(100) })
    assert.deepEqual(
      [factors(), reasons()],
      [
        [1, 1],
        [undefined, undefined],
      ],
    )
  })

  it('touches no other pool, and lets go of one that asks no more', () => {
    const other = { ...view('x'), pool: 'other' }
    const { minute, factors, configure, stop } = weighing([view('a'), view('b'), other])
    minute({ a: known(100), b: known(300) })
    assert.deepEqual(factors(), [0.5, 1.5, 1])
    configure('configured')
    minute({ a: known(100), b: known(300) })
    assert.deepEqual(factors(), [1, 1, 1])
    configure('capacity')
    stop()
    minute({ a: known(100), b: known(300) })
    assert.deepEqual(factors(), [1, 1, 1])
  })
})
