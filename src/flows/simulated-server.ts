/**
 * A server in a simulation: so many requests at once, the others wait in it, first come, first served. To the policies it is
 * what a server of a real pool is, a {@link PacedServer}.
 *
 * @module
 */
import { type PacedServer, ServerPace } from '../routing/choose-by-latency.ts'
import type { ServerScenario } from './site-scenario.ts'

/**
 * `away`: not there, costs nothing. `starting`: costs, and answers nothing yet. `draining`: answers what it has. `lost`: killed.
 */
export type ServerPhase = 'away' | 'starting' | 'up' | 'draining' | 'lost'

export class SimulatedServer implements PacedServer {
  readonly settings: ServerScenario
  /** Started by the scaling, and so taken away by it. */
  readonly isExtra: boolean
  phase: ServerPhase = 'away'
  weight = 0
  inFlight = 0
  usable = false
  pace = new ServerPace()
  /** How many times slower than it should be. */
  slowness = 1
  readyAtMs = 0
  #busy = 0
  #waiting: number[] = []
  #head = 0
  /** Busy slots over time: slot-milliseconds up to `#busySinceMs`. */
  #busyMs = 0
  #busySinceMs = 0
  #orderedAtMs = 0
  #costMs = 0

  constructor(settings: ServerScenario, isExtra: boolean) {
    this.settings = settings
    this.isExtra = isExtra
  }

  get id(): string {
    return this.settings.id
  }

  /** Requests per second that it serves when all slots are busy. */
  capacity(serviceMs: number): number {
    return (this.settings.slots * this.settings.speed * 1000) / serviceMs
  }

  order(nowMs: number, readyAtMs: number): void {
    this.phase = 'starting'
    this.#orderedAtMs = nowMs
    this.readyAtMs = readyAtMs
  }

  /** A new one: nothing is known of how fast it answers. */
  comeUp(nowMs: number): void {
    this.phase = 'up'
    this.usable = true
    this.weight = this.settings.weight
    this.pace = new ServerPace()
    this.pace.upSince = nowMs
  }

  drain(): void {
    this.usable = false
    this.phase = 'draining'
  }

  /** What it had is lost; whoever waited for it is the caller's to tell. */
  dropAll(nowMs: number): void {
    this.#countBusy(nowMs)
    this.#busy = 0
    this.#waiting = []
    this.#head = 0
    this.inFlight = 0
  }

  leave(nowMs: number, phase: 'away' | 'lost'): void {
    this.#costMs += Math.max(0, nowMs - Math.max(0, this.#orderedAtMs))
    this.phase = phase
    this.usable = false
    this.weight = 0
  }

  get hasFreeSlot(): boolean {
    return this.#busy < this.settings.slots
  }

  /** Takes a slot. @returns how long `workMs` take */
  begin(nowMs: number, workMs: number): number {
    this.#countBusy(nowMs)
    this.#busy++
    return (workMs * this.slowness) / this.settings.speed
  }

  /** Gives a slot back. */
  end(nowMs: number): void {
    this.#countBusy(nowMs)
    this.#busy--
  }

  wait(session: number): void {
    this.#waiting.push(session)
  }

  /** Who waits longest; -1 when nobody does. */
  nextWaiting(): number {
    if (this.#head === this.#waiting.length) {
      this.#waiting.length = 0
      this.#head = 0
      return -1
    }
    // What is served is dropped when it is half of all: constant time in the mean.
    if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    return this.#waiting[this.#head++] as number
  }

  /** Slot-milliseconds that were busy since this was asked last. */
  takeBusyMs(nowMs: number): number {
    this.#countBusy(nowMs)
    const busyMs = this.#busyMs
    this.#busyMs = 0
    return busyMs
  }

  #countBusy(nowMs: number): void {
    this.#busyMs += this.#busy * (nowMs - this.#busySinceMs)
    this.#busySinceMs = nowMs
  }

  /** Minutes it was there since the beginning, starting and draining too. */
  minutesUntil(nowMs: number): number {
    const isThere = this.phase !== 'away' && this.phase !== 'lost'
    const running = isThere ? nowMs - Math.max(0, this.#orderedAtMs) : 0
    return (this.#costMs + Math.max(0, running)) / 60_000
  }
}
