/**
 * Custody for `/metrics`. Nodes and keys are named by who runs them: no label names a person.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { CustodyView } from './custody-view.ts'

/** @param view undefined where no nodes run here: then there are no lines */
export function custodyMetrics(view: () => CustodyView | undefined, registers: Registry[]): void {
  let kept: CustodyView | undefined
  /** One for all that are read at once. */
  const viewOnce = (): CustodyView | undefined => {
    if (kept === undefined) {
      kept = view()
      queueMicrotask(() => {
        kept = undefined
      })
    }
    return kept
  }
  type Line = readonly [labels: Readonly<Record<string, string>>, value: number]
  const make = (
    Kind: typeof Gauge | typeof Counter,
    name: string,
    help: string,
    labelNames: string[],
    read: (of: CustodyView) => Iterable<Line>,
  ): void => {
    new Kind({
      ...{ name: `limen_custody_${name}`, help, labelNames, registers },
      collect() {
        this.reset()
        const now = viewOnce()
        for (const [labels, value] of now === undefined ? [] : read(now)) this.inc(labels, value)
      },
    })
  }
  make(Gauge, 'node_up', '1 when the node answers', ['node'], ({ nodes }) =>
    nodes.map(({ id, state }) => [{ node: id }, state === 'up' ? 1 : 0]),
  )
  make(Gauge, 'node_shares', 'Shares that the node holds', ['node'], ({ nodes }) =>
    nodes.map(({ id, shares }) => [{ node: id }, shares]),
  )
  make(
    Counter,
    'node_operations_total',
    'Operations that the node has answered',
    ['node', 'operation'],
    ({ nodes }) =>
      nodes.flatMap(({ id, operations }) =>
        operations.map(({ operation, count }): Line => [{ node: id, operation }, count]),
      ),
  )
  make(Counter, 'node_unanswered_total', 'Requests without an answer', ['node'], ({ nodes }) =>
    nodes.map(({ id, unanswered }) => [{ node: id }, unanswered]),
  )
  make(
    Counter,
    'node_cache_total',
    'Shares that were at hand (hit), and that were read and opened (miss)',
    ['node', 'result'],
    ({ nodes }) =>
      nodes.flatMap(({ id, cache }): Line[] =>
        cache === null
          ? []
          : [
              [{ node: id, result: 'hit' }, cache.hits],
              [{ node: id, result: 'miss' }, cache.misses],
            ],
      ),
  )
  make(Counter, 'uses_total', 'Operations with keys', ['key', 'operation'], ({ keys }) =>
    keys.flatMap(({ name, id, uses }) =>
      uses.map(({ operation, count }): Line => [{ key: name ?? id, operation }, count]),
    ),
  )
  make(
    Counter,
    'drills_total',
    'Shares that were drilled, by what was found',
    ['node', 'verdict'],
    ({ drill }) => drill.verdicts.map(({ node, verdict, count }) => [{ node, verdict }, count]),
  )
  make(Gauge, 'shares_bad', 'Shares that the latest drills found bad', ['node'], (of) =>
    of.nodes.map(({ id }) => [{ node: id }, badAt(of, id)]),
  )
  make(Counter, 'drill_repairs_total', 'Keys given new shares by a drill', [], ({ drill }) => [
    [{}, drill.repairs],
  ])
  make(
    Gauge,
    'drill_oldest_timestamp_seconds',
    'When the key of the type was drilled that waits longest, Unix time; 0 while one was not',
    ['type'],
    ({ keys }) =>
      [...Map.groupBy(keys, ({ type }) => type)].map(([type, own]): Line => {
        const times = own.map(({ drill }) => (drill?.at ?? 0) / 1000)
        return [{ type }, Math.min(...times)]
      }),
  )
  make(Gauge, 'key_generation', 'Of its shares', ['key', 'type'], ({ keys }) =>
    keys.map(({ name, id, type, generation }) => [{ key: name ?? id, type }, generation]),
  )
  make(Gauge, 'key_holders_missing', 'Without a share of the generation', ['key'], ({ keys }) =>
    keys.map(({ name, id, holders, present }) => [{ key: name ?? id }, holders.length - present]),
  )
}

function badAt({ keys }: CustodyView, node: string): number {
  const shares = keys.flatMap(({ drill }) => drill?.shares ?? [])
  const bad = shares.filter((one) => one.node === node && !FINE.has(one.verdict))
  return bad.length
}

/** A node that is away has a line of its own. */
const FINE: ReadonlySet<string> = new Set(['good', 'repaired', 'away'])
