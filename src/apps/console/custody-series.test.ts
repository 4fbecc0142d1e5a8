import assert from 'node:assert/strict'
import { it } from 'node:test'
import { custodyColumns } from './custody-series.ts'

it('custodyColumns() puts the past before the last minute that was counted, and the forecast after it', () => {
  const operation = { operation: 'sign', history: [null, 2, 4], expected: [3, 5] }
  const { columns, nowIndex } = custodyColumns(operation, 600_000)
  const [times, used, expected] = columns
  assert.deepEqual(times, [480, 540, 600, 660, 720])
  assert.deepEqual(used, [null, 2, 4, null, null])
  assert.deepEqual(expected, [null, null, null, 3, 5])
  assert.equal(times[nowIndex], 600)
})
