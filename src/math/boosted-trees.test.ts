import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type BoostOptions,
  boostedAnswer,
  fitBoostedMedians,
  fitBoostedTrees,
} from './boosted-trees.ts'
import { seededFraction } from './seeded-chance.ts'

const OPTIONS: BoostOptions = {
  trees: 60,
  depth: 3,
  rate: 0.3,
  leafWeightMin: 1,
  lambda: 1,
  rowShare: 0.8,
}

const ones = (count: number) => new Float64Array(count).fill(1)

function points(seed: number, count: number): Float64Array[] {
  const fraction = seededFraction(seed)
  return Array.from({ length: count }, () => Float64Array.of(fraction(), fraction(), fraction()))
}

const isYes = (row: Float64Array) => (row[0] ?? 0) > 0.5 !== (row[1] ?? 0) > 0.5

describe('fitBoostedTrees()', () => {
  it('learns what no single column tells: either, but not both', () => {
    const rows = points(1, 2000)
    const wanted = Uint8Array.from(rows, (row) => (isYes(row) ? 1 : 0))
    const trees = fitBoostedTrees(rows, wanted, ones(2000), OPTIONS, seededFraction(2))
    const fresh = points(3, 1000)
    const right = fresh.filter((row) => boostedAnswer(trees, row) > 0 === isYes(row)).length
    assert.ok(right > 950, `${right}`)
  })

  it('one tree of depth 0 is the shrunk log odds of all rows', () => {
    const rows = Array.from({ length: 4 }, (_, i) => Float64Array.of(i))
    const options = { ...OPTIONS, trees: 1, depth: 0, rowShare: 1 }
    const trees = fitBoostedTrees(rows, Uint8Array.of(1, 1, 1, 0), ones(4), options, () => 0)
    // At the base nothing is left to add: the derivatives sum to 0.
    assert.ok(Math.abs(boostedAnswer(trees, Float64Array.of(0)) - Math.log(3)) < 1e-9)
  })

  it('one cut by hand: Newton steps from even odds', () => {
    const rows = [0, 0, 1, 1].map((value) => Float64Array.of(value))
    const options = { ...OPTIONS, trees: 1, depth: 1, rate: 1, rowShare: 1, leafWeightMin: 0.1 }
    const trees = fitBoostedTrees(rows, Uint8Array.of(0, 0, 1, 1), ones(4), options, () => 0)
    // Two rows of gradient -1/2 and second derivative 1/4: 1 / (1/2 + lambda).
    assert.ok(Math.abs(boostedAnswer(trees, Float64Array.of(1)) - 1 / 1.5) < 1e-7)
    assert.ok(Math.abs(boostedAnswer(trees, Float64Array.of(0)) + 1 / 1.5) < 1e-7)
    assert.equal(boostedAnswer(trees, Float64Array.of(Number.NaN)), 0)
  })

  it('weights stand for rows', () => {
    const rows = [0, 1, 1].map((value) => Float64Array.of(value))
    const options = { ...OPTIONS, rowShare: 1, leafWeightMin: 0.01 }
    const wanted = Uint8Array.of(0, 1, 0)
    const weighted = fitBoostedTrees(rows, wanted, Float64Array.of(1, 3, 1), options, () => 0)
    const repeated = fitBoostedTrees(
      [0, 1, 1, 1, 1].map((value) => Float64Array.of(value)),
      Uint8Array.of(0, 1, 1, 1, 0),
      ones(5),
      options,
      () => 0,
    )
    for (const value of [0, 1]) {
      const row = Float64Array.of(value)
      assert.ok(Math.abs(boostedAnswer(weighted, row) - boostedAnswer(repeated, row)) < 1e-9)
    }
  })

  it('what is missing is no evidence: half the answers missing changes no sign, all of them leaves even odds', () => {
    const fraction = seededFraction(5)
    const rows = points(4, 2000)
    const wanted = Uint8Array.from(rows, (row) => ((row[0] ?? 0) > 0.5 ? 1 : 0))
    for (const row of rows) if (fraction() < 0.5) row[0] = Number.NaN
    const trees = fitBoostedTrees(rows, wanted, ones(2000), OPTIONS, fraction)
    assert.ok(boostedAnswer(trees, Float64Array.of(0.9, 0.5, 0.5)) > 2)
    assert.ok(boostedAnswer(trees, Float64Array.of(0.1, 0.5, 0.5)) < -2)
    const nothing = new Float64Array(3).fill(Number.NaN)
    assert.ok(Math.abs(boostedAnswer(trees, nothing)) < 0.3)
  })

  it('is the same from the same chance, and plain enough to be stored', () => {
    const rows = points(6, 300)
    const wanted = Uint8Array.from(rows, (row) => (isYes(row) ? 1 : 0))
    const fit = () => fitBoostedTrees(rows, wanted, ones(300), OPTIONS, seededFraction(7))
    assert.deepEqual(fit(), fit())
    assert.deepEqual(structuredClone(fit()), fit())
  })

  it('survives columns that say nothing: constant, missing, infinite', () => {
    const rows = points(8, 100).map((row, i) =>
      Float64Array.of(1, Number.NaN, i % 2 === 0 ? Number.POSITIVE_INFINITY : -1, row[0] ?? 0),
    )
    const wanted = Uint8Array.from(rows, (_, i) => i % 2)
    const trees = fitBoostedTrees(rows, wanted, ones(100), OPTIONS, seededFraction(9))
    for (const row of rows) assert.ok(Number.isFinite(boostedAnswer(trees, row)))
  })

  it('refuses lists of other lengths, and none', () => {
    const fit = (rows: Float64Array[], count: number) => () =>
      fitBoostedTrees(rows, new Uint8Array(count), ones(count), OPTIONS, () => 0)
    assert.throws(fit([], 0), RangeError)
    assert.throws(fit([Float64Array.of(1)], 2), RangeError)
  })
})

describe('fitBoostedMedians()', () => {
  const options = { ...OPTIONS, trees: 100, leafWeightMin: 10, lambda: 0.1 }

  it('comes to the median of what is like a row, whatever few of them say', () => {
    const fraction = seededFraction(8)
    const rows = points(7, 4000)
    const median = (row: Float64Array) => (isYes(row) ? 5 : -3)
    // One in five is far off, always to the same side.
    const targets = Float64Array.from(
      rows,
      (row) => median(row) + (fraction() < 0.2 ? 100 : fraction() - 0.5),
    )
    const trees = fitBoostedMedians(rows, targets, ones(4000), 0.05, options, fraction)
    const errors = points(9, 500).map((row) => Math.abs(boostedAnswer(trees, row) - median(row)))
    errors.sort((a, b) => a - b)
    assert.ok((errors[250] ?? 9) < 0.3 && (errors[450] ?? 9) < 1, `${errors[250]} ${errors[450]}`)
  })

  it('one leaf of equal weights comes to the median', () => {
    const rows = Array.from({ length: 5 }, () => Float64Array.of(0))
    const targets = Float64Array.of(1, 2, 3, 50, 1000)
    const steps = { ...options, trees: 400, depth: 0, rowShare: 1, lambda: 0 }
    const trees = fitBoostedMedians(rows, targets, ones(5), 0.01, steps, () => 0)
    assert.ok(Math.abs(boostedAnswer(trees, Float64Array.of(0)) - 3) < 0.01)
  })

  it('with a share of the columns each tree looks at some of them', () => {
    const rows = points(1, 500)
    const targets = Float64Array.from(rows, (row) => (row[0] ?? 0) + (row[1] ?? 0))
    const few = { ...options, columnShare: 0.4 }
    const trees = fitBoostedMedians(rows, targets, ones(500), 0.05, few, seededFraction(4))
    const nodes = 2 ** (options.depth + 1) - 1
    let least = 3
    for (let root = 0; root < trees.columns.length; root += nodes) {
      const asked = new Set(trees.columns.subarray(root, root + nodes).filter((c) => c >= 0))
      least = Math.min(least, asked.size)
    }
    assert.ok(least < 3)
    assert.ok(trees.columns.includes(0) && trees.columns.includes(1))
  })
})
