/**
 * Carries what pages tell to who watches people (`flows/watch-people.ts`), and what follows to the workers, the decisions and
 * the storage. One batch after the other; what cannot be taken is turned away before, and no request waits for any of it.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Decision } from '../../../behavior/decision.ts'
import type { Standing } from '../../../behavior/person/live-session.ts'
import type { Person } from '../../../behavior/person/person.ts'
import type { Tier } from '../../../behavior/tier.ts'
import type { Heard, PeopleWatch } from '../../../flows/watch-people.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { BehaviorMet, DataPlane } from '../../../ports/data-plane.ts'
import type { KeptPerson, PersonStore } from '../../../ports/person-store.ts'
import { readUserField } from '../../../wire/user-field.ts'
import type { HeardBatch } from './desk.ts'
import { meetOthers } from './meet-others.ts'
import { pseudonymOf } from './person-storage.ts'
import { ScoreTimeline } from './score-timeline.ts'
import { SessionTiers } from './session-tiers.ts'

export interface PeopleFeedOptions {
  readonly plane: DataPlane
  readonly watch: PeopleWatch
  readonly store: PersonStore
  readonly idKey: KeyObject
  readonly clock: Clock
  readonly log: Log
  readonly mode: () => 'observe' | 'shadow' | 'enforce'
  /** A person that cannot be loaded. */
  readonly onError: 'open' | 'closed'
  /** So long a tier is remembered of who falls silent or comes back as another session. */
  readonly suspicionMs: number
  /** A session is in another tier than before. */
  onTier(session: string, person: string, standing: Standing, before: Tier): void
}

export interface FeedFigures {
  readonly waiting: number
  readonly waitingMax: number
  readonly taken: number
  /** Whether the storage answered when it was asked last. */
  readonly isStored: boolean
  readonly unsaved: number
  /** When a batch was taken last, 0 for never. */
  readonly lastAt: number
}

/** Batches and users waiting: at 0.1 ms each a tenth of a second. */
const WAITING_MAX = 1000
/** Profiles are stored this often. */
const SAVE_MS = 2_000
/** At once, in one commit of LMDB: one after the other a busy disk takes 60 a second (2026-11-22), so 300. */
const SAVED_AT_ONCE = 32
/** Quiet sessions are looked for this often. */
const SWEEP_MS = 5_000
/** A storage that fails is not asked again for so long. */
const FAILED_MS = 5_000
/** Sessions that wait for the storage; the oldest are forgotten, and stay unknown until they were quiet. */
const UNBOUND_MAX = 10_000
/** People whose profile has changed and waits to be stored; then nothing more is taken. */
const UNSAVED_MAX = 2_000

/** Remembered, so that a word counts once. */
const LABELLED_MAX = 10_000
/** Of a session's id: enough to tell sessions apart, not enough to be one. */
export const SHOWN_CHARS = 8

type Work = () => Promise<void> | void

export class PeopleFeed {
  /** For whoever looks; sessions by the begin of their id. */
  readonly timeline = new ScoreTimeline()
  readonly #options: PeopleFeedOptions
  readonly #waiting: Work[] = []
  #working: Promise<void> | undefined
  readonly #revisions = new Map<string, number>()
  #unsaved = new Map<string, Person>()
  readonly #tiers: SessionTiers
  /** Sessions of people that could not be loaded. */
  readonly #unbound = new Map<string, { readonly id: string; readonly confirmed: boolean }>()
  /** The storage did not answer when it was asked last. */
  #isDown = false
  /** Decisions that somebody has said something of. */
  readonly #labelled = new Set<string>()
  #failedAt = Number.NEGATIVE_INFINITY
  #taken = 0
  #lastAt = 0
  #isClosed = false
  readonly #timers: NodeJS.Timeout[]
  readonly #stop: () => void

  constructor(options: PeopleFeedOptions) {
    this.#options = options
    const { watch } = options
    const personOf = (session: string) => watch.personOf(session) ?? ''
    this.#tiers = new SessionTiers({ ...options, personOf })
    this.#stop = options.plane.onBehavior((met) => {
      for (const one of met) this.#met(one)
    })
    this.#timers = [
      setInterval(() => {
        this.#soon(() => this.#probe())
        this.#soon(() => this.#save())
      }, SAVE_MS),
      setInterval(() => {
        this.#soon(() => this.#sweep())
        this.#soon(() => this.#meetOthers())
      }, SWEEP_MS),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  hasRoom(): boolean {
    return this.#waiting.length < WAITING_MAX && this.#unsaved.size < UNSAVED_MAX && !this.#isClosed
  }

  take(heard: HeardBatch): void {
    this.#soon(async () => {
      const { watch, clock } = this.#options
      const { session, batch, page, botOnly } = heard
      const id = watch.personOf(session)
      // Others have come since: it is not at hand any more.
      if (id !== undefined && !watch.has(id)) await this.#bind(session, id, false)
      const unbound = this.#unbound.get(session)
      if (unbound !== undefined) await this.#bind(session, unbound.id, unbound.confirmed)
      this.#taken++
      this.#lastAt = clock.now()
      this.#heard(session, watch.take(session, batch, page, clock.now(), botOnly))
    })
  }

  standing(session: string): Standing | undefined {
    const standing = this.#options.watch.standing(session)
    return standing && this.#tiers.counted(session, standing)
  }

  /** Sessions of a person that go on, by the begin of their id. */
  sessionsOf(id: string): ({ readonly session: string } & Standing)[] {
    return this.#options.watch.sessionsOf(id).map(({ session, standing }) => ({
      ...{ session: session.slice(0, SHOWN_CHARS), ...this.#tiers.counted(session, standing) },
    }))
  }

  /** Whether a server has said whose session it is. */
  isKnown(session: string): boolean {
    return this.#options.watch.personOf(session) !== undefined
  }

  personOf(session: string): string | undefined {
    return this.#options.watch.personOf(session)
  }

  idOf(user: string): string {
    return pseudonymOf(this.#options.idKey, user)
  }

  /** As it is stored, what waits to be stored included. Rejects when the storage does not answer. */
  load(id: string): Promise<KeptPerson | undefined> {
    return this.#inTurn(async () => {
      await this.#save(id)
      return this.#options.store.load(id)
    })
  }

  /** Changes what is kept of a person, over the revision that is meant (0: there is none). @returns the next one */
  change(
    id: string,
    revision: number,
    change: (before: Person | undefined) => Person,
  ): Promise<number | undefined> {
    return this.#inTurn(async () => {
      const { store, watch, clock } = this.#options
      await this.#save(id)
      const before = await store.load(id)
      if ((before?.revision ?? 0) !== revision) return undefined
      const next = await store.save(change(before?.person), revision)
      if (next === undefined) return undefined
      const at = watch.person(id)?.person
      // Who is at hand goes on with what was changed.
      if (at === undefined) watch.admit(id, (await store.load(id))?.person, clock.now())
      else Object.assign(at, change(at))
      this.#revisions.set(id, next)
      return next
    })
  }

  /** Somebody who knows vouches for a person's sessions. @returns how many there are */
  vouch(id: string): number {
    const { watch, clock } = this.#options
    const sessions = watch.sessionsOf(id)
    for (const { session } of sessions) this.#vouched(session, watch.vouch(session, clock.now()))
    return sessions.length
  }

  /** Somebody who knows says that sessions are not the person's (tier 3), or less surely so (2). @returns how many there are */
  doubt(id: string, tier: 2 | 3): number {
    const { watch, clock } = this.#options
    const sessions = this.sessionIdsOf(id)
    for (const session of sessions) {
      const heard = watch.doubt(session, tier, clock.now())
      if (heard !== undefined) this.#heard(session, heard)
    }
    return sessions.length
  }

  /**
   * Somebody who knows says what the session of a decision was. Where it goes on it counts as said; else only thresholds learn.
   *
   * @returns false when that was said of the decision before
   */
  label({ id, subject, person = '', score, tier }: Decision, isAttack: boolean): boolean {
    if (this.#labelled.has(id)) return false
    this.#labelled.add(id)
    if (this.#labelled.size > LABELLED_MAX) {
      this.#labelled.delete(this.#labelled.values().next().value ?? '')
    }
    this.timeline.say(person, id, isAttack ? 'attack' : 'honest')
    const { watch, clock } = this.#options
    const shown = subject.slice('session '.length)
    const session = this.sessionIdsOf(person).find((one) => one.slice(0, SHOWN_CHARS) === shown)
    if (session === undefined) watch.learn(score, tier, isAttack)
    else {
      const now = clock.now()
      if (!isAttack) this.#vouched(session, watch.vouch(session, now))
      else {
        const heard = watch.doubt(session, 3, now)
        if (heard !== undefined) this.#heard(session, heard)
      }
    }
    return true
  }

  sessionIdsOf(id: string): readonly string[] {
    return this.#options.watch.sessionsOf(id).map(({ session }) => session)
  }

  erase(id: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const { watch, store } = this.#options
      const wasAtHand = watch.has(id)
      this.#tiers.forget(id, watch.forget(id))
      this.timeline.forget(id)
      this.#unsaved.delete(id)
      this.#revisions.delete(id)
      return (await store.erase(id)) || wasAtHand
    })
  }

  /** The mode is another: what workers were told is to be told anew. */
  retell(): void {
    this.#tiers.retell()
  }

  figures(): FeedFigures {
    return {
      ...{ waiting: this.#waiting.length, waitingMax: WAITING_MAX, taken: this.#taken },
      ...{ isStored: !this.#isDown, unsaved: this.#unsaved.size, lastAt: this.#lastAt },
    }
  }

  /** Resolves when what was taken is stored. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stop()
    for (const timer of this.#timers) clearInterval(timer)
    await this.#working
    this.#failedAt = Number.NEGATIVE_INFINITY
    this.#sweep(true)
    await this.#save()
  }

  get #hasFailed(): boolean {
    return this.#options.clock.now() - this.#failedAt < FAILED_MS
  }

  #met(met: BehaviorMet): void {
    const { watch } = this.#options
    if (met.kind === 'passed') {
      this.#soon(() => {
        watch.passed(met.session)
      })
      return
    }
    if (met.kind === 'anchored') {
      this.#soon(() => this.#anchored(met.session, met.anchor))
      return
    }
    if (met.kind !== 'user') return
    const said = readUserField(met.value)
    if (said === undefined || this.#waiting.length >= WAITING_MAX) return
    const id = this.idOf(said.user)
    this.#soon(() => this.#bind(met.session, id, said.confirmed))
  }

  async #bind(session: string, id: string, confirmed: boolean): Promise<void> {
    const { watch, clock } = this.#options
    if (!(await this.#admit(id))) {
      this.#unbound.set(session, { id, confirmed })
      if (this.#unbound.size > UNBOUND_MAX) {
        this.#unbound.delete(this.#unbound.keys().next().value ?? '')
      }
      const tier = this.#tiers.tierOf(session)
      this.#tiers.settle(session, tier === 1 ? this.#leastOf(session) : tier)
      return
    }
    this.#unbound.delete(session)
    const heard = watch.bind(session, id, confirmed, clock.now())
    if (confirmed) this.#vouched(session, heard)
    else if (heard !== undefined) this.#heard(session, heard)
  }

  /** False when nobody can say who that is. */
  async #admit(id: string): Promise<boolean> {
    const { watch, store, clock } = this.#options
    if (!watch.has(id)) {
      if (this.#hasFailed) return false
      try {
        const unsaved = this.#unsaved.get(id)
        const kept = unsaved === undefined ? await store.load(id) : undefined
        this.#isDown = false
        if (kept !== undefined) this.#revisions.set(id, kept.revision)
        watch.admit(id, unsaved ?? kept?.person, clock.now())
      } catch (error) {
        this.#failed(error, 'Cannot load a person')
        return false
      }
    }
    return true
  }

  #heard(session: string, { standing, changed }: Heard): void {
    if (changed !== undefined) this.#unsaved.set(changed.person.id, changed.person)
    const { clock, onTier } = this.#options
    const before = this.#tiers.tierOf(session)
    const isNew = this.#tiers.meet(session, standing, this.#leastOf(session))
    const person = this.personOf(session) ?? ''
    const counts = this.#tiers.counted(session, standing)
    if (person !== '') {
      this.timeline.note(person, session.slice(0, SHOWN_CHARS), counts, clock.now())
    }
    if (isNew) onTier(session, person, counts, before)
  }

  #vouched(session: string, heard: Heard | undefined): void {
    if (heard === undefined) return
    this.#tiers.free(session)
    this.#heard(session, heard)
  }

  #anchored(session: string, anchor: string): void {
    this.#tiers.anchor(session, anchor)
    const standing = this.#options.watch.standing(session)
    if (standing !== undefined) this.#heard(session, { standing, changed: undefined })
  }

  /** What cannot be judged is ordinary, or not, as the operator wants it. */
  #leastOf(session: string): Tier {
    return this.#unbound.has(session) && this.#options.onError === 'closed' ? 2 : 1
  }

  #sweep(isOver = false): void {
    const { watch, clock } = this.#options
    const { sessions, changed } = watch.sweep(clock.now(), isOver)
    for (const person of changed) this.#unsaved.set(person.id, person)
    for (const session of sessions) this.#unbound.delete(session)
    this.#tiers.over(sessions)
    this.#tiers.expire((session) => watch.standing(session) !== undefined)
    for (const id of this.#revisions.keys()) {
      if (!watch.has(id) && !this.#unsaved.has(id)) this.#revisions.delete(id)
    }
  }

  /** @param only that one; rejects then */
  async #save(only?: string): Promise<void> {
    if (only === undefined && this.#hasFailed) return
    const unsaved =
      only === undefined ? [...this.#unsaved] : [...this.#unsaved].filter(([id]) => id === only)
    for (let from = 0; from < unsaved.length; from += SAVED_AT_ONCE) {
      try {
        const some = unsaved.slice(from, from + SAVED_AT_ONCE)
        await Promise.all(some.map(([id, person]) => this.#saveOne(id, person)))
      } catch (error) {
        this.#failed(error, 'Cannot store a person')
        if (only !== undefined) throw error
        return
      }
    }
  }

  async #saveOne(id: string, person: Person): Promise<void> {
    const { store, watch } = this.#options
    const revision = await store.save(person, this.#revisions.get(id) ?? 0)
    this.#isDown = false
    this.#unsaved.delete(id)
    if (revision !== undefined) this.#revisions.set(id, revision)
    else {
      // Somebody else has saved it, or erased it: that counts, and what was learned here is lost.
      this.#revisions.delete(id)
      watch.release(id)
    }
  }

  async #meetOthers(): Promise<void> {
    if (this.#hasFailed) return
    const { watch, store } = this.#options
    try {
      await meetOthers(watch.population, store)
    } catch (error) {
      this.#failed(error, 'Cannot load who people are told from')
    }
  }

  /** Whether a storage that failed answers again: nobody may have a reason to ask it. */
  async #probe(): Promise<void> {
    if (!this.#isDown || this.#hasFailed) return
    try {
      await this.#options.store.size()
      this.#isDown = false
    } catch (error) {
      this.#failed(error, 'Cannot reach the storage of people')
    }
  }

  #failed(error: unknown, text: string): void {
    if (!this.#isDown) this.#options.log.error({ err: error }, text)
    this.#isDown = true
    this.#failedAt = this.#options.clock.now()
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#soon(() => work().then(resolve, reject))
    })
  }

  #soon(work: Work): void {
    this.#waiting.push(work)
    this.#working ??= this.#work()
  }

  async #work(): Promise<void> {
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) {
      try {
        await work()
      } catch (error) {
        this.#options.log.error({ err: error }, 'Cannot take what was told of behavior')
      }
    }
    this.#working = undefined
  }
}
