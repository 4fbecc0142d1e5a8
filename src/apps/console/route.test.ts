import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashOf, PAGES, readRoute } from './route.ts'

const CLOSED = { decision: '', profile: '', person: '', capture: '' }

test('readRoute() undoes hashOf()', () => {
  for (const page of PAGES) {
    assert.deepEqual(readRoute(hashOf(page)), { page, ...CLOSED })
    const decision = '01JD00000000000000000000ZZ'
    const open = page === 'people' ? { capture: decision } : { decision }
    assert.deepEqual(readRoute(hashOf(page, decision)), { page, ...CLOSED, ...open })
    const profile = '00f3a9c2d4e5b617'
    assert.deepEqual(readRoute(hashOf(page, profile)), { page, ...CLOSED, profile })
    const person = `${profile}${profile}`
    assert.deepEqual(readRoute(hashOf(page, person)), { page, ...CLOSED, person })
  }
})

test('readRoute() takes anything else for the overview, and no id that is not one', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', 'x']) {
    assert.deepEqual(readRoute(hash), { page: 'overview', ...CLOSED })
  }
  assert.deepEqual(readRoute('#/decisions/../../v1/x'), {
    ...{ page: 'decisions', ...CLOSED },
  })
})
