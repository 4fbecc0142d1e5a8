/**
 * A person whose profiles are at hand: scores observations against them, and learns those that may be learned. Fits are made when
 * needed and kept until the profile has changed.
 *
 * @module
 */
import { type OwnScale, type OwnScores, ownScale, type Verdict } from '../biometrics/own-scores.ts'
import { pointerHindsight } from '../biometrics/pointer-hindsight.ts'
import { learnSessionGated, type PointerProfile } from '../biometrics/pointer-profile.ts'
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
  /** Spreads above their median; NaN while they are too few. */
  readonly z: number
}

/** A profile made ready, and where own scores of it lie. */
interface Ready<Fit> {
  readonly fit: Fit
  scale: OwnScale | undefined
  /** Actions that were learned since. */
  learned: number
}

/** Of a profile's actions, learned before it is made ready anew: some 15 ms each time, and one window in fifty moves no quantile. */
const REFIT_SHARE = 0.1

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
  readonly #typing = new Map<string, Ready<FittedTyping>>()
  readonly #pointer = new Map<string, Ready<FittedPointer>>()

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
    this.#meetOthers()
    const { context } = observation
    if (observation.kind === 'pointer') {
      const { fit, scale } = this.#pointer.get(context) ?? this.#fitPointer(context)
      const verdict = scoreSession(fit, observation.actions)
      const words = verdict.reasons.map(({ feature, direction }) => `${feature} ${direction}`)
      return { verdict, words, ...comparedWith(scale, verdict) }
    }
    const profile = typingProfile(this.person, context, observation.kinds)
    const { fit, scale } = this.#typing.get(context) ?? this.#fitTyping(context, profile)
    const verdict = scoreObservation(fit, observation.row)
    const words = verdict.reasons.map(({ kind, direction }) => `${kind} ${direction}`)
    return { verdict, words: [...new Set(words)], ...comparedWith(scale, verdict) }
  }

  /**
   * @param verdict of the same observation, by the profile as it was before
   * @param confirmed something else than behavior vouches for the person
   * @param remembered its score is one of the person's own from now on
   * @returns whether anything is kept that was not before
   */
  learn(
    observation: Observation,
    verdict: Verdict,
    confirmed: boolean,
    fraction: () => number,
    remembered = confirmed,
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
        remembered,
      )
      if (isLearned || confirmed) this.#age(context, profile, observation.actions.length)
      return isLearned || confirmed
    }
    const profile = typingProfile(this.person, context, observation.kinds)
    const isLearned = learnGated(profile, verdict, observation.row, confirmed, remembered)
    if (isLearned || confirmed) this.#typing.delete(context)
    return isLearned || confirmed
  }

  /** Fits are of those who were known when they were made. */
  #meetOthers(): void {
    const others = this.#others
    if (others === undefined || others.version === this.#othersVersion) return
    this.#othersVersion = others.version
    this.#typing.clear()
    this.#pointer.clear()
  }

  #fitTyping(context: string, profile: TypingProfile): Ready<FittedTyping> {
    const practised = !isFreeText(context)
    const background = this.#others?.background(this.person.id, context, profile.kinds.length)
    measureAnew(profile.own, background !== undefined, () =>
      hindsightScores(profile, background, practised),
    )
    const fit = fitProfile(profile, background, practised)
    const ready = { fit, scale: ownScale(fit.ownScores), learned: 0 }
    this.#typing.set(context, ready)
    return ready
  }

  /** A profile of movements has learned so many actions. */
  #age(context: string, { confirmed, own }: PointerProfile, actions: number): void {
    const ready = this.#pointer.get(context)
    if (ready === undefined) return
    ready.learned += actions
    if (ready.learned >= REFIT_SHARE * confirmed.rows.length) this.#pointer.delete(context)
    else ready.scale = ownScale(own.recent)
  }

  #fitPointer(context: string): Ready<FittedPointer> {
    const profile = pointerProfile(this.person, context)
    const features = movementFeatures(context)
    const others = this.#others?.actions(this.person.id, context, features.length)
    measureAnew(profile.own, others !== undefined, () =>
      pointerHindsight(profile, features, others),
    )
    const fit = fitPointerProfile(profile, undefined, features, others)
    const ready = { fit, scale: ownScale(fit.ownScores), learned: 0 }
    this.#pointer.set(context, ready)
    return ready
  }
}

/** Scores among others and alone do not compare: when that changes, all are what they would have been. */
function measureAnew(own: OwnScores, isAmong: boolean, hindsight: () => number[]): void {
  const scoredWith = isAmong ? 'background' : 'own'
  if (own.scoredWith === scoredWith) return
  own.scoredWith = scoredWith
  own.recent = hindsight()
}

function comparedWith(
  scale: OwnScale | undefined,
  verdict: Verdict,
): Pick<Judged, 'compared' | 'z'> {
  if (scale === undefined || verdict.kind === 'neutral') return { compared: 0, z: Number.NaN }
  return { compared: scale.count, z: (verdict.deviation - scale.middle) / scale.spread }
}
