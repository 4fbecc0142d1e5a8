/**
 * Pointer events -> actions: the movement up to a click, a drag, or the movement up to a pause, each as a row of features
 * (`pointer-features.ts`) of how the hand moved.
 *
 * What tells the device and not the person is left out: where on the screen, how often the device reports, how many
 * reports. Every path is read off at the same instants, {@link STEP_S} apart, so that a fast and a slow mouse give the
 * same rows as far as they can.
 *
 * @module
 */
import { type PointerPath, pathDirection, pathFeatures } from './pointer-features.ts'

export interface PointerEvent {
  /** Seconds, of any origin. An event older than the one before is left out. */
  readonly timeS: number
  /** Pixels. */
  readonly x: number
  readonly y: number
  readonly kind: 'move' | 'press' | 'release'
}

/** Rows of `POINTER_FEATURES`, oldest first. Events that are not finite are left out. */
export function readActions(events: readonly PointerEvent[]): Float64Array[] {
  const state: Reading = {
    rows: [],
    points: [],
    pathEndS: Number.NaN,
    releaseS: Number.NaN,
    direction: Number.NaN,
  }
  let pressed = false
  let lastS = Number.NEGATIVE_INFINITY
  for (const [i, event] of events.entries()) {
    const { timeS, kind } = event
    if (!Number.isFinite(timeS + event.x + event.y) || timeS < lastS) continue
    if (timeS - lastS > PAUSE_S) endPath(state, {})
    lastS = timeS
    if (kind === 'press' && !pressed) {
      pressed = true
      endPath(state, { pressS: timeS, holdS: clickHold(events, i) })
    } else if (kind === 'release') {
      pressed = false
      endPath(state, { drag: true })
      state.releaseS = timeS
    }
    const last = state.points.at(-1)
    if (last === undefined || timeS - last.timeS >= SAME_TIME_S) state.points.push(event)
    if (state.points.length >= POINTS_MAX) endPath(state, {})
  }
  endPath(state, {})
  return state.rows
}

/** A hand that rests so long has finished (Zheng, Paloski, Wang, 2011, cut at pauses of the like). */
const PAUSE_S = 1
/** The slowest of the ten devices of the Balabit data reports every 0.11 s. */
const STEP_S = 0.1
/** Reports within a millisecond are one. */
const SAME_TIME_S = 1e-3
/** At 1000 reports a second, four seconds. */
const POINTS_MAX = 4096
/** Fewer instants have no acceleration to speak of. */
const INSTANTS_MIN = 4

interface Reading {
  readonly rows: Float64Array[]
  points: PointerEvent[]
  /** When the path before ended. */
  pathEndS: number
  releaseS: number
  /** Of the action before, radians. */
  direction: number
}

interface PathEnd {
  readonly pressS?: number
  readonly holdS?: number
  readonly drag?: boolean
}

function endPath(state: Reading, { pressS, holdS, drag }: PathEnd): void {
  const path = atEqualSteps(state.points)
  state.points = []
  const [startS, endS] = [path.timesS[0], path.timesS.at(-1)]
  if (startS === undefined || endS === undefined) return
  if (path.timesS.length >= INSTANTS_MIN) {
    const row = pathFeatures(path, {
      restS: startS - state.pathEndS,
      sinceReleaseS: startS - state.releaseS,
      beforePressS: pressS === undefined ? Number.NaN : pressS - endS,
      holdS: holdS ?? Number.NaN,
      drag: drag === true,
      directionBefore: state.direction,
    })
    if (row !== undefined) {
      state.rows.push(row)
      state.direction = pathDirection(path)
    }
  }
  state.pathEndS = endS
}

/** Positions on a line between reports; what is left after the last whole step is dropped. */
function atEqualSteps(points: readonly PointerEvent[]): PointerPath {
  const timesS: number[] = []
  const xs: number[] = []
  const ys: number[] = []
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined) return { timesS, xs, ys }
  const steps = Math.floor((last.timeS - first.timeS) / STEP_S + ROUNDING)
  let at = 0
  for (let k = 0; k <= steps; k++) {
    const timeS = first.timeS + k * STEP_S
    while (at + 2 < points.length && (points[at + 1] ?? last).timeS < timeS) at++
    const from = points[at] ?? first
    const to = points[at + 1] ?? from
    const gap = to.timeS - from.timeS
    const share = gap > 0 ? Math.min(1, Math.max(0, (timeS - from.timeS) / gap)) : 0
    timesS.push(timeS)
    xs.push(from.x + share * (to.x - from.x))
    ys.push(from.y + share * (to.y - from.y))
  }
  return { timesS, xs, ys }
}

/** A step may be short by the rounding of its sum. */
const ROUNDING = 1e-6

/** Seconds from this press to its release, when it is a click; NaN else. */
function clickHold(events: readonly PointerEvent[], press: number): number {
  const from = events[press]
  const to = events
    .slice(press + 1, press + 1 + CLICK_EVENTS_MAX)
    .find(({ kind }) => kind === 'release')
  if (from === undefined || to === undefined) return Number.NaN
  const holdS = to.timeS - from.timeS
  const moved = Math.hypot(to.x - from.x, to.y - from.y)
  return moved <= CLICK_MOVE_MAX && holdS >= 0 && holdS <= CLICK_HOLD_MAX_S ? holdS : Number.NaN
}

/** Beyond any of these it is a drag. The pixels are those of the drag threshold of desktops, doubled. */
const CLICK_MOVE_MAX = 8
const CLICK_HOLD_MAX_S = 1.5
const CLICK_EVENTS_MAX = 200
