/**
 * Too many at once: handshakes per second against the client's own history, for new ones, resumptions and those that
 * came to nothing. Counts per second are taken as negative binomial, a Poisson whose rate itself swings: shape 1 (a rate
 * as likely to be three times its mean as a waiting time is) while little is known, up to 4 after minutes of history. A
 * surge that all clients share is no flood of one: the expectation grows with it. Plain JSON data.
 *
 * @module
 */
import { fadedSince } from '../../math/fading.ts'
import { digitsOf, logNegativeBinomialTail } from '../../math/tails.ts'
import type { Reason } from '../decision.ts'

/** What is counted, by index. */
export const RATE_KINDS = ['new', 'resumed', 'incomplete'] as const
export type RateKind = (typeof RATE_KINDS)[number]

export interface RateHistory {
  /** The second being counted, in seconds since the Unix epoch. */
  second: number
  counts: number[]
  /** Fading mean per second of each kind, and how many seconds it stands for. */
  means: number[]
  seconds: number
}

/** A quarter of an hour: a rate follows the hour of the day, but not a flood. */
const HALF_LIFE_S = 900
/**
 * What is assumed of a client before its history says better: 10 per second, as heavy as 10 seconds of history. A browser
 * opens six connections per name at once, and some clients of a kind share a network.
 */
const PRIOR_PER_SECOND = 10
const PRIOR_SECONDS = 10
const SHAPE_MIN = 1
const SHAPE_MAX = 4
/** Seconds of history that count as much as none. */
const SHAPE_SECONDS = 60
/** A second with fewer is no flood, whatever the history. */
export const FLOOD_MIN = 32

export function newRateHistory(now: number): RateHistory {
  return { second: Math.floor(now / 1000), counts: [0, 0, 0], means: [0, 0, 0], seconds: 0 }
}

/** Counts one, or more. Seconds that were a flood (`learn` false) are not learned from. */
export function countRate(
  history: RateHistory,
  kind: RateKind,
  now: number,
  learn: boolean,
  times = 1,
): void {
  advance(history, now, learn)
  const index = RATE_KINDS.indexOf(kind)
  history.counts[index] = (history.counts[index] ?? 0) + times
}

/** Of the second being counted, so far. */
export function countOf(history: RateHistory, kind: RateKind): number {
  return history.counts[RATE_KINDS.indexOf(kind)] ?? 0
}

function advance(history: RateHistory, now: number, learn: boolean): void {
  const second = Math.floor(now / 1000)
  if (second <= history.second) {
    // Workers' batches come a little out of order: go on in the same second. A clock that was set back: begin anew, or all
    // that comes until it has caught up would be one second's flood.
    if (second >= history.second - LATE_SECONDS) return
    history.second = second
    history.counts.fill(0)
    return
  }
  const passed = second - history.second
  if (learn) {
    const keep = fadedSince(0, passed, HALF_LIFE_S)
    const old = history.seconds * keep
    // The seconds passed: the one that was counted, and empty ones (faded half-way on average when they are many).
    const empty = Math.min(passed, HALF_LIFE_S * Math.LOG2E * (1 - keep) + 1)
    history.seconds = old + empty
    for (let i = 0; i < RATE_KINDS.length; i++) {
      const sum = (history.means[i] ?? 0) * old + (history.counts[i] ?? 0)
      history.means[i] = sum / history.seconds
    }
  }
  history.second = second
  history.counts.fill(0)
}

/** Batches are 200 ms apart, and one may be under way: ten of them are late. */
const LATE_SECONDS = 2

/** Per second, with what is assumed in it. */
function expectedOf(history: RateHistory, index: number): number {
  const { seconds, means } = history
  return (
    ((means[index] ?? 0) * seconds + PRIOR_PER_SECOND * PRIOR_SECONDS) / (seconds + PRIOR_SECONDS)
  )
}

/** Digits against the count of this second so far; `surge` is how much busier all others are than usual. */
function rateDigits(history: RateHistory, kind: RateKind, now: number, surge: number): number {
  const index = RATE_KINDS.indexOf(kind)
  const count = Math.floor(now / 1000) <= history.second ? (history.counts[index] ?? 0) : 0
  if (count < FLOOD_MIN) return 0
  const known = history.seconds / (history.seconds + SHAPE_SECONDS)
  const shape = SHAPE_MIN + (SHAPE_MAX - SHAPE_MIN) * known
  const expected = expectedOf(history, index) * Math.max(1, surge)
  if (count <= expected) return 0
  const paid = Math.log10(RATE_KINDS.length)
  return Math.max(0, digitsOf(logNegativeBinomialTail(count, expected, shape)) - paid)
}

/** How much busier than usual all the others are: `all` without `own`. 1 and above. */
function surgeOf(all: RateHistory, own: RateHistory): number {
  const index = RATE_KINDS.indexOf('new')
  const theirs = own.second === all.second ? (own.counts[index] ?? 0) : 0
  const others = (all.counts[index] ?? 0) - theirs
  const usual = (all.means[index] ?? 0) - (own.means[index] ?? 0)
  return Math.max(1, others / Math.max(PRIOR_PER_SECOND, usual))
}

const WORDS: Readonly<Record<RateKind, string>> = {
  new: 'handshakes',
  resumed: 'resumptions',
  incomplete: 'handshakes that came to nothing',
}

/** Before there are so many seconds of history of all clients together nothing is known of what is usual. */
const WARM_SECONDS = 10

/**
 * The strongest of the three kinds. `all` is the history of all clients: while it is short nobody is judged, and when it
 * surges everybody may.
 */
export function rateReasons(
  history: RateHistory,
  all: RateHistory,
  now: number,
  whose: string,
): Reason[] {
  if (all.seconds < WARM_SECONDS) return []
  const surge = surgeOf(all, history)
  let weight = 0
  let strongest: RateKind = 'new'
  for (const kind of RATE_KINDS) {
    const digits = rateDigits(history, kind, now, surge)
    if (digits > weight) {
      weight = digits
      strongest = kind
    }
  }
  if (weight < 1) return []
  const index = RATE_KINDS.indexOf(strongest)
  const usual = expectedOf(history, index)
  return [
    {
      code: `rate-${strongest}`,
      text: `${history.counts[index]} ${WORDS[strongest]} within one second from ${whose}, where about ${usual < 10 ? usual.toFixed(1) : Math.round(usual)} are usual`,
      weight,
      detector: 'rate',
    },
  ]
}
