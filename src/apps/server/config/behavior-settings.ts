/**
 * Where batches of behavior are taken in, as the data plane knows it: a pool and a route of our own, before those of the
 * configuration; and what workers do about tiers.
 *
 * @module
 */
import { BEHAVIOR_POOL } from '../../../adapters/edge/route-pool.ts'
import type { BehaviorSettings, PoolSettings, RouteSettings } from '../../../ports/data-plane.ts'
import { BEHAVIOR_PATH, BEHAVIOR_SCRIPT_PATH } from '../../../wire/behavior-batch.ts'
import { CONFIG_DEFAULTS } from './defaults.ts'
import { EDGE_TOKEN_FIELD } from './key-server-settings.ts'
import type { Config } from './schema.ts'

/** Where it listens, and what it knows its edge by. */
export interface BehaviorPlace {
  readonly host: string
  readonly port: number
  readonly token: string
}

export function behaviorPool({ host, port, token }: BehaviorPlace): PoolSettings {
  const { outlier, pool, server } = CONFIG_DEFAULTS
  const { choose, boundedLoad, slowStartMs } = pool
  return {
    ...{ name: BEHAVIOR_POOL, choose, boundedLoad, slowStartMs },
    ...{ affinity: undefined, health: undefined },
    // The only one there is: never ejected.
    outlier: { ...outlier, ejectShareMax: 0 },
    servers: [{ ...server, id: 'here', host, port, labels: [] }],
    fields: `${EDGE_TOKEN_FIELD}: ${token}\r\n`,
  }
}

/** A request under a session key is of that session; any other of its cookie. */
export function behaviorRoute({ sessions }: Config): RouteSettings {
  const hasKeys = sessions.enabled || sessions.server !== undefined
  return {
    ...{ host: '', path: BEHAVIOR_PATH, pool: BEHAVIOR_POOL },
    ...(hasKeys
      ? {
          sessionKey: 'optional' as const,
          session: { replay: 'edge', bodyDigest: true, sealBodies: false, bearer: false } as const,
        }
      : {}),
  }
}

/** What collects, for everybody. */
export const BEHAVIOR_SCRIPT_ROUTE: RouteSettings = {
  ...{ host: '', path: BEHAVIOR_SCRIPT_PATH, pool: BEHAVIOR_POOL },
}

/** undefined where nobody's behavior is watched. */
export function behaviorSettings({ behavior }: Config): BehaviorSettings | undefined {
  const { mode, userField, requestsPerSecond, work, capture, sessionCookie } = behavior
  if (mode === 'off') return undefined
  const { enabled, requestBytes, redact } = capture
  return {
    ...{ userField: userField.toLowerCase(), requestsPerSecond, work },
    ...(sessionCookie === undefined ? {} : { sessionCookie }),
    ...(enabled
      ? { capture: { requestBytes, redact: redact.map((name) => name.toLowerCase()) } }
      : {}),
  }
}
