/**
 * Bayesian optimisation of the threshold (seed 11589100): it stays for an episode, what that cost is an observation, and a
 * Gaussian process says where the next may cost least: expected improvement times the chance that false alarms stay below their share
 * (Gardner and others, 2014). Thresholds are relative to middle and spread of the scores, and old episodes are forgotten, so that
 * it follows drift.
 *
 * It tries what may be bad, so it costs more than looking at the scores does (docs/decisions/0023): here because it is asked for.
 *
 * @module
 */
import { chanceBelow, expectedImprovement, gaussianProcess } from '../../math/gaussian-process.ts'
import {
  addScore,
  newRecentScores,
  type RecentScores,
  type Scale,
  scaleOf,
  sortedScores,
} from './recent-scores.ts'
import type { ThresholdTuner, TuningOptions } from './tuner.ts'

interface Episode {
  /** The threshold, in spreads above the middle. */
  readonly above: number
  events: number
  falseAlarms: number
  /** Those that are known stand for others. */
  misses: number
}

export interface BayesState {
  threshold: number
  readonly recent: RecentScores
  scale: Scale
  /** The last one is under way. */
  episodes: Episode[]
}

const SCORES = 1000
const SCORES_MIN = 200
/** Long enough for some attacks at one in a hundred. */
const EPISODE_EVENTS = 500
const EPISODES = 25
/** Where thresholds are looked for, in spreads above the middle; a spread is two thirds of a standard deviation of normal scores. */
const ABOVE_MAX = 12
const CANDIDATES = 97
/** Costs of thresholds one standard deviation apart are alike; what an episode costs is mostly chance. */
const PROCESS = { lengthScale: 1.5, noise: 0.5 }

export const bayesTuner: ThresholdTuner<BayesState> = {
  name: 'bayesian',
  begin: ({ start }) => ({
    ...{ threshold: start, recent: newRecentScores(), episodes: [] },
    scale: { middle: 0, spread: 1 },
  }),
  thresholdOf: ({ threshold }) => threshold,
  see(state, options, score) {
    addScore(state.recent, score, SCORES)
    const episode = state.episodes.at(-1)
    if (episode === undefined) {
      if (state.recent.scores.length < SCORES_MIN) return
      state.scale = scaleOf(sortedScores(state.recent))
      begin(state, (state.threshold - state.scale.middle) / state.scale.spread)
      return
    }
    if (++episode.events < EPISODE_EVENTS) return
    state.scale = scaleOf(sortedScores(state.recent))
    begin(state, nextAbove(state.episodes, options))
  },
  learn(state, { toldShare }, { isAttack, wasFlagged }) {
    const episode = state.episodes.at(-1)
    if (episode === undefined) return
    if (wasFlagged && !isAttack) episode.falseAlarms++
    if (!wasFlagged && isAttack) episode.misses += 1 / toldShare
  },
}

function begin(state: BayesState, above: number): void {
  const kept = Math.min(ABOVE_MAX, Math.max(0, above))
  state.episodes.push({ above: kept, events: 0, falseAlarms: 0, misses: 0 })
  if (state.episodes.length > EPISODES) state.episodes.shift()
  state.threshold = state.scale.middle + kept * state.scale.spread
}

function nextAbove(episodes: readonly Episode[], options: TuningOptions): number {
  const { falseAlarmCost, missCost, falseAlarmShareMax } = options
  const at = episodes.map(({ above }) => above)
  const costs = episodes.map(
    ({ events, falseAlarms, misses }) =>
      (falseAlarmCost * falseAlarms + missCost * misses) / Math.max(1, events),
  )
  const cost = gaussianProcess(at, costs, PROCESS)
  const share = gaussianProcess(
    at,
    episodes.map(({ events, falseAlarms }) => falseAlarms / Math.max(1, events)),
    PROCESS,
  )
  // Of what is believed at the thresholds tried: single episodes are lucky.
  const best = Math.min(...at.map((above) => cost(above).mean))
  let chosen = { above: at.at(-1) ?? 0, worth: Number.NEGATIVE_INFINITY }
  for (let i = 0; i < CANDIDATES; i++) {
    const above = (ABOVE_MAX * i) / (CANDIDATES - 1)
    const worth =
      expectedImprovement(cost(above), best) * chanceBelow(share(above), falseAlarmShareMax)
    if (worth > chosen.worth) chosen = { above, worth }
  }
  return chosen.above
}
