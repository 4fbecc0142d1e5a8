/**
 * Profiles as a person looks through them: those seen lately from memory, all of them from the store in the order
 * of their ids.
 *
 * @module
 */
import type { Profile } from '../../behavior/handshake/profile.ts'
import type { Tier } from '../../behavior/tier.ts'
import type { ProfileStore } from '../../ports/profile-store.ts'

export interface ProfileQuery {
  readonly limit: number
  /** Only those. */
  readonly tier?: Tier
  /** `seen`: the last seen first, of those remembered; `id`: all there are, page by page. */
  readonly order: 'seen' | 'id'
  /** With `id`: only ids above this. */
  readonly after?: string
}

export interface ProfilePage {
  readonly profiles: readonly Profile[]
  /** With `id`: what to ask for `after` next; absent at the end. */
  readonly next?: string
}

/** Profiles seen lately, and suspicious ones apart, so that a flood of ordinary ones does not push them out. */
export interface ProfileMemory {
  note(profiles: readonly Profile[]): void
  forget(id: string): void
  /** Takes what a store has to begin with; resolves with how many it keeps. */
  fill(store: ProfileStore): Promise<number>
  /** The last seen first. */
  lately(tier: Tier | undefined): readonly Profile[]
}

/** What a page of the console can show, several times over. */
const REMEMBERED_MAX = 1000
/** Profiles looked through for one page of one tier. */
const LOOKED_THROUGH_MAX = 20_000
const PAGE = 500

export function rememberProfiles(): ProfileMemory {
  /** In the order in which they were seen last: the oldest first. */
  const ordinary = new Map<string, Profile>()
  const suspicious = new Map<string, Profile>()
  const note = (profiles: readonly Profile[]): void => {
    for (const profile of profiles) {
      forget(profile.id)
      const map = profile.tier > 1 ? suspicious : ordinary
      map.set(profile.id, profile)
      if (map.size > REMEMBERED_MAX) map.delete(map.keys().next().value ?? '')
    }
  }
  const forget = (id: string): void => {
    ordinary.delete(id)
    suspicious.delete(id)
  }
  return {
    note,
    forget,
    async fill(store) {
      const some = await store.list({ limit: 2 * REMEMBERED_MAX })
      const unseen = some.filter(({ id }) => !ordinary.has(id) && !suspicious.has(id))
      const noted = [...suspicious.values(), ...ordinary.values()]
      note([...unseen].sort((a, b) => a.lastSeen - b.lastSeen))
      // Those seen since the start stay the newest.
      note(noted)
      return await store.size()
    },
    lately: (tier) =>
      [...suspicious.values(), ...ordinary.values()]
        .filter((profile) => tier === undefined || profile.tier === tier)
        .sort((a, b) => b.lastSeen - a.lastSeen),
  }
}

/** `unsaved` gives the newer one of a profile that has not reached the store yet. */
export async function readProfiles(
  query: ProfileQuery,
  memory: ProfileMemory,
  store: ProfileStore,
  unsaved: (id: string) => Profile | undefined,
): Promise<ProfilePage> {
  const { limit, tier, order } = query
  if (order === 'seen') return { profiles: memory.lately(tier).slice(0, limit) }
  const found: Profile[] = []
  let after = query.after ?? ''
  for (let looked = 0; looked < LOOKED_THROUGH_MAX; looked += PAGE) {
    const page = await store.list({ limit: PAGE, ...(after === '' ? {} : { after }) })
    for (const kept of page) {
      const profile = unsaved(kept.id) ?? kept
      after = profile.id
      if (tier === undefined || profile.tier === tier) found.push(profile)
      if (found.length >= limit) return { profiles: found, next: after }
    }
    if (page.length < PAGE) return { profiles: found }
  }
  return { profiles: found, next: after }
}
