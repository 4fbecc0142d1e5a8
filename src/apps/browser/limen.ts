/**
 * `import { startSession } from 'limen/browser'`: requests of a page under a session key.
 *
 *     const limen = startSession({ authorityKey: '...' })
 *     const cart = await limen.fetch('/api/cart')
 *     const socket = new WebSocket(await limen.webSocketUrl('wss://shop.test/live'))
 *
 * @module
 */
import { browserWorld } from './browser-world.ts'
import { isOurs } from './key-directory.ts'
import { SessionFetch } from './session-fetch.ts'
import type { Abilities } from './session-handshake.ts'
import { SessionKeeper } from './session-keeper.ts'
import type { SessionStore } from './session-store.ts'
import { webSocketUrl } from './sign-request.ts'
import { controlled, registered } from './worker-registration.ts'

export type { BehaviorOptions } from './behavior/behavior.ts'
export type { Behavior } from './behavior/collect-behavior.ts'
// biome-ignore-start lint/performance/noBarrelFile: the door of the module, as `limen.ts` is that of the package
export { SessionError, type SessionErrorCode } from './session-error.ts'
// biome-ignore-end lint/performance/noBarrelFile: as above

export interface SessionOptions {
  /**
   * Ed25519 identity key of the site, base64, as `limen keys list` prints it. Without it the first one that is seen, over
   * TLS, is taken and remembered.
   */
  readonly authorityKey?: string
  /** A compact JWT of who logged in, at most 1024 characters; asked for whenever a session opens. */
  readonly login?: () => Promise<string | undefined>
  /** Seal bodies (RFC 8188), for routes that ask for it. Default false. */
  readonly sealBodies?: boolean
  /** IndexedDB by default, shared by all tabs and the service worker. */
  readonly store?: SessionStore
  /** What this browser can do; found out by default. */
  readonly abilities?: Abilities
}

export interface LimenSession {
  /** As `fetch`; requests to other origins pass as they are. @throws SessionError when no session can be had */
  fetch(input: RequestInfo | URL, init?: RequestInit): Promise<Response>
  /** Rotates the key now. The generation in use afterwards. */
  rotate(): Promise<number>
  /** Begins a session as who the application says. @param jwt compact, at most 1024 characters */
  login(jwt: string): Promise<void>
  /** Forgets the session on this device. */
  end(): Promise<void>
  /** The URL with a proof in its query that is good once and for 30 s. @param url of our own host, `wss:` */
  webSocketUrl(url: string | URL): Promise<string>
  /** Has a service worker sign what the page does not fetch by itself: navigations, images, scripts. */
  registerWorker(): Promise<void>
}

export function startSession(options: SessionOptions = {}): LimenSession {
  const world = browserWorld('page', options.store)
  const keeper = new SessionKeeper(world, options)
  const signed = new SessionFetch(world, keeper, options)
  return {
    async fetch(input, init) {
      const request = new Request(input, init)
      const ours = isOurs(new URL(request.url), world.origin)
      return ours ? await signed.fetch(request) : await fetch(request)
    },
    rotate: async () => (await keeper.rotate()).generation,
    async login(jwt) {
      await keeper.login(jwt)
    },
    end: () => keeper.end(),
    webSocketUrl: async (url) =>
      await webSocketUrl(await keeper.session(), new URL(url, location.href), keeper.now()),
    async registerWorker() {
      await controlled(await registered(options.authorityKey))
    },
  }
}
