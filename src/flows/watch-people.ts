/**
 * All sessions whose behavior is told, and the people behind them: batches in, standings out. Sessions and people at hand are
 * bounded; who is not at hand is loaded by whoever calls. Thresholds may follow what honest sessions do here
 * (`behavior/threshold/conformal.ts`), so that no more of them are flagged than the budget says.
 *
 * @module
 */
import { KnownPerson } from '../behavior/person/known-person.ts'
import { LiveSession, type LiveSettings, type Standing } from '../behavior/person/live-session.ts'
import { newPerson, noteSession, type Person } from '../behavior/person/person.ts'
import { Population } from '../behavior/person/population.ts'
import {
  CALIBRATION_DEFAULTS,
  type Calibration,
  calibrate,
  learnMistake,
  learnScore,
  newCalibration,
  thresholdInForce,
} from '../behavior/threshold/conformal.ts'
import { TierTuner, type TierTuning, type TunerName } from '../behavior/threshold/tier-tuner.ts'
import { type Tier, type TierThresholds, tierOf } from '../behavior/tier.ts'
import type { BehaviorBatch } from '../wire/behavior-batch.ts'

export interface PeopleSettings {
  readonly thresholds: TierThresholds
  /** `fixed`: as they are; `adaptive`: at least these; else a tuner begins with them. */
  readonly tuning: 'fixed' | 'adaptive' | TunerName
  /** Share of honest sessions that may reach tier 2; what `adaptive` keeps to. */
  readonly falsePositiveBudget: number
  readonly enrol: LiveSettings['enrol']
  /** A session that tells nothing for longer is over. */
  readonly sessionMs: number
}

/** Some 2 kB each with its window. */
const SESSIONS_MAX = 100_000
const STRANGERS_MAX = 20_000
/** Up to a megabyte each, with a pointer profile and its fit. */
export const PEOPLE_AT_HAND_MAX = 500

const DOUBTS = {
  2: { code: 'assurance-lowered', text: 'The login counts for less than it did' },
  3: { code: 'attack-said', text: 'Somebody who knows says that it is not the person' },
} as const

export interface Heard {
  readonly standing: Standing
  /** The person's profile is another than before: to be stored. */
  readonly changed: KnownPerson | undefined
}

export interface PeopleFigures {
  readonly sessions: number
  readonly people: number
  /** Sessions that were scored to their end. */
  readonly ended: number
  /** Of these: flagged, and nobody found a machine. */
  readonly flagged: number
  /** Highest scores from which tier 2 begins now. */
  readonly tier2InForce: number
  readonly windows: number
}

export class PeopleWatch {
  /** Who people are told from; whoever calls puts them there. */
  readonly population = new Population()
  #settings: PeopleSettings
  #tuner: TierTuner | undefined
  readonly #fraction: () => number
  readonly #calibration: Calibration
  readonly #sessions = new Map<string, LiveSession>()
  /** Sessions of nobody yet: who opens many drives out those only. */
  readonly #strangers = new Map<string, LiveSession>()
  readonly #people = new Map<string, KnownPerson>()
  #ended = 0
  #flagged = 0
  #windows = 0

  /** @param fraction draws numbers in [0, 1) */
  constructor(
    settings: PeopleSettings,
    fraction: () => number,
    now: number,
    calibration: Calibration = newCalibration(now),
    tuning?: TierTuning,
  ) {
    this.#settings = settings
    this.#tuner = tunerOf(settings, tuning)
    this.#fraction = fraction
    this.#calibration = calibration
  }

  get settings(): PeopleSettings {
    return this.#settings
  }

  set settings(settings: PeopleSettings) {
    this.#settings = settings
    this.#tuner = tunerOf(settings, this.#tuner?.state)
  }

  /** Whether the person is at hand. */
  has(id: string): boolean {
    return this.#people.has(id)
  }

  /** The person at hand, if it is. */
  person(id: string): KnownPerson | undefined {
    return this.#people.get(id)
  }

  /** Puts a person at hand, a new one where none is given. The one longest unused goes. */
  admit(id: string, kept: Person | undefined, now: number): KnownPerson {
    const known =
      this.#people.get(id) ?? new KnownPerson(kept ?? newPerson(id, now), this.population)
    this.#people.delete(id)
    this.#people.set(id, known)
    if (this.#people.size > PEOPLE_AT_HAND_MAX) {
      this.release(this.#people.keys().next().value ?? '')
    }
    return known
  }

  /** A person is to be loaded again; their sessions go on. */
  release(id: string): void {
    const known = this.#people.get(id)
    this.#people.delete(id)
    // Sessions are far more than people may be at hand: they must not keep one there.
    for (const holder of known?.holders ?? []) holder.letGo()
  }

  /** Nothing of a person is at hand any more, and no session is theirs. @returns their sessions */
  forget(id: string): string[] {
    this.#people.delete(id)
    this.population.remove(id)
    const theirs = [...this.#sessions].flatMap(([session, { personId }]) =>
      personId === id ? [session] : [],
    )
    for (const session of theirs) this.#sessions.delete(session)
    return theirs
  }

  /** A session is this person's, who is at hand. @param confirmed by a second factor */
  bind(session: string, id: string, confirmed: boolean, now: number): Heard | undefined {
    const known = this.#people.get(id)
    if (known === undefined) return undefined
    const live = this.#session(session, now)
    const changed = live.bind(known, confirmed, this.#live())
    if (this.#strangers.delete(session)) {
      this.#sessions.set(session, live)
      this.#bound(now)
    }
    return this.#heard(live, changed ? known : undefined, now)
  }

  /** @param isBotOnly the page says that no profile may be kept of who it is */
  take(session: string, batch: BehaviorBatch, page: number, now: number, isBotOnly = false): Heard {
    const live = this.#session(session, now)
    if (isBotOnly) live.isBotOnly = true
    const before = live.standing(this.#live()).windows
    const changed = live.take(batch, page, this.#live())
    this.#windows += live.standing(this.#live()).windows - before
    return this.#heard(live, changed ? live.known : undefined, now)
  }

  /** Of a session that has told something. */
  standing(session: string): Standing | undefined {
    return this.#find(session)?.standing(this.#live())
  }

  /** Whose session it is. */
  personOf(session: string): string | undefined {
    return this.#sessions.get(session)?.personId
  }

  /** Sessions by tier, as they are and as they would be by other settings. */
  countTiers(settings: PeopleSettings): { readonly now: number[]; readonly tried: number[] } {
    const now = [0, 0, 0]
    const tried = [0, 0, 0]
    const live = this.#live(settings)
    for (const session of [...this.#sessions.values(), ...this.#strangers.values()]) {
      const { tier } = session.standing(this.#live())
      const next = tierOf(session.standing(live).score, settings.thresholds)
      now[tier - 1] = (now[tier - 1] ?? 0) + 1
      tried[next - 1] = (tried[next - 1] ?? 0) + 1
    }
    return { now, tried }
  }

  /** Sessions of a person that go on. */
  sessionsOf(id: string): { readonly session: string; readonly standing: Standing }[] {
    return [...this.#sessions].flatMap(([session, live]) =>
      live.personId === id ? [{ session, standing: live.standing(this.#live()) }] : [],
    )
  }

  /** Somebody who knows says that a session was the person's. @returns undefined of a session nobody knows */
  vouch(session: string, now: number): Heard | undefined {
    const live = this.#sessions.get(session)
    if (live === undefined) return undefined
    this.#learn(live, false)
    live.vouch(this.#live())
    return this.#heard(live, undefined, now)
  }

  /** Somebody who knows says that a session is not the person's (tier 3), or is less surely so (2). @returns undefined of a session nobody knows */
  doubt(session: string, tier: 2 | 3, now: number): Heard | undefined {
    const live = this.#sessions.get(session)
    if (live === undefined) return undefined
    const { tier2, tier3 } = this.#live().thresholds
    if (tier === 3) this.#learn(live, true)
    live.doubt({ ...DOUBTS[tier], weight: tier === 2 ? tier2 : tier3 }, this.#live())
    return this.#heard(live, undefined, now)
  }

  /** A session has shown a proof of work: no person is known by that, but the level gives way by one step. */
  passed(session: string): void {
    const live = this.#find(session)
    if (live === undefined) return
    // One that passes again and again has said it once.
    if (this.#tuner === undefined || !live.hasPassed) this.#learn(live, false)
    live.hasPassed = true
  }

  /** Somebody who knows says what a session was that may be over. @param tier that it was in */
  learn(score: number, tier: Tier, isAttack: boolean): void {
    this.#tuner?.learn(score, tier, isAttack)
    if (!isAttack && tier > 1) learnMistake(this.#calibration, this.#options())
  }

  /** Ends sessions that have gone quiet, or all when it is over. @returns them, and the people whose profile is another now */
  sweep(
    now: number,
    isOver = false,
  ): {
    readonly sessions: readonly string[]
    readonly changed: readonly Person[]
  } {
    const over: string[] = []
    const changed = new Set<Person>()
    for (const sessions of [this.#sessions, this.#strangers]) {
      for (const [id, live] of sessions) {
        // In the order in which they were heard of.
        if (!isOver && now - live.lastAt <= this.settings.sessionMs) break
        sessions.delete(id)
        over.push(id)
        const person = this.#end(live, now)
        if (person !== undefined) changed.add(person)
      }
    }
    return { sessions: over, changed: [...changed] }
  }

  figures(): PeopleFigures {
    return {
      ...{ sessions: this.#sessions.size + this.#strangers.size, people: this.#people.size },
      ...{ ended: this.#ended, flagged: this.#flagged, windows: this.#windows },
      tier2InForce:
        this.settings.tuning === 'adaptive'
          ? thresholdInForce(this.#calibration, this.#options())
          : this.#live().thresholds.tier2,
    }
  }

  /** To begin with the next time. */
  get calibration(): Calibration {
    return this.#calibration
  }

  get tuning(): TierTuning | undefined {
    return this.#tuner?.state
  }

  /** Nothing is learned of it when nothing was scored, or a machine was found. */
  #learn(live: LiveSession, isAttack: boolean): void {
    const { tier } = live.standing(this.#live())
    if (!isAttack && tier > 1) learnMistake(this.#calibration, this.#options())
    const { peak } = live
    if (peak === undefined || this.#tuner === undefined) return
    // It does not end as one that is scored.
    if (isAttack) this.#tuner.see(peak)
    this.#tuner.learn(peak, tier, isAttack)
  }

  #find(id: string): LiveSession | undefined {
    return this.#sessions.get(id) ?? this.#strangers.get(id)
  }

  #session(id: string, now: number): LiveSession {
    const live = this.#find(id) ?? new LiveSession(now)
    const sessions = live.personId === undefined ? this.#strangers : this.#sessions
    sessions.delete(id)
    sessions.set(id, live)
    live.lastAt = now
    if (this.#strangers.size > STRANGERS_MAX) {
      this.#strangers.delete(this.#strangers.keys().next().value ?? '')
    }
    return live
  }

  #bound(now: number): void {
    if (this.#sessions.size <= SESSIONS_MAX) return
    const [oldest] = this.#sessions
    if (oldest === undefined) return
    this.#sessions.delete(oldest[0])
    this.#end(oldest[1], now)
  }

  #heard(live: LiveSession, changed: KnownPerson | undefined, now: number): Heard {
    if (changed !== undefined) changed.person.updatedAt = now
    return { standing: live.standing(this.#live()), changed }
  }

  #end(live: LiveSession, now: number): Person | undefined {
    const { peak, known } = live
    if (peak !== undefined) {
      this.#ended++
      const options = this.#options()
      const { calibrate: worth, thresholds } = this.#live()
      if (worth(peak) >= thresholds.tier2) this.#flagged++
      this.#tuner?.see(peak)
      learnScore(this.#calibration, options, peak, now)
    }
    if (live.isBotOnly) live.letGo()
    if (known === undefined || live.isBotOnly) return undefined
    const end = live.end(this.#live())
    if (end.windows > 0) noteSession(known.person, end)
    known.person.updatedAt = now
    return known.person
  }

  #options() {
    const { falsePositiveBudget: budget, thresholds } = this.settings
    return { ...CALIBRATION_DEFAULTS, budget, threshold: thresholds.tier2 }
  }

  #live(settings = this.settings): LiveSettings {
    const { enrol, tuning } = settings
    const tuned = settings === this.#settings ? this.#tuner?.thresholds : undefined
    return {
      ...{ thresholds: tuned ?? settings.thresholds, enrol, fraction: this.#fraction },
      calibrate: (score) =>
        tuning === 'adaptive' ? calibrate(this.#calibration, this.#options(), score) : score,
    }
  }
}

function tunerOf(settings: PeopleSettings, kept: TierTuning | undefined): TierTuner | undefined {
  const { tuning, thresholds, falsePositiveBudget } = settings
  if (tuning === 'fixed' || tuning === 'adaptive') return undefined
  return new TierTuner(tuning, thresholds, falsePositiveBudget, kept)
}
