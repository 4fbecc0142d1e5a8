/**
 * Scores that keep their word. A score claims "-log10 of the chance that an honest client looks like this"; where its
 * assumptions do not hold here, honest clients score high too often. Two corrections, both learned from clients that
 * were *not* flagged, both bounded:
 * - within what was seen, a score is worth no more than its conformal p-value (Vovk, Gammerman, Shafer, 2005): the share of
 *   earlier scores that were as high;
 * - the level follows the realised share of flagged clients (adaptive conformal inference: Gibbs, Candes, 2021).
 * Together they take at most `correctionMax` digits off a score: so whoever feeds slowly rising scores for as long as he
 * likes cannot move the threshold further than that. Conformal calibration promises the average, not each window.
 * Plain JSON data. Not here: scores that are exact (chances by counting), which need no correction.
 *
 * @module
 */
import { fadedSince } from '../../math/fading.ts'

export interface CalibrationOptions {
  /** Share of honest clients that may be flagged. */
  readonly budget: number
  /** Score from which a client is flagged, before correction. */
  readonly threshold: number
  /** At most this is taken off a score, digits. */
  readonly correctionMax: number
  /** Step of the level, Gibbs and Candes' gamma, relative to the budget. */
  readonly step: number
  readonly halfLifeMs: number
}

export const CALIBRATION_DEFAULTS: Omit<CalibrationOptions, 'budget' | 'threshold'> = {
  // Two orders of magnitude: more would let a patient attacker hide what is one in a million.
  correctionMax: 2,
  // Gibbs and Candes use 0.005 at a level of 0.1: a twentieth of it.
  step: 0.05,
  // A week: calibration must outlast the daily and weekly rhythm.
  halfLifeMs: 7 * 86_400_000,
}

export interface Calibration {
  at: number
  /** Fading counts of scores, `BINS_PER_DIGIT` per digit. */
  bins: number[]
  total: number
  /** log10 of the budget over the level in force: 0 to `correctionMax`. */
  shift: number
}

const BINS_PER_DIGIT = 10
const BINS = 100

export function newCalibration(now: number): Calibration {
  return { at: now, bins: new Array<number>(BINS).fill(0), total: 0, shift: 0 }
}

/** The score after correction: never above `score`, never more than `correctionMax` below it. */
export function calibrate(state: Calibration, options: CalibrationOptions, score: number): number {
  if (score <= 0) return 0
  let above = 0
  for (let bin = binOf(score); bin < BINS; bin++) above += state.bins[bin] ?? 0
  const seen = above > 0 ? -Math.log10((above + 1) / (state.total + 1)) : score
  const corrected = Math.min(score, seen) - state.shift
  return Math.max(0, score - options.correctionMax, corrected)
}

/** What a score must be, before correction, for its client to be flagged. At least the threshold, bounded above. */
export function thresholdInForce(state: Calibration, options: CalibrationOptions): number {
  const { threshold, correctionMax } = options
  for (let score = threshold; score < threshold + correctionMax; score += 1 / BINS_PER_DIGIT) {
    if (calibrate(state, options, score) >= threshold) return score
  }
  return threshold + correctionMax
}

/**
 * Learns from a client that nothing exact speaks against. Its score before correction counts only when it was not
 * flagged; that it was flagged, or not, moves the level.
 */
export function learnScore(
  state: Calibration,
  options: CalibrationOptions,
  score: number,
  now: number,
): void {
  fade(state, options, now)
  const flagged = calibrate(state, options, score) >= options.threshold
  // alpha' = alpha + step (budget - flagged), on a scale of digits: one flagged client takes as much as
  // 1 / budget unflagged ones give back.
  const move = options.step * ((flagged ? 1 : 0) - options.budget)
  state.shift = Math.min(options.correctionMax, Math.max(0, state.shift + move))
  if (flagged) return
  const bin = binOf(score)
  state.bins[bin] = (state.bins[bin] ?? 0) + 1
  state.total++
}

/** A person or a passed check says that a flagged client was honest: the level gives way by one step. */
export function learnMistake(state: Calibration, options: CalibrationOptions): void {
  state.shift = Math.min(options.correctionMax, state.shift + options.step)
}

/** Is this a calibration? For what comes out of storage. */
export function isCalibration(value: unknown): value is Calibration {
  if (typeof value !== 'object' || value === null) return false
  const { at, bins, total, shift } = value as Partial<Record<keyof Calibration, unknown>>
  const counts = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((count) => Number.isFinite(count) && count >= 0)
  return Number.isFinite(at) && counts(bins) && bins.length === BINS && counts([total, shift])
}

function fade(state: Calibration, { halfLifeMs }: CalibrationOptions, now: number): void {
  // Once a minute is often enough for a half-life of days, and 100 multiplications less per client.
  if (now < state.at + 60_000) return
  const left = fadedSince(state.at, now, halfLifeMs)
  for (let i = 0; i < BINS; i++) state.bins[i] = (state.bins[i] ?? 0) * left
  state.total *= left
  state.at = now
}

function binOf(score: number): number {
  return Math.min(BINS - 1, Math.floor(score * BINS_PER_DIGIT))
}
