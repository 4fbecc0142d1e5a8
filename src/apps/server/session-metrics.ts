/**
 * The metrics of session keys. Never a session, a subject or an origin as a label.
 *
 * @module
 */
import { Counter, Gauge, type Registry } from 'prom-client'
import type { KeyServerFigures } from './key-server/key-views.ts'

type Values = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[]

/** Of an edge of a key server elsewhere. */
export function keyMissMetrics(
  misses: () => Readonly<Record<string, number>> | undefined,
  registers: Registry[],
): void {
  new Counter({
    name: 'limen_stek_miss_total',
    help: 'Keys that tickets were shown under and that were not held, by what came of asking',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset()
      for (const [result, count] of Object.entries(misses() ?? {})) this.inc({ result }, count)
    },
  })
}

/** Without a key server the metrics are there, without values. */
export function sessionMetrics(
  figures: () => KeyServerFigures | undefined,
  registers: Registry[],
): void {
  const read = (of: (figures: KeyServerFigures) => Values): Values => {
    const now = figures()
    return now === undefined ? [] : of(now)
  }
  const metric =
    (Kind: typeof Gauge | typeof Counter) =>
    (
      name: string,
      help: string,
      labelNames: readonly string[],
      of: (figures: KeyServerFigures) => Values,
    ): void => {
      const made = new Kind({
        name: `limen_session${name}`,
        help,
        labelNames,
        registers,
        collect() {
          made.reset()
          for (const [labels, value] of read(of)) made.inc(labels, value)
        },
      })
    }
  const gauge = metric(Gauge)
  const counter = metric(Counter)
  gauge('s', 'Sessions whose keys are good', [], ({ sessions }) => [[{}, sessions]])
  gauge('_epoch', 'Number of the key that seals tickets', ['group'], ({ epochs }) =>
    epochs.map(({ group, epoch }) => [{ group: String(group) }, epoch]),
  )
  gauge('_feed_entries', 'Revocations and checkpoints remembered', [], ({ feed }) => [[{}, feed]])
  gauge('_edges', 'Edges elsewhere that hold keys', ['state'], ({ edges }) =>
    Object.entries(edges).map(([state, count]) => [{ state }, count]),
  )
  gauge(
    '_key_placed',
    'Groups whose keys were placed at an edge ahead of their sessions',
    ['edge', 'group'],
    ({ placed }) => placed.map(({ edge, group }) => [{ edge, group: String(group) }, 1]),
  )
  counter(
    '_handshakes_total',
    'Sessions opened and rotated, or not',
    ['kind', 'result'],
    ({ handshakes }) => handshakes.map(({ kind, result, count }) => [{ kind, result }, count]),
  )
  counter('_keys_total', 'Keys agreed on, by why', ['reason'], ({ rotations }) =>
    Object.entries(rotations).map(([reason, count]) => [{ reason }, count]),
  )
  counter('_intervals_total', 'Intervals of keys, by what made them', ['reason'], (figures) =>
    Object.entries(figures.intervals).map(([reason, count]) => [{ reason }, count]),
  )
  counter('_revocations_total', 'Revocations, by what', ['kind'], ({ revocations }) =>
    Object.entries(revocations).map(([kind, count]) => [{ kind }, count]),
  )
}
