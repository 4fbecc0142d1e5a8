/**
 * People between memory and their storage: loads who is not at hand, stores whose profile is another, and spares a storage that
 * fails. What is not stored yet counts as kept. Whoever calls does one thing after the other (`turns.ts`).
 *
 * @module
 */
import type { Log } from '../../../adapters/node/json-log.ts'
import type { Person } from '../../../behavior/person/person.ts'
import type { PeopleWatch } from '../../../flows/watch-people.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { KeptPerson, PersonStore } from '../../../ports/person-store.ts'
import { meetOthers } from './meet-others.ts'

export interface KeptPeopleOptions {
  /** Where people are at hand. */
  readonly watch: PeopleWatch
  readonly store: PersonStore
  readonly clock: Clock
  readonly log: Log
}

/** At once, in one commit of LMDB: one after the other a busy disk takes 60 a second (2026-11-22), so 300. */
const SAVED_AT_ONCE = 32
/** A storage that fails is not asked again for so long. */
const FAILED_MS = 5_000
/** Clocks of edges that share a storage differ by less: they judge the same sessions, and tickets, by time. */
const SKEW_MS = 10_000
/** People whose profile has changed and waits to be stored; then nothing more is taken. */
const UNSAVED_MAX = 2_000

export class KeptPeople {
  readonly #options: KeptPeopleOptions
  readonly #revisions = new Map<string, number>()
  readonly #unsaved = new Map<string, Person>()
  /** The storage did not answer when it was asked last. */
  #isDown = false
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(options: KeptPeopleOptions) {
    this.#options = options
  }

  /** Whether the storage answered when it was asked last. */
  get isStored(): boolean {
    return !this.#isDown
  }

  /** People who wait to be stored. */
  get unsaved(): number {
    return this.#unsaved.size
  }

  hasRoom(): boolean {
    return this.#unsaved.size < UNSAVED_MAX
  }

  /** Puts somebody at hand who is not. @returns false when nobody can say who that is */
  async admit(id: string): Promise<boolean> {
    const { watch, store, clock } = this.#options
    if (watch.has(id)) return true
    if (this.#hasFailed) return false
    try {
      const unsaved = this.#unsaved.get(id)
      const kept = unsaved === undefined ? await store.load(id) : undefined
      this.#isDown = false
      if (kept !== undefined) this.#revisions.set(id, kept.revision)
      watch.admit(id, unsaved ?? kept?.person, clock.now())
      return true
    } catch (error) {
      this.#failed(error, 'Cannot load a person')
      return false
    }
  }

  /** Their profile is another: to be stored. */
  note(person: Person): void {
    this.#unsaved.set(person.id, person)
  }

  /** As it is stored, what waits to be stored included. Rejects when the storage does not answer. */
  async load(id: string): Promise<KeptPerson | undefined> {
    await this.#saveNow(id)
    return this.#options.store.load(id)
  }

  /** Changes what is kept of a person, over the revision that is meant (0: there is none). @returns the next one */
  async change(
    id: string,
    revision: number,
    change: (before: Person | undefined) => Person,
  ): Promise<number | undefined> {
    const { store, watch, clock } = this.#options
    const before = await this.load(id)
    if ((before?.revision ?? 0) !== revision) return undefined
    const next = await store.save(change(before?.person), revision)
    if (next === undefined) return undefined
    const at = watch.person(id)?.person
    // Who is at hand goes on with what was changed.
    if (at === undefined) watch.admit(id, (await store.load(id))?.person, clock.now())
    else Object.assign(at, change(at))
    this.#revisions.set(id, next)
    return next
  }

  /** @returns whether somebody was stored */
  erase(id: string): Promise<boolean> {
    this.#unsaved.delete(id)
    this.#revisions.delete(id)
    return this.#options.store.erase(id)
  }

  /**
   * Those who were erased, by another edge of the same storage say: nothing is kept of them, or only what began after what is
   * remembered here. None while the storage fails.
   *
   * @param remembered since when, by id
   */
  async erasedOf(remembered: Iterable<readonly [string, number]>): Promise<string[]> {
    if (this.#hasFailed) return []
    const erased: string[] = []
    try {
      for (const [id, since] of remembered) {
        const person = this.#newPerson(id) ?? (await this.#options.store.load(id))?.person
        if (person !== undefined && person.createdAt <= since + SKEW_MS) continue
        this.#revisions.delete(id)
        erased.push(id)
      }
    } catch (error) {
      this.#failed(error, 'Cannot look for who is remembered')
    }
    return erased
  }

  /** Stores whoever waits, unless the storage has just failed. @param isLast even then */
  async save(isLast = false): Promise<void> {
    if (this.#hasFailed && !isLast) return
    const unsaved = [...this.#unsaved]
    for (let from = 0; from < unsaved.length; from += SAVED_AT_ONCE) {
      try {
        const some = unsaved.slice(from, from + SAVED_AT_ONCE)
        await Promise.all(some.map(([id, person]) => this.#saveOne(id, person)))
      } catch (error) {
        this.#failed(error, 'Cannot store a person')
        return
      }
    }
  }

  /** Reads some of the others that people are told from. */
  async meetOthers(): Promise<void> {
    if (this.#hasFailed) return
    const { watch, store } = this.#options
    try {
      await meetOthers(watch.population, store)
    } catch (error) {
      this.#failed(error, 'Cannot load who people are told from')
    }
  }

  /** Whether a storage that failed answers again: nobody may have a reason to ask it. */
  async probe(): Promise<void> {
    if (!this.#isDown || this.#hasFailed) return
    try {
      await this.#options.store.size()
      this.#isDown = false
    } catch (error) {
      this.#failed(error, 'Cannot reach the storage of people')
    }
  }

  /** Forgets the revisions of who is not at hand any more. */
  trim(): void {
    const { watch } = this.#options
    for (const id of this.#revisions.keys()) {
      if (!watch.has(id) && !this.#unsaved.has(id)) this.#revisions.delete(id)
    }
  }

  /** Who waits to be stored, or has told nothing worth it yet. */
  #newPerson(id: string): Person | undefined {
    if (this.#revisions.has(id)) return this.#unsaved.get(id)
    return this.#unsaved.get(id) ?? this.#options.watch.person(id)?.person
  }

  get #hasFailed(): boolean {
    return this.#options.clock.now() - this.#failedAt < FAILED_MS
  }

  /** Rejects when it cannot be stored. */
  async #saveNow(id: string): Promise<void> {
    const person = this.#unsaved.get(id)
    if (person === undefined) return
    try {
      await this.#saveOne(id, person)
    } catch (error) {
      this.#failed(error, 'Cannot store a person')
      throw error
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

  #failed(error: unknown, text: string): void {
    if (!this.#isDown) this.#options.log.error({ err: error }, text)
    this.#isDown = true
    this.#failedAt = this.#options.clock.now()
  }
}
