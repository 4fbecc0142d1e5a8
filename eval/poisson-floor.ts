/**
 * How near to what comes a forecast of counts can get at all. Whoever knew the rate of each minute would still miss its count by chance:
 * counts of requests that know nothing of one another are Poisson, and the best forecast of one is the median. Real requests come in bursts,
 * pages with their pictures, so the true floor is higher: also given is what somebody would reach who knew the minutes before and after.
 *
 * @module
 */

export interface Floor {
  /** Error of a forecast that knows the rate of every minute, over that of the last value. */
  readonly poisson: number
  /** The same of the mean of {@link BESIDE} minutes before and as many after: no forecast, but hardly to be had by one. */
  readonly beside: number
}

/** Of the minutes around one, on either side, its rate is taken to be the mean. */
const AROUND = 7
/** On NASA's minutes 2 was the best of 1 to 15 (docs/decisions/0015). */
const BESIDE = 2
/** Above this rate the normal distribution says it to less than 0.2 %. */
const EXACT_MAX = 200

/**
 * @param values counts, minute by minute; NaN is unknown, and left out
 * @param known the first origin: so many values only teach
 * @param steps how far ahead
 */
export function noiseFloor(values: Float64Array, known: number, steps: number): Floor {
  const sums = { poisson: 0, beside: 0, last: 0 }
  for (let target = known + steps; target < values.length; target++) {
    const actual = values[target] ?? Number.NaN
    const last = Math.abs(actual - (values[target - steps] ?? Number.NaN))
    const beside = Math.abs(actual - meanBeside(values, target, BESIDE))
    const chance = poissonDeviation(meanBeside(values, target, AROUND))
    if (Number.isNaN(last) || Number.isNaN(beside) || Number.isNaN(chance)) continue
    sums.poisson += chance
    sums.beside += beside
    sums.last += last
  }
  return { poisson: sums.poisson / sums.last, beside: sums.beside / sums.last }
}

/** Of what is known on either side. */
function meanBeside(values: Float64Array, at: number, reach: number): number {
  let [sum, count] = [0, 0]
  for (let t = Math.max(0, at - reach); t <= at + reach && t < values.length; t++) {
    const value = values[t] ?? Number.NaN
    if (t === at || Number.isNaN(value)) continue
    sum += value
    count++
  }
  return sum / count
}

/** Mean absolute deviation of a Poisson count from its median. */
export function poissonDeviation(rate: number): number {
  if (rate > EXACT_MAX) return Math.sqrt((2 * rate) / Math.PI)
  let share = Math.exp(-rate)
  let below = share
  let belowSum = 0
  let median = 0
  while (below < 0.5) {
    median++
    share *= rate / median
    below += share
    belowSum += share * median
  }
  // Over all counts |N - m| = rate - m + 2 x (m - N where N is below it).
  return rate - median + 2 * (median * below - belowSum)
}
