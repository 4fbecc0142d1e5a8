/**
 * In which order the holders of a key are asked: as many as needed by chance, each as often as its share of the work says
 * (`keys/custody/draw-holders.ts`), then the others, who stand in; those that are away or have lied come last.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import { drawHolders } from '../../keys/custody/draw-holders.ts'

export interface Choosable {
  /** Of the work, 0 to 1; from `keys/custody/route-shares.ts`, else alike for all. */
  readonly chance: number
  readonly isAway: boolean
  readonly isExcluded: boolean
}

/** All of them, the first `need` drawn. */
export function orderHolders<T extends Choosable>(
  holders: readonly T[],
  need: number,
  random: Random,
): T[] {
  const good = shuffled(
    holders.filter(({ isAway, isExcluded }) => !isAway && !isExcluded),
    random,
  )
  const away = holders.filter(({ isAway, isExcluded }) => isAway && !isExcluded)
  // Who has lied is asked only when nobody else is left: a share that fits is right whoever sends it.
  const excluded = holders.filter(({ isExcluded }) => isExcluded)
  if (good.length <= need) return [...good, ...away, ...excluded]
  const chances = sumTo(
    good.map(({ chance }) => chance),
    need,
  )
  const drawn = new Set(drawHolders(chances, random.fraction()).map((i) => good[i]))
  return [
    ...good.filter((one) => drawn.has(one)),
    ...good.filter((one) => !drawn.has(one)),
    ...away,
    ...excluded,
  ]
}

/** Chances in these proportions that add up to `need`, none above 1. */
function sumTo(weights: readonly number[], need: number): number[] {
  // Everybody has to be able to stand in: nobody's chance is nothing.
  const least = LEAST * Math.max(...weights, Number.MIN_VALUE)
  const open = new Map(weights.map((weight, i) => [i, Math.max(weight, least)]))
  const chances = weights.map(() => 1)
  for (let left = need; open.size > 0; ) {
    const total = [...open.values()].reduce((sum, weight) => sum + weight, 0)
    const full = [...open].filter(([, weight]) => (weight / total) * left >= 1)
    if (full.length === 0) {
      for (const [i, weight] of open) chances[i] = (weight / total) * left
      break
    }
    for (const [i] of full) open.delete(i)
    left -= full.length
  }
  return chances
}

/** Of the largest: one operation in a thousand keeps a node's latency known. */
const LEAST = 0.001

function shuffled<T>(items: readonly T[], random: Random): T[] {
  return items
    .map((item) => ({ item, at: random.fraction() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
