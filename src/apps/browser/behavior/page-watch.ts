/**
 * The page around its visitor: scrolling, hidden pages, clocks that jump, visitors who use no pointer, and events that
 * scripts made.
 *
 * @module
 */
import type { BehaviorWorld } from './behavior-world.ts'
import type { Listening } from './listening.ts'
import { type RecordQueue, whole } from './record-queue.ts'

/** What was scrolled within so long is one record. */
const SCROLL_MS = 100
/** A page scrolls for so long after a hand asked it to; what a script scrolls is left out. */
const SCROLLED_BY_HAND_MS = 1000
/** A click follows what made it. */
const CLICKED_BY_HAND_MS = 1000
/** Who has gone so far by Tab without a pointer works by keys. */
const TABS_MIN = 5
/** Clocks are set by less, little by little. */
const CLOCK_MS_MIN = 2000
const DISTANCE_MAX = 65_535
const UINT32_MAX = 0xffffffff

interface Scrolled {
  readonly atMs: number
  dx: number
  dy: number
}

export class PageWatch {
  readonly #queue: RecordQueue
  readonly #world: BehaviorWorld
  readonly #places = new WeakMap<object, { x: number; y: number }>()
  #scrolled: Scrolled | undefined
  #handMs = Number.NEGATIVE_INFINITY
  #pressMs = Number.NEGATIVE_INFINITY
  /** Of Enter or Space: they click. */
  #keyMs = Number.NEGATIVE_INFINITY
  /** Undefined: a pointer was seen, or it was told. */
  #tabs: number | undefined = 0
  #hiddenMs: number | undefined
  #clocksMs: number

  constructor(queue: RecordQueue, world: BehaviorWorld) {
    this.#queue = queue
    this.#world = world
    this.#clocksMs = world.wallNow() - world.now()
  }

  listen(listening: Listening): void {
    const { window, document } = this.#world
    const { scrollingElement } = document
    if (scrollingElement !== null) this.#places.set(scrollingElement, placeOf(scrollingElement))
    listening.on(window, 'wheel touchmove pointerdown keydown', ({ timeStamp }) => {
      this.#handMs = timeStamp
    })
    listening.on(document, 'scroll', (event) => this.#scroll(event))
    listening.on(window, 'pointermove pointerdown touchstart', (event) => {
      this.#tabs = undefined
      if (event.type !== 'pointermove') this.#pressMs = event.timeStamp
    })
    listening.on<KeyboardEvent>(window, 'keydown', (event) => this.#key(event))
    listening.on<MouseEvent>(window, 'click', (event) => this.#click(event))
    listening.all(window, 'keydown keyup pointerdown pointerup pointermove mousemove', (event) => {
      if (!event.isTrusted) this.#queue.synthetic()
    })
    listening.on(document, 'visibilitychange', () => this.#visibility())
  }

  /** What is still open goes into the queue. */
  flush(): void {
    if (this.#scrolled !== undefined) this.#queue.add({ kind: 'scroll', ...this.#scrolled })
    this.#scrolled = undefined
    const clocksMs = this.#world.wallNow() - this.#world.now()
    const jumpMs = Math.min(Math.round(Math.abs(clocksMs - this.#clocksMs)), UINT32_MAX)
    this.#clocksMs = clocksMs
    if (jumpMs >= CLOCK_MS_MIN) this.#queue.mark('clock-jump', this.#world.now(), 0, jumpMs)
  }

  #scroll({ target, timeStamp }: Event): void {
    const { document } = this.#world
    const element = target === document ? document.scrollingElement : (target as Element)
    if (element === null || typeof element.scrollTop !== 'number') return
    const from = this.#places.get(element)
    const to = placeOf(element)
    this.#places.set(element, to)
    if (from === undefined || timeStamp - this.#handMs > SCROLLED_BY_HAND_MS) return
    if (this.#scrolled !== undefined && timeStamp - this.#scrolled.atMs >= SCROLL_MS) {
      this.#queue.add({ kind: 'scroll', ...this.#scrolled })
      this.#scrolled = undefined
    }
    this.#scrolled ??= { atMs: whole(timeStamp), dx: 0, dy: 0 }
    this.#scrolled.dx = bounded(this.#scrolled.dx + to.x - from.x)
    this.#scrolled.dy = bounded(this.#scrolled.dy + to.y - from.y)
  }

  #key({ key, repeat, timeStamp }: KeyboardEvent): void {
    if (key === 'Enter' || key === ' ') this.#keyMs = timeStamp
    if (key !== 'Tab' || repeat || this.#tabs === undefined) return
    if (++this.#tabs < TABS_MIN) return
    this.#tabs = undefined
    this.#queue.mark('keyboard-only', timeStamp)
  }

  /** A screen reader's click has no press before it, and counts none (`detail` is 0). */
  #click({ detail, timeStamp }: MouseEvent): void {
    const byHandMs = timeStamp - Math.max(this.#pressMs, this.#keyMs)
    if (detail === 0 && byHandMs > CLICKED_BY_HAND_MS) this.#queue.mark('assistive', timeStamp)
  }

  #visibility(): void {
    const nowMs = this.#world.now()
    if (this.#world.document.visibilityState === 'hidden') this.#hiddenMs ??= nowMs
    else if (this.#hiddenMs !== undefined) {
      const amount = Math.min(Math.max(1, Math.round(nowMs - this.#hiddenMs)), UINT32_MAX)
      this.#queue.mark('hidden', this.#hiddenMs, 0, amount)
      this.#hiddenMs = undefined
    }
  }
}

function placeOf({ scrollLeft, scrollTop }: Element): { x: number; y: number } {
  return { x: Math.round(scrollLeft), y: Math.round(scrollTop) }
}

function bounded(distance: number): number {
  return Math.max(-DISTANCE_MAX, Math.min(DISTANCE_MAX, distance))
}
