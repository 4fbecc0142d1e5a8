/**
 * The service worker: puts the proof on what pages ask for by themselves (navigations, images, scripts, `fetch` of pages
 * that know nothing of Limen), to their own origin. When no session can be had, requests pass as they are.
 *
 * What a server sees of them differs in `Sec-Fetch-Mode` (`same-origin`) and `Sec-Fetch-Dest` (`empty`).
 *
 * @module
 */
import { browserWorld } from './browser-world.ts'
import { isOurs } from './key-directory.ts'
import { SessionFetch } from './session-fetch.ts'
import { SessionKeeper } from './session-keeper.ts'
import { AUTHORITY_PARAMETER, CLAIM } from './worker-registration.ts'

/** What we use of a service worker's globals: they are not those of a page. */
interface FetchEvent {
  readonly request: Request
  respondWith(response: Promise<Response>): void
  waitUntil(work: Promise<unknown>): void
}
interface WorkerScope {
  readonly clients: { claim(): Promise<void> }
  skipWaiting(): Promise<void>
  addEventListener(type: 'install' | 'activate' | 'fetch', act: (event: FetchEvent) => void): void
  addEventListener(
    type: 'message',
    act: (event: FetchEvent & { readonly data: unknown }) => void,
  ): void
}

/** A page waits no longer for a session; the opening goes on. */
const SESSION_MS_MAX = 5000

const scope = self as unknown as WorkerScope
const world = browserWorld('worker')
const pin = new URLSearchParams(location.search).get(AUTHORITY_PARAMETER) ?? undefined
const keeper = new SessionKeeper(world, { authorityKey: pin })
const signed = new SessionFetch(world, keeper)

scope.addEventListener('install', (event) => event.waitUntil(scope.skipWaiting()))
scope.addEventListener('activate', (event) => event.waitUntil(scope.clients.claim()))
scope.addEventListener('message', (event) => {
  if (event.data === CLAIM) event.waitUntil(scope.clients.claim())
})
scope.addEventListener('fetch', (event) => {
  const { request } = event
  // What a page has signed itself passes; and what only the cache is to answer.
  const isSigned = request.headers.has('sessionkey')
  const isCacheOnly = request.cache === 'only-if-cached'
  if (isSigned || isCacheOnly || !isOurs(new URL(request.url), world.origin)) return
  const answered = answer(request)
  event.respondWith(answered)
  event.waitUntil(answered.then(() => keeper.work).catch(() => {}))
})

async function answer(request: Request): Promise<Response> {
  try {
    await within(keeper.session(), SESSION_MS_MAX)
  } catch {
    return await fetch(request)
  }
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  try {
    const response = await signed.fetch(request)
    // As a navigation it is answered by a page that can do something about it.
    const isRefused = response.status === 401 && response.headers.has('sessionkey-error')
    return isRefused && isRead && request.mode === 'navigate' ? await fetch(request) : response
  } catch (error) {
    // Redirected to another origin, which a signed request does not follow; or the network is gone, then this fails too.
    if (!isRead || request.signal.aborted) throw error
    return await fetch(request)
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  work.catch(() => {})
  return await Promise.race([
    work,
    new Promise<never>((_resolve, reject) => setTimeout(reject, ms, new Error('Too slow'))),
  ])
}
