import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readStreamLabel, type StreamLabel, writeStreamLabel } from './stream-label.ts'

const LABEL: StreamLabel = { device: 'camera-1', isIntrusion: true, at: 1_700_000_000_123 }
const sign = (data: Uint8Array) => new Uint8Array(64).fill(data.length)

describe('readStreamLabel()', () => {
  it('reads what writeStreamLabel() wrote, octet by octet as it is told', () => {
    const bytes = writeStreamLabel(LABEL, sign)
    assert.equal(
      Buffer.from(bytes.subarray(0, 21)).toString('hex'),
      '4c534c31020000018bcfe5687b63616d6572612d31',
    )
    const read = readStreamLabel(bytes)
    assert.deepEqual(read?.label, LABEL)
    assert.deepEqual(read?.signature, sign(read?.signed ?? new Uint8Array()))
    const alarm = { ...LABEL, isIntrusion: false, device: 'd'.repeat(64) }
    assert.deepEqual(readStreamLabel(writeStreamLabel(alarm, sign))?.label, alarm)
    assert.throws(() => writeStreamLabel({ ...LABEL, device: 'a/#' }, sign), RangeError)
  })

  it('never throws, and takes nothing that it would not write (seed 26)', () => {
    const good = writeStreamLabel(LABEL, sign)
    const change = fc
      .tuple(fc.integer({ min: 0, max: good.length - 1 }), fc.integer({ min: 0, max: 255 }))
      .map(([at, octet]) => good.with(at, octet))
    const some = fc.oneof(change, fc.uint8Array({ maxLength: 160 }))
    fc.assert(
      fc.property(some, (bytes) => {
        const read = readStreamLabel(bytes)
        if (read === undefined) return
        assert.deepEqual(
          writeStreamLabel(read.label, () => read.signature),
          new Uint8Array(bytes),
        )
      }),
      { seed: 26, numRuns: 5000 },
    )
  })
})
