/**
 * What gradient boosting makes smaller (`boosted-trees.ts`): a loss, by its first two derivatives.
 *
 * @module
 */

export interface Loss {
  /** The answer before any tree. */
  readonly base: number
  /** First and second derivatives at the answers as they are, one for each row. */
  derive(answers: Float64Array, gradient: Float64Array, hessian: Float64Array): void
}

/** Rounding must not make a sure row weigh nothing. */
const HESSIAN_MIN = 1e-9
/** Nor an answer to rows that are all alike be infinite. */
const SHARE_MIN = 1e-6

/**
 * Of answers that are log odds (Friedman, 2001, section 4.4).
 *
 * @param wanted 1 or 0 for each row
 * @param weights of each row, positive
 */
export function logisticLoss(wanted: Uint8Array, weights: Float64Array): Loss {
  let yes = 0
  let all = 0
  for (let i = 0; i < wanted.length; i++) {
    all += weights[i] as number
    if (wanted[i] === 1) yes += weights[i] as number
  }
  const share = Math.min(1 - SHARE_MIN, Math.max(SHARE_MIN, yes / all))
  return {
    base: Math.log(share / (1 - share)),
    derive(answers, gradient, hessian) {
      for (let i = 0; i < answers.length; i++) {
        const chance = 1 / (1 + Math.exp(-(answers[i] as number)))
        const weight = weights[i] as number
        gradient[i] = weight * (chance - (wanted[i] as number))
        hessian[i] = weight * Math.max(chance * (1 - chance), HESSIAN_MIN)
      }
    },
  }
}

/**
 * Absolute error, by reweighting: a square near which it lies (Schlossmacher, 1973).
 *
 * @param targets a number for each row
 * @param weights of each row, positive
 * @param errorMin errors below this weigh the same: absolute error is rounded there
 */
export function absoluteLoss(targets: Float64Array, weights: Float64Array, errorMin: number): Loss {
  return {
    base: 0,
    derive(answers, gradient, hessian) {
      for (let i = 0; i < answers.length; i++) {
        const error = (answers[i] as number) - (targets[i] as number)
        const weight = (weights[i] as number) / Math.max(errorMin, Math.abs(error))
        gradient[i] = weight * error
        hessian[i] = weight
      }
    },
  }
}
