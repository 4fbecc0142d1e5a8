/**
 * The last values of a series, and the mean over any stretch of them without a walk through all. Sums are kept for whole
 * blocks, and the ends of a stretch are added up: 5.5 bytes a value, where a sum and a count at each value took 24.
 *
 * @module
 */
export interface PastSums {
  /** The oldest first; NaN is unknown. Whole counts are exact up to 2^24, others to seven digits. */
  readonly values: Float32Array
  /** Of the known values before each block. */
  readonly sums: Float64Array
  readonly counts: Uint32Array
  length: number
}

/** Sums and counts are then 1.5 bytes a value, and a stretch adds up 14 values at most: no more than its logarithm costs. */
const BLOCK = 8
/** Above it running sums lose the units; no count of requests gets there. */
const VALUE_MAX = 1e12

/** @param room values it holds; {@link appendTo} past them is lost */
export function pastSumsOf(history: Float64Array | Float32Array, room: number): PastSums {
  const blocks = Math.ceil(room / BLOCK) + 1
  const past: PastSums = {
    values: new Float32Array(room),
    sums: new Float64Array(blocks),
    counts: new Uint32Array(blocks),
    length: 0,
  }
  for (const value of history) appendTo(past, value)
  return past
}

/** What is negative, no number or beyond {@link VALUE_MAX} is unknown. */
export function appendTo(past: PastSums, value: number): void {
  const { values, sums, counts } = past
  values[past.length++] = value >= 0 && value <= VALUE_MAX ? value : Number.NaN
  if (past.length % BLOCK !== 0) return
  const block = past.length / BLOCK
  let sum = sums[block - 1] ?? 0
  let count = counts[block - 1] ?? 0
  for (let t = past.length - BLOCK; t < past.length; t++) {
    const known = values[t] ?? Number.NaN
    if (Number.isNaN(known)) continue
    sum += known
    count++
  }
  sums[block] = sum
  counts[block] = count
}

/** The logarithm of one and the mean over [from, to), as far as that is held; NaN when nothing is known there. */
export function meanLog(
  { values, sums, counts, length }: PastSums,
  from: number,
  to: number,
): number {
  const start = Math.max(0, from)
  const end = Math.min(length, to)
  const first = Math.ceil(start / BLOCK)
  const last = Math.floor(end / BLOCK)
  const isLong = last > first
  let sum = isLong ? (sums[last] ?? 0) - (sums[first] ?? 0) : 0
  let count = isLong ? (counts[last] ?? 0) - (counts[first] ?? 0) : 0
  for (let t = start; t < end; t++) {
    if (isLong && t === first * BLOCK) t = last * BLOCK
    if (t >= end) break
    const known = values[t] ?? Number.NaN
    if (Number.isNaN(known)) continue
    sum += known
    count++
  }
  return count === 0 ? Number.NaN : Math.log1p(Math.max(0, sum) / count)
}
