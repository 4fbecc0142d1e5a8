import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import {
  averagePath,
  ISOLATION_FOREST_DEFAULTS,
  isolationScore,
  trainIsolationForest,
} from './isolation-forest.ts'

function cloud(seed: number, count: number): number[][] {
  const random = seededRandom(seed)
  const bell = () => random.fraction() + random.fraction() + random.fraction() - 1.5
  return Array.from({ length: count }, () => [bell(), bell() * 10, 7])
}

describe('averagePath()', () => {
  it('is c(n) of the paper', () => {
    assert.deepEqual([averagePath(0), averagePath(1), averagePath(2)], [0, 0, 1])
    // c(256) = 2 H(255) - 2 255/256
    let harmonic = 0
    for (let i = 1; i <= 255; i++) harmonic += 1 / i
    assert.ok(Math.abs(averagePath(256) - (2 * harmonic - (2 * 255) / 256)) < 0.005)
  })
})

describe('trainIsolationForest()', () => {
  const forest = trainIsolationForest(cloud(1, 1000), ISOLATION_FOREST_DEFAULTS, seededRandom(2))

  it('finds what lies apart', () => {
    const inside = cloud(3, 200).map((point) => isolationScore(forest, point))
    const high = inside.sort((a, b) => a - b)[190] ?? 1
    for (const outlier of [
      [5, 0, 7],
      [0, -60, 7],
    ]) {
      assert.ok(isolationScore(forest, outlier) > high)
    }
    const mean = inside.reduce((sum, score) => sum + score, 0) / inside.length
    assert.ok(mean > 0.35 && mean < 0.55, `${mean}`)
  })

  it('is plain data: the same after a way through JSON', () => {
    const copy = JSON.parse(JSON.stringify(forest))
    assert.equal(isolationScore(copy, [1, 1, 7]), isolationScore(forest, [1, 1, 7]))
  })

  it('gives the same forest for the same seed', () => {
    const again = trainIsolationForest(cloud(1, 1000), ISOLATION_FOREST_DEFAULTS, seededRandom(2))
    assert.deepEqual(again, forest)
  })

  it('holds points that are all the same', () => {
    const same = Array.from({ length: 10 }, () => [1, 2])
    const flat = trainIsolationForest(same, { trees: 5, sampleSize: 8 }, seededRandom(4))
    assert.ok(isolationScore(flat, [1, 2]) <= 0.5)
  })

  it('refuses what it cannot cut', () => {
    const options = ISOLATION_FOREST_DEFAULTS
    assert.throws(() => trainIsolationForest([[1]], options, seededRandom(5)), RangeError)
    assert.throws(() => trainIsolationForest([[1], [1, 2]], options, seededRandom(5)), RangeError)
    assert.throws(
      () => trainIsolationForest([[1], [Number.NaN]], options, seededRandom(5)),
      RangeError,
    )
  })

  it('ends on a forest that came broken out of a file', () => {
    const broken = { dimensions: 1, sampleSize: 4, trees: [[0, 1, 0, 0]] }
    assert.ok(isolationScore(broken, [0]) > 0)
  })
})
