/**
 * Keys, as timings and classes. Which key it was stays here: it only pairs a release with its press.
 *
 * @module
 */
import type { KeyClass } from '../../../wire/behavior-batch.ts'
import { type FieldWatch, isPrivate } from './field-watch.ts'
import { keyClassOf } from './key-class.ts'
import type { Listening } from './listening.ts'
import { type RecordQueue, whole } from './record-queue.ts'

/** Longer is a finger that rested on a key, or a release that went elsewhere. */
const HOLD_MS_MAX = 2000
/** Who rests so long in a password has finished it, or has lost its rhythm. */
const SECRET_PAUSE_MS = 2000
/** More keys than these are not held at once. */
const DOWN_MAX = 16
/** UI Events: the key went to an input method, or a keyboard on the screen says no more. */
const NO_KEY_CODE = 229

interface Press {
  readonly atMs: number
  readonly class: KeyClass
  readonly field: number
}

export class TypingWatch {
  readonly #queue: RecordQueue
  readonly #fields: FieldWatch
  /** By `code`. */
  readonly #down = new Map<string, Press>()
  /** Of the last key in a secret field. */
  #secretMs = Number.NEGATIVE_INFINITY

  constructor(queue: RecordQueue, fields: FieldWatch) {
    this.#queue = queue
    this.#fields = fields
  }

  listen(listening: Listening, window: EventTarget): void {
    listening.on<KeyboardEvent>(window, 'keydown', (event) => this.#press(event))
    listening.on<KeyboardEvent>(window, 'keyup', (event) => this.#release(event))
    listening.on(window, 'blur', ({ target }) => {
      // Those of fields come by too.
      if (target === window) this.endAll()
    })
  }

  /** In the middle of a password, which is known by its rhythm from the first key to the last. */
  isBusy(nowMs: number): boolean {
    return nowMs - this.#secretMs < SECRET_PAUSE_MS
  }

  /** Releases will not be seen any more. */
  endAll(): void {
    for (const code of [...this.#down.keys()]) this.#end(code, undefined)
  }

  #press(event: KeyboardEvent): void {
    const { timeStamp, target, repeat } = event
    // Chromium fills a field between a keydown and a keyup that are of no key.
    if (typeof event.key !== 'string') return
    if (!Number.isFinite(timeStamp) || isPrivate(target)) return
    const { number, secret } = this.#fields.of(target)
    if (event.isComposing || event.keyCode === NO_KEY_CODE || event.key === 'Process') {
      const isOnScreen = !event.isComposing && event.key === 'Unidentified'
      this.#queue.mark(isOnScreen ? 'virtual-keyboard' : 'ime', timeStamp, number)
      return
    }
    this.#fields.keyMs = timeStamp
    if (repeat) return
    const code = event.code || event.key
    this.#end(code, undefined)
    const keyClass = keyClassOf(event)
    // Whether a password has capitals is nobody's business.
    if (secret && keyClass === 'modifier') return
    if (secret) this.#secretMs = timeStamp
    if (this.#down.size >= DOWN_MAX) this.endAll()
    const press = { atMs: timeStamp, class: secret ? 'hidden' : keyClass, field: number } as const
    this.#down.set(code, press)
  }

  #release({ code, key, timeStamp }: KeyboardEvent): void {
    this.#end(code || key, timeStamp)
  }

  #end(code: string, releasedMs: number | undefined): void {
    const press = this.#down.get(code)
    if (press === undefined) return
    this.#down.delete(code)
    const heldMs = (releasedMs ?? Number.NaN) - press.atMs
    const holdMs = heldMs >= 0 && heldMs <= HOLD_MS_MAX ? Math.round(heldMs) : undefined
    this.#queue.add({ kind: 'key', ...press, atMs: whole(press.atMs), holdMs })
  }
}
