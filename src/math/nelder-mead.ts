/**
 * Minimum of a function of a few numbers without derivatives: the simplex method of Nelder and Mead (1965), with the
 * coefficients of the paper (reflect 1, expand 2, contract 1/2, shrink 1/2).
 *
 * @module
 */
export interface NelderMeadOptions {
  /** Edge of the first simplex. */
  readonly stepSize: number
  /** It stops after about so many evaluations: a shrink is not interrupted. */
  readonly evaluationsMax: number
}

export interface Minimum {
  readonly point: Float64Array
  readonly value: number
}

/** A value that is not a number counts as infinite: the search leaves such places. */
export function minimise(
  cost: (point: Float64Array) => number,
  start: Float64Array,
  { stepSize, evaluationsMax }: NelderMeadOptions,
): Minimum {
  let evaluations = 0
  const at = (point: Float64Array): Minimum => {
    evaluations++
    const value = cost(point)
    return { point, value: Number.isNaN(value) ? Number.POSITIVE_INFINITY : value }
  }
  const simplex = [at(start)]
  for (let i = 0; i < start.length; i++) {
    simplex.push(at(start.map((x, j) => (i === j ? x + stepSize : x))))
  }
  const sort = () => simplex.sort((a, b) => a.value - b.value)
  sort()
  while (evaluations < evaluationsMax) {
    const worst = simplex.at(-1)
    const best = simplex[0]
    if (worst === undefined || best === undefined) break
    if (worst.value - best.value <= TOLERANCE * Math.abs(best.value)) break
    const centre = centreOf(simplex.slice(0, -1))
    const better = improve(at, centre, worst, best.value, simplex.at(-2)?.value ?? best.value)
    if (better !== null) simplex[simplex.length - 1] = better
    else {
      for (let i = 1; i < simplex.length; i++) {
        const point = simplex[i]?.point ?? best.point
        simplex[i] = at(point.map((x, j) => ((best.point[j] ?? 0) + x) / 2))
      }
    }
    sort()
  }
  return simplex[0] ?? at(start)
}

/** All corners as low as one another, relatively: what is left to gain is rounding. */
const TOLERANCE = 1e-9

/** The worst corner's successor; null when nothing on its line is better. */
function improve(
  at: (point: Float64Array) => Minimum,
  centre: Float64Array,
  worst: Minimum,
  best: number,
  secondWorst: number,
): Minimum | null {
  const along = (far: number) => centre.map((c, j) => c + far * (c - (worst.point[j] ?? 0)))
  const reflected = at(along(1))
  if (reflected.value < best) {
    const expanded = at(along(2))
    return expanded.value < reflected.value ? expanded : reflected
  }
  if (reflected.value < secondWorst) return reflected
  const contracted = at(along(reflected.value < worst.value ? 0.5 : -0.5))
  return contracted.value < Math.min(worst.value, reflected.value) ? contracted : null
}

function centreOf(corners: readonly Minimum[]): Float64Array {
  const dimensions = corners[0]?.point.length ?? 0
  return Float64Array.from(
    { length: dimensions },
    (_, j) => corners.reduce((sum, corner) => sum + (corner.point[j] ?? 0), 0) / corners.length,
  )
}
