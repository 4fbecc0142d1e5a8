/**
 * How a day differs from those before: the p-value of an observation, given what the same session has shown so far. Observations of a
 * day lean the same way (a cold hand, another chair): taken one by one each is a little unusual, and their product would make an
 * unusual day a stranger. What the day has shown is expected of its next observation, the more the more of it there is.
 *
 * The model: z is a shift of the day plus what varies within it; the shift is normal around 0. Its share is the same for everybody, from
 * people who were recorded on eight days: of four or five days nobody's own can be told. Tails are those of Student's t of five
 * degrees, because own scores are few and have long ones.
 *
 * @module
 */

/**
 * Standard deviation of days in spreads of own scores. Of 0 to 0.3, with 3 to 8 degrees of freedom and 10 to 25 scores of a session, chosen on
 * halves of the people of the CMU data (decision 0021).
 */
const SHIFT = 0.15
/** A slip says little of the day. */
const LOW = -4
const HIGH = 6

/** Of one kind of observations of one session. */
export class DayShift {
  #seen = 0
  #sum = 0

  /**
   * @param z spreads above the median of own scores (`own-scores.ts`)
   * @param compared how many these are: one of so many more is the rarest there can be
   */
  pValue(z: number, compared: number): number {
    const known = 1 + SHIFT ** 2 * this.#seen
    const expected = (SHIFT ** 2 * this.#sum) / known
    const variance = 1 + SHIFT ** 2 / known
    this.#seen++
    this.#sum += Math.max(LOW, Math.min(HIGH, z))
    return Math.max(1 / (compared + 1), tailOfT5((z - expected) / Math.sqrt(variance)))
  }
}

/** P(T >= t) of Student's t of five degrees of freedom, in closed form. */
function tailOfT5(t: number): number {
  const u = t / Math.sqrt(5)
  const cos2 = 1 / (1 + u * u)
  return 0.5 - (Math.atan(u) + u * cos2 * (1 + (2 / 3) * cos2)) / Math.PI
}
