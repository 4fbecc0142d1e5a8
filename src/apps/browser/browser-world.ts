/**
 * A page or a service worker as the world of a session.
 *
 * @module
 */
import { indexedDbStore } from './indexeddb-store.ts'
import type { SessionStore } from './session-store.ts'
import type { SessionWorld } from './session-world.ts'

/** A service worker ends when it has nothing to do: it keeps no timers. */
export function browserWorld(kind: 'page' | 'worker', store?: SessionStore): SessionWorld {
  return {
    origin: location.origin,
    store: store ?? indexedDbStore(),
    send: (url, init) => fetch(url, init),
    followsRedirects: false,
    now: () => Date.now(),
    fraction: () => Math.random(),
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    later(ms, act) {
      if (kind === 'worker') return () => {}
      const timer = setTimeout(act, ms)
      return () => clearTimeout(timer)
    },
  }
}
