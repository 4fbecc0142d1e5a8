/**
 * The key server as the data plane knows it: a pool and a route of our own, before those of the configuration.
 *
 * @module
 */
import type { PoolSettings, RouteSettings } from '../../../ports/data-plane.ts'
import { CONFIG_DEFAULTS } from './defaults.ts'

export const KEY_POOL = 'limen-keys'
export const KEY_PATH = '/.well-known/limen'
/** Carries the token by which the key server knows its own edge; clients' fields of this kind are cut. */
export const EDGE_TOKEN_FIELD = 'limen-edge'

/** Where the key server listens, and what it knows its edge by. */
export interface KeyServerPlace {
  readonly host: string
  readonly port: number
  readonly token: string
}

export function keyServerPool({ host, port, token }: KeyServerPlace): PoolSettings {
  const { outlier, pool, server } = CONFIG_DEFAULTS
  return {
    name: KEY_POOL,
    choose: pool.choose,
    boundedLoad: pool.boundedLoad,
    slowStartMs: pool.slowStartMs,
    affinity: undefined,
    health: undefined,
    // The only one there is: never ejected.
    outlier: { ...outlier, ejectShareMax: 0 },
    servers: [{ ...server, id: 'here', host, port, labels: [] }],
    fields: `${EDGE_TOKEN_FIELD}: ${token}\r\n`,
  }
}

export const KEY_ROUTE: RouteSettings = {
  host: '',
  path: KEY_PATH,
  pool: KEY_POOL,
  sessionKey: 'off',
}
