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
  enforce: 'What is in force says nothing against it: it was served like everybody else.',
}

/** What came of it. */
export function sayMode({ mode, pool }: Pick<Decision, 'mode' | 'pool'>): string {
  return pool === 'rigorous'
    ? 'So it was moved to the rigorous handshake pool, which looks closer.'
    : MODES[mode]
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
