/**
 * {@link Config} in the words of the data plane's port. Pure: what lies on the disk is passed in.
 *
 * @module
 */
import type {
  AdmissionSettings,
  CertificateSettings,
  DataPlaneSettings,
  HandshakeMemberSettings,
  ListenerSettings,
  PoolSettings,
  RouteSettings,
} from '../../../ports/data-plane.ts'
import {
  BEHAVIOR_SCRIPT_ROUTE,
  type BehaviorPlace,
  behaviorPool,
  behaviorRoute,
  behaviorSettings,
} from './behavior-settings.ts'
import { CONFIG_DEFAULTS } from './defaults.ts'
import { KEY_ROUTE, type KeyServerPlace, keyServerPool } from './key-server-settings.ts'
import { addressOf, type Config } from './schema.ts'

/** What a configuration only points at. */
export interface Material {
  readonly certificates: readonly CertificateSettings[]
  readonly affinityKey: Uint8Array
  readonly ticketKeys: readonly Uint8Array[]
  readonly profileKey: Uint8Array
  /** By pools: what is shown to their agents. */
  readonly agentTokens?: ReadonlyMap<string, string>
}

/** Of a pool: servers that run as processes here, on this host. */
export type StartedOf = (pool: string) => readonly { readonly id: string; readonly port: number }[]

/** Where what Limen starts listens. */
const HERE = '127.0.0.1'

/**
 * @param keys the key server, where there is one
 * @param started besides those of the list
 * @param behavior where batches of behavior are taken in
 */
export function dataPlaneSettings(
  config: Config,
  material: Material,
  keys?: KeyServerPlace,
  started: StartedOf = () => [],
  behavior?: BehaviorPlace,
): DataPlaneSettings {
  const { drainMs: _, ...timeouts } = config.timeouts
  const { profileKey, agentTokens, ...others } = material
  const own = [
    ...(keys === undefined ? [] : [keyServerPool(keys)]),
    ...(behavior === undefined ? [] : [behaviorPool(behavior)]),
  ]
  const watched = behavior && behaviorSettings(config)
  return {
    listeners: config.listeners.map(listenerSettings),
    pools: [
      ...config.pools.map((pool) => poolSettings(pool, started, agentTokens?.get(pool.name))),
      ...own,
    ],
    // Keys that take a restart are asked for all the same: nobody passes before there are some.
    routes: [
      ...(behavior === undefined ? [] : [BEHAVIOR_SCRIPT_ROUTE, behaviorRoute(config)]),
      ...(keys === undefined ? [] : [KEY_ROUTE]),
      ...config.routes.map(routeSettings),
    ],
    ...(watched === undefined ? {} : { behavior: watched }),
    limits: config.limits,
    timeouts,
    admission: admissionSettings(config.admission, profileKey),
    ...others,
  }
}

function admissionSettings(
  admission: Config['admission'],
  profileKey: Uint8Array,
): AdmissionSettings {
  const { mode, detectors, tier2, tier3, primary, rigorous } = admission
  return {
    ...{ mode, detectors, tier2, tier3, profileKey },
    primary: { ...primary, members: primary.members.map(memberSettings) },
    rigorous: { ...rigorous, members: rigorous.members.map(memberSettings) },
  }
}

type Member = Config['admission']['primary']['members'][number]

function memberSettings({ id, address, region }: Member): HandshakeMemberSettings {
  const place = address === undefined ? { host: '', port: 0 } : addressOf(address)
  return { id, region, ...place }
}

function listenerSettings(listener: Config['listeners'][number]): ListenerSettings {
  const { name, tls, proxyProtocol, address } = listener
  return {
    name,
    ...addressOf(address),
    proxyProtocol,
    tls: tls !== undefined,
    minVersion: tls?.minVersion ?? CONFIG_DEFAULTS.tls.minVersion,
    alpn: tls?.alpn ?? ['http/1.1'],
  }
}

function poolSettings(
  { scaling: _, weights: __, load, ...pool }: Pool,
  started: StartedOf,
  agentToken: string | undefined,
): PoolSettings {
  const [like = CONFIG_DEFAULTS.server] = pool.servers
  const { weight, connectionsMax, proxyProtocol, labels } = like
  return {
    ...pool,
    affinity: pool.affinity,
    health: pool.health,
    ...(load?.header === true ? { readsLoad: true } : {}),
    ...(agentToken === undefined ? {} : { agentToken }),
    servers: [
      ...pool.servers.map(({ address, ...server }) => ({ ...server, ...addressOf(address) })),
      ...started(pool.name).map(({ id, port }) => {
        return { id, host: HERE, port, weight, connectionsMax, proxyProtocol, labels }
      }),
    ],
  }
}

type Pool = Config['pools'][number]

function routeSettings({ pools, ...route }: Config['routes'][number]): RouteSettings {
  return pools === undefined ? route : { ...route, tierPools: pools }
}
