/**
 * Timings that come twice: nobody types {@link RUN} keys at the same distances again, to {@link STEP_MS}, a recording does,
 * and so do some of its runs when noise of a few milliseconds is added. Runs are remembered as hashes, not as timings. Plain
 * JSON data of bounded size.
 *
 * @module
 */
import type { Stroke } from './stroke.ts'

/** Hashes of runs that were seen, oldest first. */
export type SeenRuns = number[]

/** Keys of a run. At 18 values of some 3 bits each even a clock of 16 ms repeats none in a lifetime. */
const RUN = 10
/**
 * Timings are told apart by as much. Of the 400 times that 51 people typed one password each (CMU) no run came again, at 24
 * ms neither; of a recording with up to 1, 2 and 4 ms added to each time a third, an eighth and a hundredth of the runs do.
 */
const STEP_MS = 8
/** Of as many keys, the last: some forty minutes of typing, 30 kB. */
export const SEEN_RUNS_MAX = 4000
/** Keys typed before anybody has said who it is. */
const EARLY_MAX = 400
/** Timings that differ among themselves: with fewer the clock is too coarse, or a key is held down. */
const DISTINCT_MIN = 8
/** Longer is a pause, whatever comes behind. */
const PAUSE_S = 2

/** Runs of a person, of all sessions. */
export class KnownRuns {
  readonly #seen: SeenRuns
  readonly #known: Set<number>

  /** @param seen is added to */
  constructor(seen: SeenRuns) {
    this.#seen = seen
    this.#known = new Set(seen)
  }

  /** Whether it was there before. */
  meet(hash: number): boolean {
    if (this.#known.has(hash)) return true
    this.#known.add(hash)
    this.#seen.push(hash)
    if (this.#seen.length > SEEN_RUNS_MAX) this.#known.delete(this.#seen.shift() ?? 0)
    return false
  }
}

/** Of one session. */
export class RepeatedTimings {
  #runs: KnownRuns = new KnownRuns([])
  #run: Stroke[] = []
  /** Before anybody said whose they are. */
  #early: Stroke[] | undefined = []

  /** The runs of its person: what was typed before is looked for among them. @returns how often it was found */
  compareWith(runs: KnownRuns): number {
    this.#runs = runs
    const early = this.#early ?? []
    this.#early = undefined
    this.#run = []
    return early.filter((stroke) => this.#isKnown(stroke)).length
  }

  /** Whether the run that ends with this stroke was there before. */
  add(stroke: Stroke): boolean {
    this.#early?.push(stroke)
    if (this.#early !== undefined && this.#early.length > EARLY_MAX) this.#early.shift()
    return this.#isKnown(stroke)
  }

  #isKnown(stroke: Stroke): boolean {
    const last = this.#run.at(-1)
    if (last !== undefined && !(stroke.atS - last.atS >= 0 && stroke.atS - last.atS <= PAUSE_S)) {
      this.#run = []
    }
    this.#run.push(stroke)
    if (this.#run.length <= RUN) return false
    const hash = hashOf(this.#run)
    this.#run.shift()
    return hash !== undefined && this.#runs.meet(hash)
  }
}

/** undefined where the timings could be alike by chance. */
function hashOf(run: readonly Stroke[]): number | undefined {
  const values: number[] = []
  for (let i = 1; i < run.length; i++) {
    const [before, now] = [run[i - 1], run[i]]
    if (before === undefined || now === undefined) continue
    const gap = stepOf(now.atS - before.atS)
    const hold = Number.isFinite(before.holdS) ? stepOf(before.holdS) : -1
    values.push(gap, hold)
  }
  if (new Set(values).size < DISTINCT_MIN) return undefined
  let [a, b] = [0x811c9dc5, 0x9e3779b9]
  for (const value of values) {
    a = Math.imul(a ^ value, 0x01000193)
    b = Math.imul((b ^ value) + (b << 6), 0x85ebca6b) ^ (b >>> 13)
  }
  // 53 bits, so that chance makes no two of a lifetime alike.
  return (a >>> 0) * 2 ** 21 + ((b >>> 0) & 0x1f_ffff)
}

function stepOf(seconds: number): number {
  return Math.floor(Math.round(seconds * 1000) / STEP_MS)
}

/** For what comes out of storage. */
export function isSeenRuns(value: unknown): value is SeenRuns {
  return (
    Array.isArray(value) &&
    value.length <= SEEN_RUNS_MAX &&
    value.every((hash) => Number.isSafeInteger(hash) && hash >= 0)
  )
}
