/**
 * What a client of session keys needs from where it runs: a page, a service worker, or Node.
 *
 * @module
 */
import type { SessionStore } from './session-store.ts'

export interface SessionWorld {
  /** Serialised: `https://shop.test`. */
  readonly origin: string
  readonly store: SessionStore
  /** `fetch`, of absolute URLs. */
  send(url: string, init: RequestInit): Promise<Response>
  /**
   * Who follows a redirect: a browser does not let us (and carries our fields along to the same origin only), elsewhere
   * we do, so that each step is signed anew.
   */
  readonly followsRedirects: boolean
  /** Milliseconds since 1970. */
  now(): number
  /** In [0, 1): spreads moments, decides no secret. */
  fraction(): number
  wait(ms: number): Promise<void>
  /** Calls back later, unless the world ends before; returns the way to stop it. A service worker never calls. */
  later(ms: number, act: () => void): () => void
}
