/**
 * Fields of a page: their numbers, which of them are secret, and text that came into them otherwise than by keys: filled in
 * by the browser, a password manager or a script, pasted, dropped, composed, or from a keyboard on the screen. Only that it
 * did is told.
 *
 * @module
 */
import { FIELD_MAX } from '../../../wire/behavior-batch.ts'
import type { BehaviorDocument } from './behavior-world.ts'
import type { Listening } from './listening.ts'
import type { RecordQueue } from './record-queue.ts'

const TEXT_INPUTS = ['text', 'password', 'email', 'search', 'tel', 'url', 'number', 'date'].map(
  (type) => `input[type=${type}]`,
)
const FIELDS = [
  'input:not([type])',
  ...TEXT_INPUTS,
  'textarea',
  '[contenteditable]:not([contenteditable=false])',
].join()
/** Once a secret, always: a page may show it in plain. Names of the HTML standard, section autofill. */
const SECRETS =
  '[type=password],[autocomplete~=current-password],[autocomplete~=new-password],[autocomplete~=one-time-code],[autocomplete~=cc-number],[autocomplete~=cc-csc]'
/** Pages set this on what is nobody's business. */
const PRIVATE = '[data-limen-behavior=off]'
/** Looked at for text that came without an event. */
const FIELDS_MAX = FIELD_MAX
/** A key held before what it types arrives, on a busy machine. */
const TYPED_MS = 1000

interface Field {
  readonly number: number
  secret: boolean
  /** Of its text, when last looked at. */
  length: number
  /** It said since how its text came. */
  heard: boolean
}

export class FieldWatch {
  readonly #queue: RecordQueue
  readonly #document: BehaviorDocument
  readonly #now: () => number
  readonly #fields = new WeakMap<Element, Field>()
  /** When a key was last pressed. */
  keyMs = Number.NEGATIVE_INFINITY

  constructor(queue: RecordQueue, document: BehaviorDocument, now: () => number) {
    this.#queue = queue
    this.#document = document
    this.#now = now
  }

  listen(listening: Listening, target: EventTarget): void {
    this.look()
    listening.all<InputEvent>(target, 'input', (event) => this.#input(event))
    listening.on(target, 'compositionstart', (event) => this.#mark('ime', event))
    listening.on(target, 'focusin focusout submit', () => this.look())
  }

  /** Number and secrecy of what an event came to; number 0: no field. */
  of(target: EventTarget | null): { readonly number: number; readonly secret: boolean } {
    return this.#fieldOf(target) ?? NO_FIELD
  }

  /** Text that came without any event was filled in by a script; that after one may be how the page writes a number. */
  look(): void {
    let rest = FIELDS_MAX
    for (const element of this.#document.querySelectorAll(FIELDS)) {
      if (rest-- <= 0) return
      const field = this.#fieldOf(element)
      if (field === undefined) continue
      const length = lengthOf(element)
      if (length > field.length && !field.heard) {
        this.#queue.mark('autofill', this.#now(), field.number)
      }
      field.length = length
      field.heard = false
    }
  }

  #input(event: InputEvent): void {
    const field = this.#fieldOf(event.target)
    if (field === undefined) return
    const grown = lengthOf(event.target as Element) > field.length
    field.length = lengthOf(event.target as Element)
    field.heard = true
    const { inputType = '', timeStamp } = event
    // A script's event, or one that says not how: the field was filled in.
    if (!event.isTrusted || inputType === '' || inputType === 'insertReplacementText') {
      if (field.length > 0) this.#queue.mark('autofill', timeStamp, field.number)
    } else if (/^insertFrom(?:Paste|Drop|Yank)/.test(inputType)) {
      this.#queue.mark('paste', timeStamp, field.number)
    } else if (/^insert.*Composition/.test(inputType)) {
      this.#queue.mark('ime', timeStamp, field.number)
    } else if (grown && timeStamp - this.keyMs > TYPED_MS) {
      // Text without a key: from the screen, or dictated.
      this.#queue.mark('virtual-keyboard', timeStamp, field.number)
    }
  }

  #mark(mark: 'ime', { target, timeStamp }: Event): void {
    this.#queue.mark(mark, timeStamp, this.of(target).number)
  }

  #fieldOf(target: EventTarget | null): Field | undefined {
    const element = target as Element | null
    if (typeof element?.matches !== 'function') return undefined
    const known = this.#fields.get(element)
    if (known !== undefined) {
      known.secret ||= element.matches(SECRETS)
      return known
    }
    if (!element.matches(FIELDS) || isPrivate(element)) return undefined
    let number = 0
    for (const one of this.#document.querySelectorAll(FIELDS)) {
      if (++number >= FIELD_MAX || one === element) break
    }
    const field = {
      number,
      secret: element.matches(SECRETS),
      length: lengthOf(element),
      heard: false,
    }
    this.#fields.set(element, field)
    return field
  }
}

/** What is typed there is not told at all. */
export function isPrivate(target: EventTarget | null): boolean {
  return (target as Element | null)?.closest?.(PRIVATE) != null
}

const NO_FIELD = { number: 0, secret: false }

/** It stays in the page. */
function lengthOf(element: Element): number {
  const { value } = element as { readonly value?: unknown }
  return (typeof value === 'string' ? value : (element.textContent ?? '')).length
}
