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
import type { ForecastStore } from '../../../ports/forecast-store.ts'
import type { LoadSource } from '../../../ports/load-outlook.ts'
import type { KeyServerPlace } from '../config/key-server-settings.ts'
import { addressOf, type Config } from '../config/schema.ts'
import { fitForecastInThread } from '../forecast-fitting.ts'
import type { OpenHolders } from '../key-server/key-server.ts'
import type { OpenCustody } from '../open-custody.ts'
import { type EdgeCredentials, readCredentials, writeRenewed } from './credentials.ts'
import { edgeAgent, type KeyMisses } from './edge-agent.ts'
import { authorityInCustody, type EdgeAuthority, fileAuthority } from './edge-authority.ts'
import { edgeDesk } from './edge-desk.ts'
import { listenForCluster } from './listener.ts'
import { type OwnerScope, ownerScope } from './owner-scope.ts'
import { placeKeys } from './place-keys.ts'
import { renewCertificate } from './renew-certificate.ts'
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

/** Who signs for the edges of this key server: custody, where there is. @throws LimenErrors of custody */
export async function openEdgeAuthority({
  config,
  custody,
  clock,
  random,
}: Pick<ClusterOptions, 'config' | 'clock' | 'random'> & {
  readonly custody: CustodyOfEdges
}): Promise<EdgeAuthority> {
  const files = { data: config.data, secrets: custody.secrets, clock, random }
  const authority = await custody.edgeAuthority?.()
  const { cluster } = config.sessions
  if (authority === undefined || cluster === undefined) return fileAuthority(files)
  return authorityInCustody(files, authority, cluster.certificateS * 1000)
}

export type CustodyOfEdges = Pick<OpenCustody, 'secrets' | 'edgeAuthority'>

/**
 * The edges of a key server in this process; undefined when it has none.
 *
 * @param options.store where it is kept which sessions come where; absent: nowhere
 * @param options.stepS of forecasts of that, in seconds
 */
export function edgesOf(
  options: ClusterOptions & {
    readonly custody: CustodyOfEdges
    readonly store?: ForecastStore | undefined
    readonly stepS?: number | undefined
  },
): OpenHolders | undefined {
  const { config, plane, clock, random, log, store, stepS } = options
  const { cluster, edges } = config.sessions
  if (cluster === undefined) return undefined
  return async (source) => {
    const authority = await openEdgeAuthority(options)
    const bounds = new Map(edges.map(({ id, serves }) => [id, serves]))
    const { enabled, mode } = config.forecast
    const kept = await store?.loadDemand().catch((error: unknown) => {
      log.error({ err: error }, 'Cannot read where sessions came before')
      return []
    })
    const placing = enabled
      ? placeKeys({
          ...{ mode, clock, log, fit: fitForecastInThread },
          ...(store === undefined ? {} : { store, kept: kept ?? [] }),
          ...(stepS === undefined ? {} : { stepS }),
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
      certify: authority.certify,
      onSuspected: (suspicions) => plane.suspect(suspicions),
      ...(placing === undefined ? {} : { placing }),
    })
    const stopHearing = plane.onSuspected((suspicion) => desk.suspect(suspicion))
    const listener = await listenForCluster({
      address: addressOf(cluster.address),
      key: 'sessions.cluster.address',
      certificate: () => authority.keyServer(),
      lookMs: authority.lookMs,
      allowed: edges.map(({ id }) => id),
      log,
      handle: (request, response) => desk.handle(request, response),
    })
    return {
      ...desk,
      drain: (edge, inS) => placing?.drain(edge, inS) ?? 'off',
      placements: () => placing?.view(),
      async close() {
        await placing?.close()
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
    if (server === undefined) {
      closing.push(await answerReplayAsks({ config, plane, owner: undefined, clock, log }))
      return { place: undefined, misses: () => undefined, announceDrain: () => {}, close }
    }
    const folder = server.credentials
    let credentials = readCredentials(folder)
    const current = (): EdgeCredentials => credentials
    const owner = await openOwner(options, current, closing)
    closing.push(await answerReplayAsks({ config, plane, owner, clock, log }))
    if (credentials.by === 'files' && credentials.notAfter - clock.now() < RENEW_DAYS * DAY_MS) {
      const until = new Date(credentials.notAfter).toISOString()
      log.warn({ until }, 'The certificate of this edge ends: limen cluster issue makes a new one')
    }
    const agent = edgeAgent({ ...options, server, sessions: config.sessions, credentials })
    closing.push(() => agent.close())
    const take = (next: EdgeCredentials): void => {
      credentials = next
      agent.renew(next)
      owner?.renew(next)
    }
    closing.push(watchCredentials({ folder, current, log, onRenewed: take }))
    closing.push(
      renewCertificate({
        ...{ peer: agent.peer, current, clock, log },
        onRenewed(next) {
          take(next)
          keepRenewed(folder, next, log)
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

/** In force either way; what cannot be written is gone after a restart. */
function keepRenewed(folder: string, next: EdgeCredentials, log: Log): void {
  try {
    writeRenewed(folder, next)
  } catch (error) {
    log.error({ err: error, folder }, 'The renewed certificate of this edge cannot be kept')
  }
}

async function openOwner(
  { config, clock, log }: ClusterOptions,
  current: () => EdgeCredentials,
  closing: (() => void | Promise<void>)[],
): Promise<OwnerScope | undefined> {
  const { edges } = config.sessions
  if (edges.length === 0) return undefined
  const credentials = current()
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
    certificate: async () => current(),
    lookMs: DAY_MS,
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
