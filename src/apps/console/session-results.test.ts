import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handoffsOf, resultsOf } from './session-results.ts'

test('resultsOf() puts what passed first, then what is frequent', () => {
  const results = resultsOf({ replay: 2, valid: 5, expired: 9, none: 7 })
  assert.deepEqual(
    results.map(({ code, tone, count }) => [code, tone, count]),
    [
      ...[['none', 'good', 7] as const, ['valid', 'good', 5] as const],
      ...[['expired', 'warn', 9] as const, ['replay', 'bad', 2] as const],
    ],
  )
})

test('resultsOf() shows a code that it does not know', () => {
  assert.deepEqual(resultsOf({ new_code: 1 }), [
    { code: 'new_code', text: '', tone: 'warn', count: 1 },
  ])
})

test('handoffsOf() says why and what came of it, the most frequent first', () => {
  assert.deepEqual(
    handoffsOf({ 'drain/moved': 1, 'fail/late': 3, 'new/other': 2 }).map(
      ({ reason, text, count }) => [...[reason, text, count]],
    ),
    [
      ['fail', 'the server was down or ejected; the old server was told when it was back', 3],
      ['new', '', 2],
      ['drain', 'the server was draining; its state is at the new server', 1],
    ],
  )
})
