/**
 * {@link ForecastStore} in memory: for tests, and for a Limen whose storage fails. Gone with the process.
 *
 * @module
 */
import {
  type AnnouncedEvent,
  type ForecastStore,
  type KeptDemand,
  type KeptForecast,
  type KeptSeries,
  POOL_NAME_MAX,
} from '../../ports/forecast-store.ts'

export function memoryForecastStore(): ForecastStore {
  const kept = new Map<string, KeptForecast>()
  let events: readonly AnnouncedEvent[] = []
  let watched: readonly KeptSeries[] = []
  let demands: readonly KeptDemand[] = []
  return {
    async load() {
      const names = [...kept.keys()].sort()
      return names.flatMap((name) => structuredClone(kept.get(name)) ?? [])
    },
    async save(one) {
      if (one.pool === '' || one.pool.length > POOL_NAME_MAX) {
        throw new RangeError(`pool must be a name of 1 to ${POOL_NAME_MAX} characters`)
      }
      // Who saved it goes on to change it.
      kept.set(one.pool, structuredClone(one))
    },
    async remove(pools) {
      for (const pool of pools) kept.delete(pool)
    },
    loadEvents: async () => events,
    async saveEvents(given) {
      events = structuredClone(given)
    },
    loadSeries: async () => structuredClone(watched),
    async saveSeries(given) {
      watched = structuredClone([...given].sort((a, b) => (a.series < b.series ? -1 : 1)))
    },
    loadDemand: async () => structuredClone(demands),
    async saveDemand(given) {
      demands = structuredClone(
        [...given].sort((a, b) =>
          a.edge.id === b.edge.id ? a.group - b.group : a.edge.id < b.edge.id ? -1 : 1,
        ),
      )
    },
    async close() {
      kept.clear()
    },
  }
}
