import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { capturedHello } from '../../../test/fixtures/hello-bytes.ts'
import { toHex } from '../../ground/hex.ts'
import { ClientHelloReader } from '../../wire/client-hello.ts'
import { FEATURE_COUNT, featureVector, helloFeatures } from './features.ts'
import { ja4 } from './ja4.ts'

function featuresOf(name: string) {
  const bytes = capturedHello(name)
  const outcome = new ClientHelloReader().feed(bytes, 1003)
  assert.equal(outcome.kind, 'hello')
  const { hello } = outcome
  const features = helloFeatures(hello, ja4(hello, 't'), 'X', 1000)
  bytes.fill(0)
  return features
}

describe('helloFeatures()', () => {
  it('reads what a profile needs', () => {
    const {
      random,
      keyShare,
      ja4: fingerprint,
      extensionOrder,
      ...rest
    } = featuresOf('chromium-001')
    assert.match(random, /^[0-9a-f]{64}$/)
    assert.match(keyShare, /^[0-9a-f]{32}$/)
    assert.notEqual(random, '0'.repeat(64), 'nothing is kept of the bytes')
    assert.match(extensionOrder, /^[0-9a-f]{8}$/)
    assert.equal(fingerprint, rest.ja4Stable)
    assert.deepEqual(
      [rest.version, rest.legacyVersion, rest.ciphers, rest.extensions, rest.alpn, rest.sni],
      [0x0304, 0x0303, 15, 17, 'h2', 'name'],
    )
    assert.deepEqual(
      [rest.grease, rest.postQuantum, rest.ech, rest.resumption, rest.records, rest.chunks],
      [true, true, true, false, 1, 1],
    )
    assert.deepEqual([rest.firstByteMs, rest.spanMs], [3, 0])
  })

  it('tells a resumption and an old client', () => {
    assert.equal(featuresOf('openssl-sclient-resume-002').resumption, true)
    const old = featuresOf('openssl-sclient-tls10-001')
    assert.deepEqual([old.version, old.keyShare, old.sni], [0x0301, '', 'none'])
  })
})

it('featureVector() gives as many finite numbers as it says', () => {
  const vector = featureVector(featuresOf('curl-openssl-001'))
  assert.equal(vector.length, FEATURE_COUNT)
  assert.ok(vector.every(Number.isFinite))
})

it('hex() writes two digits per byte', () => {
  assert.equal(toHex(Uint8Array.of(0, 15, 16, 255)), '000f10ff')
})
