/**
 * {@link ProfileStore} in memory: for tests, and for a Limen whose profile database fails. Gone with the process.
 *
 * @module
 */
import type { Profile } from '../../behavior/handshake/profile.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import type { ProfileStore } from '../../ports/profile-store.ts'
import { usefulnessOf } from '../../ports/profile-usefulness.ts'

export interface MemoryProfileStoreOptions {
  readonly keepMax: number
  /** A profile unseen for longer is gone. */
  readonly ttlMs: number
  readonly clock: Clock
  /** Chooses among whom the least useful is looked for. */
  readonly random: Random
}

/** Looked at for each that must go: the least useful of so many is near the least of all. */
const SAMPLE = 16

export function memoryProfileStore(options: MemoryProfileStoreOptions): ProfileStore {
  const { keepMax, ttlMs, clock, random } = options
  const byId = new Map<string, Profile>()
  /** In no order, so that one can be drawn; and where each is in it. */
  const ids: string[] = []
  const places = new Map<string, number>()
  let state: string | undefined

  const forget = (id: string): void => {
    const place = places.get(id)
    if (place === undefined) return
    byId.delete(id)
    places.delete(id)
    const last = ids.pop()
    if (last === undefined || last === id) return
    ids[place] = last
    places.set(last, place)
  }
  const keep = (profile: Profile): void => {
    if (!byId.has(profile.id)) places.set(profile.id, ids.push(profile.id) - 1)
    // Who saved it may go on to change it.
    byId.set(profile.id, structuredClone(profile))
  }
  const isOver = ({ lastSeen }: Profile): boolean => clock.now() - lastSeen > ttlMs
  const leastUseful = (): string => {
    let least = ''
    let usefulness = Number.POSITIVE_INFINITY
    for (let i = 0; i < SAMPLE; i++) {
      const id = ids[Math.floor(random.fraction() * ids.length)] ?? ''
      const profile = byId.get(id)
      if (profile === undefined) continue
      const worth = isOver(profile) ? Number.NEGATIVE_INFINITY : usefulnessOf(profile, clock.now())
      if (worth >= usefulness) continue
      usefulness = worth
      least = id
    }
    return least
  }

  return {
    async load(wanted) {
      return wanted.flatMap((id) => {
        const profile = byId.get(id)
        return profile === undefined || isOver(profile) ? [] : [structuredClone(profile)]
      })
    },
    async save(profiles) {
      for (const profile of profiles) {
        keep(profile)
        // At once, so that a batch larger than all there is room for is bounded too.
        if (ids.length > keepMax) forget(leastUseful())
      }
    },
    async remove(wanted) {
      for (const id of wanted) forget(id)
    },
    async list({ limit, after = '' }) {
      const later = ids.filter((id) => id > after).sort()
      return later
        .flatMap((id) => byId.get(id) ?? [])
        .filter((profile) => !isOver(profile))
        .slice(0, limit)
        .map((profile) => structuredClone(profile))
    },
    size: async () => ids.length,
    loadState: async () => state,
    async saveState(json) {
      state = json
    },
    async close() {
      byId.clear()
      places.clear()
      ids.length = 0
    },
  }
}
