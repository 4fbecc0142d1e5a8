import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readFailure } from './request.ts'

test('readFailure() tells apart what a person can do something about', () => {
  assert.deepEqual(readFailure(401, ''), { kind: 'unauthorised' })
  assert.deepEqual(readFailure(403, '{"detail": "needs operator"}'), {
    kind: 'forbidden',
    detail: 'needs operator',
  })
  assert.deepEqual(readFailure(404, '{"title": "Not Found"}'), {
    kind: 'missing',
    detail: 'Not Found',
  })
  assert.deepEqual(readFailure(502, '<html>'), {
    kind: 'problem',
    detail: 'The server answered 502',
  })
})
