/**
 * The service worker of an origin: registered, and in control of the page.
 *
 * @module
 */
import { toUrl } from './base64.ts'
import { WELL_KNOWN } from './key-directory.ts'

/** What a page says to a worker that does not control it. */
export const CLAIM = 'limen-claim'
/** Name of the parameter that pins the identity key. */
export const AUTHORITY_PARAMETER = 'authority'
/** A worker that starts takes far less; then the page goes on without. */
const CONTROL_MS_MAX = 5000

/** @throws DOMException or TypeError as `register` does: not supported, not allowed, not there */
export async function registered(
  authorityKey: string | undefined,
): Promise<ServiceWorkerRegistration> {
  const { serviceWorker } = navigator as { readonly serviceWorker?: ServiceWorkerContainer }
  if (serviceWorker === undefined) throw new TypeError('This browser has no service workers')
  const pin = authorityKey === undefined ? '' : `?${AUTHORITY_PARAMETER}=${toUrl(authorityKey)}`
  await serviceWorker.register(`${WELL_KNOWN}/worker.js${pin}`, { scope: '/' })
  return await serviceWorker.ready
}

/** Resolves when requests of this page pass the worker, or when that takes too long. */
export async function controlled({ active }: ServiceWorkerRegistration): Promise<void> {
  const { serviceWorker } = navigator
  if (serviceWorker.controller !== null) return
  await new Promise<void>((resolve) => {
    serviceWorker.addEventListener('controllerchange', () => resolve(), { once: true })
    setTimeout(resolve, CONTROL_MS_MAX)
    // A page that was loaded past the worker (reload with shift) stays without it unless it asks.
    active?.postMessage(CLAIM)
  })
}
