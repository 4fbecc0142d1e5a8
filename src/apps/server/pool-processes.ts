/**
 * The upstream servers of a pool that are processes here: as many as are wanted. One is started, gets requests once it is ready,
 * drains before it is stopped, and is started again when it dies. Whoever says how many is `scale-pools.ts`.
 *
 * @module
 */
import { connect } from 'node:net'
import { type OwnedProcess, startOwned } from '../../adapters/node/owned-process.ts'
import { processId } from './config/scaling-checks.ts'

/** `waiting`: it died, and is started again after a pause. */
export type ProcessPhase = 'starting' | 'ready' | 'draining' | 'stopping' | 'waiting'

export interface ProcessView {
  readonly id: string
  readonly port: number
  readonly phase: ProcessPhase
  /** Of the phase: ms since the Unix epoch. */
  readonly since: number
  /** 0 while there is none. */
  readonly pid: number
  readonly restarts: number
}

export type ProcessAction = 'start' | 'ready' | 'drain' | 'resume' | 'stop' | 'died' | 'restart'

export interface PoolProcessesOptions {
  readonly command: readonly string[]
  readonly portFrom: number
  readonly max: number
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly readyPath: string
  readonly startUpS: number
  readonly owner: string
  readonly drainMs: number
  now(): number
  /** Other servers are ready: tells the data plane, and resolves when it has taken them. */
  changed(): Promise<void>
  /** Lets no new request go there, or lets them again. */
  drain(id: string, draining: boolean): void
  inFlight(id: string): number
  /** Before it happens. False: it must not. */
  act(did: ProcessAction, server: string, why: string): boolean
}

/** Between two looks whether it is ready, and for one answer. */
const READY_EVERY_MS = 200
const READY_ANSWER_MS = 1000
/** A server that takes so many times as long as it should, and no less than a minute, will not come. */
const START_UPS_MAX = 3
const START_MS_LEAST = 60_000
/** After SIGTERM: as long as Docker waits. */
const STOP_MS = 10_000
/** Workers tell twice a second what is in flight: sooner nobody knows. */
const DRAIN_MS_LEAST = 1500
const DRAIN_EVERY_MS = 100
/** Pauses before it is started again, doubling from the first. One that was ready for a minute is as new. */
const PAUSE_MS = 500
const PAUSE_MS_MAX = 30_000
const WELL_MS = 60_000

/** Where they listen. */
const HERE = '127.0.0.1'

interface Slot {
  readonly port: number
  readonly id: string
  phase: ProcessPhase
  since: number
  child: OwnedProcess | undefined
  restarts: number
  /** Deaths in a row. */
  deaths: number
  timer: NodeJS.Timeout | undefined
}

export class PoolProcesses {
  readonly #options: PoolProcessesOptions
  readonly #slots = new Map<number, Slot>()
  #isClosing = false

  constructor(options: PoolProcessesOptions) {
    this.#options = options
  }

  /** Those that get requests, and those that drain: the data plane knows them until they are stopped. */
  served(): readonly { readonly id: string; readonly port: number }[] {
    return [...this.#slots.values()].filter(
      ({ phase }) => phase === 'ready' || phase === 'draining',
    )
  }

  /** That take requests, and that will. */
  counts(): { readonly ready: number; readonly coming: number } {
    const phases = [...this.#slots.values()].map(({ phase }) => phase)
    const ready = phases.filter((phase) => phase === 'ready').length
    const coming = phases.filter((phase) => phase === 'starting' || phase === 'waiting').length
    return { ready, coming }
  }

  views(): readonly ProcessView[] {
    return [...this.#slots.values()]
      .map(({ id, port, phase, since, restarts, child }) => {
        return { id, port, phase, since, restarts, pid: child?.pid ?? 0 }
      })
      .sort((a, b) => a.port - b.port)
  }

  /** Starts or stops until there are `wanted`; the newest go first. */
  scaleTo(wanted: number, why: string): void {
    if (this.#isClosing) return
    const slots = [...this.#slots.values()]
    const active = slots.filter(({ phase }) => phase !== 'draining' && phase !== 'stopping')
    let missing = wanted - active.length
    for (const slot of slots) {
      if (missing > 0 && slot.phase === 'draining' && this.#resume(slot, why)) missing--
    }
    for (let port = this.#options.portFrom; missing > 0 && port < this.#portEnd; port++) {
      if (this.#slots.has(port)) continue
      if (!this.#options.act('start', processId(port), why)) return
      this.#add(port)
      missing--
    }
    const last = active
      .sort(
        (a, b) => Number(a.phase === 'ready') - Number(b.phase === 'ready') || b.since - a.since,
      )
      .slice(0, Math.max(0, -missing))
    for (const slot of last) void this.#remove(slot, why)
  }

  /** Stops them all, at once. */
  async close(): Promise<void> {
    this.#isClosing = true
    const slots = [...this.#slots.values()]
    await Promise.all(slots.map((slot) => this.#stop(slot)))
  }

  get #portEnd(): number {
    return this.#options.portFrom + this.#options.max
  }

  #add(port: number): void {
    const slot: Slot = {
      ...{ port, id: processId(port), phase: 'starting', since: 0 },
      ...{ child: undefined, restarts: 0, deaths: 0, timer: undefined },
    }
    this.#slots.set(port, slot)
    this.#start(slot)
  }

  #enter(slot: Slot, phase: ProcessPhase): void {
    slot.phase = phase
    slot.since = this.#options.now()
  }

  #start(slot: Slot): void {
    this.#enter(slot, 'starting')
    void listens(slot.port).then((isTaken) => {
      if (slot.phase !== 'starting') return
      // Else it would pass for ready by what another answers.
      if (isTaken) this.#ended(slot, 'was not started: something else listens on its port')
      else this.#launch(slot)
    })
  }

  #launch(slot: Slot): void {
    const { command, cwd, env, owner } = this.#options
    const filled = command.map((word) => word.replaceAll('{port}', String(slot.port)))
    const child = startOwned({ command: filled, cwd, env, owner })
    slot.child = child
    void child.ended.then((how) => this.#ended(slot, how))
    void this.#awaitReady(slot, child)
  }

  async #awaitReady(slot: Slot, child: OwnedProcess): Promise<void> {
    const { startUpS, readyPath, act, changed } = this.#options
    const mostMs = Math.max(START_MS_LEAST, START_UPS_MAX * startUpS * 1000)
    const began = this.#options.now()
    const isOurs = (): boolean => slot.child === child && slot.phase === 'starting'
    while (!(await answers(slot.port, readyPath))) {
      if (!isOurs()) return
      if (this.#options.now() - began > mostMs) {
        // Its end starts the next one.
        act('stop', slot.id, `${readyPath} does not answer after ${seconds(mostMs)}`)
        await child.stop(STOP_MS)
        return
      }
      await pause(READY_EVERY_MS)
    }
    if (!isOurs()) return
    this.#enter(slot, 'ready')
    act('ready', slot.id, `${readyPath} answers after ${seconds(slot.since - began)}`)
    await changed()
  }

  #ended(slot: Slot, how: string): void {
    const { phase, child } = slot
    const said = child?.said().trim() ?? ''
    slot.child = undefined
    // Who stops it waits for that.
    if (phase === 'draining' || phase === 'stopping' || this.#isClosing) return
    const wasWell = phase === 'ready' && this.#options.now() - slot.since >= WELL_MS
    slot.deaths = wasWell ? 1 : slot.deaths + 1
    const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** (slot.deaths - 1))
    this.#enter(slot, 'waiting')
    const why = `${how}${said === '' ? '' : `: ${said}`}`
    this.#options.act('died', slot.id, why)
    if (phase === 'ready') void this.#options.changed()
    slot.timer = setTimeout(() => {
      if (this.#slots.get(slot.port) !== slot || slot.phase !== 'waiting') return
      if (!this.#options.act('restart', slot.id, `it ${how}`)) {
        this.#slots.delete(slot.port)
        return
      }
      slot.restarts++
      this.#start(slot)
    }, pauseMs)
  }

  #resume(slot: Slot, why: string): boolean {
    // One that died meanwhile is no use.
    if (slot.child === undefined || !this.#options.act('resume', slot.id, why)) return false
    this.#enter(slot, 'ready')
    this.#options.drain(slot.id, false)
    return true
  }

  async #remove(slot: Slot, why: string): Promise<void> {
    const isServing = slot.phase === 'ready'
    if (!this.#options.act(isServing ? 'drain' : 'stop', slot.id, why)) return
    if (isServing) {
      if (!(await this.#drain(slot))) return
      this.#options.act('stop', slot.id, 'it has drained')
    }
    await this.#stop(slot)
  }

  /** @returns false when somebody wanted it back, or it is stopped with all others */
  async #drain(slot: Slot): Promise<boolean> {
    const { drain, inFlight, drainMs, now, changed } = this.#options
    this.#enter(slot, 'draining')
    const began = slot.since
    drain(slot.id, true)
    const isDrained = (): boolean => {
      const passed = now() - began
      return passed >= drainMs || (passed >= DRAIN_MS_LEAST && inFlight(slot.id) === 0)
    }
    const isDraining = (): boolean => slot.phase === 'draining' && slot.since === began
    while (isDraining() && !isDrained() && slot.child !== undefined) await pause(DRAIN_EVERY_MS)
    if (!isDraining()) return false
    this.#enter(slot, 'stopping')
    await changed()
    return true
  }

  async #stop(slot: Slot): Promise<void> {
    clearTimeout(slot.timer)
    this.#enter(slot, 'stopping')
    await slot.child?.stop(STOP_MS)
    if (this.#slots.get(slot.port) === slot) this.#slots.delete(slot.port)
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: HERE })
    socket.setTimeout(READY_ANSWER_MS, () => socket.destroy())
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('close', () => resolve(false)).once('error', () => {})
  })
}

async function answers(port: number, path: string): Promise<boolean> {
  try {
    const response = await fetch(`http://${HERE}:${port}${path}`, {
      headers: { 'user-agent': 'limen-health', connection: 'close' },
      redirect: 'manual',
      signal: AbortSignal.timeout(READY_ANSWER_MS),
    })
    await response.body?.cancel()
    return response.status >= 200 && response.status < 400
  } catch {
    return false
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
