/**
 * Evidence that a session is not the person's, from the p-values of its observations one after the other. Each is a bet
 * against the person (Shafer, 2021): e = 1 / (2 sqrt(p)), whose mean is at most 1 while it is the person. Their product since
 * it was last in the person's favour is what counts (an e-detector: Shin, Ramdas, Rinaldo, 2023): so that a session that is
 * taken over late is noticed as soon as one that was never the person's.
 *
 * The unit is digits. While it is the person, and observations of theirs are exchangeable, a score of s is reached once in
 * 10^s observations at most.
 *
 * @module
 */

/** @param score so far, digits, 0 or more; `max`: more would only be slower to forget */
export function addEvidence(score: number, pValue: number, max: number): number {
  return Math.min(max, Math.max(0, score + digitsOfBet(pValue)))
}

/** log10 of 1 / (2 sqrt(p)): -0.3 of what is most usual, 0.7 of one in a hundred. */
export function digitsOfBet(pValue: number): number {
  return -Math.log10(2) - Math.log10(pValue) / 2
}
