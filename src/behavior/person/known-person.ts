/**
 * A person whose profiles are at hand: scores observations against them, and learns those that may be learned. Fits are made when
 * needed and kept until the profile has changed.
 *
 * @module
 */
import type { Verdict } from '../biometrics/own-scores.ts'
import { learnSessionGated } from '../biometrics/pointer-profile.ts'
import { type FittedPointer, fitPointerProfile, scoreSession } from '../biometrics/pointer-score.ts'
import { hindsightScores } from '../biometrics/typing-hindsight.ts'
import { learnGated, type TypingProfile } from '../biometrics/typing-profile.ts'
import { type FittedTyping, fitProfile, scoreObservation } from '../biometrics/typing-score.ts'
import { isFreeText } from './free-text.ts'
import { movementFeatures } from './movements.ts'
import type { Observation } from './observe.ts'
import { type Person, pointerProfile, typingProfile } from './person.ts'
import type { Population } from './population.ts'
import { KnownRuns } from './repeated-timings.ts'

export interface Judged {
  readonly verdict: Verdict
  /** What speaks against the person, in words, strongest first. */
  readonly words: readonly string[]
  /** Scores of the person's own that it was compared with. */
  readonly compared: number
}

/**
 * Observations of a context that are taken on trust while a person is new: ten to make a profile, fifty to know how it varies
 * from day to day (decision 0021). Of free text these are 2400 keys.
 */
export const ENROL_OBSERVATIONS = 60
/** The same of pointer actions, whose profiles begin with 100: thirty windows. */
export const ENROL_ACTIONS = 600

export class KnownPerson {
  readonly person: Person
  readonly runs: KnownRuns
  /** What holds on to it, and lets go when it is not at hand any more. */
  readonly holders = new Set<{ letGo(): void }>()
  /** Who else there is, to be told from. */
  readonly #others: Population | undefined
  #othersVersion = -1
  readonly #typing = new Map<string, FittedTyping>()
  readonly #pointer = new Map<string, FittedPointer>()

  constructor(person: Person, others?: Population) {
    this.person = person
    this.#others = others
    this.runs = new KnownRuns(person.seenRuns)
  }

  /** Whether the profile of its context still takes what comes on trust. */
  isEnrolling(observation: Observation): boolean {
    if (observation.kind === 'pointer') {
      const known = this.person.pointer[observation.context]
      return (known?.confirmed.rows.length ?? 0) < ENROL_ACTIONS
    }
    const known = this.person.typing[observation.context]
    return (known?.confirmed.length ?? 0) < ENROL_OBSERVATIONS
  }

  judge(observation: Observation): Judged {
    const { context } = observation
    if (observation.kind === 'pointer') {
      const profile = pointerProfile(this.person, context)
      const fit =
        this.#pointer.get(context) ??
        fitPointerProfile(profile, undefined, movementFeatures(context))
      this.#pointer.set(context, fit)
      const verdict = scoreSession(fit, observation.actions)
      const words = verdict.reasons.map(({ feature, direction }) => `${feature} ${direction}`)
      return { verdict, words, compared: fit.ownScores.length }
    }
    const profile = typingProfile(this.person, context, observation.kinds)
    const fit = this.#fitTyping(context, profile)
    const verdict = scoreObservation(fit, observation.row)
    const words = verdict.reasons.map(({ kind, direction }) => `${kind} ${direction}`)
    return { verdict, words: [...new Set(words)], compared: fit.ownScores.length }
  }

  /**
   * @param verdict of the same observation, by the profile as it was before
   * @param confirmed something else than behavior vouches for the person
   * @returns whether anything is kept that was not before
   */
  learn(
    observation: Observation,
    verdict: Verdict,
    confirmed: boolean,
    fraction: () => number,
  ): boolean {
    const { context } = observation
    if (observation.kind === 'pointer') {
      const profile = pointerProfile(this.person, context)
      const isLearned = learnSessionGated(
        profile,
        verdict,
        observation.actions,
        confirmed,
        fraction,
      )
      if (isLearned || confirmed) this.#pointer.delete(context)
      return isLearned || confirmed
    }
    const profile = typingProfile(this.person, context, observation.kinds)
    const isLearned = learnGated(profile, verdict, observation.row, confirmed)
    if (isLearned || confirmed) this.#typing.delete(context)
    return isLearned || confirmed
  }

  #fitTyping(context: string, profile: TypingProfile): FittedTyping {
    const others = this.#others
    if (others !== undefined && others.version !== this.#othersVersion) {
      this.#othersVersion = others.version
      this.#typing.clear()
    }
    const known = this.#typing.get(context)
    if (known !== undefined) return known
    const background = others?.background(this.person.id, context, profile.kinds.length)
    const practised = !isFreeText(context)
    const { own } = profile
    const scoredWith = background === undefined ? 'own' : 'background'
    if (own.scoredWith !== scoredWith) {
      own.scoredWith = scoredWith
      own.recent = hindsightScores(profile, background, practised)
    }
    const fit = fitProfile(profile, background, practised)
    this.#typing.set(context, fit)
    return fit
  }
}
