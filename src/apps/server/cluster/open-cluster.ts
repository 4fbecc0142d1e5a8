/**
 * What a process has to do with others of its cluster, by its configuration: a key server that serves edges, an edge of a key
 * server, an edge that shares proofs with others. Composition only.
 *
 * @module
 */
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Clock } from '../../../ground/clock.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { Random } from '../../../ground/random.ts'
import type { DataPlane } from '../../../ports/data-plane.ts'
import type { LoadSource } from '../../../ports/load-outlook.ts'
import type { KeyServerPlace } from '../config/key-server-settings.ts'
import { addressOf, type Config } from '../config/schema.ts'
import { fitForecastInThread } from '../forecast-fitting.ts'
import type { OpenHolders } from '../key-server/key-server.ts'
import { type EdgeCredentials, keyServerCertificate, readCredentials } from './credentials.ts'
import { edgeAgent, type KeyMisses } from './edge-agent.ts'
import { edgeDesk } from './edge-desk.ts'
import { listenForCluster } from './listener.ts'
import { type OwnerScope, ownerScope } from './owner-scope.ts'
import { placeKeys } from './place-keys.ts'
import { answerReplayAsks } from './replay-asks.ts'
import { watchCredentials } from './watch-credentials.ts'

export interface ClusterOptions {
  readonly config: Config
  readonly plane: DataPlane
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** How busy this machine is; absent: nobody looks. */
  readonly load?: LoadSource
}

export interface Cluster {
  /** The key server of an edge; undefined where it is in this process, or there is none. */
  readonly place: KeyServerPlace | undefined
  /** Of an edge of a key server elsewhere. */
  misses(): KeyMisses | undefined
  /** Sessions are about to go elsewhere. */
  announceDrain(): void
  close(): Promise<void>
}

/** Clients come no earlier than keys, unless the key server is away for so long. */
const FIRST_KEYS_MS = 5_000
const DAY_MS = 86_400_000
const RENEW_DAYS = 30

/** The edges of a key server in this process; undefined when it has none. */
export function edgesOf(options: ClusterOptions): OpenHolders | undefined {
  const { config, plane, clock, random, log } = options
  const { cluster, edges } = config.sessions
  if (cluster === undefined) return undefined
  return async (source) => {
    const bounds = new Map(edges.map(({ id, serves }) => [id, serves]))
    const { enabled, mode } = config.forecast
    const placing = enabled
      ? placeKeys({
          ...{ mode, clock, log, fit: fitForecastInThread },
          placement: cluster.placement,
          ticketS: config.sessions.ticketS,
          groups: config.sessions.groups.map(({ id }) => id),
          edges: () => desk.standings(),
          refresh: (edge) => desk.refresh(edge),
        })
      : undefined
    const desk = edgeDesk({
      ...{ source, clock, random, log },
      mayServe: (edge) => bounds.get(edge),
      onSuspected: (suspicions) => plane.suspect(suspicions),
      ...(placing === undefined ? {} : { placing }),
    })
    const stopHearing = plane.onSuspected((suspicion) => desk.suspect(suspicion))
    const listener = await listenForCluster({
      address: addressOf(cluster.address),
      key: 'sessions.cluster.address',
      certificate: () => keyServerCertificate({ data: config.data, clock, random }),
      allowed: edges.map(({ id }) => id),
      log,
      handle: (request, response) => desk.handle(request, response),
    })
    return {
      ...desk,
      drain: (edge, inS) => placing?.drain(edge, inS) ?? 'off',
      placements: () => placing?.view(),
      async close() {
        placing?.close()
        stopHearing()
        desk.close()
        await listener.close()
      },
    }
  }
}

/** Resolves when the first keys are here, or the key server has been away for a while. */
export async function joinCluster(options: ClusterOptions): Promise<Cluster> {
  const { config, plane, clock, log } = options
  const closing: (() => void | Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end()
  }
  const { server } = config.sessions
  try {
    const credentials = server === undefined ? undefined : readCredentials(server.credentials)
    const owner = credentials && (await openOwner(options, credentials, closing))
    closing.push(answerReplayAsks({ config, plane, owner, clock, log }))
    if (server === undefined || credentials === undefined)
      return { place: undefined, misses: () => undefined, announceDrain: () => {}, close }
    if (credentials.notAfter - clock.now() < RENEW_DAYS * DAY_MS) {
      const until = new Date(credentials.notAfter).toISOString()
      log.warn({ until }, 'The certificate of this edge ends: limen cluster issue makes a new one')
    }
    const agent = edgeAgent({ ...options, server, sessions: config.sessions, credentials })
    closing.push(() => agent.close())
    closing.push(
      watchCredentials({
        ...{ folder: server.credentials, current: credentials, log },
        onRenewed(next) {
          agent.renew(next)
          owner?.renew(next)
        },
      }),
    )
    if (!(await agent.ready(FIRST_KEYS_MS))) {
      log.error({}, 'No keys yet: what needs a session key is refused until they come')
    }
    return {
      place: agent.place,
      misses: () => agent.misses(),
      announceDrain: () => agent.announceDrain(),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function openOwner(
  { config, clock, log }: ClusterOptions,
  credentials: EdgeCredentials,
  closing: (() => void | Promise<void>)[],
): Promise<OwnerScope | undefined> {
  const { edges } = config.sessions
  if (edges.length === 0) return undefined
  const own = edges.find(({ id }) => id === credentials.id)
  if (own === undefined) {
    const text = `sessions.edges: ${credentials.id}, which this edge is by its certificate, is missing`
    throw new LimenError('config-refused', text, { side: 'operator', retry: false })
  }
  const owner = ownerScope({ edges, credentials, clock })
  closing.push(() => owner.close())
  const listener = await listenForCluster({
    address: addressOf(own.address),
    key: 'sessions.edges',
    certificate: async () => readCredentials(config.sessions.server?.credentials ?? ''),
    allowed: edges.map(({ id }) => id),
    log,
    handle: (request, response) => owner.handle(request, response),
  })
  closing.push(() => listener.close())
  return {
    ...owner,
    renew(next) {
      owner.renew(next)
      listener.renew()
    },
  }
}
