import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sayOdds } from './verdict.ts'

test('sayOdds() turns a score into odds', () => {
  assert.deepEqual(
    [0, 2, 3.3, 7.9].map((score) => sayOdds({ score })),
    [
      'Nothing about this client is out of the ordinary.',
      'About 1 honest client in 100 looks like this.',
      'About 1 honest client in 1,995 looks like this.',
      'Fewer than 1 honest client in 10^7 looks like this.',
    ],
  )
})
