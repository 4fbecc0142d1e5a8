/**
 * The profiles held in memory: a bounded number, the one unseen for longest leaves first. A network may hold a share only:
 * so a client that changes its fingerprint each time pushes out its own profiles and nobody else's.
 *
 * @module
 */
import type { Profile } from './profile.ts'

export interface HotProfiles {
  readonly max: number
  readonly groupMax: number
  /** By id, the one unseen for longest first. */
  readonly profiles: Map<string, Profile>
  /** Ids by address group, in the same order. */
  readonly groups: Map<string, Set<string>>
}

/** However small the share of a network is, it holds so many: a household has a few devices. */
const GROUP_MIN = 8

export function newHotProfiles(max: number, groupShareMax: number): HotProfiles {
  const groupMax = Math.max(GROUP_MIN, Math.floor(max * groupShareMax))
  return { max, groupMax, profiles: new Map(), groups: new Map() }
}

/** Puts a profile at the end of the order, and keeps the bounds. */
export function warm(hot: HotProfiles, profile: Profile): void {
  const { profiles, groups } = hot
  const { id, addressGroup } = profile
  if (profiles.delete(id)) {
    profiles.set(id, profile)
    const group = groups.get(addressGroup)
    if (group?.delete(id) === true) group.add(id)
    return
  }
  const full = groups.get(addressGroup)
  if (full !== undefined && full.size >= hot.groupMax) coolFirst(hot, full)
  if (profiles.size >= hot.max) coolFirst(hot, profiles.keys())
  profiles.set(id, profile)
  // Read again: the last of a group takes the group with it.
  const group = groups.get(addressGroup)
  if (group === undefined) groups.set(addressGroup, new Set([id]))
  else group.add(id)
}

/** Lets a profile go. */
export function cool({ profiles, groups }: HotProfiles, { id, addressGroup }: Profile): void {
  profiles.delete(id)
  const group = groups.get(addressGroup)
  group?.delete(id)
  if (group?.size === 0) groups.delete(addressGroup)
}

function coolFirst(hot: HotProfiles, ids: Iterable<string>): void {
  for (const id of ids) {
    const profile = hot.profiles.get(id)
    if (profile !== undefined) cool(hot, profile)
    return
  }
}
