/**
 * What must hold between the keys of a configuration that are each well-formed: references, doubles, order.
 * What must hold on the disk (certificates that can be read and match) is in `../material.ts`.
 *
 * @module
 */
import { SESSION_COOKIE } from '../../../adapters/edge/session-cookie.ts'
import { isLoopback } from './address.ts'
import { checkBehavior } from './behavior-checks.ts'
import { checkCaches } from './cache-schema.ts'
import { checkCalendars } from './calendar-schema.ts'
import { type Blame, type Complaint, type ConfigPath, writePath } from './complaint.ts'
import { checkCustody } from './custody-schema.ts'
import { didYouMean } from './did-you-mean.ts'
import { KEY_POOL } from './key-server-settings.ts'
import { checkScaling } from './scaling-checks.ts'
import { addressOf, type Config } from './schema.ts'
import { checkSignals } from './signals-checks.ts'

export function crossCheck(config: Config, blame: Blame): readonly Complaint[] {
  return [
    ...doubles(
      config.listeners.map(({ name }, i) => [name, ['listeners', i, 'name']]),
      blame,
    ),
    ...doubles(
      config.pools.map(({ name }, i) => [name, ['pools', i, 'name']]),
      blame,
    ),
    ...config.pools.flatMap(({ servers }, p) => [
      ...doubles(
        servers.map(({ id }, s) => [id, ['pools', p, 'servers', s, 'id']]),
        blame,
      ),
      ...doubles(
        servers.map(({ address }, s) => [address, ['pools', p, 'servers', s, 'address']]),
        blame,
      ),
    ]),
    ...doubles(
      config.routes.map(({ host, path }, i) => [`${host}${path}`, ['routes', i, 'path']]),
      blame,
    ),
    ...doubles(
      config.admin.tokens.map(({ name }, i) => [name, ['admin', 'tokens', i, 'name']]),
      blame,
    ),
    ...(['primary', 'rigorous'] as const).flatMap((pool) =>
      memberDoubles(config.admission[pool].members, ['admission', pool, 'members'], blame),
    ),
    ...sockets(config, blame),
    ...membersThatAreUs(config, blame),
    ...routesToNowhere(config, blame),
    ...emptyPools(config, blame),
    ...hashesOfNothing(config, blame),
    ...keepsNobody(config, blame),
    ...fitsNobody(config, blame),
    ...weighsByNothing(config, blame),
    ...checkScaling(config, blame),
    ...checkCalendars(config, blame),
    ...checkBehavior(config, blame),
    ...checkCaches(config, blame),
    ...checkSignals(config, blame),
    ...checkCustody(config, blame),
    ...sessionKeys(config, blame),
    ...sessionRoles(config, blame),
    ...missingParts(config, blame),
    ...orders(config, blame),
    ...exposure(config, blame),
  ]
}

function doubles(
  named: readonly (readonly [name: string, path: ConfigPath])[],
  blame: Blame,
): readonly Complaint[] {
  const seen = new Set<string>()
  return named.flatMap(([name, path]) => {
    if (seen.has(name)) return [blame(path, `"${name}" is there twice`)]
    seen.add(name)
    return []
  })
}

/** Two sockets on one port; the wildcard address takes the port of all. */
function sockets(config: Config, blame: Blame): readonly Complaint[] {
  const { listeners, admin, metrics, sessions, signals } = config
  const { enabled, listen, cluster } = sessions
  const wanted: (readonly [string, ConfigPath])[] = [
    ...listeners.map(({ address }, i) => [address, ['listeners', i, 'address']] as const),
    [admin.address, ['admin', 'address']],
    [metrics.address, ['metrics', 'address']],
    ...(enabled ? [[listen, ['sessions', 'listen']] as const] : []),
    ...(cluster === undefined
      ? []
      : [[cluster.address, ['sessions', 'cluster', 'address']] as const]),
    ...(signals.address === undefined ? [] : [[signals.address, ['signals', 'address']] as const]),
  ]
  const taken: { host: string; port: number; by: string }[] = []
  return wanted.flatMap(([text, path]) => {
    const { host, port } = addressOf(text)
    const clash = taken.find(
      (other) =>
        port !== 0 &&
        other.port === port &&
        (other.host === host || isAny(other.host) || isAny(host)),
    )
    taken.push({ host, port, by: writePath(path) })
    return clash === undefined ? [] : [blame(path, `${text} is already taken by ${clash.by}`)]
  })
}

type Members = Config['admission']['primary']['members']

/** Two members of one id, at one address, or both in this process. */
function memberDoubles(members: Members, path: ConfigPath, blame: Blame): readonly Complaint[] {
  const ids = members.map(({ id }, m) => [id, [...path, m, 'id']] as const)
  const addresses = members.flatMap(({ address }, m) =>
    address === undefined ? [] : [[address, [...path, m, 'address']] as const],
  )
  const inProcess = members.flatMap(({ address }, m) => (address === undefined ? [m] : []))
  return [
    ...doubles(ids, blame),
    ...doubles(addresses, blame),
    ...inProcess.slice(1).map((m) => blame([...path, m], 'is a second member without an address')),
  ]
}

/** A member's address must be another server's: our own listener would hand the connection to itself for ever. */
function membersThatAreUs(
  { listeners, admin, metrics, admission }: Config,
  blame: Blame,
): readonly Complaint[] {
  const own = [
    ...listeners.map(({ address }, i) => [address, `listeners[${i}].address`] as const),
    [admin.address, 'admin.address'] as const,
    [metrics.address, 'metrics.address'] as const,
  ].map(([text, key]) => ({ ...addressOf(text), key }))
  return (['primary', 'rigorous'] as const).flatMap((pool) =>
    admission[pool].members.flatMap(({ address }, m) => {
      if (address === undefined) return []
      const path = ['admission', pool, 'members', m, 'address']
      const { host, port } = addressOf(address)
      if (port === 0) return [blame(path, 'needs a port to connect to')]
      const taken = own.find(
        (one) => one.port === port && (one.host === host || (isAny(one.host) && isLoopback(host))),
      )
      return taken === undefined ? [] : [blame(path, `${address} is ${taken.key} of this Limen`)]
    }),
  )
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function routesToNowhere({ routes, pools }: Config, blame: Blame): readonly Complaint[] {
  const names = pools.map(({ name }) => name)
  return routes.flatMap(({ pool }, i) =>
    names.includes(pool)
      ? []
      : [blame(['routes', i, 'pool'], `no pool is called "${pool}"${didYouMean(pool, names)}`)],
  )
}

function emptyPools({ pools }: Config, blame: Blame): readonly Complaint[] {
  return pools.flatMap(({ servers }, i) =>
    servers.every(({ weight }) => weight === 0)
      ? [blame(['pools', i, 'servers'], 'every server has weight 0: nobody would answer')]
      : [],
  )
}

/** What is hashed is the affinity cookie: without one the choice would silently be another. */
function hashesOfNothing({ pools }: Config, blame: Blame): readonly Complaint[] {
  return pools.flatMap(({ choose, affinity }, i) =>
    choose === 'consistent-hash' && affinity === undefined
      ? [blame(['pools', i, 'choose'], 'consistent-hash needs an affinity cookie to hash')]
      : [],
  )
}

/** Sessions can only be kept together where somebody asks for them. */
function keepsNobody({ pools, routes }: Config, blame: Blame): readonly Complaint[] {
  return pools.flatMap(({ name, affinity, handoff }, i) => {
    const found: Complaint[] = []
    const asks = routes.some(({ pool, sessionKey }) => pool === name && sessionKey !== 'off')
    if (affinity?.session === true && !asks) {
      const text = 'needs a route to this pool that asks for session keys'
      found.push(blame(['pools', i, 'affinity', 'session'], text))
    }
    if (affinity !== undefined && affinity.cookie === undefined && !affinity.session) {
      found.push(blame(['pools', i, 'affinity'], 'needs a cookie, or session: true'))
    }
    if (handoff !== undefined && affinity?.session !== true) {
      found.push(blame(['pools', i, 'handoff'], 'needs affinity: { session: true }'))
    }
    return found
  })
}

/** A cookie ties a client to a server before anybody asks what suits it. */
function fitsNobody({ pools }: Config, blame: Blame): readonly Complaint[] {
  return pools.flatMap(({ choose, affinity }, i) =>
    choose === 'fit' && affinity !== undefined
      ? [blame(['pools', i, 'choose'], 'fit cannot choose for clients that affinity ties')]
      : [],
  )
}

/** Limits are measured by what forecasts count; a ring must be the same on all edges, of which each measures for itself. */
function weighsByNothing({ pools, forecast }: Config, blame: Blame): readonly Complaint[] {
  return pools.flatMap(({ choose, weights }, i) => {
    if (weights === 'configured') return []
    const path = ['pools', i, 'weights']
    if (!forecast.enabled) return [blame(path, 'capacity needs forecast.enabled')]
    return choose === 'consistent-hash'
      ? [blame(path, 'capacity does not go with consistent-hash: edges would lead clients apart')]
      : []
  })
}

/** The key server's own pool must keep its name, and nobody may rely on a check that is not made. */
function sessionKeys({ pools, routes, sessions }: Config, blame: Blame): readonly Complaint[] {
  const { groups, rotation } = sessions
  const others = groups.flatMap(({ hosts }, i) => (hosts.length === 0 ? [i] : []))
  return [
    ...pools.flatMap(({ name }, i) =>
      name === KEY_POOL ? [blame(['pools', i, 'name'], `"${name}" is Limen's own`)] : [],
    ),
    ...pools.flatMap(({ name, affinity }, i) => {
      const asks = routes.some(({ pool, sessionKey }) => pool === name && sessionKey !== 'off')
      return asks && affinity?.cookie === SESSION_COOKIE
        ? [blame(['pools', i, 'affinity', 'cookie'], `"${SESSION_COOKIE}" is the session's own`)]
        : []
    }),
    ...routes.flatMap((route, i) => routeSession(route, sessions, ['routes', i], blame)),
    ...doubles(
      groups.map(({ id }, i) => [String(id), ['sessions', 'groups', i, 'id']]),
      blame,
    ),
    ...doubles(
      groups.flatMap(({ hosts }, i) =>
        hosts.map((host, h) => [host, ['sessions', 'groups', i, 'hosts', h]] as const),
      ),
      blame,
    ),
    ...(others.length === 1
      ? []
      : [blame(['sessions', 'groups'], 'exactly one group must be without hosts')]),
    ...(rotation.leastS > rotation.mostS
      ? [blame(['sessions', 'rotation', 'leastS'], 'must not exceed sessions.rotation.mostS')]
      : []),
    ...groups.flatMap((group, i) => {
      const own = { ...rotation, ...group.rotation }
      const path = ['sessions', 'groups', i, 'rotation', 'leastS']
      return group.rotation !== undefined && own.leastS > own.mostS
        ? [blame(path, 'must not exceed mostS, of the group or of sessions.rotation')]
        : []
    }),
  ]
}

/** A key server alone (`limen keys`) serves edges, and no clients of its own. */
export function isKeyServerAlone({ listeners, pools, routes, sessions }: Config): boolean {
  const isEmpty = listeners.length + pools.length + routes.length === 0
  return isEmpty && sessions.enabled && sessions.cluster !== undefined
}

function missingParts(config: Config, blame: Blame): readonly Complaint[] {
  if (isKeyServerAlone(config)) return []
  return (['listeners', 'pools', 'routes'] as const).flatMap((key) =>
    config[key].length === 0 ? [blame([key], 'is missing (expected array)')] : [],
  )
}

/** Who is the key server, who an edge of it. */
function sessionRoles({ sessions }: Config, blame: Blame): readonly Complaint[] {
  const { enabled, server, cluster, edges, login, serves } = sessions
  const found: Complaint[] = []
  const complain = (key: string, text: string): void => {
    found.push(blame(['sessions', key], text))
  }
  if (enabled && server !== undefined) complain('server', 'is instead of sessions.enabled')
  if (!enabled && cluster !== undefined) complain('cluster', 'needs sessions.enabled')
  if (serves !== undefined && server === undefined)
    complain('serves', 'is for edges with sessions.server')
  if (!enabled && login !== undefined) complain('login', 'is for the key server')
  if (edges.length > 0 && server === undefined && cluster === undefined) {
    complain('edges', 'needs sessions.server, or on the key server sessions.cluster')
  }
  return [
    ...found,
    ...doubles(
      edges.map(({ id }, i) => [id, ['sessions', 'edges', i, 'id']]),
      blame,
    ),
    ...doubles(
      edges.map(({ address }, i) => [address, ['sessions', 'edges', i, 'address']]),
      blame,
    ),
  ]
}

/** Nobody may rely on a check that cannot be made. */
function routeSession(
  { sessionKey, session }: Config['routes'][number],
  sessions: Config['sessions'],
  path: ConfigPath,
  blame: Blame,
): readonly Complaint[] {
  if (sessionKey === 'off') return []
  const found: Complaint[] = []
  const say = (key: string, text: string): void => {
    found.push(blame([...path, 'session', key], text))
  }
  if (!sessions.enabled && sessions.server === undefined) {
    const text = 'needs sessions.enabled or sessions.server: nobody could have a key'
    found.push(blame([...path, 'sessionKey'], text))
  }
  if (session.sealBodies && session.bearer) {
    say('bearer', 'does not go with sealBodies: who shows a cookie has no key to open bodies with')
  }
  if (session.bearer && sessions.enabled && !sessions.bearer) {
    say('bearer', 'needs sessions.bearer: nobody could have the cookie')
  }
  if (session.replay === 'cluster' && sessions.redis === undefined) {
    say('replay', 'cluster needs sessions.redis')
  }
  if (session.replay === 'owner' && sessions.server !== undefined && sessions.edges.length === 0) {
    say('replay', 'owner needs sessions.edges')
  }
  if (session.replay === 'owner' && sessions.cluster !== undefined) {
    say('replay', 'owner is for edges with sessions.server: take cluster here')
  }
  return found
}

function orders({ admission, timeouts, pools }: Config, blame: Blame): readonly Complaint[] {
  const found: Complaint[] = []
  if (admission.tier2 > admission.tier3) {
    found.push(blame(['admission', 'tier2'], 'must not exceed admission.tier3'))
  }
  if (timeouts.helloChunkMs > timeouts.helloMs) {
    found.push(blame(['timeouts', 'helloChunkMs'], 'must not exceed timeouts.helloMs'))
  }
  pools.forEach(({ health }, i) => {
    if (health !== undefined && health.timeoutMs > health.intervalMs) {
      const text = 'must not exceed intervalMs: checks would overlap'
      found.push(blame(['pools', i, 'health', 'timeoutMs'], text))
    }
  })
  return found
}

/** TLS needs a certificate, and an admin API that others can reach needs TLS and tokens. */
function exposure({ listeners, certificates, admin }: Config, blame: Blame): readonly Complaint[] {
  const found: Complaint[] = []
  const tls = listeners.findIndex((listener) => listener.tls !== undefined)
  if (tls >= 0 && certificates.length === 0) {
    const text = 'needs a certificate: add certificates, e.g. { localCa: [localhost] }'
    found.push(blame(['listeners', tls, 'tls'], text))
  }
  if (!isLoopback(addressOf(admin.address).host)) {
    if (admin.tokens.length === 0) {
      found.push(blame(['admin', 'address'], 'is not loopback: needs admin.tokens'))
    }
    if (admin.certificate === undefined) {
      const text = 'is not loopback: needs admin.certificate, or tokens would travel in clear text'
      found.push(blame(['admin', 'address'], text))
    }
    if (admin.openToLoopback !== 'nobody') {
      found.push(blame(['admin', 'openToLoopback'], 'is only for a loopback admin.address'))
    }
  }
  return found
}
