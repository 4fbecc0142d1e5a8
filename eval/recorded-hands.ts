/**
 * People who were recorded -> what their hands do in a browser: passwords of the CMU data (`keystroke.ts`) and mouse sessions of the Balabit
 * data (`mouse.ts`), with the times of the recordings. The nth of one data set and the nth of the other are one person: nobody was
 * recorded in both.
 *
 * @module
 */
import { type PointerEvent, readActions } from '../src/behavior/biometrics/pointer-actions.ts'
import type { HandEvent } from '../test/real/people-site.ts'

/** Keys of a row of the CMU data; Shift, whose times it does not tell, is not pressed. */
const ROW_KEYS = [...'.tie5Roanl', 'Enter']
/** Of a page before its password, and between its parts. */
const BETWEEN_MS = 1500
const NAME_HOLD_MS = 80
/** No feature tells longer pauses apart (`SINCE_RELEASE_MAX_S` in `pointer-features.ts`). */
const PAUSE_MS_MAX = 10_000
/** Paths end at a pause of a second (`pointer-actions.ts`): nothing is cut in two there. */
const CUT_MS = 1000

/** A password as it was typed. @param row H, DD, UD, H ... H in seconds. @param atMs when its first key is pressed */
export function typedPassword(row: Float64Array, atMs: number): HandEvent[] {
  let pressMs = atMs
  const events = ROW_KEYS.flatMap((key, i): HandEvent[] => {
    if (i > 0) pressMs += (row[3 * i - 2] ?? 0) * 1000
    const releaseMs = pressMs + (row[3 * i] ?? 0) * 1000
    return [
      { kind: 'down', atMs: pressMs, key },
      { kind: 'up', atMs: releaseMs, key },
    ]
  })
  return events.sort((a, b) => a.atMs - b.atMs)
}

/** A stretch of a mouse session, from a pause to a pause. */
export interface MouseStretch {
  /** From the event before the first, 0 for the first of all. */
  readonly pauseMs: number
  /** `atMs` since the first of them. */
  readonly events: readonly HandEvent[]
  /** Paths and clicks, as the engine counts them. */
  readonly actions: number
}

/** Pauses beyond {@link PAUSE_MS_MAX} are as long as that. Events that are older than the one before are left out. */
export function mouseStretches(events: readonly PointerEvent[]): MouseStretch[] {
  const stretches: { pauseMs: number; events: PointerEvent[] }[] = []
  let lastS = Number.NEGATIVE_INFINITY
  for (const event of events) {
    const gapMs = (event.timeS - lastS) * 1000
    if (!(gapMs >= 0)) continue
    lastS = event.timeS
    const open = stretches.at(-1)
    if (open === undefined || gapMs > CUT_MS) {
      const pauseMs = open === undefined ? 0 : Math.min(gapMs, PAUSE_MS_MAX)
      stretches.push({ pauseMs, events: [event] })
    } else open.events.push(event)
  }
  return stretches.map(({ pauseMs, events: own }) => ({
    pauseMs,
    events: own.map(({ kind, x, y, timeS }) => {
      return { kind, x, y, atMs: (timeS - (own[0]?.timeS ?? 0)) * 1000 }
    }),
    actions: readActions(own).length,
  }))
}

/** What is done on one page. */
export interface Round {
  readonly events: readonly HandEvent[]
  readonly mouseActions: number
  /** As many as were asked for, while the recording has some left. */
  readonly passwords: number
}

/** Hands that go on from page to page, where the recordings were left. */
export class RecordedHands {
  readonly #passwords: Float64Array[]
  readonly #mouse: Iterator<MouseStretch>
  #next: MouseStretch | undefined

  constructor(passwords: readonly Float64Array[], mouse: Iterable<MouseStretch>) {
    this.#passwords = [...passwords]
    this.#mouse = mouse[Symbol.iterator]()
    this.#next = this.#mouse.next().value
  }

  /** The mouse, then the name and a password, so often. @param untilMs from its first event to its last, at most */
  round(untilMs: number, passwords = 1): Round {
    const rows = this.#passwords.splice(0, passwords)
    const typed: HandEvent[] = []
    for (const row of rows) typed.push(...later(loginWith(row), typed.at(-1)?.atMs ?? 0))
    const leftMs = untilMs - (typed.at(-1)?.atMs ?? 0)
    const events: HandEvent[] = []
    let endMs = 0
    let mouseActions = 0
    for (let next = this.#next; next !== undefined; next = this.#next) {
      const startMs = events.length === 0 ? 0 : endMs + next.pauseMs
      const lastedMs = next.events.at(-1)?.atMs ?? 0
      // One that is longer than a page has time for is left out.
      if (startMs + lastedMs > leftMs && lastedMs <= leftMs) break
      this.#next = this.#mouse.next().value
      if (lastedMs > leftMs) continue
      events.push(...later(next.events, startMs))
      mouseActions += next.actions
      endMs = startMs + lastedMs
    }
    return { events: [...events, ...later(typed, endMs)], mouseActions, passwords: rows.length }
  }
}

function later(events: readonly HandEvent[], byMs: number): HandEvent[] {
  return events.map((event) => ({ ...event, atMs: event.atMs + byMs }))
}

function loginWith(row: Float64Array): HandEvent[] {
  return [
    { kind: 'focus', atMs: BETWEEN_MS, field: 'name' },
    { kind: 'down', atMs: BETWEEN_MS, key: 'a' },
    { kind: 'up', atMs: BETWEEN_MS + NAME_HOLD_MS, key: 'a' },
    { kind: 'focus', atMs: 2 * BETWEEN_MS, field: 'secret' },
    ...typedPassword(row, 2 * BETWEEN_MS),
  ]
}
