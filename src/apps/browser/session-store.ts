/**
 * What a client remembers of its session between requests, tabs and starts; and the store that keeps it in memory. The one
 * of browsers is `indexeddb-store.ts`.
 *
 * @module
 */
import type { PendingHandshake, Session } from './session-handshake.ts'

/** Plain data and keys: IndexedDB keeps it as it is. Times in milliseconds since 1970, by our own clock. */
export interface SessionState {
  readonly session: Session | undefined
  /** When it was opened: not each refusal right after is a reason for another. */
  readonly openedAt: number
  /** The generation before, for requests under way. */
  readonly retired: { readonly session: Session; readonly until: number } | undefined
  /** Sent, and no reply yet: asked for again with the same bytes. */
  readonly pending: { readonly handshake: PendingHandshake; readonly since: number } | undefined
  /** Rotations in a row that failed, and when to try again. */
  readonly failures: number
  readonly retryAt: number
  /** What the server's clock is ahead. */
  readonly clockOffsetMs: number
  /** Identity key of the site, taken on first use: base64. */
  readonly authorityKey: string | undefined
}

export const NO_STATE: SessionState = {
  session: undefined,
  openedAt: 0,
  retired: undefined,
  pending: undefined,
  failures: 0,
  retryAt: 0,
  clockOffsetMs: 0,
  authorityKey: undefined,
}

export interface SessionStore {
  read(): Promise<SessionState>
  /**
   * One at a time over all who share the store. What `work` writes is kept when `write` resolves, and others are told
   * when all is done.
   */
  exclusively<T>(
    work: (state: SessionState, write: (state: SessionState) => Promise<void>) => Promise<T>,
  ): Promise<T>
  /** Somebody else may have written. */
  onChange(listener: () => void): void
}

/** For one process: a Node client, or a browser that keeps nothing. */
export function memoryStore(): SessionStore {
  let kept = NO_STATE
  let last: Promise<unknown> = Promise.resolve()
  return {
    read: async () => kept,
    exclusively(work) {
      const turn = last.then(() =>
        work(kept, async (state) => {
          kept = state
        }),
      )
      last = turn.catch(() => {})
      return turn
    },
    onChange() {},
  }
}
