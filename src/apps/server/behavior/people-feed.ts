/**
 * Carries what pages tell to who watches people (`flows/watch-people.ts`), and what follows to the workers, the decisions and
 * the storage (`kept-people.ts`). One batch after the other; what cannot be taken is turned away before, and no request waits for
 * any of it.
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
import { readUserField, type UserRefusal } from '../../../wire/user-field.ts'
import type { HeardBatch } from './desk.ts'
import { KeptPeople } from './kept-people.ts'
import type { TierFile } from './kept-tiers.ts'
import { pseudonymOf } from './person-storage.ts'
import { ScoreTimeline } from './score-timeline.ts'
import { SessionTiers } from './session-tiers.ts'
import { shownSession } from './shown-session.ts'
import { Turns } from './turns.ts'

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
  /** `self`: nobody's record is read to judge another. */
  readonly compareWith: 'others' | 'self'
  /** The storage is that of other edges, too: who is erased there is forgotten here. */
  readonly isShared: boolean
  /** So long a tier is remembered of who falls silent or comes back as another session. */
  readonly suspicionMs: number
  /** Where tiers and timelines are found again after a restart. */
  readonly tierFile: TierFile
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
  /** Ids of users that cannot be taken, as often as workers have told of them, by why. */
  readonly usersRefused: Readonly<Record<UserRefusal, number>>
}

/** Batches and users waiting: at 0.1 ms each a tenth of a second. */
const WAITING_MAX = 1000
/** Profiles are stored this often. */
const SAVE_MS = 2_000
/** How scores went before that is found again by nobody after a restart. */
const KEPT_MS = 7 * 86_400_000
/** Quiet sessions are looked for this often. */
const SWEEP_MS = 5_000
/** Sessions that wait for the storage; the oldest are forgotten, and stay unknown until they were quiet. */
const UNBOUND_MAX = 10_000
/** Looked for in a shared storage each time: at some 3 ms each to read and open, nobody waits for long. All of 1000 within six minutes. */
const LOOKED_FOR_AT_ONCE = 16
/** Remembered, so that a word counts once. */
const LABELLED_MAX = 10_000

export class PeopleFeed {
  /** For whoever looks; sessions by the begin of their id. */
  readonly timeline: ScoreTimeline
  readonly #options: PeopleFeedOptions
  readonly #turns: Turns
  readonly #kept: KeptPeople
  readonly #tiers: SessionTiers
  /** Sessions of people that could not be loaded. */
  readonly #unbound = new Map<string, { readonly id: string; readonly confirmed: boolean }>()
  /** Who is still to be looked for in the storage. */
  #toLookFor: (readonly [string, number])[] = []
  /** Ids that servers have said and that are none, by why. */
  readonly #usersRefused: Record<UserRefusal, number> = { characters: 0, 'too-long': 0 }
  /** Decisions that somebody has said something of. */
  readonly #labelled = new Set<string>()
  #taken = 0
  #lastAt = 0
  #isClosed = false
  /** What the file has. */
  #remembered: string
  readonly #timers: NodeJS.Timeout[]
  readonly #stop: () => void

  constructor(options: PeopleFeedOptions) {
    this.#options = options
    const { watch, log } = options
    this.#turns = new Turns((error) =>
      log.error({ err: error }, 'Cannot take what was told of behavior'),
    )
    this.#kept = new KeptPeople(options)
    const personOf = (session: string) => watch.personOf(session) ?? ''
    const { tiers: kept, timelines } = options.tierFile.read()
    this.timeline = new ScoreTimeline(timelines, options.clock.now() - KEPT_MS)
    this.#tiers = new SessionTiers({ ...options, personOf, kept })
    this.#remembered = this.#version
    this.#stop = options.plane.onBehavior((met) => {
      for (const one of met) this.#met(one)
    })
    this.#timers = [
      setInterval(() => {
        this.#turns.soon(() => this.#kept.probe())
        this.#turns.soon(() => this.#kept.save())
      }, SAVE_MS),
      setInterval(() => {
        this.#turns.soon(() => this.#sweep())
        if (options.isShared) this.#turns.soon(() => this.#forgetErased())
        this.#turns.soon(() => this.#remember())
        if (options.compareWith === 'others') this.#turns.soon(() => this.#kept.meetOthers())
      }, SWEEP_MS),
    ]
    for (const timer of this.#timers) timer.unref()
  }

  hasRoom(): boolean {
    return this.#turns.waiting < WAITING_MAX && this.#kept.hasRoom() && !this.#isClosed
  }

  take(heard: HeardBatch): void {
    this.#turns.soon(async () => {
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
      ...{ session: shownSession(session), ...this.#tiers.counted(session, standing) },
    }))
  }

  /** What is remembered of a person: in which tier the next session would begin. */
  tierOfPerson(id: string): Tier {
    return this.#tiers.tierOfPerson(id)
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
    return this.#turns.ask(() => this.#kept.load(id))
  }

  /** Changes what is kept of a person, over the revision that is meant (0: there is none). @returns the next one */
  change(
    id: string,
    revision: number,
    change: (before: Person | undefined) => Person,
  ): Promise<number | undefined> {
    return this.#turns.ask(() => this.#kept.change(id, revision, change))
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
    const session = this.sessionIdsOf(person).find((one) => shownSession(one) === shown)
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
    return this.#turns.ask(async () => {
      const { watch } = this.#options
      const wasAtHand = watch.has(id)
      this.#forget(id)
      // Before anybody is told that it is gone.
      await this.#remember(true)
      return (await this.#kept.erase(id)) || wasAtHand
    })
  }

  /** The mode is another: what workers were told is to be told anew. */
  retell(): void {
    this.#tiers.retell()
  }

  figures(): FeedFigures {
    return {
      ...{ waiting: this.#turns.waiting, waitingMax: WAITING_MAX, taken: this.#taken },
      ...{ isStored: this.#kept.isStored, unsaved: this.#kept.unsaved, lastAt: this.#lastAt },
      usersRefused: { ...this.#usersRefused },
    }
  }

  /** Resolves when what was taken is stored. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#stop()
    for (const timer of this.#timers) clearInterval(timer)
    await this.#turns.over()
    // Sessions that go on are not over for having to be seen anew.
    await this.#remember()
    this.#sweep(true)
    await this.#kept.save(true)
  }

  get #version(): string {
    return `${this.#tiers.version} ${this.timeline.version}`
  }

  /** @param mustBe rejects when it cannot be written; else it is tried again soon */
  async #remember(mustBe = false): Promise<void> {
    const version = this.#version
    if (version === this.#remembered) return
    const { tierFile, log, clock } = this.#options
    try {
      const timelines = this.timeline.kept(clock.now() - KEPT_MS)
      await tierFile.write({ tiers: this.#tiers.kept(), timelines })
      this.#remembered = version
    } catch (error) {
      if (mustBe) throw error
      log.error({ err: error }, 'Cannot store the tiers of sessions')
    }
  }

  #forget(id: string): void {
    this.#tiers.forget(id, this.#options.watch.forget(id))
    this.timeline.forget(id)
  }

  /** Whoever another edge has erased, some at a time. */
  async #forgetErased(): Promise<void> {
    if (this.#toLookFor.length === 0) {
      // Of a tier it is not known since when: it may come from another person's over the same login.
      const tiers = this.#tiers.people().map((id) => [id, Number.POSITIVE_INFINITY] as const)
      const remembered = new Map([...tiers, ...this.timeline.since()])
      this.#toLookFor = [...remembered]
    }
    const some = this.#toLookFor.splice(0, LOOKED_FOR_AT_ONCE)
    for (const id of await this.#kept.erasedOf(some)) this.#forget(id)
  }

  #met(met: BehaviorMet): void {
    const { watch } = this.#options
    if (met.kind === 'passed') {
      this.#turns.soon(() => {
        watch.passed(met.session)
      })
      return
    }
    if (met.kind === 'anchored') {
      this.#turns.soon(() => this.#anchored(met.session, met.anchors))
      return
    }
    if (met.kind !== 'user') return
    const said = readUserField(met.value)
    if (said.kind === 'refused') this.#refused(said.why)
    if (said.kind !== 'user' || this.#turns.waiting >= WAITING_MAX) return
    const id = this.idOf(said.user)
    this.#turns.soon(() => this.#bind(met.session, id, said.confirmed))
  }

  /** Nobody of that id is judged: it is said once, without the id. */
  #refused(why: UserRefusal): void {
    if (this.#usersRefused[why]++ > 0) return
    const { log } = this.#options
    log.warn(
      { why },
      'A server names a user by an id that cannot be taken: such users are not judged',
    )
  }

  async #bind(session: string, id: string, confirmed: boolean): Promise<void> {
    const { watch, clock } = this.#options
    if (!(await this.#kept.admit(id))) {
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

  #heard(session: string, { standing, changed }: Heard): void {
    if (changed !== undefined) this.#kept.note(changed.person)
    const { clock, onTier, watch, isShared } = this.#options
    const before = this.#tiers.tierOf(session)
    const isNew = this.#tiers.meet(session, standing, this.#leastOf(session))
    const person = this.personOf(session) ?? ''
    const counts = this.#tiers.counted(session, standing)
    if (person !== '') {
      this.timeline.note(person, shownSession(session), counts, clock.now())
    }
    // Whoever something is remembered of is stored: not to be found there is to be erased.
    const known = isShared && isNew ? watch.person(person) : undefined
    if (known !== undefined) this.#kept.note(known.person)
    if (isNew) onTier(session, person, counts, before)
  }

  #vouched(session: string, heard: Heard | undefined): void {
    if (heard === undefined) return
    this.#tiers.free(session)
    this.#heard(session, heard)
  }

  #anchored(session: string, anchors: readonly string[]): void {
    this.#tiers.anchor(session, anchors)
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
    for (const person of changed) this.#kept.note(person)
    for (const session of sessions) this.#unbound.delete(session)
    this.#tiers.over(sessions)
    this.#tiers.expire((session) => watch.standing(session) !== undefined)
    this.#kept.trim()
  }
}
