import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import { writeStreamLabel } from '../../wire/stream-label.ts'
import { openStreamLabel } from './stream-label-seal.ts'

const NOW = 1_700_000_000_000
const LABEL = { device: 'camera-1', isIntrusion: true, at: NOW }
const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const identity = publicKey.export({ format: 'raw-public' })
const signed = writeStreamLabel(LABEL, (data) => sign(null, data, privateKey))

describe('openStreamLabel()', () => {
  it('takes what the key service says now', () => {
    assert.deepEqual(openStreamLabel(signed, identity, NOW + 20_000), LABEL)
    assert.deepEqual(openStreamLabel(signed, identity, NOW - 20_000), LABEL)
  })

  it('and nothing else: of another, changed, old, or none', () => {
    const other = generateKeyPairSync('ed25519').publicKey.export({ format: 'raw-public' })
    assert.equal(openStreamLabel(signed, other, NOW), undefined)
    for (let at = 0; at < signed.length; at++) {
      const changed = signed.with(at, (signed[at] ?? 0) ^ 1)
      assert.equal(openStreamLabel(changed, identity, NOW), undefined, `${at}`)
    }
    assert.equal(openStreamLabel(signed, identity, NOW + 31_000), undefined)
    assert.equal(openStreamLabel(new Uint8Array(), identity, NOW), undefined)
  })
})
