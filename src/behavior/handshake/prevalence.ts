/**
 * How common a label is among those seen lately, as a conformal p-value (Vovk, Gammerman, Shafer,
 * "Algorithmic Learning in a Random World", section 2.2): the share of past sightings whose label was
 * as rare as this one or rarer, this sighting counted in. For sightings that come in no special order,
 * a p-value of x or less turns up in at most a share x of them, whatever the labels are.
 *
 * Sightings fade by half every `halfLifeMs` (forward decay: Cormode, Shkapenyuk, Srivastava, Xu, 2009).
 *
 * @module
 */

export interface PrevalenceOptions {
  readonly halfLifeMs: number
  /** Labels remembered; beyond, the one unseen for longest is counted as "rare" and forgotten. */
  readonly labelsMax: number
}

/** Labels are ranked by the power of two of their weight: 64 of them either side of 1 are plenty. */
const RANKS = 128
const RANK_OF_ONE = 64
/** New sightings weigh 2^(age of the scale); when that reaches 2^32 all weights are divided by it. */
const RESCALE_BITS = 32

export class Prevalence {
  readonly #options: PrevalenceOptions
  /** Weight of each label, the one unseen for longest first. */
  readonly #weights = new Map<string, number>()
  /** Weight of all labels of a rank. Forgotten labels are in rank 0. */
  readonly #ranks = new Float64Array(RANKS)
  #scaleBegan: number | undefined

  constructor(options: PrevalenceOptions) {
    this.#options = options
  }

  /** Labels remembered. */
  get labels(): number {
    return this.#weights.size
  }

  /** Counts `times` sightings of `label` and returns the p-value of one, in (0, 1]. */
  meet(label: string, now: number, times = 1): number {
    const one = this.#weightOfOne(now)
    const weight = this.#weights.get(label) ?? 0
    const rank = rankOf(weight)
    let total = 0
    let rarer = 0
    for (let i = 0; i < RANKS; i++) {
      const held = this.#ranks[i] ?? 0
      total += held
      if (i <= rank) rarer += held
    }
    this.#move(rank, -weight)
    const grown = weight + times * one
    this.#move(rankOf(grown), grown)
    // Deleted first, so that the map stays in the order of the last sighting.
    this.#weights.delete(label)
    this.#weights.set(label, grown)
    if (this.#weights.size > this.#options.labelsMax) this.#forgetOne()
    return Math.min(1, (rarer + one) / (total + one))
  }

  #weightOfOne(now: number): number {
    this.#scaleBegan ??= now
    let bits = (now - this.#scaleBegan) / this.#options.halfLifeMs
    if (bits >= RESCALE_BITS) {
      const whole = Math.floor(bits)
      this.#scaleBegan += whole * this.#options.halfLifeMs
      this.#rescale(whole)
      bits -= whole
    }
    return 2 ** bits
  }

  #rescale(bits: number): void {
    this.#ranks.fill(0)
    for (const [label, weight] of this.#weights) {
      const faded = weight / 2 ** bits
      // Below rank 0 a label weighs 2^-64 of one sighting: nothing.
      if (rankOf(faded) === 0) this.#weights.delete(label)
      else {
        this.#weights.set(label, faded)
        this.#move(rankOf(faded), faded)
      }
    }
  }

  #forgetOne(): void {
    for (const [label, weight] of this.#weights) {
      this.#weights.delete(label)
      this.#move(rankOf(weight), -weight)
      this.#move(0, weight)
      return
    }
  }

  #move(rank: number, weight: number): void {
    // Rounding must not leave a rank below nothing.
    this.#ranks[rank] = Math.max(0, (this.#ranks[rank] ?? 0) + weight)
  }
}

function rankOf(weight: number): number {
  if (weight <= 0) return 0
  return Math.min(RANKS - 1, Math.max(0, Math.floor(Math.log2(weight)) + RANK_OF_ONE))
}
