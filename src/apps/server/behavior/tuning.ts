/**
 * How people are judged, as it may be changed while Limen runs: what the configuration says, or what somebody has said since by the
 * API. That outlives a restart as long as the configuration says what it said then.
 *
 * @module
 */
import { z } from 'zod'
import { type Calibration, isCalibration } from '../../../behavior/threshold/conformal.ts'
import type { TierTuning } from '../../../behavior/threshold/tier-tuner.ts'
import type { PeopleSettings } from '../../../flows/watch-people.ts'
import { behaviorTuningSchema } from '../config/behavior-schema.ts'
import type { Config } from '../config/schema.ts'
import { keptTuning } from './kept-tuning.ts'

export type BehaviorTuning = z.output<typeof behaviorTuningSchema>

export interface TuningInForce {
  readonly tuning: BehaviorTuning
  /** 0: as the configuration has it; goes up by one with each change. */
  readonly version: number
}

/** What is stored of both. */
export interface PeopleState {
  readonly calibration: Calibration
  readonly inForce: TuningInForce
  /** What the configuration said. */
  readonly configured: BehaviorTuning
  /** Where thresholds go by what sessions are said to have been. */
  readonly tuning?: TierTuning
}

const kept = z.strictObject({
  format: z.literal(1),
  calibration: z.custom<Calibration>(isCalibration),
  inForce: z.strictObject({ tuning: behaviorTuningSchema, version: z.int().min(0) }),
  configured: behaviorTuningSchema,
  tuning: keptTuning.exactOptional(),
})

/** undefined while nobody is watched. */
export function configuredTuning({ behavior }: Config): BehaviorTuning | undefined {
  const { mode, thresholds, tier2, tier3, falsePositiveBudget, enrol } = behavior
  if (mode === 'off') return undefined
  return { mode, thresholds, tier2, tier3, falsePositiveBudget, enrol }
}

export function peopleSettings(tuning: BehaviorTuning, sessionS: number): PeopleSettings {
  const { thresholds, tier2, tier3, falsePositiveBudget, enrol } = tuning
  return {
    ...{ thresholds: { tier2, tier3 }, tuning: thresholds, falsePositiveBudget, enrol },
    sessionMs: sessionS * 1000,
  }
}

export function writeState(state: PeopleState): string {
  return JSON.stringify({ format: 1, ...state })
}

/** undefined when the text is no state. Never throws. */
export function readState(text: string): PeopleState | undefined {
  try {
    const read = kept.safeParse(JSON.parse(text))
    if (!read.success) return undefined
    const { format: _, ...state } = read.data
    return state
  } catch {
    return undefined
  }
}
