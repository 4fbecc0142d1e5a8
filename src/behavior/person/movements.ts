/**
 * What hands do besides typing -> windows of actions: a mouse that moves (`pointer-actions.ts`), fingers and pens on a surface
 * (`contact-features.ts`), scrolling (`scroll-features.ts`). Each kind on each kind of device is a context of its own, with features of
 * its own, and is compared in the same way.
 *
 * @module
 */
import {
  type BehaviorRecord,
  type ContactRecord,
  type DeviceClass,
  PATH_STEP_MS,
  type Step,
} from '../../wire/behavior-batch.ts'
import { CONTACT_FEATURES, contactEndMs, contactFeatures } from '../biometrics/contact-features.ts'
import { type PointerEvent, readActions } from '../biometrics/pointer-actions.ts'
import { POINTER_FEATURES } from '../biometrics/pointer-features.ts'
import { SCROLL_FEATURES, ScrollActions } from '../biometrics/scroll-features.ts'

const FEATURES: Readonly<Record<string, readonly string[]>> = {
  mouse: POINTER_FEATURES,
  touch: CONTACT_FEATURES,
  pen: CONTACT_FEATURES,
  scroll: SCROLL_FEATURES,
}

/** Names of the features of a context's actions; none of what is no context of movements. */
export function movementFeatures(context: string): readonly string[] {
  return FEATURES[context.split(' ', 1)[0] ?? ''] ?? []
}

/** Of one observation: of a mouse half a minute of work. */
export const WINDOW_ACTIONS = 20
/** Ten minutes without a pause, at 10 points a second. */
const POINTER_EVENTS_MAX = 6000

export interface MovementWindow {
  readonly context: string
  /** Rows of {@link movementFeatures}, NaN is missing. */
  readonly actions: readonly Float64Array[]
}

type Movement = Exclude<BehaviorRecord, { readonly kind: 'key' | 'mark' }>

export class Movements {
  #mouse: PointerEvent[] = []
  #x = 0
  #y = 0
  readonly #contacts = { touch: new Contacts(), pen: new Contacts() }
  readonly #scrolling = new ScrollActions()
  #scrolls: Float64Array[] = []

  add(record: Movement): void {
    if (record.kind === 'scroll') {
      const row = this.#scrolling.add(record)
      if (row !== undefined) this.#scrolls.push(row)
    } else if (record.kind === 'contact') {
      this.#contacts[record.pen ? 'pen' : 'touch'].add(record)
    } else this.#move(record)
  }

  /** The windows that are complete. */
  take(device: DeviceClass): MovementWindow[] {
    const windows: MovementWindow[] = []
    const mouse = this.#mouseActions()
    if (mouse !== undefined) windows.push({ context: `mouse ${device}`, actions: mouse })
    for (const kind of ['touch', 'pen'] as const) {
      const actions = this.#contacts[kind].take()
      if (actions !== undefined) windows.push({ context: `${kind} ${device}`, actions })
    }
    if (this.#scrolls.length >= WINDOW_ACTIONS) {
      windows.push({ context: `scroll ${device}`, actions: this.#scrolls })
      this.#scrolls = []
    }
    return windows
  }

  /** Another page: its clock and its places are others. */
  break(): void {
    this.#mouse = []
    this.#contacts.touch.break()
    this.#contacts.pen.break()
    this.#scrolling.break()
  }

  #move(record: Exclude<Movement, { readonly kind: 'scroll' | 'contact' }>): void {
    const { atMs, dx, dy } = record
    this.#point(atMs, dx, dy, record.kind === 'path' ? 'move' : record.kind)
    if (record.kind !== 'path') return
    for (const [i, step] of record.steps.entries()) {
      this.#point(atMs + (i + 1) * PATH_STEP_MS, step.dx, step.dy, 'move')
    }
  }

  #point(atMs: number, dx: number, dy: number, kind: PointerEvent['kind']): void {
    this.#x += dx
    this.#y += dy
    if (this.#mouse.length >= POINTER_EVENTS_MAX) this.#mouse = []
    this.#mouse.push({ timeS: atMs / 1000, x: this.#x, y: this.#y, kind })
  }

  /** All but the last, which may go on. */
  #mouseActions(): Float64Array[] | undefined {
    const actions = readActions(this.#mouse)
    if (actions.length <= WINDOW_ACTIONS) return undefined
    this.#mouse = []
    return actions.slice(0, -1)
  }
}

/** Of fingers or of a pen: contacts whole, which may come in several records. */
class Contacts {
  #rows: Float64Array[] = []
  /** What may go on. */
  #open: ContactRecord | undefined
  /** The last record of it. */
  #piece: ContactRecord | undefined
  #endedMs = Number.NaN

  add(record: ContactRecord): void {
    const [open, piece] = [this.#open, this.#piece]
    this.#piece = record
    if (record.continued && open?.fingers === record.fingers && piece !== undefined) {
      const { steps, restMs } = record
      const across = stepBetween(piece, record)
      this.#open = { ...open, steps: [...open.steps, across, ...steps], restMs }
      // Who leaves a finger there for half an hour has no gesture.
      if (this.#open.steps.length > CONTACT_STEPS_MAX) this.#open = undefined
      return
    }
    this.#end()
    // The begin of it is missing.
    this.#open = record.continued ? undefined : record
  }

  take(): Float64Array[] | undefined {
    if (this.#rows.length < WINDOW_ACTIONS) return undefined
    const rows = this.#rows
    this.#rows = []
    return rows
  }

  break(): void {
    this.#open = undefined
    this.#piece = undefined
    this.#endedMs = Number.NaN
  }

  #end(): void {
    if (this.#open === undefined) return
    this.#rows.push(contactFeatures(this.#open, this.#endedMs))
    this.#endedMs = contactEndMs(this.#open)
  }
}

/** A record is told from where the one before began; with several fingers that is another's, and the step is not known. */
function stepBetween({ steps }: ContactRecord, next: ContactRecord): Step {
  if (next.fingers > 1) return { dx: 0, dy: 0 }
  const [x, y] = steps.reduce(([toX, toY], { dx, dy }) => [toX + dx, toY + dy], [0, 0])
  return { dx: next.dx - x, dy: next.dy - y }
}

/** A minute and a half. */
const CONTACT_STEPS_MAX = 2000
