/**
 * Windows of a stream against its baseline, group by group: how far the worst feature is off, over the limit that keeps false alarms to
 * {@link FALSE_ALARMS_PER_DAY}. What a forest and the clock say comes on top, and is never decisive.
 *
 * @module
 */
import { isolationScore } from '../../math/isolation-forest.ts'
import { limitOf, worstOf, zScores } from './feature-law.ts'
import {
  type FeatureGroup,
  forestPoint,
  type StreamBaseline,
  WINDOWS_MS,
  type WindowFeatures,
  type WindowLaw,
} from './stream-baseline.ts'
import { IDENTITY_FEATURES, PATH_FEATURES, PICTURE_FEATURES } from './stream-features.ts'

export interface StreamReason {
  readonly group: 'evidence' | FeatureGroup
  /** A kind of evidence, or a feature and its window. */
  readonly what: string
  /** Over its limit: 1 is at it. */
  readonly score: number
}

/** Over the limits, the highest of all windows. */
export type StreamScores = Readonly<Record<FeatureGroup, number>>

export interface SeenWindow {
  readonly features: WindowFeatures
  /** Of the packets sent. */
  readonly lossShare: number
}

/** Four looks in the shortest window. */
export const LOOK_MS = 500
/** Of one source and group by chance, over all windows: one in ten days. */
const FALSE_ALARMS_PER_DAY = 0.1
const DAY_MS = 86_400_000
const WINDOWS_PER_ALARM = ((DAY_MS / LOOK_MS) * WINDOWS_MS.length) / FALSE_ALARMS_PER_DAY
/** With more missing, sizes are those of the network. */
const LOSS_MAX = 0.2
/** On top of the highest that a window of the baseline had; looks in a row. */
const FOREST_MARGIN = 0.03
const FOREST_LOOKS = 4
/** Two crystals of 50 parts per million. */
const SKEW_PPM_MAX = 100

const GROUPS = [
  ['identity', IDENTITY_FEATURES],
  ['picture', PICTURE_FEATURES],
  ['path', PATH_FEATURES],
] as const

export class StreamScorer {
  readonly #baseline: StreamBaseline
  readonly #limits: readonly StreamScores[]
  #forestLooks = 0

  constructor(baseline: StreamBaseline) {
    this.#baseline = baseline
    this.#limits = baseline.windows.map(({ identity, picture, path }) => ({
      identity: limitOf(identity, WINDOWS_PER_ALARM),
      picture: limitOf(picture, WINDOWS_PER_ALARM),
      path: limitOf(path, WINDOWS_PER_ALARM),
    }))
  }

  /**
   * @param windows of each of {@link WINDOWS_MS}, undefined while it is not full
   * @param skewPpm undefined: not known
   * @param identityLimit what scores of identity are compared with in place of 1
   */
  score(
    windows: readonly (SeenWindow | undefined)[],
    skewPpm: number | undefined,
    identityLimit: number,
  ): { readonly scores: StreamScores; readonly reasons: readonly StreamReason[] } {
    const reasons: StreamReason[] = []
    const scores = { identity: 0, picture: 0, path: 0 }
    for (const [i, law] of this.#baseline.windows.entries()) {
      const [window, limits] = [windows[i], this.#limits[i]]
      if (window === undefined || limits === undefined) continue
      const { features, lossShare } = window
      for (const [group, named] of GROUPS) {
        if (group !== 'path' && lossShare > LOSS_MAX) continue
        const { at, z } = worstOf(zScores(law[group], features[group]))
        const score = z / limits[group]
        scores[group] = Math.max(scores[group], score)
        if (score < (group === 'identity' ? identityLimit : 1)) continue
        reasons.push({ group, what: `${named[at]?.name ?? ''}, ${law.lengthMs / 1000} s`, score })
      }
      if (i === 0 && lossShare <= LOSS_MAX) reasons.push(...this.#askForest(law, features))
    }
    return { scores, reasons: [...reasons, ...this.#askClock(skewPpm, reasons)] }
  }

  /** It knows no more than the windows it grew on: enough to look twice, not to act. */
  #askForest(law: WindowLaw, features: WindowFeatures): StreamReason[] {
    const { forest, forestMax } = this.#baseline
    const score = isolationScore(forest, forestPoint(law, features)) / (forestMax + FOREST_MARGIN)
    this.#forestLooks = score >= 1 ? this.#forestLooks + 1 : 0
    if (this.#forestLooks < FOREST_LOOKS) return []
    return [{ group: 'picture', what: 'isolation forest', score }]
  }

  /** A queue that fills looks like a slow clock, so the path must be quiet otherwise. */
  #askClock(skewPpm: number | undefined, reasons: readonly StreamReason[]): StreamReason[] {
    const isQuiet = reasons.every(({ group }) => group !== 'path')
    const off = skewPpm === undefined ? 0 : Math.abs(skewPpm - this.#baseline.traits.skewPpm)
    if (!isQuiet || off < SKEW_PPM_MAX) return []
    return [{ group: 'path', what: 'clock skew', score: off / SKEW_PPM_MAX }]
  }
}
