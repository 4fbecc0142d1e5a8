/**
 * The threshold that would have cost least lately (empirical risk minimisation over a window). All scores are seen, so false alarms are
 * counted without labels: what is above a threshold and not thought to be an attack. Attacks that are known stand for those
 * that are not (Horvitz and Thompson, 1952), and are kept relative to the middle and spread of their time, so that they
 * go along when all scores drift.
 *
 * @module
 */
import {
  addScore,
  countFrom,
  newRecentScores,
  type RecentScores,
  type Scale,
  scaleOf,
  sortedScores,
} from './recent-scores.ts'
import type { ThresholdTuner, TuningOptions } from './tuner.ts'

interface KnownAttack {
  /** Spreads above the middle, when it came. */
  readonly above: number
  /** How many it stands for. */
  readonly weight: number
  /** Of the count of events, when it became known. */
  readonly at: number
}

export interface WindowState {
  threshold: number
  readonly recent: RecentScores
  attacks: KnownAttack[]
  events: number
  scale: Scale
}

/** Scores that say what is usual now: fewer are noise, more are slow to follow. */
const SCORES = 1000
const SCORES_MIN = 200
/** Events between two looks. */
const LOOK_EVERY = 50
/** Attacks are rarer, so they are remembered for longer. */
const ATTACKS = 300
const ATTACK_EVENTS = 10_000
const HALF_LIFE = 2000
const ATTACKS_MIN = 5
/** The share of the way that the threshold goes at each look. */
const TOWARD = 0.3
const CANDIDATES = 120

export const windowTuner: ThresholdTuner<WindowState> = {
  name: 'windowed',
  begin: ({ start }) => ({
    ...{ threshold: start, recent: newRecentScores(), attacks: [], events: 0 },
    scale: { middle: 0, spread: 1 },
  }),
  thresholdOf: ({ threshold }) => threshold,
  see(state, options, score) {
    addScore(state.recent, score, SCORES)
    state.events++
    if (state.events % LOOK_EVERY !== 0 || state.recent.scores.length < SCORES_MIN) return
    const sorted = sortedScores(state.recent)
    const before = state.scale
    state.scale = scaleOf(sorted)
    // It goes along with the scores first.
    if (state.events > SCORES_MIN) {
      const above = (state.threshold - before.middle) / before.spread
      state.threshold = state.scale.middle + above * state.scale.spread
    }
    state.attacks = state.attacks.filter(({ at }) => at > state.events - ATTACK_EVENTS)
    if (state.attacks.length < ATTACKS_MIN) return
    const best = cheapest(state, options, sorted)
    state.threshold += TOWARD * (best - state.threshold)
  },
  learn(state, { toldShare }, { score, isAttack, wasFlagged }) {
    if (!isAttack || state.recent.scores.length < SCORES_MIN) return
    const above = (score - state.scale.middle) / state.scale.spread
    state.attacks.push({ above, weight: wasFlagged ? 1 : 1 / toldShare, at: state.events })
    if (state.attacks.length > ATTACKS) state.attacks.shift()
  },
}

function cheapest(state: WindowState, options: TuningOptions, sorted: Float64Array): number {
  const { attacks, events, scale } = state
  // Events that the attacks are of, the older the less.
  const seen = (HALF_LIFE / Math.LN2) * (1 - 2 ** (-events / HALF_LIFE))
  const perWindow = sorted.length / Math.max(sorted.length, seen)
  const scores = attacks
    .map(({ above, weight, at }) => ({
      score: scale.middle + above * scale.spread,
      weight: weight * 2 ** ((at - events) / HALF_LIFE),
    }))
    .sort((a, b) => a.score - b.score)
  const [low = 0] = [scale.middle]
  const high = sorted.at(-1) ?? low
  let best = { threshold: state.threshold, cost: Number.POSITIVE_INFINITY }
  let missed = 0
  let flagged = scores.reduce((sum, { weight }) => sum + weight, 0)
  let at = 0
  for (let i = 0; i <= CANDIDATES; i++) {
    const threshold = low + (i / CANDIDATES) * (high - low)
    for (; at < scores.length && (scores[at]?.score ?? 0) < threshold; at++) {
      missed += scores[at]?.weight ?? 0
      flagged -= scores[at]?.weight ?? 0
    }
    const falseAlarms = Math.max(0, countFrom(sorted, threshold) - flagged * perWindow)
    if (falseAlarms > options.falseAlarmShareMax * sorted.length) continue
    const cost = options.falseAlarmCost * falseAlarms + options.missCost * missed * perWindow
    if (cost < best.cost) best = { threshold, cost }
  }
  return best.threshold
}
