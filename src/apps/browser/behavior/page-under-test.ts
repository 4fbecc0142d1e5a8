/**
 * A page for tests of the collector: events that a test makes, trusted or not, a clock that a test turns, and a site that
 * keeps what it is sent.
 *
 * @module
 */
import {
  type BehaviorBatch,
  type BehaviorEnvelope,
  readBehaviorBody,
  readBehaviorEnvelope,
} from '../../../wire/behavior-batch.ts'
import type { BehaviorWorld } from './behavior-world.ts'
import { type Behavior, collectBehavior } from './collect-behavior.ts'

export type Fields = Readonly<Record<string, unknown>>

/** Of a window, a document or an element: who listens to it is counted. */
export class TargetUnderTest {
  [field: string]: unknown
  readonly listeners: [type: string, act: (event: unknown) => void, options: unknown][] = []

  constructor(fields: Fields = {}) {
    Object.assign(this, fields)
  }

  addEventListener(type: string, act: (event: unknown) => void, options: unknown): void {
    this.listeners.push([type, act, options])
  }

  removeEventListener(type: string, act: (event: unknown) => void): void {
    const at = this.listeners.findIndex((one) => one[0] === type && one[1] === act)
    if (at >= 0) this.listeners.splice(at, 1)
  }
}

/** A field as `matches()` tells it: secret, and inside of what nobody shall look at. */
export function fieldUnderTest(options: { secret?: boolean; isPrivate?: boolean } = {}) {
  const isSecret = options.secret === true
  return new TargetUnderTest({
    value: '',
    matches: (selectors: string) => selectors.startsWith('input') || isSecret,
    closest: () => (options.isPrivate === true ? {} : null),
  })
}

export interface Received {
  readonly envelope: BehaviorEnvelope
  readonly batch: BehaviorBatch
  readonly bytes: Uint8Array
  readonly byBeacon: boolean
}

const TOKEN_BYTES = 24

export class PageUnderTest {
  readonly window = new TargetUnderTest()
  readonly document: TargetUnderTest
  readonly behavior: Behavior
  readonly received: Received[] = []
  /** `GET` and `POST`, in their order. */
  readonly requests: string[] = []
  /** Of the next answers to POST; 204 when there is none left. */
  readonly statuses: number[] = []
  /** Of answers that are not 204. */
  retryAfter = ''
  settings: Fields
  atMs = 1000
  wallMs = 1.7e12
  #timers: { atMs: number; act: () => void }[] = []
  #tokens = 0

  constructor(fields: readonly TargetUnderTest[] = [], world: Partial<BehaviorWorld> = {}) {
    this.settings = { mode: 'profile', everyMs: 5000 }
    this.document = new TargetUnderTest({
      ...{ visibilityState: 'visible', scrollingElement: { scrollLeft: 0, scrollTop: 0 } },
      querySelectorAll: () => fields,
    })
    this.behavior = collectBehavior({ ...this.#world(), ...world })
  }

  get listeners(): number {
    return this.window.listeners.length + this.document.listeners.length
  }

  /** Each listener of window and document that asked for it is given a trusted event. */
  fire(type: string, fields: Fields = {}): void {
    const event = { type, timeStamp: this.atMs, isTrusted: true, target: this.window, ...fields }
    for (const { listeners } of [this.window, this.document]) {
      for (const [asked, act] of [...listeners]) if (asked === type) act(event)
    }
  }

  key(type: 'keydown' | 'keyup', key: string, fields: Fields = {}): void {
    const none = { ctrlKey: false, metaKey: false, altKey: false, repeat: false, keyCode: 0 }
    const code = `Code ${key.toLowerCase()}`
    this.fire(type, { key, code, getModifierState: () => false, ...none, ...fields })
  }

  /** A key down and up again. */
  stroke(key: string, holdMs: number, fields: Fields = {}): void {
    this.key('keydown', key, fields)
    this.atMs += holdMs
    this.key('keyup', key, fields)
  }

  /** Time goes by; what is due happens. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.atMs + ms
    for (;;) {
      const [next] = this.#timers.filter((one) => one.atMs <= untilMs).sort(byTime)
      if (next === undefined) break
      this.#timers = this.#timers.filter((one) => one !== next)
      this.atMs = Math.max(this.atMs, next.atMs)
      next.act()
      await settled()
    }
    this.atMs = untilMs
    await settled()
  }

  /** Of all batches. */
  get records(): readonly BehaviorBatch['records'][number][] {
    return this.received.flatMap(({ batch }) => batch.records)
  }

  #world(): BehaviorWorld {
    const startMs = this.atMs
    return {
      window: this.window as unknown as EventTarget,
      document: this.document as unknown as BehaviorWorld['document'],
      ...{ isSecure: true, path: '/login' },
      now: () => this.atMs,
      wallNow: () => this.wallMs + this.atMs - startMs,
      later: (ms, act) => {
        const timer = { atMs: this.atMs + ms, act }
        this.#timers.push(timer)
        return () => {
          this.#timers = this.#timers.filter((one) => one !== timer)
        }
      },
      send: (_url, init) => this.#answer(init),
      beacon: (_url, body) => {
        void body.arrayBuffer().then((buffer) => this.#receive(new Uint8Array(buffer), true))
        return true
      },
      random32: () => 0xabcdef01,
      deflate: () => undefined,
      context: async () => ({
        ...{ device: 'desktop', touch: false, portrait: false, keyboard: 'qwerty' },
      }),
    }
  }

  async #answer(init: RequestInit): Promise<Response> {
    const method = init.method ?? 'GET'
    this.requests.push(method)
    if (method === 'GET') return Response.json({ token: this.#token(), ...this.settings })
    const status = this.statuses.shift() ?? 204
    if (status === 0) throw new TypeError('Failed to fetch')
    const wait: Record<string, string> =
      this.retryAfter === '' ? {} : { 'retry-after': this.retryAfter }
    if (status !== 204) return new Response(null, { status, headers: wait })
    this.#receive(init.body as Uint8Array, false)
    return new Response(null, { status, headers: { 'limen-next': this.#token() } })
  }

  #receive(bytes: Uint8Array, byBeacon: boolean): void {
    const read = readBehaviorEnvelope(bytes)
    if (read.kind !== 'read') throw new Error(`Malformed: ${read.field}`)
    const inner = readBehaviorBody(read.envelope.body)
    if (inner.kind !== 'read') throw new Error(`Malformed: ${inner.field}`)
    this.received.push({ envelope: read.envelope, batch: inner.batch, bytes, byBeacon })
  }

  #token(): string {
    const token = new Uint8Array(TOKEN_BYTES).fill(++this.#tokens)
    return btoa(String.fromCharCode(...token))
      .replaceAll('+', '-')
      .replaceAll('/', '_')
  }
}

const byTime = (a: { atMs: number }, b: { atMs: number }): number => a.atMs - b.atMs

/** All promises that wait for nothing from outside have come. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}
