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
import {
  type Answers,
  type ElasticFigures,
  figuresOf,
  type Looks,
  type QuietFigures,
  quietFiguresOf,
  type Span,
} from './elastic-figures.ts'
import { rememberDays } from './elastic-history.ts'
import { CROWD_MINUTES, type PlayedCrowd } from './flash-crowd.ts'
import { LOAD_CORE, PROXY_CORE, untilListening } from './proxies.ts'

export interface ElasticRun {
  /** While the crowd is there. */
  readonly reactive: ElasticFigures
  /** Reactive too, but with room to spare: what foresight costs, spent without it. */
  readonly spare?: ElasticFigures
  readonly predictive: ElasticFigures
  /** p99 of reactive over that of predictive. */
  readonly ratio: number
  /** After it, where that was played. */
  readonly quiet?: Readonly<Partial<Record<PoolName, QuietFigures>>>
  readonly start_up_s: number
  readonly step_s: number
  readonly seen_before: string
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
  /** What this Limen does besides. */
  readonly besides?: Besides
  /** Ends it early. */
  readonly stop?: AbortSignal
}

export type StartHere = (command: readonly string[]) => ChildProcess

export interface Besides {
  /** Added to its configuration. */
  readonly config: Readonly<Record<string, unknown>> & {
    readonly pools: readonly object[]
    readonly routes: readonly object[]
  }
  /**
   * What is started here, and later, is ended with the run.
   *
   * @param file the configuration, of a Limen that was not started yet
   */
  prepare(file: string, startHere: StartHere): Promise<void>
  /** Limen serves. The crowd waits for this, and the days before go on: it should take no more than a few steps. */
  begin(startHere: StartHere): Promise<void>
  /** The crowd begins to come. Resolves when it is over. */
  play(startHere: StartHere): Promise<void>
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
    const startBesides: StartHere = (command) => startHere(LOAD_CORE, command)
    await place.besides?.prepare(file, startBesides)
    place.stop?.throwIfAborted()
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
    await place.besides?.begin(startBesides)
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
      await Promise.all([ended(startHere(LOAD_CORE, load)), place.besides?.play(startBesides)])
      const answers: Record<string, Answers> = JSON.parse(readFileSync(to, 'utf8'))
      return resultOf(place, answers, await watch.end(), beganAt)
    } finally {
      watch.close()
    }
  } finally {
    await endAll(started)
  }
}

function resultOf(
  place: ElasticPlace,
  answers: Readonly<Record<string, Answers>>,
  looks: Readonly<Record<PoolName, Looks>>,
  beganAt: number,
): ElasticRun {
  const { crowd, stepS, withSpare } = place
  const span: Span = {
    ...{ beganAt, warmUpS: WARM_UP_STEPS * stepS, crowdS: CROWD_MINUTES * stepS },
    wholeS: (crowd.played.length - WARM_UP_STEPS) * stepS,
  }
  const figures = (name: PoolName): ElasticFigures =>
    figuresOf(answers[`/${name}`] ?? [], looks[name], span)
  const quiet = (name: PoolName): QuietFigures => {
    const perServer = PER_SERVER * POOLS[name].utilisation
    return quietFiguresOf(answers[`/${name}`] ?? [], looks[name], span, perServer)
  }
  const [reactive, predictive] = [figures('reactive'), figures('predictive')]
  const quiets = namesOf(place).map((name) => [name, quiet(name)])
  return {
    ...{ reactive, predictive, ratio: rounded(reactive.p99 / predictive.p99) },
    ...(withSpare ? { spare: figures('spare') } : {}),
    ...(span.wholeS > span.crowdS ? { quiet: Object.fromEntries(quiets) } : {}),
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

/** @throws Error when it ended otherwise than by itself, and well */
export async function ended(child: ChildProcess): Promise<void> {
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
  const { folder, isPinned, besides } = place
  const more: Partial<Besides['config']> = besides?.config ?? {}
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
    ...more,
    ...{ data: join(folder, 'limen-data'), workers: 1, log: { level: 'warn' } },
    pools: [...pools, ...(more.pools ?? [])],
    listeners: [{ name: 'web', address: `127.0.0.1:${FIRST_PORT}` }],
    routes: [...names.map((pool) => ({ path: `/${pool}`, pool })), ...(more.routes ?? [])],
    forecast: { mode: 'act' },
    timeouts: { drainMs: DRAIN_MS },
    admin: { address: `127.0.0.1:${FIRST_PORT + 1}`, openToLoopback: 'viewer' },
    metrics: { address: `127.0.0.1:${FIRST_PORT + 2}` },
  }
}

interface Seen {
  readonly servers: { readonly atS: number; readonly count: number }[]
  readonly actions: ScalingAction[]
}

/** Looks each second at what Limen says of its pools. */
class Watch {
  readonly #seen: Record<PoolName, Seen> = {
    reactive: { servers: [], actions: [] },
    predictive: { servers: [], actions: [] },
    spare: { servers: [], actions: [] },
  }
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

  async end(): Promise<Readonly<Record<PoolName, Looks>>> {
    this.close()
    await this.#look()
    return this.#seen
  }

  async #look(): Promise<void> {
    const response = await fetch(`${CONSOLE_URL}v1/scaling`).catch(() => undefined)
    if (response?.ok !== true) return
    const views = (await response.json()) as readonly ScalingView[]
    const atS = (Date.now() - this.#beganAt) / 1000
    this.#place.onLook(views, atS)
    for (const { pool, processes, actions } of views) {
      const seen = this.#seen[pool as PoolName]
      // Limen remembers the last hundred only.
      const last = seen.actions.at(-1)?.at ?? 0
      seen.actions.push(...actions.filter(({ at }) => at > last).toReversed())
      const here = processes.filter(({ pid }) => pid > 0).length
      seen.servers.push({ atS, count: 1 + here })
    }
  }
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
