import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashOf, PAGES, readRoute } from './route.ts'

test('readRoute() undoes hashOf()', () => {
  for (const page of PAGES) {
    assert.deepEqual(readRoute(hashOf(page)), { page, decision: '', profile: '' })
    const decision = '01JD00000000000000000000ZZ'
    assert.deepEqual(readRoute(hashOf(page, decision)), { page, decision, profile: '' })
    const profile = '00f3a9c2d4e5b617'
    assert.deepEqual(readRoute(hashOf(page, profile)), { page, decision: '', profile })
  }
})

test('readRoute() takes anything else for the overview, and no id that is not one', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', 'x']) {
    assert.deepEqual(readRoute(hash), { page: 'overview', decision: '', profile: '' })
  }
  assert.deepEqual(readRoute('#/decisions/../../v1/x'), {
    ...{ page: 'decisions', decision: '', profile: '' },
  })
})
