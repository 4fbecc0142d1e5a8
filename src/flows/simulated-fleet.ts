/**
 * The servers of a simulated site, those there are and those that may be started, and what becomes of them.
 *
 * @module
 */
import type { Capacity } from './simulated-scaling.ts'
import { SimulatedServer } from './simulated-server.ts'
import type { CapacityChange } from './site-report.ts'
import type { SiteRun, SiteScenario } from './site-scenario.ts'

/** Changes that a report lists; the others are counted. */
const CHANGES_MAX = 1000
/** Of sums of capacities, in servers. */
const ROUNDING = 1e-9

export interface FleetHost {
  /** A server will have started then: {@link SimulatedFleet.comeReady}. */
  onOrdered(readyAtMs: number): void
  /** Servers came or went. */
  onChanged(): void
}

export class SimulatedFleet {
  readonly servers: readonly SimulatedServer[]
  readonly changes: CapacityChange[] = []
  changesMore = 0
  /** Requests per second of one server of the kind that can be started, all slots busy. */
  readonly unit: number
  readonly #serviceMs: number
  readonly #endMs: number
  readonly #host: FleetHost

  constructor({ servers, scaling, sessions, forS }: SiteScenario, run: SiteRun, host: FleetHost) {
    const extras = Array.from({ length: run.scaling === 'none' ? 0 : scaling.max }, (_, i) => {
      return new SimulatedServer({ ...scaling.server, id: `extra-${i + 1}` }, true)
    })
    this.servers = [...servers.map((server) => new SimulatedServer(server, false)), ...extras]
    this.#serviceMs = sessions.serviceMs
    this.unit = (scaling.server.slots * scaling.server.speed * 1000) / sessions.serviceMs
    this.#endMs = forS * 1000
    this.#host = host
  }

  /** Those of the scenario are up, and were for long. @param later those that an event adds first */
  begin(nowMs: number, later: ReadonlySet<string>): void {
    for (const server of this.servers) {
      if (server.isExtra || later.has(server.id)) continue
      server.order(nowMs, nowMs)
      server.comeUp(nowMs)
      server.pace.upSince = Number.NEGATIVE_INFINITY
    }
    this.#host.onChanged()
  }

  /** Does nothing to one that is there. */
  order(server: SimulatedServer, nowMs: number): void {
    if (server.phase !== 'away' && server.phase !== 'lost') return
    const readyAtMs = nowMs + server.settings.startUpS * 1000
    server.order(nowMs, readyAtMs)
    this.#note(server, 'ordered', nowMs)
    this.#host.onOrdered(readyAtMs)
  }

  /** Servers whose time it is are up. */
  comeReady(nowMs: number): void {
    for (const server of this.servers) {
      if (server.phase !== 'starting' || server.readyAtMs > nowMs) continue
      server.comeUp(nowMs)
      this.#note(server, 'ready', nowMs)
    }
    this.#host.onChanged()
  }

  drain(server: SimulatedServer, nowMs: number): void {
    if (server.phase !== 'up' && server.phase !== 'starting') return
    server.drain()
    this.#note(server, 'draining', nowMs)
    this.endIfDrained(server, nowMs)
  }

  endIfDrained(server: SimulatedServer, nowMs: number): void {
    if (server.phase !== 'draining' || server.inFlight > 0) return
    server.leave(Math.min(nowMs, this.#endMs), 'away')
    this.#note(server, 'gone', nowMs)
    this.#host.onChanged()
  }

  /** @returns whether it was there; what it had is the caller's to tell */
  kill(server: SimulatedServer, nowMs: number): boolean {
    if (server.phase === 'away' || server.phase === 'lost') return false
    server.dropAll(nowMs)
    server.leave(nowMs, 'lost')
    this.#note(server, 'gone', nowMs)
    this.#host.onChanged()
    return true
  }

  /** Starts servers, or drains the last that were started. @param wanted in servers of the kind that can be started */
  scaleTo(wanted: number, nowMs: number): void {
    const { ordered } = this.capacity()
    const extras = this.servers.filter(({ isExtra }) => isExtra)
    const more = Math.max(0, Math.ceil(wanted - ordered - ROUNDING))
    const free = extras.filter(({ phase }) => phase === 'away')
    for (const server of free.slice(0, more)) this.order(server, nowMs)
    const fewer = Math.max(0, Math.floor(ordered - wanted + ROUNDING))
    const running = extras.filter(({ phase }) => phase === 'up').reverse()
    for (const server of running.slice(0, fewer)) this.drain(server, nowMs)
  }

  capacity(): Capacity {
    return {
      up: this.#capacityOf(({ phase }) => phase === 'up'),
      ordered: this.#capacityOf(({ phase }) => phase === 'up' || phase === 'starting'),
      max: this.#capacityOf((server) => server.isExtra || server.phase === 'up'),
    }
  }

  #capacityOf(counts: (server: SimulatedServer) => boolean): number {
    const perSecond = this.servers
      .filter(counts)
      .reduce((sum, server) => sum + server.capacity(this.#serviceMs), 0)
    return perSecond / this.unit
  }

  /** Share of the slots of servers that answer that were busy in the last `forMs`, which is since it was asked last. */
  takeBusyShare(nowMs: number, forMs: number): number {
    let busyMs = 0
    let slots = 0
    for (const server of this.servers) {
      const busy = server.takeBusyMs(nowMs)
      if (server.phase !== 'up') continue
      busyMs += busy
      slots += server.settings.slots
    }
    return slots === 0 ? 0 : busyMs / (slots * forMs)
  }

  /** How long each was there, of those that were. */
  minutes(): readonly { readonly server: string; readonly minutes: number }[] {
    return this.servers
      .map((server) => ({ server: server.id, minutes: server.minutesUntil(this.#endMs) }))
      .filter((one) => one.minutes > 0)
  }

  #note({ id }: SimulatedServer, became: CapacityChange['became'], nowMs: number): void {
    if (this.changes.length < CHANGES_MAX) {
      this.changes.push({ atS: nowMs / 1000, server: id, became })
    } else this.changesMore++
  }
}
