/**
 * One path of a pointer as features: speed and its parts along both axes, acceleration, jerk, turning, curvature, shape,
 * hesitation (after Gamboa and Fred, 2004, and Zheng, Paloski, Wang, 2011).
 *
 * The path is given at equal steps of time (`pointer-actions.ts`). Units: pixels, seconds, radians. NaN is missing.
 *
 * @module
 */

export interface PointerPath {
  readonly timesS: readonly number[]
  readonly xs: readonly number[]
  readonly ys: readonly number[]
}

/** What happened around the path. */
export interface PathContext {
  /** Since the path before ended. */
  readonly restS: number
  readonly sinceReleaseS: number
  /** From the end of the movement to the press that ended it. */
  readonly beforePressS: number
  readonly holdS: number
  readonly drag: boolean
  readonly directionBefore: number
}

export const POINTER_FEATURES = [
  ...['mean', 'sd', 'p10', 'p50', 'p90', 'max'].map((name) => `speed ${name}`),
  ...['mean', 'sd', 'p10', 'p90'].map((name) => `speed x ${name}`),
  ...['mean', 'sd', 'p10', 'p90'].map((name) => `speed y ${name}`),
  ...['mean', 'sd', 'p10', 'p90'].map((name) => `acceleration ${name}`),
  'jerk sd',
  ...['mean', 'p90', 'sd'].map((name) => `turning ${name}`),
  ...['mean', 'sd', 'size'].map((name) => `curvature ${name}`),
  ...['length', 'distance', 'straightness', 'duration', 'direction', 'distance x', 'distance y'],
  ...['direction change', 'fastest at', 'turned', 'sharp turns', 'widest off', 'side'],
  ...['rest', 'before press', 'hold', 'since release', 'drag', 'slow', 'first speed', 'last speed'],
] as const

/** @returns undefined when the pointer hardly moved */
export function pathFeatures(path: PointerPath, context: PathContext): Float64Array | undefined {
  const motion = motionOf(path)
  const length = motion.lengths.reduce((sum, value) => sum + value, 0)
  if (length < LENGTH_MIN) return undefined
  const speeds = spreadOf(motion.speeds)
  const turning = spreadOf(motion.turning.map(Math.abs))
  const along = (values: Float64Array) => {
    const { mean, sd, p10, p90 } = spreadOf(values)
    return [mean, sd, p10, p90]
  }
  const features = Float64Array.of(
    ...[speeds.mean, speeds.sd, speeds.p10, speeds.p50, speeds.p90, speeds.max],
    ...along(motion.speedsX),
    ...along(motion.speedsY),
    ...along(motion.accelerations),
    spreadOf(motion.jerks).sd,
    ...[turning.mean, turning.p90, spreadOf(motion.turning).sd],
    spreadOf(motion.curvatures).mean,
    spreadOf(motion.curvatures).sd,
    spreadOf(motion.curvatures.map(Math.abs)).mean,
    ...shapeFeatures(path, motion, length, context),
    bounded(context.restS, REST_MAX_S),
    context.beforePressS,
    context.holdS,
    bounded(context.sinceReleaseS, SINCE_RELEASE_MAX_S),
    context.drag ? 1 : 0,
    motion.speeds.filter((speed) => speed < SLOW).length / motion.speeds.length,
    motion.speeds[0] ?? Number.NaN,
    motion.speeds.at(-1) ?? Number.NaN,
  )
  return features.map((value) => Number(value.toPrecision(DIGITS)))
}

/**
 * More is rounding of sums. A row must come out the same whether it was stored or not: a tree finds the difference
 * of 1.3 and 1.3000000000000007, and takes it for the person (AUC 0.956 for 0.976).
 */
const DIGITS = 5

/** Shorter is a tremble. */
const LENGTH_MIN = 5
/** Pixels per second: as good as standing. */
const SLOW = 30
/** After that the person was doing something else. */
const REST_MAX_S = 5
const SINCE_RELEASE_MAX_S = 10
/** Radians from one step to the next. */
const SHARP_TURN = 0.5
/** Of less than that a step has no direction. */
const STEP_LENGTH_MIN = 1

/** From start to end, radians; NaN when they are next to each other. */
export function pathDirection({ xs, ys }: PointerPath): number {
  const [x, y] = [(xs.at(-1) ?? 0) - (xs[0] ?? 0), (ys.at(-1) ?? 0) - (ys[0] ?? 0)]
  return Math.hypot(x, y) > LENGTH_MIN ? Math.atan2(y, x) : Number.NaN
}

function shapeFeatures(
  path: PointerPath,
  { speeds, turns }: Motion,
  length: number,
  { directionBefore }: PathContext,
): number[] {
  const { timesS, xs, ys } = path
  const [x, y] = [(xs.at(-1) ?? 0) - (xs[0] ?? 0), (ys.at(-1) ?? 0) - (ys[0] ?? 0)]
  const distance = Math.hypot(x, y)
  const durationS = (timesS.at(-1) ?? 0) - (timesS[0] ?? 0)
  const direction = pathDirection(path)
  const fastest = speeds.indexOf(speeds.reduce((most, speed) => Math.max(most, speed), 0))
  const sharp = turns.filter((turn) => Math.abs(turn) > SHARP_TURN).length
  // Distances from the straight line, by the cross product; the ends lie on it.
  const off = xs
    .slice(1, -1)
    .map((at, i) => ((at - (xs[0] ?? 0)) * y - ((ys[i + 1] ?? 0) - (ys[0] ?? 0)) * x) / distance)
  const hasLine = distance > LENGTH_MIN
  return [
    ...[length, distance, distance / length, durationS, direction, x, y],
    halfTurn(direction - directionBefore),
    fastest / speeds.length,
    turns.reduce((sum, turn) => sum + Math.abs(turn), 0),
    turns.length > 0 ? sharp / turns.length : Number.NaN,
    hasLine ? Math.max(0, ...off.map(Math.abs)) / distance : Number.NaN,
    hasLine ? off.reduce((sum, value) => sum + value, 0) / speeds.length / distance : Number.NaN,
  ]
}

interface Motion {
  readonly lengths: Float64Array
  readonly speeds: Float64Array
  readonly speedsX: Float64Array
  readonly speedsY: Float64Array
  readonly accelerations: Float64Array
  readonly jerks: Float64Array
  /** Radians, between steps that both have a direction. */
  readonly turns: Float64Array
  /** Radians per second. */
  readonly turning: Float64Array
  /** Radians per pixel. */
  readonly curvatures: Float64Array
}

function motionOf({ timesS, xs, ys }: PointerPath): Motion {
  const stepS = (timesS[1] ?? 0) - (timesS[0] ?? 0)
  const stepsX = differences(xs)
  const stepsY = differences(ys)
  const lengths = stepsX.map((x, i) => Math.hypot(x, stepsY[i] ?? 0))
  const rate = (values: ArrayLike<number>) => differences(values).map((value) => value / stepS)
  const speeds = lengths.map((length) => length / stepS)
  const accelerations = rate(speeds)
  const turns: number[] = []
  const curvatures: number[] = []
  for (let i = 0; i + 1 < lengths.length; i++) {
    const [before, after] = [lengths[i] ?? 0, lengths[i + 1] ?? 0]
    if (before <= STEP_LENGTH_MIN || after <= STEP_LENGTH_MIN) continue
    const heading = (k: number) => Math.atan2(stepsY[k] ?? 0, stepsX[k] ?? 0)
    const turn = halfTurn(heading(i + 1) - heading(i))
    turns.push(turn)
    curvatures.push(turn / ((before + after) / 2))
  }
  return {
    lengths,
    speeds,
    speedsX: stepsX.map((x) => x / stepS),
    speedsY: stepsY.map((y) => y / stepS),
    accelerations,
    jerks: rate(accelerations),
    turns: Float64Array.from(turns),
    turning: Float64Array.from(turns, (turn) => turn / stepS),
    curvatures: Float64Array.from(curvatures),
  }
}

function differences(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(
    { length: Math.max(0, values.length - 1) },
    (_, i) => (values[i + 1] ?? 0) - (values[i] ?? 0),
  )
}

/** An angle in [-pi, pi]; NaN stays. */
function halfTurn(angle: number): number {
  if (angle > Math.PI) return angle - 2 * Math.PI
  return angle < -Math.PI ? angle + 2 * Math.PI : angle
}

function bounded(value: number, most: number): number {
  return value < most ? value : Number.NaN
}

interface Spread {
  readonly mean: number
  readonly sd: number
  readonly p10: number
  readonly p50: number
  readonly p90: number
  readonly max: number
}

/** All NaN of nothing. */
function spreadOf(values: Float64Array): Spread {
  const sorted = values.toSorted()
  const quantile = (share: number) => {
    const rank = share * (sorted.length - 1)
    const low = sorted[Math.floor(rank)] ?? Number.NaN
    return low + (rank - Math.floor(rank)) * ((sorted[Math.ceil(rank)] ?? low) - low)
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return {
    mean,
    sd: Math.sqrt(squares / values.length),
    p10: quantile(0.1),
    p50: quantile(0.5),
    p90: quantile(0.9),
    max: sorted.at(-1) ?? Number.NaN,
  }
}
