/**
 * How unusual a number is among those before it, in decimal digits: the conformal p-value (Vovk, Gammerman, Shafer, 2005) of
 * a distance within its own past, as -log10. It assumes no distribution. The past is a histogram of logarithms that forgets
 * exponentially, so its size never grows; how far a record goes beyond the last one counts as digits too.
 *
 * @module
 */

export interface Surprises {
  /** Weights per bin of the logarithm, in units that grow instead of the past fading. */
  readonly bins: Float64Array
  /** What the next number weighs, and all of them together. */
  unit: number
  total: number
  /** The greatest number seen, fading. */
  record: number
  count: number
}

/**
 * Numbers that count, as many as values are remembered. In NAB (docs/decisions/0013) 1024 to 3072 are level; with 5000 and
 * more, what is merely rare in a long series is overrated.
 */
const MEMORY = 2048
/** Before that many numbers nothing is unusual. 50 and 200 score the same in NAB within half a point. */
export const WARM_UP = 100
/** A bin is 19 % wide; bins of 2 % give the same in NAB within a point. */
const BINS_PER_OCTAVE = 4
/** 2^-64 to 2^64; what is outside counts in the last bin. */
const OCTAVES = 128
/** A record that is a million times the last one is unusual enough. */
const RECORD_DIGITS_MAX = 6
/** The units are brought down before they lose precision. */
const UNIT_MAX = 1e12

const GROWTH = MEMORY / (MEMORY - 1)
const FADE = 2 ** (-1 / MEMORY)

export function startSurprises(): Surprises {
  return {
    bins: new Float64Array(OCTAVES * BINS_PER_OCTAVE),
    unit: 1,
    total: 0,
    record: 0,
    count: 0,
  }
}

export interface Surprise {
  /** The share of the past that was at least this great, from just above 0 to 1. */
  readonly pValue: number
  /** -log10 of it, and more for a record. */
  readonly digits: number
}

const NONE: Surprise = { pValue: 1, digits: 0 }

/** Judges a number from 0 up, then learns it. */
export function takeSurprise(past: Surprises, distance: number): Surprise {
  const bin = binOf(distance)
  const surprise = past.count < WARM_UP ? NONE : judge(past, distance, bin)
  past.bins[bin] = (past.bins[bin] ?? 0) + past.unit
  past.total += past.unit
  past.unit *= GROWTH
  past.record = Math.max(past.record * FADE, distance)
  past.count++
  if (past.unit > UNIT_MAX) rescale(past)
  return surprise
}

function judge({ bins, unit, total, record }: Surprises, distance: number, bin: number): Surprise {
  // Half of the own bin: where in it the others were is not known.
  let above = (bins[bin] ?? 0) / 2
  for (let i = bin + 1; i < bins.length; i++) above += bins[i] ?? 0
  const pValue = (above + unit) / (total + unit)
  const beyond = record > 0 && distance > record ? Math.log10(distance / record) : 0
  return { pValue, digits: -Math.log10(pValue) + Math.min(RECORD_DIGITS_MAX, beyond) }
}

function binOf(distance: number): number {
  const bin = Math.floor((Math.log2(distance) + OCTAVES / 2) * BINS_PER_OCTAVE)
  return Math.min(OCTAVES * BINS_PER_OCTAVE - 1, Math.max(0, bin))
}

function rescale(past: Surprises): void {
  for (let i = 0; i < past.bins.length; i++) past.bins[i] = (past.bins[i] ?? 0) / past.unit
  past.total /= past.unit
  past.unit = 1
}
