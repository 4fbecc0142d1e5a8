/**
 * Weights of a pool's servers by what each was seen to carry: in place of what an operator guessed, where it was measured. Who
 * applies them is elsewhere (`apps/server/capacity-weights.ts`).
 *
 * @module
 */
import type { LoadLimit } from './capacity.ts'

export interface WeighedServer {
  /** As configured, or as an operator set it; 0 takes nothing, and stays so. */
  readonly weight: number
  readonly limit: LoadLimit
  /** What its weight is multiplied by now. */
  readonly factor: number
}

/** A server gets a fourth of what is configured at least, and four times that at most: a wrong limit does no more harm than this. */
export const FACTOR_MAX = 4
/** Limits are medians of few samples: smaller changes are their noise, and each moves clients that stay on their servers. */
export const CHANGE_LEAST = 0.1

/**
 * New factors, in the order of the servers: of those whose limit is known, the limit per weight over that of all such together; 1
 * for the others, and for all when fewer than two are known. One that would change by {@link CHANGE_LEAST} or less stays.
 * What servers say of their load is in none of it.
 */
export function factorsByCapacity(servers: readonly WeighedServer[]): readonly number[] {
  const known = servers.filter(isKnown)
  const sum = (of: (server: WeighedServer) => number) =>
    known.reduce((total, server) => total + of(server), 0)
  const mean = known.length < 2 ? 0 : sum(({ limit }) => limit.load) / sum(({ weight }) => weight)
  return servers.map((server) => {
    const { weight, limit, factor } = server
    const wanted = mean > 0 && isKnown(server) ? limit.load / weight / mean : 1
    const bounded = Math.min(FACTOR_MAX, Math.max(1 / FACTOR_MAX, wanted))
    return Math.abs(bounded / factor - 1) > CHANGE_LEAST ? bounded : factor
  })
}

function isKnown({ weight, limit }: WeighedServer): boolean {
  return limit.known && limit.load > 0 && weight > 0
}
