/**
 * A session as it goes on: what is observed of it becomes evidence against its person, and machines that type betray
 * themselves. What is observed before anybody has said who it is (the password, above all) waits.
 *
 * @module
 */
import type { BehaviorBatch } from '../../wire/behavior-batch.ts'
import type { Verdict } from '../biometrics/own-scores.ts'
import type { Reason } from '../decision.ts'
import type { Tier, TierThresholds } from '../tier.ts'
import { DayShift } from './day-shift.ts'
import { addEvidence, digitsOfBet } from './evidence.ts'
import { isFreeText } from './free-text.ts'
import type { KnownPerson } from './known-person.ts'
import { type Observation, Observer } from './observe.ts'
import type { SessionEnd } from './person.ts'
import { RepeatedTimings } from './repeated-timings.ts'
import { settledTier } from './settled-tier.ts'
import { PAUSES, QUICK_PAUSES, quickDigits, syntheticDigits } from './synthetic-typing.ts'

export interface LiveSettings {
  readonly thresholds: TierThresholds
  /** Who vouches for a new person: nobody need (`first`), or a second factor must (`confirmed`). */
  readonly enrol: 'first' | 'confirmed'
  /** What a score is worth here; never more than it is. */
  calibrate(score: number): number
  /** Draws numbers in [0, 1). */
  fraction(): number
}

export interface Standing {
  readonly tier: Tier
  /** Digits, after calibration. */
  readonly score: number
  /** 0: nothing is known, towards 1. */
  readonly confidence: number
  readonly reasons: readonly Reason[]
  /** Observations that were scored. */
  readonly windows: number
}

/** Observations kept for who is not known yet. */
const WAITING_MAX = 16
/** A recording does not come twice by chance. */
const REPEATED_DIGITS = 6
/** Beyond the last threshold by so much: then ten usual observations lead back. */
const OVER_MAX_DIGITS = 1
/** With more evidence than that nothing is taken on trust: three unusual observations in a row. */
const TRUST_DIGITS = 1
/** Observations that must follow one before it is taken on trust, or the end of the session: else a thief would be learned first. */
const HELD = 8
/**
 * Observations of a context in one session that are taken on trust: windows of free text, and others. A day differs from another by more than
 * its windows do from one another: sixty of four days make every fifth day a strange one, sixty of twelve do not (decision 0030).
 */
const TRUSTED_WINDOWS = 5
const TRUSTED = 25
/** Whose scores are remembered, for the same reason, of those that a second factor vouches for. Of 8 to 50, for passwords (decision 0021). */
const REMEMBERED = 25
/** Own scores at which half of what there is to know is known. */
const HALF_KNOWN = 10

const TEXTS: Readonly<Record<string, string>> = {
  text: 'It types otherwise than the person',
  password: 'It types the password otherwise than the person',
  mouse: 'It moves the pointer otherwise than the person',
  touch: 'It touches otherwise than the person',
  pen: 'It uses the pen otherwise than the person',
  scroll: 'It scrolls otherwise than the person',
}

export class LiveSession {
  lastAt: number
  readonly startedAt: number
  known: KnownPerson | undefined
  /** Whose it is, at hand or not. */
  personId: string | undefined
  /** No profile may be kept of who it is: only machines are looked for. The client says so, and it says nothing of whose session it is. */
  isBotOnly = false
  /** A second factor has passed in this session. */
  isConfirmed = false
  /** It has passed a challenge. */
  hasPassed = false
  #repeated = new RepeatedTimings()
  readonly #observer = new Observer()
  #waiting: Observation[] = []
  /** Judged, and not learned on trust yet. */
  #held: { readonly observation: Observation; readonly verdict: Verdict }[] = []
  /** By context, how many were vouched for. */
  readonly #vouchedFor = new Map<string, number>()
  readonly #shifts = new Map<string, DayShift>()
  #pauses: number[] = []
  #lastPressS = Number.NaN
  #score = 0
  #machine = 0
  #highest = 0
  #windows = 0
  #compared = 0
  #tier: Tier = 1
  /** What speaks against the person. */
  readonly #reasons = new Map<string, Reason>()
  /** What speaks against the session, whoever the person is. */
  readonly #found = new Map<string, Reason>()

  constructor(now: number) {
    this.startedAt = now
    this.lastAt = now
  }

  /** The application says who it is. What was observed of another person is forgotten. @returns whether the profile has changed */
  bind(known: KnownPerson, confirmed: boolean, settings: LiveSettings): boolean {
    const { id } = known.person
    if (this.personId !== undefined && this.personId !== id) this.#forget()
    this.known?.holders.delete(this)
    this.known = this.isBotOnly ? undefined : known
    this.personId = id
    this.known?.holders.add(this)
    if (!this.isBotOnly && this.#repeated.compareWith(known.runs) > 0) this.#findRepeated()
    if (confirmed && !this.isConfirmed) this.vouch(settings)
    const waiting = this.#waiting
    this.#waiting = []
    return this.#judgeAll(waiting, settings)
  }

  /** The person is not at hand any more: it goes on when bound again. What was held is not learned. */
  letGo(): void {
    this.known?.holders.delete(this)
    this.known = undefined
    this.#held = []
    // Another has changed the profile, or the storage has lost it: what was learned here may not be in it.
    this.#vouchedFor.clear()
    this.#repeated = new RepeatedTimings()
  }

  /** Something else than behavior says that it is the person. */
  vouch(settings: LiveSettings): void {
    this.isConfirmed = true
    this.#score = 0
    this.#machine = 0
    this.#reasons.clear()
    this.#found.clear()
    this.#settle(settings)
  }

  /** Something else than behavior speaks against it, by so many digits; {@link vouch} takes that back. */
  doubt({ code, text, weight }: Reason, settings: LiveSettings): void {
    this.isConfirmed = false
    this.#held = []
    this.#find(code, text, weight)
    this.#settle(settings)
  }

  /** @returns whether the profile has changed */
  take(batch: BehaviorBatch, page: number, settings: LiveSettings): boolean {
    const { observations, strokes } = this.#observer.take(batch, page)
    let ran = 0
    for (const stroke of strokes) {
      if (this.#repeated.add(stroke)) ran++
      if (stroke.keyClass === 'letter') this.#notePause(stroke.atS - this.#lastPressS)
      this.#lastPressS = stroke.keyClass === 'letter' ? stroke.atS : Number.NaN
    }
    if (ran > 0) this.#findRepeated()
    if (this.isBotOnly) {
      this.#settle(settings)
      return false
    }
    if (this.known !== undefined) return this.#judgeAll(observations, settings)
    this.#waiting.push(...observations)
    this.#waiting.splice(0, this.#waiting.length - WAITING_MAX)
    this.#settle(settings)
    return false
  }

  standing(settings: LiveSettings): Standing {
    const known = this.#windows === 0 ? 0 : this.#compared / this.#windows
    return {
      tier: this.#tier,
      score: settings.calibrate(this.#score) + this.#machine,
      confidence: known / (known + HALF_KNOWN),
      reasons: [...this.#reasons.values(), ...this.#found.values()].sort(
        (a, b) => b.weight - a.weight,
      ),
      windows: this.#windows,
    }
  }

  /** It is over: learns what was held. What is kept of it. */
  end(settings: LiveSettings): SessionEnd {
    this.#trust(0, settings)
    this.known?.holders.delete(this)
    const { startedAt: at } = this
    const score = Math.round(this.#highest * 100) / 100
    return { at, tier: this.#tier, score, windows: this.#windows }
  }

  /** The highest score before calibration, digits; undefined where nothing was scored or a machine was found. */
  get peak(): number | undefined {
    return this.#windows === 0 || this.#machine > 0 ? undefined : this.#highest
  }

  /** A machine is one whoever it logs in as: that stays. */
  #forget(): void {
    this.isConfirmed = false
    this.#repeated = new RepeatedTimings()
    this.#score = 0
    this.#highest = 0
    this.#windows = 0
    this.#compared = 0
    this.#vouchedFor.clear()
    this.#shifts.clear()
    this.#tier = 1
    this.#waiting = []
    this.#held = []
    this.#reasons.clear()
  }

  #judgeAll(observations: readonly Observation[], settings: LiveSettings): boolean {
    let changed = false
    for (const observation of observations) {
      if (this.#judge(observation, settings)) changed = true
    }
    this.#settle(settings)
    return changed
  }

  #judge(observation: Observation, settings: LiveSettings): boolean {
    const { known } = this
    if (known === undefined) return false
    const { verdict, words, compared, z } = known.judge(observation)
    if (verdict.kind === 'scored' && compared > 0) {
      // Of free text so few windows of a day are taken on trust that own scores know days: it loses by expecting them (decision 0021).
      const pValue = isFreeText(observation.context)
        ? verdict.pValue
        : this.#shiftOf(observation.context).pValue(z, compared)
      this.#bet(observation, pValue, words, settings)
      this.#compared += compared
    }
    if (known.person.frozen || this.#tier > 1 || this.#machine > 0) return false
    const onTrust = settings.enrol === 'first' && known.isEnrolling(observation)
    if (this.isConfirmed || !onTrust) {
      const remembered = this.isConfirmed && this.#count(observation) <= REMEMBERED
      return known.learn(observation, verdict, this.isConfirmed, settings.fraction, remembered)
    }
    this.#held.push({ observation, verdict })
    return this.#trust(HELD, settings)
  }

  /** Learns what was held so long that what came after it would have spoken against it. @param left so many stay held */
  #trust(left: number, settings: LiveSettings): boolean {
    const { known } = this
    if (known === undefined || this.#score >= TRUST_DIGITS || this.#machine > 0) this.#held = []
    let changed = false
    while (this.#held.length > left) {
      const [first] = this.#held.splice(0, 1)
      if (first === undefined || known === undefined) break
      const { observation, verdict } = first
      // What comes after them only speaks for them.
      const most = isFreeText(observation.context) ? TRUSTED_WINDOWS : TRUSTED
      if (this.#count(observation) > most) continue
      if (known.learn(observation, verdict, true, settings.fraction)) changed = true
    }
    return changed
  }

  /** How many of its context were vouched for, with this one. */
  #count({ context }: Observation): number {
    const count = (this.#vouchedFor.get(context) ?? 0) + 1
    this.#vouchedFor.set(context, count)
    return count
  }

  #shiftOf(context: string): DayShift {
    const shift = this.#shifts.get(context) ?? new DayShift()
    this.#shifts.set(context, shift)
    return shift
  }

  #bet(
    { context }: Observation,
    pValue: number,
    words: readonly string[],
    { thresholds }: LiveSettings,
  ): void {
    this.#windows++
    this.#score = addEvidence(this.#score, pValue, thresholds.tier3 + OVER_MAX_DIGITS)
    this.#highest = Math.max(this.#highest, this.#score)
    const [kind = ''] = context.split(' ', 1)
    const code = `${kind}-differs`
    const before = this.#reasons.get(code)
    const weight = Math.max(0, (before?.weight ?? 0) + digitsOfBet(pValue))
    if (weight === 0) this.#reasons.delete(code)
    else {
      const how = words.length === 0 ? '' : `: ${words.join(', ')}`
      this.#reasons.set(code, { code, text: `${TEXTS[kind] ?? kind}${how}`, weight })
    }
  }

  #notePause(pauseS: number): void {
    if (!(pauseS >= 0 && pauseS <= 2)) return
    this.#pauses.push(pauseS)
    if (this.#pauses.length % QUICK_PAUSES === 0) {
      const quick = quickDigits(this.#pauses.slice(-QUICK_PAUSES))
      if (quick > 0) this.#find('typing-quick', 'It types faster than a hand can', quick)
    }
    if (this.#pauses.length < PAUSES) return
    const digits = syntheticDigits(this.#pauses)
    this.#pauses = []
    if (digits > 0) {
      this.#find('typing-synthetic', 'Its pauses between keys are drawn, not typed', digits)
    }
  }

  #findRepeated(): void {
    this.#find('timings-repeated', 'It types at the very same times as before', REPEATED_DIGITS)
  }

  #find(code: string, text: string, weight: number): void {
    const before = this.#found.get(code)?.weight ?? 0
    if (weight <= before) return
    this.#machine += weight - before
    this.#found.set(code, { code, text, weight })
  }

  #settle(settings: LiveSettings): void {
    const score = settings.calibrate(this.#score) + this.#machine
    this.#tier = settledTier(this.#tier, score, settings.thresholds)
  }
}
