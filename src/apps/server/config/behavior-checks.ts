/**
 * What must hold between `behavior` and the rest of a configuration.
 *
 * @module
 */
import { BEHAVIOR_POOL } from '../../../adapters/edge/route-pool.ts'
import type { Blame, Complaint } from './complaint.ts'
import { didYouMean } from './did-you-mean.ts'
import type { Config } from './schema.ts'

/** Fields that mean something else, to clients or to the edge. */
const TAKEN =
  /^(?:connection|content-.*|transfer-encoding|upgrade|keep-alive|set-cookie|date|te|trailer)$/i

export function checkBehavior(config: Config, blame: Blame): readonly Complaint[] {
  const { behavior, pools, routes, sessions } = config
  const found: Complaint[] = []
  if (behavior.tier2 > behavior.tier3) {
    found.push(blame(['behavior', 'tier2'], 'must not exceed behavior.tier3'))
  }
  if (TAKEN.test(behavior.userField)) {
    found.push(blame(['behavior', 'userField'], `"${behavior.userField}" means something else`))
  }
  if (behavior.store === 'redis' && sessions.redis === undefined) {
    found.push(blame(['behavior', 'store'], 'redis needs sessions.redis'))
  }
  if (behavior.capture.enabled && behavior.mode === 'off') {
    found.push(
      blame(['behavior', 'capture', 'enabled'], 'needs behavior.mode: nobody would have a tier'),
    )
  }
  if (behavior.capture.eve !== undefined && !behavior.capture.enabled) {
    found.push(blame(['behavior', 'capture', 'eve'], 'needs behavior.capture.enabled'))
  }
  const names = pools.map(({ name }) => name)
  for (const [i, name] of names.entries()) {
    if (name === BEHAVIOR_POOL) found.push(blame(['pools', i, 'name'], `"${name}" is Limen's own`))
  }
  for (const [i, route] of routes.entries()) {
    if (route.pools === undefined) continue
    if (behavior.mode === 'off') {
      found.push(blame(['routes', i, 'pools'], 'needs behavior.mode: nobody would have a tier'))
    }
    for (const tier of ['tier2', 'tier3'] as const) {
      const pool = route.pools[tier]
      if (pool === undefined || names.includes(pool)) continue
      const text = `no pool is called "${pool}"${didYouMean(pool, names)}`
      found.push(blame(['routes', i, 'pools', tier], text))
    }
  }
  return found
}
