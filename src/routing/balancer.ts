/**
 * Puts the policies of choice together for one pool: which server takes a request that may go anywhere, where a key leads,
 * and whether who is on a server is well placed there. The data plane and the simulation choose by this.
 *
 * @module
 */
import {
  type ChoiceMoment,
  chooseByLatency,
  choosePrequal,
  isMuchSooner,
  type PacedServer,
} from './choose-by-latency.ts'
import {
  chooseInTurn,
  chooseLeastLoaded,
  chooseOfTwo,
  drawByWeight,
  NO_SERVER,
  withinBound,
} from './choose-server.ts'
import { chooseOnRing, type HashRing, hashRing } from './hash-ring.ts'

/** By latency, load, turn or a key. */
export const BALANCE_POLICIES = [
  'latency',
  'p2c',
  'least-loaded',
  'prequal',
  'round-robin',
  'consistent-hash',
] as const
export type BalancePolicy = (typeof BALANCE_POLICIES)[number]

/** `fit`: by what suits the client (`server-fit.ts`); who nothing is known of goes by `p2c`. */
export const CHOICE_POLICIES = [...BALANCE_POLICIES, 'fit'] as const
export type ChoicePolicy = (typeof CHOICE_POLICIES)[number]

/** Of a request that nothing keeps on a server. */
export const NO_KEY = -1

export interface BalancedServer extends PacedServer {
  readonly id: string
}

export interface BalancerSettings {
  readonly choose: ChoicePolicy
  /** With `latency`: a server that comes up is given its share over this time. */
  readonly slowStartMs: number
  /** A server may hold at most this multiple of the mean load before who stays with it has to leave. */
  readonly boundedLoad: number
}

/**
 * A session is not sent away from a server for its load with fewer requests than this, whatever the others have: a browser
 * makes a handful at once, and of few requests the mean is chance.
 */
const STAY_IN_FLIGHT = 32

export class Balancer {
  readonly #fraction: () => number
  #servers: readonly BalancedServer[]
  #settings: BalancerSettings
  #ring: HashRing = hashRing([])
  #credits = new Float64Array(0)
  #requests = 0

  /** @param fraction draws numbers in [0, 1) */
  constructor(
    servers: readonly BalancedServer[],
    settings: BalancerSettings,
    fraction: () => number,
  ) {
    this.#fraction = fraction
    this.#servers = servers
    this.#settings = settings
    this.reweigh(servers, settings)
  }

  /** Servers, weights or settings changed. Loads and usability are read when a choice is made. */
  reweigh(servers: readonly BalancedServer[], settings: BalancerSettings = this.#settings): void {
    this.#servers = servers
    this.#settings = settings
    this.#ring = hashRing(servers)
    this.#credits = new Float64Array(servers.length)
  }

  /** A request has come to the pool: a slow server is asked one in so many. */
  count(): void {
    this.#requests++
  }

  /** Keys decide, and nothing else. */
  get goesByRing(): boolean {
    return this.#settings.choose === 'consistent-hash'
  }

  /**
   * A server for a request that may go to any.
   *
   * @param key 32 bits, for `consistent-hash`; NO_KEY when nothing keeps the client anywhere: `p2c`, then
   * @param except a server not to be taken (it just failed), or NO_SERVER
   * @param ms now
   */
  choose(key: number, except: number, ms: number): number {
    const servers = this.#servers
    const fraction = this.#fraction
    if (this.goesByRing && key !== NO_KEY) return this.home(key, except)
    switch (this.#settings.choose) {
      case 'round-robin':
        return chooseInTurn(servers, this.#credits, except)
      case 'least-loaded':
        return chooseLeastLoaded(servers, fraction(), except)
      case 'prequal':
        return choosePrequal(servers, fraction, except)
      case 'latency':
        return chooseByLatency(servers, fraction, except, this.#moment(ms))
      default:
        return chooseOfTwo(servers, [fraction(), fraction()], except)
    }
  }

  /** Where a key leads: to the same server on every worker and edge, unless it is overloaded under `consistent-hash`. */
  home(key: number, except: number): number {
    const bound = this.goesByRing ? this.#settings.boundedLoad : Number.POSITIVE_INFINITY
    return chooseOnRing(this.#ring, key, this.#servers, bound, except)
  }

  /** Whether who was led to a server by an earlier choice stays there. */
  stays(index: number, ms: number): boolean {
    return this.#isUsable(index) && this.#isWellPlaced(index, ms)
  }

  /**
   * Where a session goes on: where it is, or, when that server is overloaded, slow or not to be used, on the next of the
   * ring that is neither. All workers have to say alike, so chance has no part in where it goes.
   *
   * @param from where it is, or NO_SERVER
   */
  keep(from: number, key: number, except: number, ms: number): number {
    const servers = this.#servers
    if (from === except || !this.#isUsable(from)) return this.#nextOnRing(key, except)
    if (!this.#isCalm(from)) return this.#nextOnRing(key, from)
    if (this.#isWellPlaced(from, ms)) return from
    const here = servers[from] as BalancedServer
    const now = this.#moment(ms)
    const sooner = servers.map((there) => {
      const { weight, inFlight } = there
      return { weight, inFlight, usable: there.usable && isMuchSooner(there, here, now) }
    })
    return chooseOnRing(this.#ring, key, sooner, Number.POSITIVE_INFINITY, from)
  }

  /** What is in flight differs from worker to worker: it has a say only where it is much. */
  #nextOnRing(key: number, except: number): number {
    const servers = this.#servers
    const first = chooseOnRing(this.#ring, key, servers, Number.POSITIVE_INFINITY, except)
    if (first === NO_SERVER || this.#isCalm(first)) return first
    return chooseOnRing(this.#ring, key, servers, this.#settings.boundedLoad, except)
  }

  #isUsable(index: number): boolean {
    const server = this.#servers[index]
    return server?.usable === true && server.weight > 0
  }

  /** Under `latency` chance draws whom a server is compared with. */
  #isWellPlaced(index: number, ms: number): boolean {
    if (this.#settings.choose !== 'latency') return this.#isCalm(index)
    const there = this.#servers[drawByWeight(this.#servers, this.#fraction(), index)]
    const here = this.#servers[index] as BalancedServer
    return there === undefined || !isMuchSooner(there, here, this.#moment(ms))
  }

  #isCalm(index: number): boolean {
    const { inFlight } = this.#servers[index] as BalancedServer
    if (inFlight < STAY_IN_FLIGHT) return true
    return withinBound(this.#servers, index, this.#settings.boundedLoad)
  }

  #moment(ms: number): ChoiceMoment {
    return { requests: this.#requests, ms, slowStartMs: this.#settings.slowStartMs }
  }
}
