import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findRoute } from './routes.ts'

describe('findRoute()', () => {
  const found: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
    ['LIST keys', 'list', {}],
    ['LIST keys/', 'list', {}],
    ['GET keys/a', 'read', { name: 'a' }],
    ['POST keys/a', 'create', { name: 'a' }],
    ['PUT keys/a', 'create', { name: 'a' }],
    ['DELETE keys/a', 'delete', { name: 'a' }],
    ['POST keys/a/config', 'config', { name: 'a' }],
    ['POST keys/a/rotate', 'rotate', { name: 'a' }],
    ['POST keys/a/trim', 'trim', { name: 'a' }],
    ['POST encrypt/a', 'encrypt', { name: 'a' }],
    ['POST decrypt/a', 'decrypt', { name: 'a' }],
    ['POST rewrap/a', 'rewrap', { name: 'a' }],
    ['POST sign/a', 'sign', { name: 'a' }],
    ['POST sign/a/sha2-256', 'sign', { name: 'a', hash_algorithm: 'sha2-256' }],
    ['POST verify/a/sha2-256', 'verify', { name: 'a', hash_algorithm: 'sha2-256' }],
    ['POST hmac/a/sha2-256', 'hmac', { name: 'a', algorithm: 'sha2-256' }],
    ['POST datakey/plaintext/a', 'datakey', { name: 'a' }],
    ['POST datakey/wrapped/a', 'wrapped-datakey', { name: 'a' }],
    ['POST random', 'random', {}],
    ['POST random/8', 'random', { bytes: '8' }],
    ['POST random/platform', 'random', {}],
    ['POST random/platform/8', 'random', { bytes: '8' }],
    ['POST hash', 'hash', {}],
    ['POST hash/sha2-512', 'hash', { algorithm: 'sha2-512' }],
  ]
  for (const [request, operation, fields] of found) {
    it(request, () => {
      const [method = '', path = ''] = request.split(' ')
      const route = findRoute(method, `/v1/transit/${path}`, false)
      if (route.kind !== 'found') assert.fail(route.kind)
      assert.equal(route.action.operation, operation)
      assert.deepEqual(route.fields, fields)
    })
  }

  it('lists for clients that do not send LIST', () => {
    const route = findRoute('GET', '/v1/transit/keys', true)
    assert.equal(route.kind === 'found' && route.action.operation, 'list')
    assert.equal(findRoute('GET', '/v1/transit/keys', false).kind, 'no-verb')
  })

  it('knows no other paths and verbs', () => {
    const others = [
      ...['', 'keys//', 'keys//config', 'keys/a/b', 'keys/a/backup', 'encrypt', 'encrypt/a/b'],
      ...['export/encryption-key/a', 'datakey/a', 'datakey/other/a', 'restore/a', 'wrapping_key'],
    ]
    for (const path of others) {
      assert.equal(findRoute('POST', `/v1/transit/${path}`, false).kind, 'no-path', path)
    }
    for (const path of ['/v1/transit', '/transit/keys/a', '/v1/secret/a', '/', '']) {
      assert.equal(findRoute('GET', path, false).kind, 'no-path', path)
    }
    for (const request of ['GET encrypt/a', 'PATCH keys/a', 'get keys/a', 'LIST keys/a']) {
      const [method = '', path = ''] = request.split(' ')
      assert.equal(findRoute(method, `/v1/transit/${path}`, false).kind, 'no-verb', request)
    }
  })
})
