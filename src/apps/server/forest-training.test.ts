import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isolationScore } from '../../math/isolation-forest.ts'
import { seededRandom } from '../../ports/profile-store.contract.ts'
import { trainForestInThread } from './forest-training.ts'

it('trainForestInThread() grows a forest elsewhere that knows what is different', async () => {
  const random = seededRandom(11)
  const samples = Array.from({ length: 300 }, () => [random.fraction(), random.fraction()])
  const forest = await trainForestInThread(samples)
  assert.equal(forest.dimensions, 2)
  assert.ok(isolationScore(forest, [50, -50]) > isolationScore(forest, [0.5, 0.5]))
})

it('trainForestInThread() rejects what no forest can be grown from', () =>
  assert.rejects(trainForestInThread([]), /at least two samples/))
