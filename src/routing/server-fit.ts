/**
 * How well a server suits a client (seed 10122689: data server selection): what it took for clients like this one,
 * what it is doing now, what it can do, and whether it failed. All of it in one unit, the milliseconds this
 * request may be expected to take there, so that the parts can be compared and explained.
 *
 * What is known fades, and is filled up from a wider view (this kind of clients on this server, or this server for a kind
 * that never was there; then the pool): an empirical-Bayes shrinkage with one observation's weight for the prior. So a server
 * that was slow or failed is asked again after a while, and is forgiven when it does well.
 *
 * @module
 */
import type { ServerLoad } from './choose-server.ts'

/** What is learned about one server with one kind of clients. Changed in place. */
interface Experience {
  /** Mean time to first byte, ms, and how many answers it stands for at `answersAt`. */
  latencyMs: number
  answers: number
  /** Weights of good answers and of incidents at `ms`. */
  good: number
  bad: number
  answersAt: number
  ms: number
}

/** When something is: in answers of the whole pool, and in milliseconds. */
export interface Moment {
  readonly answers: number
  readonly ms: number
}

/** A server that `fit` chooses among. */
export interface FittingServer extends ServerLoad {
  readonly id: string
  /** What it is good for: `bandwidth`, `low-latency`, protocols such as `websocket`. */
  readonly labels: readonly string[]
  readonly fit: ServerFit
}

/** Who is to be served. */
export interface FittingClient {
  /** From `client-clusters.ts`; -1 when nothing is known. */
  readonly cluster: number
  /** Labels that would suit it. */
  readonly wants: readonly string[]
}

/**
 * What is known of latency counts by half after so many answers of the pool per server: by answers, not by time, so
 * that a slow server is asked again by a share of the requests (about 1 in 50 per server) that does not depend on how many come.
 */
const LATENCY_HALF_LIFE_ANSWERS = 10
/** Failures are remembered by the clock, and forgiven in minutes. */
const REPUTATION_HALF_LIFE_MS = 60_000
/** An incident (no answer, a broken one) outweighs this many good answers. */
const INCIDENT_WEIGHT = 5
/** Answers a mean stands for at most: it follows the last twenty. */
const ANSWERS_MAX = 20
/** Good answers count up to this many: an old record does not buy a long outage. */
const GOOD_MAX = 100
/** The prior weighs as much as one observation. */
const PRIOR = 1
/** Expected when nothing is known of anybody: any number does, they are compared. */
const LATENCY_PRIOR_MS = 1
/** No answer is faster than this: differences below are noise, and in flight must count. */
const LATENCY_MIN_MS = 0.05
/** A server that lacks what suits the client counts as this much slower. */
const MISMATCH_FACTOR = 4
/** A reputation below this counts as this: the price stays finite. */
const REPUTATION_MIN = 0.01
/** Prices this near the best are as good: means of twenty answers differ by that much by chance. */
const EQUAL_FACTOR = 1.25
/** Servers looked at per choice; with more than that, as many drawn by weight. */
export const CANDIDATES_MAX = 16

export type Outcome = 'good' | 'error' | 'incident'

/** What one server is known for. */
export class ServerFit {
  readonly overall: Experience = newExperience()
  readonly #clusters = new Map<number, Experience>()
  #halfLife = LATENCY_HALF_LIFE_ANSWERS

  /** Of a pool of so many servers. */
  resize(servers: number): void {
    this.#halfLife = LATENCY_HALF_LIFE_ANSWERS * Math.max(1, servers)
  }

  /**
   * An answer came (`error`: with a 5xx status), or none did.
   *
   * @param latencyMs undefined when it says nothing about the server: a connection had to be made first
   */
  learn(cluster: number, outcome: Outcome, latencyMs: number | undefined, now: Moment): void {
    learnOne(this.overall, outcome, latencyMs, now, this.#halfLife)
    if (cluster < 0) return
    let experience = this.#clusters.get(cluster)
    if (experience === undefined) {
      experience = newExperience()
      this.#clusters.set(cluster, experience)
    }
    learnOne(experience, outcome, latencyMs, now, this.#halfLife)
  }

  /** The cluster means other clients from now on. */
  forget(cluster: number): void {
    this.#clusters.delete(cluster)
  }

  with(cluster: number): Experience | undefined {
    return this.#clusters.get(cluster)
  }

  /** Expected time to first byte for clients of `cluster`, ms, when the pool's is `poolMs`. */
  latencyFor(cluster: number, poolMs: number, now: Moment): number {
    const own = this.#clusters.get(cluster)
    // A kind that was here is not told by others: what is slow for them may be fast for it.
    return shrink(own ?? this.overall, poolMs, now, this.#halfLife)
  }

  /** How many answers the server's mean stands for now. */
  evidence(now: Moment): number {
    return this.overall.answers * fade(now.answers - this.overall.answersAt, this.#halfLife)
  }

  /** Share of good answers, incidents weighted, 0 to 1; 1 when nothing is known. */
  reputationWith(cluster: number, { ms }: Moment): number {
    const server = share(this.overall, 1, ms)
    const own = this.#clusters.get(cluster)
    return own === undefined ? server : share(own, server, ms)
  }
}

function newExperience(): Experience {
  return { latencyMs: 0, answers: 0, good: 0, bad: 0, answersAt: 0, ms: 0 }
}

function learnOne(
  known: Experience,
  outcome: Outcome,
  latencyMs: number | undefined,
  now: Moment,
  halfLife: number,
): void {
  known.answers *= fade(now.answers - known.answersAt, halfLife)
  known.answersAt = now.answers
  const faded = fade(now.ms - known.ms, REPUTATION_HALF_LIFE_MS)
  known.good *= faded
  known.bad *= faded
  known.ms = now.ms
  if (outcome === 'incident') {
    known.bad += INCIDENT_WEIGHT
    return
  }
  if (outcome === 'error') known.bad += 1
  else known.good = Math.min(known.good + 1, GOOD_MAX)
  if (latencyMs === undefined) return
  known.latencyMs = (known.latencyMs * known.answers + latencyMs) / (known.answers + 1)
  known.answers = Math.min(known.answers + 1, ANSWERS_MAX)
}

/** A clock that steps back must not make old evidence grow. */
function fade(age: number, halfLife: number): number {
  return 0.5 ** (Math.max(0, age) / halfLife)
}

function shrink(known: Experience, prior: number, now: Moment, halfLife: number): number {
  const answers = known.answers * fade(now.answers - known.answersAt, halfLife)
  return (known.latencyMs * answers + prior * PRIOR) / (answers + PRIOR)
}

function share(known: Experience, prior: number, ms: number): number {
  const faded = fade(ms - known.ms, REPUTATION_HALF_LIFE_MS)
  const good = known.good * faded
  const bad = known.bad * faded
  return (good + prior * PRIOR) / (good + bad + PRIOR)
}

/** One server as a candidate, with the parts of its price. */
export interface Candidate {
  readonly index: number
  /** Milliseconds this request may be expected to take, by which candidates are ranked. */
  readonly price: number
  readonly latencyMs: number
  readonly reputation: number
  /** Labels the client wants that others have and this server lacks. */
  readonly lacks: readonly string[]
}

/**
 * Candidates, the best first: those that can be chosen at all, priced.
 *
 * @param fraction draws numbers in [0, 1): which ones are looked at when there are many, and who wins a tie
 */
export function rankServers(
  servers: readonly FittingServer[],
  client: FittingClient,
  fraction: () => number,
  except: number,
  now: Moment,
): Candidate[] {
  const usable = drawUsable(servers, fraction, except)
  const poolMs = meanLatency(servers, usable, now)
  const offered = new Set(usable.flatMap((index) => (servers[index] as FittingServer).labels))
  const wants = client.wants.filter((label) => offered.has(label))
  const priced = usable.map((index) => ({
    candidate: price(servers, index, client.cluster, wants, poolMs, now),
    // The heavier, the likelier to be large (Efraimidis, Spirakis 2006): shares by weight among equals.
    tie: fraction() ** (1 / (servers[index] as FittingServer).weight),
  }))
  const best = Math.min(...priced.map(({ candidate }) => candidate.price))
  const rank = (of: Candidate) => (of.price <= best * EQUAL_FACTOR ? best : of.price)
  return priced
    .sort((a, b) => rank(a.candidate) - rank(b.candidate) || b.tie - a.tie)
    .map(({ candidate }) => candidate)
}

function price(
  servers: readonly FittingServer[],
  index: number,
  cluster: number,
  wants: readonly string[],
  poolMs: number,
  now: Moment,
): Candidate {
  const server = servers[index] as FittingServer
  const latencyMs = Math.max(LATENCY_MIN_MS, server.fit.latencyFor(cluster, poolMs, now))
  const reputation = Math.max(REPUTATION_MIN, server.fit.reputationWith(cluster, now))
  const lacks = wants.filter((label) => !server.labels.includes(label))
  // A failed request is made again elsewhere: in the mean 1 / reputation attempts.
  const tries = 1 / reputation
  const queue = (server.inFlight + 1) / server.weight
  const mismatch = lacks.length > 0 ? MISMATCH_FACTOR : 1
  return { index, price: latencyMs * queue * tries * mismatch, latencyMs, reputation, lacks }
}

function meanLatency(
  servers: readonly FittingServer[],
  usable: readonly number[],
  now: Moment,
): number {
  let sum = 0
  let answers = 0
  for (const index of usable) {
    const { fit } = servers[index] as FittingServer
    const weight = fit.evidence(now)
    sum += fit.overall.latencyMs * weight
    answers += weight
  }
  return answers < PRIOR ? LATENCY_PRIOR_MS : sum / answers
}

function drawUsable(
  servers: readonly FittingServer[],
  fraction: () => number,
  except: number,
): number[] {
  const usable: number[] = []
  for (const [index, { usable: can, weight }] of servers.entries()) {
    if (can && weight > 0 && index !== except) usable.push(index)
  }
  // Fisher-Yates, as far as needed.
  for (let i = 0; i < CANDIDATES_MAX && usable.length > CANDIDATES_MAX; i++) {
    const other = i + Math.floor(fraction() * (usable.length - i))
    const drawn = usable[other] as number
    usable[other] = usable[i] as number
    usable[i] = drawn
  }
  return usable.slice(0, CANDIDATES_MAX)
}

/** Why a server was chosen, for a person; the runner-up says what it was better than. */
export function explainChoice(
  servers: readonly FittingServer[],
  ranked: readonly Candidate[],
  client: FittingClient,
): string[] {
  const [best, next] = ranked
  if (best === undefined) return ['No server could take it']
  const of = ({ index, latencyMs, reputation, lacks }: Candidate): string => {
    const { id, inFlight, weight } = servers[index] as FittingServer
    const parts = [
      `${inFlight} in flight at weight ${weight}`,
      `about ${latencyMs.toFixed(1)} ms for clients like this`,
      `reputation ${reputation.toFixed(2)}`,
    ]
    if (lacks.length > 0) parts.push(`lacks ${lacks.join(', ')}`)
    return `${id}: ${parts.join(', ')}`
  }
  const kind = client.cluster < 0 ? 'no kind known' : `kind ${client.cluster}`
  const wants = client.wants.length > 0 ? `, wants ${client.wants.join(', ')}` : ''
  return [
    `Client of ${kind}${wants}`,
    `Chosen ${of(best)}`,
    ...(next === undefined ? [] : [`Next best ${of(next)}`]),
  ]
}
