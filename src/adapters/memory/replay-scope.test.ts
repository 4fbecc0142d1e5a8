import assert from 'node:assert/strict'
import { it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { replayScopeContract } from '../../ports/replay-scope.contract.ts'
import { memoryReplayScope } from './replay-scope.ts'

replayScopeContract('memoryReplayScope()', () => {
  const scope = memoryReplayScope(1000, seededRandom(1))
  return [scope, scope]
})

it('memoryReplayScope() fails when it holds as many proofs as it may', async () => {
  const scope = memoryReplayScope(1, seededRandom(1))
  assert.equal(await scope.meet('s', 'a', 0), 'fresh')
  assert.equal(await scope.meet('s', 'b', 0), 'failed')
})
