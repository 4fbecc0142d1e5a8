/**
 * One Limen, pools that are scaled by processes, one flash crowd: the run that the bench measures and the demo shows.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ScalingAction, ScalingView } from '../src/apps/server/scale-pools.ts'
import { rememberDays } from './elastic-history.ts'
import type { PlayedCrowd } from './flash-crowd.ts'
import { LOAD_CORE, PROXY_CORE, untilListening } from './proxies.ts'

export interface ElasticRun {
  readonly reactive: ElasticFigures
  /** Reactive too, but with room to spare: what foresight costs, spent without it. */
  readonly spare?: ElasticFigures
  readonly predictive: ElasticFigures
  /** p99 of reactive over that of predictive. */
  readonly ratio: number
  readonly start_up_s: number
  readonly step_s: number
  readonly seen_before: string
}

export interface ElasticFigures {
  readonly requests: number
  readonly p50: number
  /** A request that failed counts as one that took as long as a client waits. */
  readonly p99: number
  readonly failed: number
  /** Of processes from their order to their end, and the first server. */
  readonly server_minutes: number
  readonly servers_most: number
  /** Seconds from the beginning of what is measured; negative: before. */
  readonly started_at_s: readonly number[]
  readonly ready_at_s: readonly number[]
}

export interface ElasticPlace {
  readonly crowd: PlayedCrowd
  readonly stepS: number
  /** Each second, with the seconds since the beginning of what is measured. */
  onLook(scalings: readonly ScalingView[], atS: number): void
  /** Told before the crowd comes. */
  onReady(): void
  /** For files of this run. */
  readonly folder: string
  /** Limen and everything else on a core each, by taskset. */
  readonly isPinned: boolean
  /** A third pool, `spare`. */
  readonly withSpare: boolean
  /** Ends it early. */
  readonly stop?: AbortSignal
}

/** Steps played first and not measured: what both have when it begins has been started by then. */
export const WARM_UP_STEPS = 45
export const START_UP_S = 20
export const FIRST_PORT = 19_500

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** Kubernetes' examples hold half to four fifths; with 0.4 as many servers run as the forecast asks for, about. */
const POOLS = {
  reactive: { by: 'measured', utilisation: 0.7 },
  predictive: { by: 'forecast', utilisation: 0.7 },
  spare: { by: 'measured', utilisation: 0.4 },
} as const
type PoolName = keyof typeof POOLS
const namesOf = ({ withSpare }: ElasticPlace): readonly PoolName[] =>
  withSpare ? ['reactive', 'predictive', 'spare'] : ['reactive', 'predictive']
/** Requests served at once, and what one takes: 40 a second. */
const SLOTS = 2
const SERVICE_MS = 50
const PER_SERVER = (SLOTS * 1000) / SERVICE_MS
/** Requests per second at the peak: six servers at the utilisation wanted. */
const PEAK = 160
const MAX = 12
/** Half as long as a start takes. */
const MARGIN_S = 10
/** What a drain may take, and Limen to end with all its processes. */
const DRAIN_MS = 1000
const END_MS = 20_000
const CLIENT_MS = 10_000
const LOOK_MS = 1000

export async function runElastic(place: ElasticPlace): Promise<ElasticRun> {
  const { crowd, stepS } = place
  const started: ChildProcess[] = []
  const startHere = (core: string, command: readonly string[]): ChildProcess => {
    const child = startOn(place, core, command)
    started.push(child)
    return child
  }
  if (await listens(FIRST_PORT)) throw new Error(`Port ${FIRST_PORT} is in use (another run?)`)
  try {
    const file = join(place.folder, 'limen.yaml')
    writeFileSync(file, JSON.stringify(configOf(place)))
    const past = crowd.before.map((share) => share * PEAK)
    await rememberDays(file, 'predictive', past, stepS)
    const names = namesOf(place)
    for (const i of names.keys()) {
      startHere(LOAD_CORE, [process.execPath, ...serverCommand(String(listedPort(i)), 0)])
    }
    const limen = [join(ROOT, 'bench/elastic-limen.ts'), file, String(stepS)]
    startHere(PROXY_CORE, [process.execPath, ...limen])
    await untilListening(FIRST_PORT)
    await untilListening(FIRST_PORT + 1)
    place.stop?.throwIfAborted()
    place.onReady()
    const beganAt = Date.now() + WARM_UP_STEPS * stepS * 1000
    const watch = new Watch(beganAt, place)
    try {
      const to = join(place.folder, 'answers.json')
      const rates = crowd.played.map((share) => (share * PEAK).toFixed(2)).join(',')
      const paths = names.map((name) => `/${name}`).join(',')
      const args = [String(FIRST_PORT), paths, String(stepS), rates, to]
      const load = [process.execPath, join(ROOT, 'bench/elastic-load.ts'), ...args]
      await ended(startHere(LOAD_CORE, load))
      const answers: Answers = JSON.parse(readFileSync(to, 'utf8'))
      return resultOf(place, answers, await watch.end(), beganAt)
    } finally {
      watch.close()
    }
  } finally {
    await endAll(started)
  }
}

function resultOf(
  { crowd, stepS, withSpare }: ElasticPlace,
  answers: Answers,
  looks: Looks,
  beganAt: number,
): ElasticRun {
  const figures = (name: PoolName): ElasticFigures =>
    figuresOf(name, answers[`/${name}`] ?? [], looks, beganAt, stepS)
  const [reactive, predictive] = [figures('reactive'), figures('predictive')]
  return {
    ...{ reactive, predictive, ratio: rounded(reactive.p99 / predictive.p99) },
    ...(withSpare ? { spare: figures('spare') } : {}),
    ...{ start_up_s: START_UP_S, step_s: stepS, seen_before: crowd.source },
  }
}

function startOn(
  { isPinned, folder, stop }: ElasticPlace,
  core: string,
  command: readonly string[],
) {
  const [program = '', ...args] = isPinned ? ['taskset', '-c', core, ...command] : command
  const stdio = ['ignore', 'ignore', 'inherit'] as const
  // A group of its own: Ctrl-C is for us, who end all in order.
  const child = spawn(program, args, { cwd: folder, stdio: [...stdio], detached: true })
  stop?.addEventListener('abort', () => child.kill('SIGTERM'))
  const kill = (): void => void child.kill('SIGTERM')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  return child
}

async function ended(child: ChildProcess): Promise<void> {
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (code !== 0) throw new Error(`The load ended with ${signal ?? code}`)
}

/** The last first: Limen ends what it has started. */
async function endAll(started: readonly ChildProcess[]): Promise<void> {
  for (const child of started.toReversed()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
    await gone
    clearTimeout(timer)
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () =>
      resolve(false),
    )
    socket.once('connect', () => socket.destroy())
  })
}

export const CONSOLE_URL = `http://127.0.0.1:${FIRST_PORT + 1}/`
export const SITE_URL = `http://127.0.0.1:${FIRST_PORT}/`

const listedPort = (pool: number): number => FIRST_PORT + 10 + pool

function serverCommand(port: string, startUpS: number): string[] {
  return [
    join(ROOT, 'bench/balance-server.ts'),
    port,
    String(SLOTS),
    String(SERVICE_MS),
    String(startUpS),
  ]
}

function configOf(place: ElasticPlace): object {
  const { folder, isPinned } = place
  const onCore = isPinned ? ['taskset', '-c', LOAD_CORE] : []
  const names = namesOf(place)
  const pools = names.map((name, i) => ({
    name,
    servers: [{ id: 'first', address: `127.0.0.1:${listedPort(i)}` }],
    scaling: {
      ...{ ...POOLS[name], max: MAX, startUpS: START_UP_S, marginS: MARGIN_S },
      capacityPerServer: PER_SERVER,
      processes: {
        command: [...onCore, process.execPath, ...serverCommand('{port}', START_UP_S)],
        portFrom: FIRST_PORT + 20 + 20 * i,
      },
    },
  }))
  return {
    ...{ data: join(folder, 'limen-data'), workers: 1, log: { level: 'warn' }, pools },
    listeners: [{ name: 'web', address: `127.0.0.1:${FIRST_PORT}` }],
    routes: names.map((pool) => ({ path: `/${pool}`, pool })),
    forecast: { mode: 'act' },
    timeouts: { drainMs: DRAIN_MS },
    admin: { address: `127.0.0.1:${FIRST_PORT + 1}`, openToLoopback: 'viewer' },
    metrics: { address: `127.0.0.1:${FIRST_PORT + 2}` },
  }
}

type Answers = Readonly<Record<string, readonly (readonly [at: number, latencyMs: number])[]>>

interface Looks {
  /** By pool: servers there were, each second that is measured. */
  readonly servers: Readonly<Record<PoolName, readonly number[]>>
  /** By pool, the oldest first. */
  readonly actions: Readonly<Record<PoolName, readonly ScalingAction[]>>
}

/** Looks each second at what Limen says of its pools. */
class Watch {
  readonly #servers: Record<PoolName, number[]> = { reactive: [], predictive: [], spare: [] }
  #last: readonly ScalingView[] = []
  readonly #timer: NodeJS.Timeout
  readonly #beganAt: number
  readonly #place: ElasticPlace

  constructor(beganAt: number, place: ElasticPlace) {
    this.#beganAt = beganAt
    this.#place = place
    this.#timer = setInterval(() => void this.#look(), LOOK_MS)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  async end(): Promise<Looks> {
    this.close()
    await this.#look()
    const actions = (name: PoolName): readonly ScalingAction[] =>
      this.#last.find(({ pool }) => pool === name)?.actions.toReversed() ?? []
    return {
      servers: this.#servers,
      actions: {
        reactive: actions('reactive'),
        predictive: actions('predictive'),
        spare: actions('spare'),
      },
    }
  }

  async #look(): Promise<void> {
    const response = await fetch(`${CONSOLE_URL}v1/scaling`).catch(() => undefined)
    if (response?.ok !== true) return
    this.#last = (await response.json()) as readonly ScalingView[]
    const atS = (Date.now() - this.#beganAt) / 1000
    this.#place.onLook(this.#last, atS)
    if (atS < 0) return
    for (const { pool, processes } of this.#last) {
      const here = processes.filter(({ pid }) => pid > 0).length
      this.#servers[pool as PoolName]?.push(1 + here)
    }
  }
}

function figuresOf(
  name: PoolName,
  answers: Answers[string],
  { servers, actions }: Looks,
  beganAt: number,
  stepS: number,
): ElasticFigures {
  const measured = answers.filter(([at]) => at >= WARM_UP_STEPS * stepS * 1000)
  const latencies = measured.map(([, ms]) => (ms < 0 ? CLIENT_MS : ms)).sort((a, b) => a - b)
  const counts = servers[name]
  const mean = counts.reduce((sum, one) => sum + one, 0) / counts.length
  const when = (did: string): readonly number[] =>
    actions[name]
      .filter((one) => one.did === did)
      .map(({ at }) => Math.round((at - beganAt) / 1000))
  const lastS = (measured.at(-1)?.[0] ?? 0) / 1000 - WARM_UP_STEPS * stepS
  return {
    requests: measured.length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    failed: measured.filter(([, ms]) => ms < 0).length,
    server_minutes: rounded((mean * lastS) / 60),
    servers_most: Math.max(...counts),
    started_at_s: when('process.start'),
    ready_at_s: when('process.ready'),
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return rounded(sorted[Math.floor(share * sorted.length)] ?? Number.NaN)
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
