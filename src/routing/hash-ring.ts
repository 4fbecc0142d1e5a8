/**
 * Consistent hashing with bounded loads: Karger et al. 1997, Mirrokni, Thorup and Zadimoghaddam 2016.
 * A key goes to the first server clockwise that is usable and not above its bound, so that a server's
 * coming or going moves only its own keys, and no server is overrun by popular ones.
 *
 * @module
 */
import { NO_SERVER, type ServerLoad, withinBound } from './choose-server.ts'

/** Points per unit of weight: a spread of the shares of about 1/sqrt(points), 8 % at 160. */
const POINTS_PER_WEIGHT = 160
/** A ring is rebuilt on every change of a pool: bound what a large weight may cost. */
const POINTS_PER_SERVER_MAX = 4096

export interface HashRing {
  /** Ascending 32-bit points. */
  readonly points: Uint32Array
  /** The server (index into the pool) of each point. */
  readonly servers: Uint16Array
}

/** FNV-1a, 32 bits, with a final mix (MurmurHash3's): spreads well, keyed by nothing: not for secrets. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i)
    hash = Math.imul(hash, 0x01000193)
  }
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Builds the ring. Points depend on a server's id only: the same ring on every worker and edge. */
export function hashRing(servers: readonly { id: string; weight: number }[]): HashRing {
  const points: { point: number; server: number }[] = []
  servers.forEach(({ id, weight }, server) => {
    const count = Math.min(weight * POINTS_PER_WEIGHT, POINTS_PER_SERVER_MAX)
    for (let i = 0; i < count; i++) points.push({ point: hash32(`${id}#${i}`), server })
  })
  points.sort((a, b) => a.point - b.point || a.server - b.server)
  return {
    points: Uint32Array.from(points, ({ point }) => point),
    servers: Uint16Array.from(points, ({ server }) => server),
  }
}

/**
 * The server for `key` (a 32-bit hash). When all usable ones are at their bound the first usable wins:
 * a bound spreads load, it never refuses it.
 */
export function chooseOnRing(
  ring: HashRing,
  key: number,
  loads: readonly ServerLoad[],
  bound: number,
  except: number,
): number {
  const { points, servers } = ring
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((points[middle] as number) < key) low = middle + 1
    else high = middle
  }
  let fallback = NO_SERVER
  const asked = new Set<number>()
  for (let step = 0; step < points.length && asked.size < loads.length; step++) {
    const server = servers[(low + step) % points.length] as number
    if (asked.has(server)) continue
    asked.add(server)
    const load = loads[server] as ServerLoad
    if (!load.usable || load.weight === 0 || server === except) continue
    if (withinBound(loads, server, bound)) return server
    if (fallback === NO_SERVER) fallback = server
  }
  return fallback
}
