/**
 * A site behind Limen, simulated event by event: sessions come, make requests and think; the policies of production
 * choose servers; servers slow down, die, drain and come; capacity follows (`simulated-scaling.ts`). The same scenario
 * gives the same report. Memory is bounded by the sessions that live at once, not by those that come.
 *
 * One edge with one worker, which sees all requests; no network, no connections: what they cost is in the benchmarks.
 *
 * @module
 */
import { EventQueue } from '../math/event-queue.ts'
import {
  drawExponential,
  drawGeometric,
  drawLognormal,
  seededFraction,
} from '../math/seeded-chance.ts'
import { Balancer } from '../routing/balancer.ts'
import { NO_SERVER } from '../routing/choose-server.ts'
import { SimulatedFleet } from './simulated-fleet.ts'
import { PredictiveScaling, ReactiveScaling } from './simulated-scaling.ts'
import type { SimulatedServer } from './simulated-server.ts'
import { NO_SESSION, SimulatedSessions, STAGE } from './simulated-sessions.ts'
import { nextArrival, sessionRate } from './site-demand.ts'
import { AnswerCount, type SiteReport } from './site-report.ts'
import type { ServerEvent, SiteRun, SiteScenario, Stretch } from './site-scenario.ts'

/** Events that are no session's. */
const ARRIVAL = -1
const MINUTE = -2
const CHECK = -3
const READY = -4
/** The first of the scenario's; the next is one less. */
const FIRST_OF_SCENARIO = -10

const MINUTE_MS = 60_000
/** Of chance, for arrivals, work, choices and the past. */
const STREAMS = 4

interface Happening {
  readonly atS: number
  readonly server: string
  readonly does: ServerEvent['does'] | 'recover'
  readonly factor: number
}

/** @param onProgress called each simulated minute with the seconds since the beginning (negative while it warms up) */
export function simulateSite(
  scenario: SiteScenario,
  run: SiteRun,
  onProgress: (atS: number) => void = () => {},
): SiteReport {
  return new Site(scenario, run, onProgress).report()
}

class Site {
  readonly #scenario: SiteScenario
  readonly #run: SiteRun
  readonly #onProgress: (atS: number) => void
  readonly #queue = new EventQueue()
  readonly #fleet: SimulatedFleet
  readonly #servers: readonly SimulatedServer[]
  readonly #sessions = new SimulatedSessions()
  readonly #balancer: Balancer
  readonly #reactive: ReactiveScaling | undefined
  readonly #predictive: PredictiveScaling | undefined
  readonly #happenings: readonly Happening[]
  // Streams of their own: every policy meets the same sessions.
  readonly #arrivalChance: () => number
  readonly #workChance: () => number
  readonly #endMs: number
  #nowMs: number
  readonly #whole: AnswerCount
  readonly #phases: readonly AnswerCount[]
  #sessionsCounted = 0
  #moves = 0
  #misses = 0
  #inMinute = 0
  /** In servers of the kind that can be started. */
  #initial = 0

  constructor(scenario: SiteScenario, run: SiteRun, onProgress: (atS: number) => void) {
    const { seed, pool, scaling, events } = scenario
    this.#scenario = scenario
    this.#run = run
    this.#onProgress = onProgress
    this.#fleet = new SimulatedFleet(scenario, run, {
      onOrdered: (readyAtMs) => this.#queue.push(readyAtMs, READY),
      onChanged: () => this.#balancer.reweigh(this.#servers),
    })
    this.#servers = this.#fleet.servers
    const stream = (part: number) => seededFraction(seed * STREAMS + part)
    this.#arrivalChance = stream(0)
    this.#workChance = stream(1)
    this.#nowMs = -scenario.warmUpS * 1000
    this.#endMs = scenario.forS * 1000
    this.#whole = new AnswerCount(this.#servers.length)
    this.#phases = scenario.phases.map(() => new AnswerCount(this.#servers.length))
    this.#happenings = events.flatMap(happeningsOf).sort((a, b) => a.atS - b.atS)
    this.#balancer = new Balancer(this.#servers, { ...pool, choose: run.policy }, stream(2))
    this.#begin()
    const perServer = this.#fleet.unit * scaling.utilisation
    if (run.scaling === 'reactive') this.#reactive = new ReactiveScaling(scenario)
    if (run.scaling === 'predictive') {
      this.#predictive = new PredictiveScaling(scenario, perServer, stream(3))
    }
    this.#live()
  }

  report(): SiteReport {
    const { seed, phases } = this.#scenario
    const minutes = this.#fleet.minutes()
    const ids = this.#servers.map(({ id }) => minutes.find(({ server }) => server === id)?.server)
    const whole = this.#whole.report(ids)
    return {
      ...this.#run,
      seed,
      sessions: this.#sessionsCounted,
      ...whole,
      phases: phases.map((phase, i) => ({
        ...phase,
        ...(this.#phases[i] as AnswerCount).report(ids),
      })),
      minutes,
      moves: this.#moves,
      movesPer1000: whole.requests === 0 ? 0 : (this.#moves / whole.requests) * 1000,
      misses: this.#misses,
      serverMinutes: minutes.reduce((sum, one) => sum + one.minutes, 0),
      capacity: this.#fleet.changes,
      capacityMore: this.#fleet.changesMore,
      forecast: this.#predictive?.errors() ?? null,
    }
  }

  #begin(): void {
    const now = this.#nowMs
    this.#fleet.begin(now, addedFirst(this.#happenings))
    this.#initial = this.#fleet.capacity().up
    this.#happenings.forEach(({ atS }, i) => {
      this.#queue.push(atS * 1000, FIRST_OF_SCENARIO - i)
    })
    this.#queue.push(now + MINUTE_MS, MINUTE)
    if (this.#run.scaling === 'reactive') this.#queue.push(now + this.#checkMs, CHECK)
    this.#populate()
    this.#scheduleArrival()
  }

  /** Sessions that are there already, in the middle of thinking. What is geometric has no memory: they are as if new. */
  #populate(): void {
    const { sessions } = this.#scenario
    const thinkingS = (sessions.requests - 1) * sessions.thinkS
    const chance = this.#arrivalChance
    const count = Math.round(sessionRate(this.#scenario, this.#nowMs / 1000) * thinkingS)
    for (let i = 0; i < count; i++) {
      const session = this.#sessions.open(drawGeometric(chance, sessions.requests), this.#newKey())
      if (session === NO_SESSION) return
      this.#later(session, STAGE.thinking, chance() * sessions.thinkS * 1000)
    }
  }

  #newKey(): number {
    return Math.floor(this.#arrivalChance() * 2 ** 32)
  }

  #live(): void {
    const queue = this.#queue
    while (queue.size > 0) {
      const event = queue.pop()
      this.#nowMs = queue.at
      if (event >= 0) this.#advance(event)
      else if (event === ARRIVAL) this.#arrive()
      else this.#happen(event)
    }
  }

  #happen(event: number): void {
    // What is in flight is answered yet; nothing new begins.
    if (this.#nowMs > this.#endMs) return
    if (event === MINUTE) this.#passMinute()
    else if (event === CHECK) this.#check()
    else if (event === READY) this.#fleet.comeReady(this.#nowMs)
    else this.#befall(this.#happenings[FIRST_OF_SCENARIO - event] as Happening)
  }

  #scheduleArrival(): void {
    const at = nextArrival(this.#scenario, this.#arrivalChance, this.#nowMs, this.#endMs)
    if (at < this.#endMs) this.#queue.push(at, ARRIVAL)
  }

  #arrive(): void {
    const left = drawGeometric(this.#arrivalChance, this.#scenario.sessions.requests)
    if (this.#nowMs >= 0) this.#sessionsCounted++
    const session = this.#sessions.open(left, this.#newKey())
    if (session === NO_SESSION) this.#countFailure(this.#nowMs)
    else this.#ask(session)
    this.#scheduleArrival()
  }

  /** The session's event is due, unless it is out of date. */
  #advance(session: number): void {
    const { dueMs, stage } = this.#sessions
    if (dueMs[session] !== this.#nowMs) return
    if (stage[session] === STAGE.thinking) this.#ask(session)
    else if (stage[session] === STAGE.fetching) this.#join(session)
    else if (stage[session] === STAGE.served) this.#answer(session)
  }

  #later(session: number, stage: number, afterMs: number): void {
    const at = this.#nowMs + afterMs
    this.#sessions.stage[session] = stage
    this.#sessions.dueMs[session] = at
    this.#queue.push(at, session)
  }

  #ask(session: number): void {
    if (this.#nowMs >= this.#endMs) {
      this.#sessions.close(session)
      return
    }
    const { serviceMs, service, serviceSigma } = this.#scenario.sessions
    const chance = this.#workChance
    this.#inMinute++
    this.#sessions.askedMs[session] = this.#nowMs
    this.#sessions.workMs[session] =
      service === 'exponential'
        ? drawExponential(chance, serviceMs)
        : drawLognormal(chance, serviceMs, serviceSigma)
    this.#send(session, NO_SERVER)
  }

  #send(session: number, except: number): void {
    const sessions = this.#sessions
    const place = sessions.place[session] as number
    const index = this.#choose(place, sessions.key[session] as number, except)
    const server = this.#servers[index]
    if (server === undefined) {
      this.#fail(session)
      return
    }
    server.inFlight++
    sessions.place[session] = index
    const isMove = place !== NO_SERVER && place !== index
    if (isMove && (sessions.askedMs[session] as number) >= 0) this.#moves++
    const { ms, workMs, keysAhead } = this.#scenario.miss
    if (!isMove || keysAhead) {
      this.#join(session)
      return
    }
    if ((sessions.askedMs[session] as number) >= 0) this.#misses++
    sessions.workMs[session] = (sessions.workMs[session] as number) + workMs
    this.#later(session, STAGE.fetching, ms)
  }

  /** As who brings an affinity cookie is led, or not. */
  #choose(place: number, key: number, except: number): number {
    this.#balancer.count()
    const mayStay = this.#scenario.pool.stay && place !== NO_SERVER && place !== except
    return mayStay && this.#balancer.stays(place, this.#nowMs)
      ? place
      : this.#balancer.choose(key, except, this.#nowMs)
  }

  #serverOf(session: number): SimulatedServer {
    return this.#servers[this.#sessions.place[session] as number] as SimulatedServer
  }

  #join(session: number): void {
    const server = this.#serverOf(session)
    if (server.hasFreeSlot) this.#serve(session, server)
    else {
      this.#sessions.stage[session] = STAGE.waiting
      server.wait(session)
    }
  }

  #serve(session: number, server: SimulatedServer): void {
    const forMs = server.begin(this.#nowMs, this.#sessions.workMs[session] as number)
    this.#later(session, STAGE.served, forMs)
  }

  #answer(session: number): void {
    const server = this.#serverOf(session)
    const askedMs = this.#sessions.askedMs[session] as number
    const latencyMs = this.#nowMs - askedMs
    server.end(this.#nowMs)
    if (latencyMs > this.#scenario.pool.timeoutMs) this.#release(session, server, false)
    else {
      server.pace.learn(latencyMs, server.inFlight)
      this.#countAnswer(session, latencyMs)
      this.#release(session, server, true)
    }
    while (server.hasFreeSlot) {
      const next = server.nextWaiting()
      if (next === NO_SESSION) break
      const waitedMs = this.#nowMs - (this.#sessions.askedMs[next] as number)
      // Its client has gone.
      if (waitedMs > this.#scenario.pool.timeoutMs) this.#release(next, server, false)
      else this.#serve(next, server)
    }
    if (server.phase === 'draining') this.#fleet.endIfDrained(server, this.#nowMs)
  }

  #release(session: number, server: SimulatedServer, answered: boolean): void {
    server.inFlight--
    if (answered) this.#goOn(session)
    else this.#fail(session)
  }

  #fail(session: number): void {
    this.#countFailure(this.#sessions.askedMs[session] as number)
    this.#goOn(session)
  }

  #goOn(session: number): void {
    const left = (this.#sessions.left[session] as number) - 1
    this.#sessions.left[session] = left
    if (left <= 0) {
      this.#sessions.close(session)
      return
    }
    const { thinkS, thinkSigma } = this.#scenario.sessions
    this.#later(session, STAGE.thinking, drawLognormal(this.#workChance, thinkS * 1000, thinkSigma))
  }

  #countAnswer(session: number, latencyMs: number): void {
    const askedMs = this.#sessions.askedMs[session] as number
    const server = this.#sessions.place[session] as number
    for (const count of this.#countsAt(askedMs)) count.answered(latencyMs, server)
  }

  #countFailure(askedMs: number): void {
    for (const count of this.#countsAt(askedMs)) count.fail()
  }

  /** What a request made then is counted in. */
  #countsAt(askedMs: number): readonly AnswerCount[] {
    if (askedMs < 0) return []
    const { phases } = this.#scenario
    const within = this.#phases.filter((_, i) => {
      const { fromS, toS } = phases[i] as Stretch
      return askedMs >= fromS * 1000 && askedMs < toS * 1000
    })
    return [this.#whole, ...within]
  }

  #befall({ does, server: id, factor }: Happening): void {
    const server = this.#servers.find((one) => one.id === id)
    if (server === undefined) throw new RangeError(`No server ${id}`)
    if (does === 'slow') server.slowness = factor
    else if (does === 'recover') server.slowness = 1
    else if (does === 'add') this.#fleet.order(server, this.#nowMs)
    else if (does === 'drain') this.#fleet.drain(server, this.#nowMs)
    else this.#kill(server)
  }

  #kill(server: SimulatedServer): void {
    if (!this.#fleet.kill(server, this.#nowMs)) return
    const index = this.#servers.indexOf(server)
    const { stage, place, size } = this.#sessions
    for (let session = 0; session < size; session++) {
      if ((stage[session] as number) <= STAGE.thinking || place[session] !== index) continue
      this.#sessions.dueMs[session] = Number.NaN
      if (this.#workChance() < this.#scenario.sessions.idempotent) this.#send(session, index)
      else this.#fail(session)
    }
  }

  #passMinute(): void {
    const atS = this.#nowMs / 1000
    this.#onProgress(atS)
    const requests = this.#inMinute
    this.#inMinute = 0
    if (this.#predictive !== undefined) {
      const capacity = this.#fleet.capacity()
      const wanted = this.#predictive.wanted(requests, capacity, this.#initial, atS)
      this.#fleet.scaleTo(wanted, this.#nowMs)
    }
    this.#queue.push(this.#nowMs + MINUTE_MS, MINUTE)
  }

  get #checkMs(): number {
    return this.#scenario.scaling.reactive.everyS * 1000
  }

  #check(): void {
    const busy = this.#fleet.takeBusyShare(this.#nowMs, this.#checkMs)
    const wanted = this.#reactive?.wanted(busy, this.#fleet.capacity(), this.#nowMs / 1000)
    if (wanted !== undefined) this.#fleet.scaleTo(wanted, this.#nowMs)
    this.#queue.push(this.#nowMs + this.#checkMs, CHECK)
  }
}

function happeningsOf(event: ServerEvent): readonly Happening[] {
  const { atS, server, does } = event
  if (event.does !== 'slow') return [{ atS, server, does, factor: 1 }]
  return [
    { atS, server, does, factor: event.factor },
    { atS: event.toS, server, does: 'recover', factor: 1 },
  ]
}

/** Servers that are not there before an event adds them. */
function addedFirst(happenings: readonly Happening[]): ReadonlySet<string> {
  const first = new Map<string, Happening['does']>()
  for (const { server, does } of happenings) {
    if (does !== 'slow' && does !== 'recover' && !first.has(server)) first.set(server, does)
  }
  return new Set([...first].filter(([, does]) => does === 'add').map(([server]) => server))
}
