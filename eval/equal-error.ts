/**
 * Measures of a score that should tell a person from others: equal error rate and area under the curve. Higher is stranger.
 *
 * @module
 */

/** The rate at which as many of the own are refused as of the others are let in, between thresholds linearly; NaN of none. */
export function equalErrorRate(own: readonly number[], others: readonly number[]): number {
  const genuine = Float64Array.from(own).sort()
  const impostors = Float64Array.from(others).sort()
  const thresholds = [...new Set([...genuine, ...impostors])].sort((a, b) => a - b)
  let [passed, taken] = [0, 0]
  let [refusedBefore, letInBefore] = [1, 0]
  for (const threshold of thresholds) {
    while ((genuine[passed] ?? Number.POSITIVE_INFINITY) <= threshold) passed++
    while ((impostors[taken] ?? Number.POSITIVE_INFINITY) <= threshold) taken++
    const refused = 1 - passed / genuine.length
    const letIn = taken / impostors.length
    if (letIn >= refused) {
      const before = refusedBefore - letInBefore
      const share = before / (before + letIn - refused)
      // Between the two whatever the last digit of the share.
      return Math.min(letIn, letInBefore + share * (letIn - letInBefore))
    }
    refusedBefore = refused
    letInBefore = letIn
  }
  return Number.NaN
}

/** Chance that one of the others scores above one of the own; ties are half. NaN of none. */
export function areaUnderCurve(own: readonly number[], others: readonly number[]): number {
  const sorted = Float64Array.from(own).sort()
  let sum = 0
  for (const score of others) {
    sum += (countBelow(sorted, score, false) + countBelow(sorted, score, true)) / 2
  }
  return sum / (own.length * others.length)
}

function countBelow(sorted: Float64Array, value: number, orEqual: boolean): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    const at = sorted[middle] as number
    if (at < value || (orEqual && at === value)) low = middle + 1
    else high = middle
  }
  return low
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
