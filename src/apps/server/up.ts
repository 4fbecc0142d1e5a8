/**
 * `limen up`: composes everything into one running server. Holds no logic of its own; the signals of the
 * process belong to `apps/cli`, so that a program or a test can run a Limen inside itself.
 *
 * @module
 */
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { openAuditLog } from '../../adapters/node/audit-log.ts'
import { watchFiles } from '../../adapters/node/file-watch.ts'
import { type Log, openLog, toStandardError } from '../../adapters/node/json-log.ts'
import { makePrivateFolder } from '../../adapters/node/private-file.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { LOAD_FORECAST_DEFAULTS } from '../../flows/forecast-load.ts'
import type { Clock } from '../../ground/clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { DataPlane } from '../../ports/data-plane.ts'
import { adminServer } from './admin/server.ts'
import type { StatusView } from './admin/views.ts'
import { watchAnomalies } from './anomaly-watch.ts'
import { openBehavior } from './behavior/open-behavior.ts'
import { weighByCapacity } from './capacity-weights.ts'
import { edgesOf, joinCluster } from './cluster/open-cluster.ts'
import { type Address, writeAddress } from './config/address.ts'
import { isKeyServerAlone } from './config/cross-checks.ts'
import type { Environment } from './config/environment.ts'
import { addressOf, type Config } from './config/schema.ts'
import { lookAfterCustody } from './custody/look-after-custody.ts'
import { feedDecisions } from './decision-feed.ts'
import { openDecisionStorage } from './decision-storage.ts'
import { forecastedLoad } from './forecasted-load.ts'
import { trainForestInThread } from './forest-training.ts'
import { handshakePools } from './handshake-pools.ts'
import { openKeyServer } from './key-server/key-server.ts'
import {
  firstInForce,
  type InForce,
  keepConfig,
  type LiveConfig,
  loadConfig,
  type ReloadOutcome,
} from './live-config.ts'
import type { ConfigSource } from './load-config.ts'
import type { LoadForecast } from './load-forecast.ts'
import { filesOf } from './material.ts'
import { inFlightShare, type MeasuredLoad, measuredLoad } from './measured-load.ts'
import { metricsServer } from './metrics.ts'
import { openCustody } from './open-custody.ts'
import { openDevices } from './open-devices.ts'
import { openForecast } from './open-forecast.ts'
import { feedProfiles } from './profile-feed.ts'
import { openProfileStorage } from './profile-storage.ts'
import { scalePools } from './scale-pools.ts'
import { scalingWebhooks } from './scaling-webhook.ts'
import { openSignals, type Signals } from './signals/open-signals.ts'
import { startProfiler } from './start-profiler.ts'
import { STATE_FILES } from './state-files.ts'
import { recordTraffic } from './traffic-history.ts'
import { VERSION } from './version.ts'

export type OpenDataPlane = (options: {
  readonly workers: number
  readonly log: Log
  readonly clock: Clock
}) => DataPlane & { close(): Promise<void> }

export interface UpOptions {
  readonly source: ConfigSource
  readonly environment: Environment
  readonly openDataPlane: OpenDataPlane
  /** A key server alone (`limen keys`), by a configuration without listeners, pools and routes. */
  readonly isKeyServer?: boolean
  /** Over what the configuration says. */
  readonly logFormat?: Config['log']['format']
  readonly writeLog?: (line: string) => void
  /** Step of load forecasts and of watched series in seconds: a minute, for all but tests that have less time. */
  readonly forecastStepS?: number
}

export interface Running {
  readonly config: Config
  /** `https://127.0.0.1:8443/` of each listener. */
  readonly listeners: readonly { readonly name: string; readonly url: string }[]
  readonly adminUrl: string
  readonly metricsUrl: string
  readonly log: Log
  reload(by: string): Promise<ReloadOutcome>
  /** Stops accepting, lets clients finish for `timeouts.drainMs`, closes everything. Calling it again waits too. */
  stop(): Promise<void>
}

/** A step of where sessions come, in steps of load. */
const DEMAND_STEPS = 5
/** Ticket keys are replaced daily; looking hourly makes the day at most an hour longer. */
const REFRESH_MS = 3_600_000

/** Resolves when clients are served. What was opened is closed again when something fails on the way. */
export async function up(options: UpOptions): Promise<Running> {
  const opened: (() => void | Promise<void>)[] = []
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse()) await close()
  }
  try {
    return await open(options, opened, closeAll)
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function open(
  options: UpOptions,
  opened: (() => void | Promise<void>)[],
  closeAll: () => Promise<void>,
): Promise<Running> {
  const clock = systemClock
  const random = systemRandom()
  const startedAt = clock.now()
  const { source, environment } = options
  const loaded = loadConfig({ source, environment })
  const { config } = loaded
  const isAlone = isKeyServerAlone(config)
  refuseOtherRole(options, isAlone)
  const format = options.logFormat ?? config.log.format
  const write = options.writeLog ?? toStandardError
  const log = openLog({ level: config.log.level, format, write })
  let state: StatusView['state'] = 'starting'

  makePrivateFolder(config.data)
  const custody = await openCustody({ config, clock, random, log })
  opened.push(() => custody.close())
  const { recordKey, secrets } = custody
  const load = { source, environment, clock, random, secrets }
  const first = await firstInForce(loaded, load)
  const { keptIn, decisions } = await openDecisionStorage(config, recordKey, random, log)
  opened.push(() => decisions.close())
  const audit = openAuditLog(join(config.data, STATE_FILES.audit), clock)
  opened.push(() => audit.close())
  const workers = config.workers === 'auto' ? availableParallelism() : config.workers
  const plane = options.openDataPlane({ workers, log, clock })
  opened.push(() => plane.close())
  const feed = feedDecisions(plane, decisions, log)
  opened.push(() => feed.close())
  let inForce = (): InForce => first
  const admission = (): Config['admission'] => inForce().config.admission
  const storage = await openProfileStorage({ config, recordKey, clock, random, log })
  opened.push(() => storage.profiles.close())
  const profiles = feedProfiles({
    ...{ plane, clock, log, store: storage.profiles, failed: storage.keptIn === 'memory' },
    profiler: await startProfiler({
      admission: config.admission,
      store: storage.profiles,
      random,
      log,
    }),
    admission,
    trainForest: trainForestInThread,
  })
  opened.push(() => profiles.close())
  const { forecast, events, store } = await openForecast(
    options.forecastStepS,
    { config, recordKey, plane, clock, random, log },
    opened,
  )
  const anomalies = await watchAnomalies({
    ...{ plane, clock, log, store },
    probes: (name) =>
      inForce().config.pools.find((pool) => pool.name === name)?.health?.anomalies === 'probe',
    stepS: options.forecastStepS ?? LOAD_FORECAST_DEFAULTS.forecaster.stepS,
  })
  opened.push(() => anomalies.close())
  const looked = lookAtLoad(config, plane, workers, clock, forecast)
  opened.push(() => looked.load?.close())
  const cluster = await joinCluster({ config, plane, clock, random, log, ...looked })
  opened.push(() => cluster.close())
  const openEdges = edgesOf({
    ...{ config, custody, plane, clock, random, log, store },
    // Five minutes, where those of load have one.
    stepS: options.forecastStepS && DEMAND_STEPS * options.forecastStepS,
  })
  const keyServer = await openKeyServer({
    ...{ config, recordKey, plane, clock, random, log },
    ...(openEdges === undefined ? {} : { openEdges }),
    ...looked,
    hosts: () => inForce().material.certificates.flatMap(({ names }) => names),
  })
  opened.push(async () => keyServer?.close())
  const scaling = scalePools({
    ...{ config, plane, clock, log, audit, environment: process.env },
    forecasts: () => forecast?.list() ?? [],
    stepS: options.forecastStepS ?? LOAD_FORECAST_DEFAULTS.forecaster.stepS,
    openWebhook: scalingWebhooks(config, clock, random),
  })
  opened.push(() => scaling.close())
  let signals: Signals | undefined
  const behavior = await openBehavior({
    ...{ config, recordKey, secrets, plane, feed, clock, random, log },
    affinityKey: () => inForce().material.affinityKey,
    onTier: (change) => signals?.tierChanged(change),
  })
  opened.push(() => behavior?.close())
  signals = openSignals({ config, recordKey, keyServer, behavior, audit, clock, random, log })
  opened.push(() => signals?.close())
  await listenForSignals(config, signals)
  const live = await keepConfig({
    ...load,
    behavior: behavior?.place,
    first,
    plane,
    log,
    keys: keyServer?.place ?? cluster.place,
    started: scaling.started,
  })
  inForce = live.now
  if (forecast !== undefined) {
    const pools = () => live.now().config.pools
    opened.push(weighByCapacity({ plane, limits: (pool) => forecast.limits(pool), pools, log }))
  }
  const traffic = recordTraffic(plane, clock, () => keyServer?.figures().rotations ?? {})
  opened.push(() => traffic.close())

  const isReady = (): boolean =>
    state === 'serving' && (isAlone || plane.workers().some((worker) => worker.state === 'serving'))
  const listeners = config.listeners.map(({ name, address, tls }) => ({
    name,
    url: urlOf(addressOf(address), tls !== undefined),
  }))
  const certificates = () =>
    live.now().material.certificates.map(({ names, notAfter }) => ({ names, notAfter }))
  const status = (): StatusView => ({
    version: VERSION,
    startedAt,
    state,
    mode: live.now().config.admission.mode,
    config: options.source.name,
    lastReload: live.lastReload(),
    decisionsKeptIn: keptIn,
    decisionsDropped: feed.dropped(),
    profilesKeptIn: storage.keptIn,
    devices: config.devices !== undefined,
    certificates: certificates(),
    listeners,
  })

  const lookedAfter =
    custody.cluster &&
    lookAfterCustody({ config, cluster: custody.cluster, audit, clock, random, log })
  opened.push(async () => lookedAfter?.close())
  const admin = await adminServer({
    ...{ plane, live, feed, profiles, traffic, audit, log, clock, random, status, isReady },
    ...{ forecast, events, anomalies, scaling, behavior, signals },
    custody: lookedAfter,
    devices: openDevices(config),
    keyServer: signals?.keyServer ?? keyServer,
  })
  opened.push(() => admin.close())
  const adminAddress = addressOf(config.admin.address)
  await listening('admin.address', adminAddress, () => admin.listen({ ...adminAddress }))
  const metrics = metricsServer({
    plane,
    isReady,
    decisionsDropped: feed.dropped,
    profiles: profiles.figures,
    handshakePools: () => handshakePools(plane.traffic(), admission()),
    sessions: () => keyServer?.figures(),
    signals: () => signals?.view(),
    keyMisses: () => cluster.misses(),
    forecasts: () => forecast?.list().map(({ summary }) => summary) ?? [],
    anomalies: () => anomalies.list(),
    behavior: () => behavior?.health(),
    custody: () => lookedAfter?.view(),
    scalings: scaling.views,
    certificates: () =>
      certificates().map(({ names, notAfter }) => ({ name: names[0] ?? '', notAfter })),
  })
  opened.push(async () => {
    const closed = new Promise((resolve) => metrics.close(resolve))
    metrics.closeAllConnections()
    await closed
  })
  const metricsAddress = addressOf(config.metrics.address)
  await listening('metrics.address', metricsAddress, () => listen(metrics, metricsAddress))

  opened.push(keepUpToDate(options.source, live, log))
  scaling.begin(live.reapply)
  state = 'serving'
  log.info({ version: VERSION, workers, pid: process.pid }, 'Limen serves')

  let stopping: Promise<void> | undefined
  return {
    config,
    listeners,
    log,
    adminUrl: urlOf(boundTo(admin.server, adminAddress), config.admin.certificate !== undefined),
    metricsUrl: `${urlOf(boundTo(metrics, metricsAddress), false)}metrics`,
    reload: (by) => live.reload(by),
    stop() {
      stopping ??= (async () => {
        state = 'draining'
        log.info({ graceMs: config.timeouts.drainMs }, 'Draining')
        cluster.announceDrain()
        await plane.drain(live.now().config.timeouts.drainMs)
        await closeAll()
        log.info({}, 'Stopped')
      })()
      return stopping
    },
  }
}

async function listenForSignals({ signals }: Config, opened: Signals | undefined): Promise<void> {
  if (opened === undefined || signals.address === undefined) return
  await listening('signals.address', addressOf(signals.address), () => opened.listen())
}

/** Where session keys rotate by it. */
function lookAtLoad(
  { sessions, pools, forecast: { mode } }: Config,
  plane: DataPlane,
  workers: number,
  clock: Clock,
  forecast: LoadForecast | undefined,
): { readonly load?: MeasuredLoad } {
  const { enabled, server, rotation } = sessions
  if (!rotation.byLoad || (!enabled && server === undefined)) return {}
  const most = pools.flatMap(({ servers }) => servers.map(({ connectionsMax }) => connectionsMax))
  const capacity = most.reduce((sum, one) => sum + one, 0) * workers
  const measured = measuredLoad({ clock, inFlightShare: () => inFlightShare(plane, capacity) })
  if (forecast === undefined || mode === 'observe') return { load: measured }
  const load = forecastedLoad({ measured, forecast: () => forecast.outlook() })
  const close = (): void => {
    load.close()
    measured.close()
  }
  return { load: { ...load, close } }
}

function refuseOtherRole({ source, isKeyServer = false }: UpOptions, isAlone: boolean): void {
  if (isKeyServer === isAlone) return
  const text = isAlone
    ? 'configures a key server alone: run it by limen keys'
    : 'is no key server alone: that has sessions.cluster, and no listeners, pools or routes'
  throw new LimenError('config-refused', `${source.name} ${text}`, {
    side: 'operator',
    retry: false,
  })
}

/** Reloads when files change, and renews keys as time passes; returns the way to stop. */
function keepUpToDate(source: ConfigSource, live: LiveConfig, log: Log): () => void {
  const keepWatching = (): void => {
    const { config, digests } = live.now()
    watch.set([...source.files, ...filesOf(config)], digests)
  }
  const watch = watchFiles({
    onChange: () => {
      live.reload('file').then(keepWatching)
    },
    onBlind: (folder, error) => {
      log.warn({ folder, err: error }, 'Changes of files here go unseen: send SIGHUP to reload')
    },
  })
  keepWatching()
  const timer = setInterval(() => void live.refresh(), REFRESH_MS)
  timer.unref()
  return () => {
    clearInterval(timer)
    watch.close()
  }
}

async function listening(
  key: string,
  address: Address,
  listen: () => Promise<unknown>,
): Promise<void> {
  try {
    await listen()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'EADDRINUSE' ? 'the address is in use' : String(code ?? error)
    throw new LimenError(
      'cannot-listen',
      `Cannot listen on ${writeAddress(address)} (${key}): ${why}`,
      {
        side: 'operator',
        retry: true,
        cause: error,
      },
    )
  }
}

function listen(server: ReturnType<typeof metricsServer>, { host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
}

/** The address with the port the system gave, when 0 was asked for. */
function boundTo(
  server: { address(): AddressInfo | string | null },
  { host, port }: Address,
): Address {
  const bound = server.address()
  return { host, port: typeof bound === 'object' && bound !== null ? bound.port : port }
}

function urlOf(address: Address, tls: boolean): string {
  return `${tls ? 'https' : 'http'}://${writeAddress(address)}/`
}
