/**
 * Which server a simulated request goes to. The policies are those of production (`routing/`); what puts them together is as in
 * `UpstreamPool` (`adapters/edge/upstream-pool.ts`: `#pick`, `#byPolicy`, `#isWellPlaced`), which a flow may not import.
 *
 * @module
 */
import {
  type ChoiceMoment,
  chooseByLatency,
  choosePrequal,
  isWorthMoving,
} from '../routing/choose-by-latency.ts'
import {
  chooseInTurn,
  chooseLeastLoaded,
  chooseOfTwo,
  withinBound,
} from '../routing/choose-server.ts'
import { chooseOnRing, type HashRing, hashRing } from '../routing/hash-ring.ts'
import type { SimulatedServer } from './simulated-server.ts'
import type { PoolScenario, SimulatedPolicy } from './site-scenario.ts'

/** As in production: with fewer in flight a server is not left, whatever the others have. */
const STAY_IN_FLIGHT = 32

export class SimulatedChoice {
  readonly #servers: readonly SimulatedServer[]
  readonly #policy: SimulatedPolicy
  readonly #pool: PoolScenario
  readonly #fraction: () => number
  #ring: HashRing = hashRing([])
  #credits = new Float64Array(0)
  #requests = 0

  constructor(
    servers: readonly SimulatedServer[],
    policy: SimulatedPolicy,
    pool: PoolScenario,
    fraction: () => number,
  ) {
    this.#servers = servers
    this.#policy = policy
    this.#pool = pool
    this.#fraction = fraction
    this.reweigh()
  }

  /** Servers or weights changed. */
  reweigh(): void {
    if (this.#policy === 'consistent-hash') this.#ring = hashRing(this.#servers)
    this.#credits = new Float64Array(this.#servers.length)
  }

  /**
   * @param place where the session is, or NO_SERVER
   * @param key 32 bits: what the ring goes by
   * @param except a server that was just lost, or NO_SERVER
   */
  choose(place: number, key: number, except: number, ms: number): number {
    this.#requests++
    const now = { requests: this.#requests, ms, slowStartMs: this.#pool.slowStartMs }
    if (this.#pool.stay && place !== except) {
      const server = this.#servers[place]
      const mayStay = server?.usable === true && server.weight > 0
      if (mayStay && this.#isWellPlaced(place, server.inFlight, now)) return place
    }
    return this.#byPolicy(key, except, now)
  }

  #byPolicy(key: number, except: number, now: ChoiceMoment): number {
    const servers = this.#servers
    const fraction = this.#fraction
    switch (this.#policy) {
      case 'consistent-hash':
        return chooseOnRing(this.#ring, key, servers, this.#pool.boundedLoad, except)
      case 'round-robin':
        return chooseInTurn(servers, this.#credits, except)
      case 'least-loaded':
        return chooseLeastLoaded(servers, fraction(), except)
      case 'prequal':
        return choosePrequal(servers, fraction, except)
      case 'latency':
        return chooseByLatency(servers, [fraction(), fraction()], except, now)
      case 'p2c':
        return chooseOfTwo(servers, [fraction(), fraction()], except)
    }
  }

  #isWellPlaced(index: number, inFlight: number, now: ChoiceMoment): boolean {
    if (this.#policy === 'latency') {
      return !isWorthMoving(this.#servers, index, this.#fraction(), now)
    }
    return inFlight < STAY_IN_FLIGHT || withinBound(this.#servers, index, this.#pool.boundedLoad)
  }
}
