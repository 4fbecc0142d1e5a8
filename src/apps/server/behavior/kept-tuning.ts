/**
 * What tuners of thresholds have learned, as it is read again after a restart: of each the state that it has, in the bounds that
 * it keeps.
 *
 * @module
 */
import { z } from 'zod'
import { type TierTuning, TUNER_NAMES } from '../../../behavior/threshold/tier-tuner.ts'

/** As `window-tuner.ts` and `bayes-tuner.ts` have them. */
const SCORES_MAX = 1000
const ATTACKS_MAX = 300
const EPISODES_MAX = 25

const threshold = z.number()
const count = z.int().min(0)
const recent = z.strictObject({
  scores: z.array(z.number()).max(SCORES_MAX),
  next: z.int().min(0).max(SCORES_MAX),
})
const scale = z.strictObject({ middle: z.number(), spread: z.number().positive() })
const attack = z.strictObject({ above: z.number(), weight: z.number().positive(), at: count })
const episode = z.strictObject({
  ...{ above: z.number(), events: count, falseAlarms: count, misses: z.number().min(0) },
})
const STATES = {
  step: z.strictObject({ threshold }),
  conformal: z.strictObject({ threshold, share: z.number().min(0).max(1) }),
  windowed: z.strictObject({
    ...{ threshold, recent, scale, events: count },
    attacks: z.array(attack).max(ATTACKS_MAX),
  }),
  bayesian: z.strictObject({
    ...{ threshold, recent, scale },
    episodes: z.array(episode).max(EPISODES_MAX),
  }),
}

export const keptTuning: z.ZodType<TierTuning> = z
  .strictObject({
    name: z.enum(TUNER_NAMES),
    start: z.strictObject({ tier2: threshold, tier3: threshold }),
    ...{ tier2: z.unknown(), tier3: z.unknown() },
  })
  .refine(({ name, tier2, tier3 }) =>
    [tier2, tier3].every((state) => STATES[name].safeParse(state).success),
  )
