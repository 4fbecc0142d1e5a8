/**
 * Asks for settings and tokens, and sends batches: one at a time, no more often than the site wants, less often when it is
 * busy or away (docs/wire/behavior-batch.md).
 *
 * @module
 */
import {
  BEHAVIOR_PATH,
  BEHAVIOR_TOKEN_FIELD,
  BEHAVIOR_TYPE,
  TOKEN_BYTES_MAX,
  TOKEN_BYTES_MIN,
} from '../../../wire/behavior-batch.ts'
import { writeBehaviorEnvelope } from '../../../wire/behavior-batch-writer.ts'
import type { BehaviorWorld } from './behavior-world.ts'

export type BehaviorMode = 'off' | 'bot-only' | 'profile'

export interface BatchSource {
  /** No fields are told; the site may want as much by itself. */
  readonly botOnly: () => boolean
  /** What is being done now should not be cut in two. */
  readonly isBusy: () => boolean
  /** The body of a batch of all there is, if there is something. */
  readonly take: () => Uint8Array<ArrayBuffer> | undefined
  /** The site wants no more: nothing is sent after it. */
  readonly onOff: () => void
}

interface Batch {
  readonly sequence: number
  readonly body: Uint8Array<ArrayBuffer>
  /** Sent once more after a refused token. */
  isAgain: boolean
}

const EVERY_MS_MIN = 2000
const EVERY_MS_MAX = 600_000
/** For a site that says nothing of use. */
const EVERY_MS = 10_000

/** For what should not be cut in two: a password takes some seconds. */
const WAIT_MS = 1000
const WAITS_MAX = 10

export class BatchSender {
  readonly #world: BehaviorWorld
  readonly #source: BatchSource
  readonly #page: number
  readonly #aborter = new AbortController()
  #token: Uint8Array | undefined
  #everyMs = EVERY_MS
  #sequence = 0
  #failures = 0
  #afterMs = 0
  #isBusy = false
  #unsent: Batch | undefined
  #cancel: () => void = () => {}

  constructor(world: BehaviorWorld, source: BatchSource) {
    this.#world = world
    this.#source = source
    this.#page = world.random32()
  }

  /** What the site wants; `off` also when it does not answer. From then on batches are sent, unless it is `off`. */
  async begin(): Promise<BehaviorMode> {
    const mode = await this.#ask().catch(() => 'off' as const)
    if (mode !== 'off' && !this.#aborter.signal.aborted) this.#schedule()
    return mode
  }

  /** Sends now, at once: the page may not live to see the answer. @param last by a beacon */
  leave(last: boolean): void {
    const token = this.#token
    if (this.#isBusy || token === undefined || this.#afterMs > this.#world.now()) return
    const batch = this.#next()
    if (batch === undefined) return
    if (!last) {
      void this.#run(() => this.#post(batch, batch.body, false))
      return
    }
    this.#token = undefined
    this.#unsent = undefined
    const bytes = this.#envelope(batch, token, batch.body, false)
    this.#world.beacon(BEHAVIOR_PATH, new Blob([bytes], { type: BEHAVIOR_TYPE }))
  }

  /** Nothing is sent any more, and what was not is gone. */
  end(): void {
    this.#cancel()
    this.#aborter.abort()
    this.#token?.fill(0)
    this.#token = undefined
    this.#unsent = undefined
  }

  #schedule(): void {
    this.#cancel()
    const waitMs = Math.min(this.#everyMs * 2 ** this.#failures, EVERY_MS_MAX)
    const untilMs = Math.max(waitMs, this.#afterMs - this.#world.now())
    this.#cancel = this.#world.later(untilMs, () => this.#turn())
  }

  #turn(waits = 0): void {
    if (waits < WAITS_MAX && this.#source.isBusy()) {
      this.#cancel = this.#world.later(WAIT_MS, () => this.#turn(waits + 1))
      return
    }
    this.#schedule()
    void this.#run(() => this.#send())
  }

  /** One at a time. What fails is tried later, and later each time. */
  async #run(act: () => Promise<void>): Promise<void> {
    if (this.#isBusy || this.#aborter.signal.aborted) return
    this.#isBusy = true
    try {
      await act()
    } catch {
      this.#failed()
    }
    this.#isBusy = false
  }

  #failed(): void {
    if (this.#aborter.signal.aborted) return
    this.#failures = Math.min(this.#failures + 1, FAILURES_MAX)
    this.#schedule()
  }

  async #send(): Promise<void> {
    const batch = this.#next()
    if (batch === undefined) return
    const deflated = await this.#world.deflate(batch.body)
    const isShorter = deflated !== undefined && deflated.length < batch.body.length
    await this.#post(batch, isShorter ? deflated : batch.body, isShorter)
  }

  #next(): Batch | undefined {
    if (this.#unsent !== undefined) return this.#unsent
    const body = this.#source.take()
    if (body === undefined) return undefined
    this.#unsent = { sequence: this.#sequence++, body, isAgain: false }
    return this.#unsent
  }

  async #post(batch: Batch, body: Uint8Array, deflated: boolean): Promise<void> {
    if (this.#token === undefined && (await this.#ask()) === 'off') {
      this.#off()
      return
    }
    const token = this.#token
    if (token === undefined) return
    this.#token = undefined
    const { status, headers } = await this.#fetch({
      method: 'POST',
      headers: { 'content-type': BEHAVIOR_TYPE },
      body: this.#envelope(batch, token, body, deflated),
      keepalive: true,
    })
    if (status === 404 || status === 410) this.#off()
    else if (status === 429 || status >= 500) {
      this.#heed(headers)
      this.#failed()
    } else if ((status === 401 || status === 403) && !batch.isAgain) {
      batch.isAgain = true
      // The next turn asks for a token.
      this.#failed()
    } else {
      this.#unsent = undefined
      if (status !== 204) return this.#failed()
      this.#failures = 0
      this.#token = readToken(headers.get(BEHAVIOR_TOKEN_FIELD))
    }
  }

  /** @throws what `fetch` does, and when the answer is none */
  async #ask(): Promise<BehaviorMode> {
    const answer = await this.#fetch({ headers: { accept: 'application/json' } })
    if (answer.status === 404 || answer.status === 410) return 'off'
    if (!answer.ok) {
      this.#heed(answer.headers)
      throw new Error(`The site answers ${answer.status}`)
    }
    const settings = (await answer.json()) as Readonly<Record<string, unknown>>
    const { mode, token, everyMs } = settings
    if (mode !== 'bot-only' && mode !== 'profile') return 'off'
    this.#token = readToken(token)
    if (typeof everyMs === 'number' && everyMs > 0) {
      this.#everyMs = Math.min(Math.max(everyMs, EVERY_MS_MIN), EVERY_MS_MAX)
    }
    return this.#token === undefined ? 'off' : mode
  }

  #fetch(init: RequestInit): Promise<Response> {
    const { signal } = this.#aborter
    const more = {
      signal,
      cache: 'no-store',
      redirect: 'error',
      credentials: 'same-origin',
    } as const
    return this.#world.send(BEHAVIOR_PATH, { ...init, ...more })
  }

  /** The site says when to come again. */
  #heed(headers: Headers): void {
    const seconds = Number(headers.get('retry-after') ?? 0)
    if (seconds > 0) this.#afterMs = this.#world.now() + Math.min(seconds * 1000, EVERY_MS_MAX)
  }

  #off(): void {
    this.end()
    this.#source.onOff()
  }

  #envelope(batch: Batch, token: Uint8Array, body: Uint8Array, deflated: boolean) {
    const { sequence } = batch
    const [page, botOnly] = [this.#page, this.#source.botOnly()]
    return writeBehaviorEnvelope({ deflated, botOnly, page, sequence, token, body })
  }
}

/** 2 s doubled so often is more than the longest wait. */
const FAILURES_MAX = 9

function readToken(text: unknown): Uint8Array | undefined {
  if (typeof text !== 'string' || !/^[\w-]{22,86}$/.test(text)) return undefined
  const octets = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  const token = Uint8Array.from(octets, (char) => char.charCodeAt(0))
  return token.length >= TOKEN_BYTES_MIN && token.length <= TOKEN_BYTES_MAX ? token : undefined
}
