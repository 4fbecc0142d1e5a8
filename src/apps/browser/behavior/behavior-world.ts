/**
 * What the collector needs of the page it runs in.
 *
 * @module
 */
import type { BehaviorContext } from '../../../wire/behavior-batch.ts'

export interface BehaviorWorld {
  readonly window: EventTarget
  readonly document: BehaviorDocument
  /** By TLS. */
  readonly isSecure: boolean
  /** Of the page's address, without query. */
  readonly path: string
  /** Milliseconds since the page began to load, never back: as in `Event.timeStamp`. */
  now(): number
  /** Milliseconds since 1970. */
  wallNow(): number
  /** Returns the way to stop it. */
  later(ms: number, act: () => void): () => void
  /** `fetch`. */
  send(url: string, init: RequestInit): Promise<Response>
  /** `navigator.sendBeacon`. */
  beacon(url: string, body: Blob): boolean
  /** 0 to 2^32 - 1. */
  random32(): number
  /** RFC 1951; undefined where the browser has none. */
  deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> | undefined
  context(): Promise<BehaviorContext>
}

/** The part of a document that is looked at. */
export interface BehaviorDocument extends EventTarget {
  readonly visibilityState: string
  readonly scrollingElement: Element | null
  querySelectorAll(selectors: string): Iterable<Element>
}

/** @param send `fetch`, or that of a session, which binds what is told to the session */
export function pageWorld(send: typeof fetch = (...call) => fetch(...call)): BehaviorWorld {
  return {
    window,
    document,
    isSecure: location.protocol === 'https:',
    path: location.pathname,
    now: () => performance.now(),
    wallNow: () => Date.now(),
    later(ms, act) {
      const timer = setTimeout(act, ms)
      return () => clearTimeout(timer)
    },
    send,
    beacon: (url, body) => navigator.sendBeacon(url, body),
    random32: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
    deflate,
    context: pageContext,
  }
}

function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> | undefined {
  if (typeof CompressionStream === 'undefined') return undefined
  const deflated = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate-raw'))
  return new Response(deflated).arrayBuffer().then((buffer) => new Uint8Array(buffer))
}

/** CSS pixels of the shorter side: larger screens under a finger are tablets. */
const PHONE_SIDE_MAX = 600

async function pageContext(): Promise<BehaviorContext> {
  const is = (query: string) => matchMedia(query).matches
  const side = Math.min(screen.width, screen.height)
  const underFinger = is('(pointer: coarse)')
  return {
    device: underFinger ? (side < PHONE_SIDE_MAX ? 'phone' : 'tablet') : 'desktop',
    touch: is('(any-pointer: coarse)'),
    portrait: is('(orientation: portrait)'),
    keyboard: await keyboardLayout(),
  }
}

/** Keyboard map (WICG): Chromium only, and not inside of frames. */
async function keyboardLayout(): Promise<BehaviorContext['keyboard']> {
  const { keyboard } = navigator as {
    readonly keyboard?: { getLayoutMap(): Promise<ReadonlyMap<string, string>> }
  }
  try {
    const map = await keyboard?.getLayoutMap()
    const first = map?.get('KeyQ')
    if (map === undefined || first === undefined) return 'unknown'
    if (first === 'a') return 'azerty'
    if (first !== 'q') return 'other'
    return map.get('KeyY') === 'z' ? 'qwertz' : 'qwerty'
  } catch {
    return 'unknown'
  }
}
