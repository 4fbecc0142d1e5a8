import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sayMode, sayOdds } from './verdict.ts'

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

test('sayMode() says what came of it', () => {
  assert.match(sayMode({ mode: 'enforce', pool: 'rigorous' }), /rigorous/)
  assert.match(sayMode({ mode: 'enforce', pool: 'primary' }), /like everybody else/)
  assert.match(sayMode({ mode: 'shadow', pool: 'primary' }), /would do/)
})
