import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import { clusterPoints } from './k-means.ts'

it('clusterPoints() finds three heaps', () => {
  const random = seededRandom(1)
  const centres = [
    [0, 0],
    [10, 0],
    [0, 10],
  ] as const
  const points = Array.from({ length: 60 }, (_, i) => {
    const [x, y] = centres[i % 3] ?? [0, 0]
    return Float64Array.of(x + random.fraction(), y + random.fraction())
  })
  const labels = clusterPoints(points, 3, random)
  assert.equal(new Set(labels).size, 3)
  for (const [i, label] of labels.entries()) assert.equal(label, labels[i % 3])
})

it('clusterPoints() with fewer points than clusters, equal points, or none', () => {
  const point = Float64Array.of(1, 2)
  assert.deepEqual(clusterPoints([], 3, seededRandom(1)), [])
  assert.deepEqual(clusterPoints([point], 3, seededRandom(1)), [0])
  assert.deepEqual(clusterPoints([point, point, point], 2, seededRandom(1)), [0, 0, 0])
})

it('clusterPoints() is the same for the same chance', () => {
  const points = Array.from({ length: 30 }, (_, i) => Float64Array.of((i * 37) % 11, (i * 17) % 7))
  assert.deepEqual(
    clusterPoints(points, 4, seededRandom(9)),
    clusterPoints(points, 4, seededRandom(9)),
  )
})
