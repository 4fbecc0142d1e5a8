import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hostName, matchRoute } from './match-route.ts'

const ROUTES = [
  { host: 'a.test', path: '/api', pool: 'api' },
  { host: '*.b.test', path: '/', pool: 'wild' },
  { host: '', path: '/static/', pool: 'static' },
  { host: 'a.test', path: '/', pool: 'a' },
]
const pool = (host: string, path: string) => matchRoute(ROUTES, host, path)?.pool

describe('matchRoute()', () => {
  it('takes the first that fits', () => {
    assert.equal(pool('a.test', '/api'), 'api')
    assert.equal(pool('a.test', '/static/x'), 'static')
    assert.equal(pool('a.test', '/'), 'a')
    assert.equal(pool('c.test', '/'), undefined)
  })
  it('ends a prefix on a border of segments', () => {
    assert.equal(pool('a.test', '/api/x'), 'api')
    assert.equal(pool('a.test', '/api?x'), 'api')
    assert.equal(pool('a.test', '/apix'), 'a')
    assert.equal(pool('c.test', '/static'), undefined)
  })
  it('takes any name below a wildcard, and not the name itself', () => {
    assert.equal(pool('x.b.test', '/'), 'wild')
    assert.equal(pool('x.y.b.test', '/'), 'wild')
    assert.equal(pool('b.test', '/'), undefined)
    assert.equal(pool('xb.test', '/'), undefined)
  })
})

describe('hostName()', () => {
  it('leaves out port and trailing dot, in lower case', () => {
    assert.deepEqual(
      ['A.Test:443', 'a.test.', 'a.test.:1', '[::1]:8443', '[::1]', ''].map(hostName),
      ['a.test', 'a.test', 'a.test', '[::1]', '[::1]', ''],
    )
  })
})
