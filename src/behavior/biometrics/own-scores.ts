/**
 * What a deviation is worth among a person's own: the conformal p-value (Vovk, Gammerman, Shafer, 2005), the threshold that
 * follows from it, and whether what was scored may be learned. Plain JSON data.
 *
 * Only observations that something else vouched for (a second factor) are remembered, each with the deviation from before it was
 * learned: so a stranger who gets in cannot widen the bound by staying just below it.
 *
 * @module
 */

/** Scores with and without a background of other people do not compare. */
export type ScoredWith = 'own' | 'background'

export interface OwnScores {
  /** Deviations of the person's own observations, oldest first. */
  recent: number[]
  scoredWith: ScoredWith
}

/** What every score of behavior has in common. */
export type Verdict =
  | {
      readonly kind: 'scored'
      /** 0 is about usual for the person, more is stranger. */
      readonly deviation: number
      /** Share of the person's own that deviate as much; 1 while too few are known. */
      readonly pValue: number
      readonly scoredWith: ScoredWith
    }
  | {
      /** Neither for nor against the person. */
      readonly kind: 'neutral'
      readonly because: 'too-few-observations' | 'too-little-known'
    }

export function newOwnScores(): OwnScores {
  return { recent: [], scoredWith: 'own' }
}

/** Fewer say nothing about a tail: until then everything is usual. */
const OWN_SCORES_MIN = 10
/** The least p-value these can tell is 1 in 100. */
const OWN_SCORES_MAX = 99

/** Remembers the score of an observation that was vouched for; one of another measure begins the list anew. */
export function recordScore(own: OwnScores, { deviation, scoredWith }: ScoredVerdict): void {
  if (own.scoredWith !== scoredWith) {
    own.scoredWith = scoredWith
    own.recent = []
  }
  own.recent.push(deviation)
  if (own.recent.length > OWN_SCORES_MAX) own.recent.shift()
}

type ScoredVerdict = Extract<Verdict, { kind: 'scored' }>

/** Share of the person's own that deviate as much, this one included; 1 while too few are known. */
export function conformalP(own: readonly number[], deviation: number): number {
  if (own.length < OWN_SCORES_MIN) return 1
  let above = 0
  for (const score of own) if (score >= deviation) above++
  return (above + 1) / (own.length + 1)
}

/** Where own scores lie: the median, and the upper side's spread (of a normal distribution: one standard deviation). */
export interface OwnScale {
  readonly count: number
  readonly middle: number
  readonly spread: number
}

/** undefined while too few are known. */
export function ownScale(own: readonly number[]): OwnScale | undefined {
  if (own.length < OWN_SCORES_MIN) return undefined
  const sorted = Float64Array.from(own).sort()
  const at = (share: number): number => {
    const rank = share * (sorted.length - 1)
    const low = sorted[Math.floor(rank)] ?? 0
    return low + (rank - Math.floor(rank)) * ((sorted[Math.ceil(rank)] ?? low) - low)
  }
  const middle = at(0.5)
  return {
    ...{ count: own.length, middle },
    spread: Math.max(SPREAD_MIN, (at(0.9) - middle) / NORMAL_P90),
  }
}

/** Phi^-1(0.9). */
const NORMAL_P90 = 1.2816
/** Own scores that are all the same have no spread to divide by. */
const SPREAD_MIN = 1e-9

/**
 * The deviation that a share `level` of the person's own do not exceed: a threshold with `1 - level` false alarms that
 * moves with the person. Infinite while too few are known.
 */
export function ownThreshold(own: readonly number[], level: number): number {
  if (own.length < OWN_SCORES_MIN) return Number.POSITIVE_INFINITY
  const sorted = Float64Array.from(own).sort()
  // The conformal quantile: one more than there are, because the next one belongs to them.
  const rank = Math.ceil(level * (sorted.length + 1)) - 1
  return sorted[rank] ?? Number.POSITIVE_INFINITY
}

/** Tried 0.5, 0.8, 0.95, 0.99 on CMU typing: at 0.8 one observation in 1000 of others is learned, at 0.95 one in 50. */
const LEARN_LEVEL = 0.8

/**
 * May an observation be learned? When it is well inside the person's own; while there is no bound yet, when it was vouched
 * for. A person who changes is learned again once a fifth of the own scores are of the new kind.
 */
export function mayLearn(own: OwnScores, verdict: Verdict, confirmed: boolean): boolean {
  if (verdict.kind === 'neutral') return confirmed && verdict.because === 'too-few-observations'
  if (own.recent.length < OWN_SCORES_MIN || own.scoredWith !== verdict.scoredWith) return confirmed
  return verdict.deviation <= ownThreshold(own.recent, LEARN_LEVEL)
}

/** Are these own scores? For what comes out of storage. */
export function isOwnScores(value: unknown): value is OwnScores {
  if (typeof value !== 'object' || value === null) return false
  const { recent, scoredWith } = value as Partial<Record<keyof OwnScores, unknown>>
  return (
    Array.isArray(recent) &&
    recent.length <= OWN_SCORES_MAX &&
    recent.every(Number.isFinite) &&
    (scoredWith === 'own' || scoredWith === 'background')
  )
}
