/**
 * `import { sessionFetch } from 'limen/client'`: `fetch` of Node under a session key of a site behind Limen.
 *
 *     const shop = sessionFetch({ origin: 'https://shop.test', authorityKey: '...' })
 *     const cart = await (await shop('/api/cart')).json()
 *     await shop.end()
 *
 * The keys are those of WebCrypto and cannot be exported; without a `store` they are gone with the process.
 *
 * @module
 */
import { Agent, fetch as undiciFetch } from 'undici'
import { isOurs } from '../browser/key-directory.ts'
import { SessionFetch } from '../browser/session-fetch.ts'
import { SessionKeeper } from '../browser/session-keeper.ts'
import { memoryStore, type SessionStore } from '../browser/session-store.ts'
import type { SessionWorld } from '../browser/session-world.ts'
import { webSocketUrl } from '../browser/sign-request.ts'

// biome-ignore-start lint/performance/noBarrelFile: the door of the module
export { SessionError, type SessionErrorCode } from '../browser/session-error.ts'
export { memoryStore, type SessionState, type SessionStore } from '../browser/session-store.ts'
export { sessionDispatcher } from './session-dispatcher.ts'
// biome-ignore-end lint/performance/noBarrelFile: as above

export interface SessionFetchOptions {
  /** Of the site: scheme, host and port. */
  readonly origin: string
  /**
   * Ed25519 identity key of the site, base64, as `limen keys list` prints it. Without it the first one that is seen, over
   * TLS, is taken and remembered in the store.
   */
  readonly authorityKey?: string
  /** Certificates to trust, PEM, in the place of those of Node. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  /** A compact JWT of who logged in, at most 1024 characters; asked for whenever a session opens. */
  readonly login?: () => Promise<string | undefined>
  /** Seal bodies (RFC 8188), for routes that ask for it. Default false. */
  readonly sealBodies?: boolean
  /** Where the session is kept; in memory by default. Share one between clients of the same origin. */
  readonly store?: SessionStore
}

export interface SessionClient {
  /**
   * As `fetch`; relative URLs are of the origin, requests to other origins pass as they are. Redirects are followed step by
   * step, each signed anew.
   *
   * @throws SessionError when no session can be had
   */
  (input: string | URL | Request, init?: RequestInit): Promise<Response>
  /** Rotates the key now. The generation in use afterwards. @throws SessionError */
  rotate(): Promise<number>
  /** Forgets the session and closes the connections. */
  end(): Promise<void>
  /** The URL with a proof in its query that is good once and for 30 s. @param url of the origin's host, `wss:` or relative */
  webSocketUrl(url: string | URL): Promise<string>
}

/** @throws TypeError for an origin that is none */
export function sessionFetch(options: SessionFetchOptions): SessionClient {
  const { origin } = new URL(options.origin)
  if (origin === 'null') throw new TypeError('Cannot open sessions with this origin')
  const { ca } = options
  const connect = ca === undefined ? {} : { connect: { ca: ca as string | Buffer | string[] } }
  const agent = new Agent(connect)
  const send = async (url: string, init: RequestInit): Promise<Response> => {
    // The rest of a RequestInit is for browsers: caches, modes, referrers.
    const { method = 'GET', headers, body, redirect = 'manual', signal } = init
    const sent = { method, headers, body, redirect, signal, dispatcher: agent } as unknown
    return (await undiciFetch(
      url,
      sent as Parameters<typeof undiciFetch>[1],
    )) as unknown as Response
  }
  const world = nodeWorld(origin, options.store ?? memoryStore(), send)
  const keeper = new SessionKeeper(world, options)
  const signed = new SessionFetch(world, keeper, options)
  const client = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const target = input instanceof Request ? input : new URL(input, origin)
    const request = new Request(target, init)
    if (isOurs(new URL(request.url), origin)) return await signed.fetch(request)
    const { url, method, headers, redirect, signal } = request
    const body = request.body === null ? {} : { body: await request.arrayBuffer() }
    return await send(url, { method, headers, redirect, signal, ...body })
  }
  return Object.assign(client, {
    rotate: async () => (await keeper.rotate()).generation,
    async end() {
      await keeper.end()
      await agent.close()
    },
    async webSocketUrl(url: string | URL) {
      const absolute = new URL(url, origin.replace(/^http/, 'ws'))
      return await webSocketUrl(await keeper.session(), absolute, keeper.now())
    },
  })
}

function nodeWorld(origin: string, store: SessionStore, send: SessionWorld['send']): SessionWorld {
  return {
    ...{ origin, store, send },
    followsRedirects: true,
    now: () => Date.now(),
    fraction: () => Math.random(),
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    later(ms, act) {
      // A program that is done ends, whatever its session is about to do.
      const timer = setTimeout(act, ms).unref()
      return () => clearTimeout(timer)
    },
  }
}
