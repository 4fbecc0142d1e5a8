/**
 * How much one upstream carries, from what was measured of it, and how many are needed for a demand to come.
 *
 * A server *breaks* at the load where its p99 latency reaches {@link BREAK_FACTOR} times that of quiet times, or where errors
 * begin. Between measurements, and a little beyond, the latency of a queue is `base / (1 - load / capacity)`: its inverse is a
 * straight line. Nothing is said of a server that was never near: then what it did carry is a lower bound.
 *
 * Pure functions; whoever starts and stops servers is elsewhere.
 *
 * @module
 */

export interface LoadSample {
  /** Requests per second, or whatever demand is counted in. */
  readonly load: number
  /** 0: nothing was answered. */
  readonly p99Ms: number
  /** Share of requests that failed. */
  readonly errors: number
  /** What the server, or its machine, said of its CPU: a share, 1 is all. Nobody measured it. */
  readonly cpu?: number
}

export interface LoadLimit {
  /** The load at which it breaks, or, when that is not known, the highest it carried unbroken. */
  readonly load: number
  readonly known: boolean
  /** When it is not known: where it breaks at the latest, by what is said of its CPU ({@link boundByCpu}). */
  readonly atMost?: number
}

/** Latency at the knee: a queue that is two thirds full answers three times as slow as an idle one. */
export const BREAK_FACTOR = 3
/** Latency from which a server was near breaking: half full. */
export const NEAR_FACTOR = 2
/** Below this share of the quiet speed a server slows down: with many workers the curve is flat before. */
const SLOWING = 0.75
/** From this share of failed requests on a sample counts as broken, however fast. */
export const ERRORS_BROKEN = 0.05
/** Samples are compared in groups of like load: medians of fewer would be chance. */
const GROUPS = 12
const GROUP_MIN = 5
/** The line is drawn on from the highest load seen by no more than this share. */
const BEYOND_SEEN = 0.25

/** @param samples in any order; those with a negative or unknown number, or without an answer, are left out; of none the limit is 0, not known */
export function limitOf(samples: readonly LoadSample[]): LoadLimit {
  const known = samples.filter(isSample).sort((a, b) => a.load - b.load)
  const groups = groupsOf(known)
  const base = groups[0]
  const most = groups.at(-1)
  if (base === undefined || most === undefined) return { load: 0, known: false }
  // The speed (1 / p99) as a share of that of quiet times: 1 when idle, 0 when nothing comes back.
  const curve = groups.map(({ load, speed }) => ({ load, speed: speed / base.speed }))
  const broken = curve.findIndex(({ speed }) => speed <= 1 / BREAK_FACTOR)
  const before = curve[broken - 1]
  const after = curve[broken]
  if (before !== undefined && after !== undefined) {
    const share = (before.speed - 1 / BREAK_FACTOR) / (before.speed - after.speed)
    return { load: before.load + share * (after.load - before.load), known: true }
  }
  const least = curve.at(-1)?.speed ?? 1
  if (least > 1 / NEAR_FACTOR) return { load: most.load, known: false }
  const slowing = curve.findIndex(({ speed }) => speed < SLOWING)
  const slope = medianSlope(curve.slice(Math.max(0, slowing - 1)))
  const further = slope < 0 ? (1 / BREAK_FACTOR - least) / slope : 0
  return { load: most.load + Math.min(further, BEYOND_SEEN * most.load), known: true }
}

function isSample({ load, p99Ms, errors }: LoadSample): boolean {
  return load >= 0 && errors >= 0 && (p99Ms > 0 || (p99Ms === 0 && errors >= ERRORS_BROKEN))
}

/** Below it what runs besides weighs too much, above it a queue has begun: load and CPU are not proportional there. */
const CPU_LEAST = 0.3
const CPU_MOST = 0.95

/**
 * What is said of its CPU, as an upper bound: at a utilisation u under load x it breaks at x / u at the latest, for more than all of
 * the CPU there is not. Looked at only while the latency says nothing, u between {@link CPU_LEAST} and {@link CPU_MOST}, the median
 * of {@link GROUP_MIN} samples or more.
 *
 * A server may lie. So `load` and `known` stay as they were measured, and `atMost` is from the highest load carried to
 * 1 / {@link CPU_LEAST} of it; with the latency broken nothing that is said counts at all.
 */
export function boundByCpu(measured: LoadLimit, samples: readonly LoadSample[]): LoadLimit {
  if (measured.known || !(measured.load > 0)) return measured
  const bounds = samples.flatMap(({ load, cpu = 0, errors }) =>
    load > 0 && cpu >= CPU_LEAST && cpu <= CPU_MOST && errors < ERRORS_BROKEN ? [load / cpu] : [],
  )
  if (bounds.length < GROUP_MIN) return measured
  const most = measured.load / CPU_LEAST
  return { ...measured, atMost: Math.min(most, Math.max(measured.load, median(bounds))) }
}

interface Group {
  readonly load: number
  readonly speed: number
}

/** Medians of neighbouring samples; none when there are too few, or nothing ever came back in quiet times. */
function groupsOf(sorted: readonly LoadSample[]): readonly Group[] {
  const count = Math.min(GROUPS, Math.floor(sorted.length / GROUP_MIN))
  const groups = Array.from({ length: count }, (_, i) => {
    const from = Math.floor((i * sorted.length) / count)
    const group = sorted.slice(from, Math.floor(((i + 1) * sorted.length) / count))
    const speeds = group.map(({ p99Ms, errors }) => (errors >= ERRORS_BROKEN ? 0 : 1 / p99Ms))
    return { load: median(group.map(({ load }) => load)), speed: median(speeds) }
  })
  return (groups[0]?.speed ?? 0) > 0 ? groups : []
}

/** Theil and Sen: the median of the slopes between all pairs, which a few odd groups do not move. */
function medianSlope(curve: readonly Group[]): number {
  const slopes = curve.flatMap((a, i) =>
    curve
      .slice(i + 1)
      .filter((b) => b.load > a.load)
      .map((b) => (b.speed - a.speed) / (b.load - a.load)),
  )
  return slopes.length > 0 ? median(slopes) : 0
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2
}

export interface CapacityQuestion {
  /** Demand expected in each step to come: the upper line, for what is expected on average is exceeded half the time. */
  readonly expected: Float64Array
  readonly stepS: number
  /** Highest demand measured lately, over as long as `expected` looks ahead; `NaN` when not known. */
  readonly measured: number
  /** Of one server. */
  readonly limit: LoadLimit
  /** Servers now, and at most. */
  readonly now: number
  readonly max: number
}

export interface CapacityAdvice {
  /** Servers, 1 at least and `max` at most. */
  readonly needed: number
  readonly now: number
  /** Seconds until those there are do not suffice; 0 when they do not suffice already, Infinity when they do all along. */
  readonly leadTimeS: number
  /** `beyond-max`: even `max` will not do; shed load, or let it queue. `unknown-limit`: nothing was measured to count by. */
  readonly reason: 'enough' | 'grow' | 'beyond-max' | 'shrink' | 'not-shrunk' | 'unknown-limit'
}

/**
 * How many servers to have. More on what is expected or on what is measured; fewer only if both agree: a forecast alone never
 * takes a server away (`not-shrunk`).
 */
export function adviseCapacity(question: CapacityQuestion): CapacityAdvice {
  const { expected, stepS, measured, limit, now, max } = question
  if (!(limit.load > 0)) {
    return { needed: now, now, leadTimeS: Number.POSITIVE_INFINITY, reason: 'unknown-limit' }
  }
  const serversFor = (demand: number) => Math.max(1, Math.ceil(demand / limit.load))
  const measuredNeed = Number.isNaN(measured) ? now : serversFor(measured)
  const need = expected.reduce((most, demand) => Math.max(most, serversFor(demand)), 1)
  const first = expected.findIndex((demand) => serversFor(demand) > now)
  const lead = measuredNeed > now ? 0 : first < 0 ? Number.POSITIVE_INFINITY : first * stepS
  const both = Math.max(need, measuredNeed)
  const advise = (needed: number, reason: CapacityAdvice['reason']): CapacityAdvice => {
    return { needed, now, leadTimeS: lead, reason }
  }
  if (both > max) return advise(max, 'beyond-max')
  if (both > now) return advise(both, 'grow')
  if (both < now) return advise(both, 'shrink')
  return advise(now, need < now ? 'not-shrunk' : 'enough')
}
