/**
 * A decision's verdict in two sentences, for the head of the panel.
 *
 * @module
 */
import type { Decision, DetectorMode } from '../../behavior/decision.ts'
import { formatCount } from './format.ts'

const MODES: Readonly<Record<DetectorMode, string>> = {
  observe: 'Limen only watches: this client was served like everybody else.',
  shadow: 'Limen notes what it would do, and served this client like everybody else.',
  // What acts on a tier is not there yet: until then this must not claim more.
  enforce: 'No resources are tied to tiers yet: this client was served like everybody else.',
}

export function sayMode(mode: DetectorMode): string {
  return MODES[mode]
}

/** Scores below this are indistinguishable from ordinary. */
const ORDINARY_BELOW = 0.05
/** From here a count of clients means less than its power of ten. */
const POWERS_FROM = 6

/** The score is -log10 of a probability; said as odds it is easier to feel. */
export function sayOdds({ score }: Pick<Decision, 'score'>): string {
  if (score < ORDINARY_BELOW) return 'Nothing about this client is out of the ordinary.'
  if (score < POWERS_FROM) {
    return `About 1 honest client in ${formatCount(Math.round(10 ** score))} looks like this.`
  }
  return `Fewer than 1 honest client in 10^${Math.floor(score)} looks like this.`
}
