/**
 * Where profiles of clients are kept, and what was learned about handshakes at large. Bounded: profiles unseen
 * for longer than the time to live are gone, and when there are too many the least useful go first. Storage is not
 * trusted: adapters seal what they write (`record-seal.ts`).
 *
 * @module
 */
import type { Profile } from '../behavior/handshake/profile.ts'

export interface ProfileStore {
  /** Those of `ids` that are there and can be opened; in no special order. */
  load(ids: readonly string[]): Promise<readonly Profile[]>
  /** Adds or replaces, then keeps the bounds. Resolves when it would survive the process. */
  save(profiles: readonly Profile[]): Promise<void>
  remove(ids: readonly string[]): Promise<void>
  /** In the order of their ids, at most `limit`, only ids strictly above `after` when given. */
  list(query: { readonly limit: number; readonly after?: string }): Promise<readonly Profile[]>
  /** How many there are, those past their time that have not been swept yet included. */
  size(): Promise<number>
  /** What the profiler wants to find again after a restart, as it said it last; undefined the first time. */
  loadState(): Promise<string | undefined>
  saveState(json: string): Promise<void>
  close(): Promise<void>
}
