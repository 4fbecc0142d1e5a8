/**
 * Where people are kept whose behavior is known. Each is sealed under a key of its own, which is kept apart from what it
 * seals and destroyed when the person is erased: what was copied before is then noise. Storage is not trusted.
 *
 * @module
 */
import type { Person } from '../behavior/person/person.ts'

export interface KeptPerson {
  readonly person: Person
  /** Goes up by one with each save. */
  readonly revision: number
}

export interface PersonStore {
  /** undefined when nothing is kept under that id that can be opened. Rejects when the storage does not answer. */
  load(id: string): Promise<KeptPerson | undefined>
  /**
   * Adds or replaces; resolves with its revision when it would survive the process.
   *
   * @param revision only over this one (0: only where there is none); undefined when it is another by now
   */
  save(person: Person, revision?: number): Promise<number | undefined>
  /** Destroys the key, then what it sealed. @returns whether there was one */
  erase(id: string): Promise<boolean>
  size(): Promise<number>
  /** Ids of at most so many, drawn anew each time. */
  some(count: number): Promise<readonly string[]>
  /** What whoever watches people wants to find again after a restart. */
  loadState(): Promise<string | undefined>
  /** Resolves when it would survive the machine, as far as the storage can say. */
  saveState(json: string): Promise<void>
  close(): Promise<void>
}

/** Seals what is kept of a person under a key of its own. */
export interface PersonSeal {
  /** A new key for that person, wrapped. */
  newKey(id: string): Uint8Array
  /** @throws {LimenError} `person-key-bad` when the wrapped key cannot be opened */
  seal(id: string, wrapped: Uint8Array, plain: Uint8Array): Uint8Array
  /** undefined when the key or the bytes were changed, are of somebody else, or under another record key. */
  open(id: string, wrapped: Uint8Array, sealed: Uint8Array): Uint8Array | undefined
}
