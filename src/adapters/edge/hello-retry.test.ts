import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import { isRetryNeeded, retryGroupFor } from './hello-retry.ts'

const [MLKEM, X25519, P256, P384, P521, GREASE] = [0x11ec, 0x1d, 0x17, 0x18, 0x19, 0x1a1a] as const

const hello = (groups: readonly number[], sent: readonly number[], version = 0x0304): ClientHello =>
  ({
    versions: [version],
    groups,
    keyShares: sent.map((group) => ({ group, length: 1, key: new Uint8Array(1) })),
  }) as unknown as ClientHello

describe('retryGroupFor()', () => {
  it('takes the cheapest group the client supports and sent no share for', () => {
    assert.equal(retryGroupFor(hello([MLKEM, X25519, P256, P384], [MLKEM, X25519])), 'P-256')
    assert.equal(retryGroupFor(hello([P256, X25519, P384], [P256])), 'X25519')
    assert.equal(retryGroupFor(hello([X25519, P256, P384, P521], [X25519, P256])), 'P-384')
    assert.equal(retryGroupFor(hello([P256, X25519, P521], [P256, X25519])), 'P-521')
  })

  it('finds none where the client sent shares for all it supports, or does not speak TLS 1.3', () => {
    assert.equal(retryGroupFor(hello([X25519, P256], [X25519, P256])), undefined)
    assert.equal(retryGroupFor(hello([GREASE, X25519], [GREASE, X25519])), undefined)
    assert.equal(retryGroupFor(hello([X25519, P256], [X25519], 0x0303)), undefined)
  })
})

describe('isRetryNeeded()', () => {
  it('is when no share can be used but a group can', () => {
    assert.equal(isRetryNeeded(hello([P521, P384], [P521])), true)
    assert.equal(isRetryNeeded(hello([X25519, P384], [X25519])), false)
    assert.equal(isRetryNeeded(hello([P521], [P521])), false)
    assert.equal(isRetryNeeded(hello([P521, P384], [P521], 0x0303)), false)
  })
})
