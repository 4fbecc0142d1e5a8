import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isPlainPath, plainPath } from './plain-path.ts'

describe('plainPath()', () => {
  for (const [target, plain] of [
    ['/api/x', '/api/x'],
    ['/api/x?y=/../z', '/api/x'],
    ['/public/../api/x', '/api/x'],
    ['/./api//x/', '/api/x'],
    ['/%61pi/%2E%2e/api', '/api'],
    ['/public%2f..%2fapi', '/api'],
    ['/public\\..\\api', '/api'],
    ['/API;v=1/x;y', '/api/x'],
    ['/public/..;/api', '/api'],
    ['/../../api', '/api'],
    ['/%zz%2', '/%zz%2'],
    ['', '/'],
    ['*', '/*'],
  ] as const) {
    it(`reads ${target} as ${plain}`, () => {
      assert.equal(plainPath(target), plain)
    })
  }

  it('is what isPlainPath() says: nothing else is changed (seed 4)', () => {
    const part = fc.constantFrom('a', '/', '.', '..', '%2e', '%2F', 'B', ';', '\\', '?', 'api')
    const targets = fc.array(part, { maxLength: 12 }).map((parts) => `/${parts.join('')}`)
    fc.assert(
      fc.property(targets, (target) => {
        const plain = plainPath(target)
        assert.equal(plainPath(plain.replaceAll('?', '')), plain.replaceAll('?', ''))
        if (!isPlainPath(target)) return
        const path = target.split('?')[0] ?? ''
        assert.equal(plain, path === '/' ? '/' : path.replace(/\/$/, ''))
      }),
      { seed: 4, numRuns: 5000 },
    )
  })
})
