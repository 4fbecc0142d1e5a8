/**
 * How people are watched, for `/metrics`: counts, and nobody's name.
 *
 * @module
 */
import { Gauge, type Registry } from 'prom-client'
import type { BehaviorHealth } from './open-behavior.ts'

/** @param health undefined while nobody's behavior is watched: then there are no lines */
export function behaviorMetrics(
  health: () => BehaviorHealth | undefined,
  registers: Registry[],
): void {
  const gauge = (name: string, help: string, value: (health: BehaviorHealth) => number): void => {
    new Gauge({
      ...{ name, help, registers },
      collect() {
        this.reset()
        const now = health()
        if (now !== undefined) this.set(value(now))
      },
    })
  }
  gauge('limen_behavior_blind', '1 when nobody can be judged by behavior', ({ status }) =>
    status === 'ok' ? 0 : 1,
  )
  gauge('limen_behavior_sessions', 'Sessions whose behavior is told', ({ sessions }) => sessions)
  gauge('limen_behavior_batches', 'Batches taken since start', ({ batches }) => batches)
  gauge('limen_behavior_observations', 'Observations scored since start', ({ windows }) => windows)
  gauge('limen_behavior_waiting', 'Batches that wait to be taken', ({ queue }) => queue.waiting)
  gauge(
    'limen_behavior_captures_kept',
    'Requests of sessions in tier 3 that are kept',
    ({ captures }) => captures?.kept ?? 0,
  )
  gauge(
    'limen_behavior_captures_dropped',
    'Requests of sessions in tier 3 that there was no room for, since start',
    ({ captures }) => Object.values(captures?.dropped ?? {}).reduce((sum, one) => sum + one, 0),
  )
  gauge(
    'limen_behavior_budget_used',
    'Share of sessions flagged over the false-positive budget',
    ({ falsePositives }) => falsePositives.used,
  )
}
