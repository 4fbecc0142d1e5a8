/**
 * How many servers a pool should have, and why: by what is measured, and by the upper line of the forecast over the time that a
 * server takes to start, and a margin. A forecast alone never takes a server away: fewer are wanted only when measured load and
 * forecast have both allowed it for {@link STABLE_S}. Where nobody knows what a server carries, only the busy share of
 * what there is counts, as for an autoscaler.
 *
 * Who starts and stops servers is elsewhere; the simulation and the running Limen both ask here.
 *
 * @module
 */
import { adviseCapacity } from '../forecast/capacity.ts'

export interface PlanSettings {
  readonly min: number
  readonly max: number
  /** From the order of a server to its first request, and how much earlier it should be there. */
  readonly startUpS: number
  readonly marginS: number
  /** Share of what a server carries that shall be used. */
  readonly utilisation: number
}

export interface PlanQuestion {
  /** Requests per second of each step to come, the upper line; empty where no forecast can be gone by. */
  readonly ahead: ArrayLike<number>
  readonly stepS: number
  /** Requests per second lately; NaN when not known. */
  readonly measured: number
  /** Requests per second that one server carries at the utilisation wanted; undefined when not known. */
  readonly perServer: number | undefined
  /** Share of the places for requests that is taken, of servers that are up; NaN when not known. */
  readonly busy: number
  /** Servers that answer, and that are on their way. */
  readonly up: number
  readonly starting: number
}

/**
 * `measured`, `forecast`, `utilisation`: what asks for more. `fewer`: all agreed for long enough; `stabilising`: not yet.
 * `minimum`: no fewer are allowed. `at-maximum`: more would be needed than are allowed.
 */
export type PlanReason =
  | 'enough'
  | 'measured'
  | 'forecast'
  | 'utilisation'
  | 'fewer'
  | 'stabilising'
  | 'minimum'
  | 'at-maximum'

export interface CapacityPlan {
  readonly wanted: number
  readonly reason: PlanReason
  /** A sentence for a person. */
  readonly explained: string
}

/** Fewer servers only if fewer would have done for so long (the default of Kubernetes' HorizontalPodAutoscaler). */
const STABLE_S = 300
/** Differences of the utilisation below this are let be (its default too). */
const TOLERANCE = 0.1

/** How many there should have been, of late. */
export interface Wishes {
  list: { readonly atS: number; readonly servers: number }[]
}

export function openWishes(): Wishes {
  return { list: [] }
}

/** Holds back a wish for fewer until it was the wish for {@link STABLE_S}. */
export function mostLately(wishes: Wishes, servers: number, atS: number): number {
  wishes.list.push({ atS, servers })
  wishes.list = wishes.list.filter((wish) => atS - wish.atS < STABLE_S)
  return Math.max(...wishes.list.map((wish) => wish.servers))
}

/** Servers that bring the busy share to what it should be: the rule of the HorizontalPodAutoscaler. */
export function byUtilisation(busy: number, up: number, utilisation: number): number {
  const ratio = busy / utilisation
  return Math.abs(ratio - 1) <= TOLERANCE ? up : Math.ceil(up * ratio)
}

/**
 * @param wishes of this pool, from {@link openWishes}; those there are count as wanted when it is asked first
 * @param atS now, in seconds from any beginning
 */
export function planCapacity(
  wishes: Wishes,
  question: PlanQuestion,
  settings: PlanSettings,
  atS: number,
): CapacityPlan {
  const there = question.up + question.starting
  if (wishes.list.length === 0) mostLately(wishes, there, atS)
  const need = needOf(question, settings)
  const kept = mostLately(wishes, need.servers, atS)
  const { min, max } = settings
  const wanted = Math.min(max, Math.max(min, kept))
  const reason = reasonFor(wanted, { there, need, kept, min, max })
  return { wanted, reason, explained: explain(wanted, reason, need, settings) }
}

interface Need {
  readonly servers: number
  readonly by: 'measured' | 'forecast' | 'utilisation'
  /** What it was counted by. */
  readonly because: string
}

function needOf(question: PlanQuestion, { startUpS, marginS, utilisation }: PlanSettings): Need {
  const { ahead, stepS, measured, perServer, busy, up, starting } = question
  const now = up + starting
  if (perServer === undefined || !(perServer > 0)) {
    const known = !Number.isNaN(busy) && up > 0
    return {
      servers: known ? byUtilisation(busy, up, utilisation) : now,
      by: 'utilisation',
      because: known
        ? `${percent(busy)} of the places of ${up} servers are taken, ${percent(utilisation)} should be; what one carries is not known`
        : 'nothing was measured, and what a server carries is not known',
    }
  }
  const aheadS = startUpS + marginS
  const expected = Float64Array.from(ahead).subarray(0, Math.ceil(aheadS / stepS))
  const { needed } = adviseCapacity({
    ...{ expected, stepS, measured, now, max: Number.POSITIVE_INFINITY },
    limit: { load: perServer, known: true },
  })
  const most = expected.reduce((a, b) => Math.max(a, b), 0)
  const isMeasured = expected.length === 0 || measured >= most
  const load = isMeasured
    ? Number.isNaN(measured)
      ? 'nothing was measured yet'
      : `${rate(measured)} requests a second were measured`
    : `up to ${rate(most)} requests a second are to be expected within ${Math.round(aheadS)} s`
  return {
    servers: needed,
    by: isMeasured ? 'measured' : 'forecast',
    because: `${load}, and one server takes ${rate(perServer)} at ${percent(utilisation)}`,
  }
}

function reasonFor(
  wanted: number,
  {
    there,
    need,
    kept,
    min,
    max,
  }: { there: number; need: Need; kept: number; min: number; max: number },
): PlanReason {
  if (kept > max) return 'at-maximum'
  if (wanted > there) return kept < min ? 'minimum' : need.by
  if (wanted < there) return 'fewer'
  if (kept < min) return 'minimum'
  return need.servers < kept ? 'stabilising' : 'enough'
}

function explain(
  wanted: number,
  reason: PlanReason,
  { servers, because }: Need,
  { min, max }: PlanSettings,
): string {
  switch (reason) {
    case 'at-maximum':
      return `At the maximum of ${max}, and ${servers} would be needed: ${because}`
    case 'minimum':
      return `The minimum of ${min}: ${because}`
    case 'stabilising':
      return `${wanted} are kept until ${servers} were enough for ${STABLE_S} s: ${because}`
    case 'fewer':
      return `No more than ${wanted} were needed in the last ${STABLE_S} s: ${because}`
    default:
      return `${wanted} servers: ${because}`
  }
}

const percent = (share: number): string => `${Math.round(share * 100)} %`
const rate = (perSecond: number): string =>
  perSecond >= 10 ? String(Math.round(perSecond)) : perSecond.toFixed(1)
