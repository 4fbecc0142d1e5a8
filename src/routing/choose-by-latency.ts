/**
 * The default choice: of three servers drawn by weight, the one where this request may be expected to be answered
 * soonest. Load alone does not tell a slow server from a busy one: with few requests in flight a slow server looks as free as
 * the others, is drawn like them, and sets the 99th percentile. What it took to answer lately tells; and with how many in
 * flight it took so long tells a large server that is busy from a small one that is.
 *
 * A server that is taken for slow is asked one request in {@link PROBE_EVERY}, never two at once; an answer that comes
 * much sooner than expected is followed by the next question at once. So it costs half a percent of the requests, and is
 * back within a few answers of being well. One that only looks a little slower is asked one in {@link LOOK_EVERY}: by chance
 * it may be as good as the others. Who fails is taken for slow, or it would draw all requests by failing fast. Requests
 * that cost more than others are made comparable before (`request-kinds.ts`). `prequal` (Wydra et al., NSDI 2024) is here to
 * compare with.
 *
 * @module
 */
import { drawByWeight, NO_SERVER, type ServerLoad } from './choose-server.ts'

/** A server that only fails is taken to be so many times slower. */
const FAILING_FACTOR = 10
/** From this share of failures on one success says that it may be over. */
const FAILING_MOSTLY = 0.5
/** Weight of the newest answer in the mean: about the last 20. */
const SMOOTHING = 0.1
/** Of an answer that took less than half of what was expected: the server has changed, the old mean is of no use. */
const RECOVERING = 0.5
/** While it had nothing else to do, an answer counts as this many times the mean at most: who was interrupted is not slow. */
const OUTLIER_FACTOR = 4
/** Means of twenty answers differ by that much by chance: as good as each other. */
const EQUAL_FACTOR = 1.25
/** A server that takes this many times longer than one it was drawn with is slow: it is probed. */
const SLOW_FACTOR = 2
/** Requests of the pool from one probe of a slow server to the next: 0.5 %, of a goal of at most 1 %. */
export const PROBE_EVERY = 200
/** The same for one that was not chosen, but is not slow: what is known of it must not grow old. */
export const LOOK_EVERY = 10
/** No answer counts as faster: below that a server is not slow, it was interrupted, and no client over a network would know. */
const LATENCY_MIN_MS = 1
/** A server that has just come up is expected to be this many times slower at most. */
const COLD_FACTOR = 10
/** Drawn by `prequal`; its paper finds no gain beyond three. */
const PREQUAL_DRAWN = 3
/** Servers with more in flight than this share of all are hot (the paper's Q_RIF, 0.84 of its production). */
const HOT_QUANTILE = 0.84

/** What is known of how fast one server answers. */
export class ServerPace {
  /** Mean time to first byte, as a choice takes it: one outlier is bounded, the news counts more. 0 when nothing is known. */
  latencyMs = 0
  /** The plain mean, for who looks. */
  meanMs = 0
  /** Requests it had in flight when it gave these answers, in the mean. */
  inFlight = 0
  /** Of what it has in flight, what asks nothing of it: open WebSockets. */
  tunnels = 0
  /** Share of requests that failed on its side, lately. */
  failing = 0
  /** That the means stand for, since the start. */
  answers = 0
  /** It answered much faster than expected: the next question need not wait. */
  isRecovering = false
  /** Of the pool's count, when it was chosen last. */
  askedAt = Number.NEGATIVE_INFINITY
  /** When it came up, ms. */
  upSince = Number.NEGATIVE_INFINITY

  /** @param inFlight requests it has in flight, this one among them */
  learn(latencyMs: number, inFlight: number): void {
    const isFirst = this.latencyMs === 0
    this.meanMs += (isFirst ? 1 : SMOOTHING) * (latencyMs - this.meanMs)
    const isBounded = !isFirst && inFlight <= 1
    const most = isBounded ? OUTLIER_FACTOR * this.latencyMs : Number.POSITIVE_INFINITY
    const sample = Math.min(most, Math.max(LATENCY_MIN_MS, latencyMs))
    const wasRecovering = this.isRecovering
    this.answers++
    const wasFailing = this.failing > FAILING_MOSTLY
    this.failing *= 1 - (wasFailing ? RECOVERING : SMOOTHING)
    const isFaster = !isFirst && sample * 2 < this.latencyMs
    this.isRecovering = wasFailing || isFaster
    // Of one such answer chance may be the reason, of two in a row the server is.
    const isOther = isFirst || (wasRecovering && isFaster)
    const weight = isOther ? 1 : isFaster ? RECOVERING : SMOOTHING
    this.latencyMs += weight * (sample - this.latencyMs)
    this.inFlight += weight * (inFlight - this.inFlight)
  }

  /** A request failed on its side: how long that took says nothing. */
  failed(): void {
    this.failing += SMOOTHING * (1 - this.failing)
    this.isRecovering = false
  }

  /** How many times slower it is taken to be because it fails. */
  get penalty(): number {
    return 1 / (1 - (1 - 1 / FAILING_FACTOR) * this.failing)
  }
}

export interface PacedServer extends ServerLoad {
  readonly pace: ServerPace
}

/** When a choice is made. */
export interface ChoiceMoment {
  /** Requests of the pool so far. */
  readonly requests: number
  readonly ms: number
  /** A server that comes up is given its share over this time; 0: at once. */
  readonly slowStartMs: number
}

/**
 * @param fraction draws numbers in [0, 1)
 * @param except a server not to be taken (it just failed), or NO_SERVER
 */
export function chooseByLatency(
  servers: readonly PacedServer[],
  fraction: () => number,
  except: number,
  now: ChoiceMoment,
): number {
  const first = drawByWeight(servers, fraction(), except)
  if (first === NO_SERVER) return NO_SERVER
  let chosen = first
  const second = drawByWeight(servers, fraction(), except, first)
  if (second !== NO_SERVER) {
    chosen = better(servers, first, second, now)
    // One of both again is no harm.
    const third = drawByWeight(servers, fraction(), except, chosen)
    if (third !== first && third !== second) chosen = better(servers, chosen, third, now)
  }
  ;(servers[chosen] as PacedServer).pace.askedAt = now.requests
  return chosen
}

function better(
  servers: readonly PacedServer[],
  first: number,
  second: number,
  now: ChoiceMoment,
): number {
  const one = servers[first] as PacedServer
  const other = servers[second] as PacedServer
  const oneMs = expectedMs(one, other, now)
  const otherMs = expectedMs(other, one, now)
  const winner = otherMs * EQUAL_FACTOR < oneMs ? second : first
  const loser = winner === first ? second : first
  const isSlow = isProbeDue(servers[loser] as PacedServer, servers[winner] as PacedServer, now)
  return isSlow ? loser : winner
}

/**
 * Until this request would be answered, when the one it is compared with stands for all others: what it took lately, by what
 * is in flight, of which a server that has been seen to work off many at once is charged less. By the root: by all of it,
 * who got more by chance would be given more.
 */
function expectedMs(server: PacedServer, other: PacedServer, now: ChoiceMoment): number {
  const { pace, weight } = server
  const inFlight = server.inFlight - pace.tunnels
  // A weight says what a server takes at once until more was seen.
  const seen = Math.sqrt(Math.max(1, pace.inFlight / Math.max(1, weight)))
  return ((slowness(pace, other.pace) * (inFlight + 1)) / (weight * seen)) * coldness(server, now)
}

/** How many times slower a server is taken to be because it has just come up. */
function coldness({ pace }: PacedServer, { ms, slowStartMs }: ChoiceMoment): number {
  const age = ms - pace.upSince
  if (age >= slowStartMs) return 1
  return Math.min(COLD_FACTOR, slowStartMs / Math.max(age, 1))
}

function isProbeDue(slow: PacedServer, than: PacedServer, now: ChoiceMoment): boolean {
  const { pace } = slow
  const inFlight = slow.inFlight - pace.tunnels
  const times = slowness(pace, than.pace) / slowness(than.pace, pace)
  if (inFlight > 0 || times <= 1) return false
  const notAsked = now.requests - pace.askedAt
  if (times <= SLOW_FACTOR) return notAsked >= LOOK_EVERY
  return pace.isRecovering || notAsked >= PROBE_EVERY
}

/** What it took lately, ms, as who chooses takes it: as long as the other when nothing is known. */
function slowness(pace: ServerPace, other: ServerPace): number {
  return (pace.latencyMs || other.latencyMs || LATENCY_MIN_MS) * pace.penalty
}

/** Milliseconds that a move costs: the next server has to be told, its caches are cold. */
const MOVE_MS = 20
/** Of each server: the first answers of a process say more about its start than about it. */
const MOVE_ANSWERS_MIN = 20
/** And it has to be worth it: means of twenty answers differ by chance. */
const MOVE_FACTOR = 4

/**
 * Whether who is on `here` would be so much better off `there` that moving pays: by what both took lately to answer, a server
 * that just came up for slower than it is. What is in flight has no part in it: a browser asks for a dozen things at once.
 */
export function isMuchSooner(there: PacedServer, here: PacedServer, now: ChoiceMoment): boolean {
  if (Math.min(here.pace.answers, there.pace.answers) < MOVE_ANSWERS_MIN) return false
  const thereMs = slowness(there.pace, here.pace) * coldness(there, now)
  return thereMs * MOVE_FACTOR + MOVE_MS < slowness(here.pace, there.pace)
}

/**
 * Prequal: of three drawn, the fastest of those that are not hot; when all are, the one with the least in flight. Here what
 * the edge saw itself stands for the paper's probes.
 *
 * @param fraction draws numbers in [0, 1)
 */
export function choosePrequal(
  servers: readonly PacedServer[],
  fraction: () => number,
  except: number,
): number {
  const hot = hotFrom(servers)
  let best = NO_SERVER
  let isBestHot = true
  for (let i = 0; i < PREQUAL_DRAWN; i++) {
    const index = drawByWeight(servers, fraction(), except)
    if (index === NO_SERVER) return NO_SERVER
    const { inFlight, pace } = servers[index] as PacedServer
    const isHot = inFlight > hot
    const than = servers[best]
    const isBetter =
      than === undefined ||
      (isHot === isBestHot
        ? isHot
          ? inFlight < than.inFlight
          : pace.latencyMs < than.pace.latencyMs
        : isBestHot)
    if (isBetter) {
      best = index
      isBestHot = isHot
    }
  }
  return best
}

function hotFrom(servers: readonly PacedServer[]): number {
  const inFlight = servers.filter(({ usable }) => usable).map((server) => server.inFlight)
  inFlight.sort((a, b) => a - b)
  return inFlight[Math.floor(HOT_QUANTILE * (inFlight.length - 1))] ?? 0
}
