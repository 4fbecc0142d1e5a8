/**
 * Which pool of a route a request goes to, by its session's tier.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import type { Tier } from '../../behavior/tier.ts'
import type { ServedRoute } from './edge-context.ts'
import type { PlaceLeft } from './session-places.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/** Limen's own, where batches of behavior are taken in. */
export const BEHAVIOR_POOL = 'limen-behavior'

export function poolOf({ pool, tierPools }: ServedRoute, tier: Tier): UpstreamPool {
  if (tierPools === undefined || tier === 1) return pool
  return tierPools[tier - 2] ?? pool
}

/** Where a session that goes to `pool` now was in another pool of its route: its tier has changed. */
export function leftFor(
  { pool: first, tierPools }: ServedRoute,
  pool: UpstreamPool,
  session: string,
): PlaceLeft | undefined {
  if (tierPools === undefined) return undefined
  let left: PlaceLeft | undefined
  for (const other of [first, ...tierPools]) {
    if (other !== pool) left = other.leave(session) ?? left
  }
  return left
}

/** Of a session and of the connection it comes over. */
export function highestTier(session: Tier, connection: Pick<Decision, 'tier'> | undefined): Tier {
  const tier = connection?.tier ?? 1
  return tier > session ? tier : session
}

export function isDesk({ pool }: ServedRoute): boolean {
  return pool.settings.name === BEHAVIOR_POOL
}
