import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { KEM } from '../../wire/key-config.ts'
import { readKeyEnvelope } from '../../wire/key-envelope.ts'
import { hpkeKeyPair } from './hpke.ts'
import {
  type EnvelopeContents,
  type OpenOptions,
  openKeyEnvelope,
  sealKeyEnvelope,
} from './key-envelope.ts'
import { systemRandom } from './system-random.ts'

const SEED = 20261121
const NOW = 1_795_000_000_000
const random = systemRandom()
const pair = hpkeKeyPair(KEM.x25519, random.bytes(32))
const keys = generateKeyPairSync('ed25519')
const identity = keys.publicKey.export({ format: 'raw-public' })
const ticket = { kind: 'ticket', stekId: 0xff000001, key: random.bytes(32) } as const
const seal = (contents: EnvelopeContents = ticket, sequence = 7n, edge = 'edge-1') =>
  sealKeyEnvelope(contents, {
    ...{ edge, publicKey: pair.publicKey, sequence, now: NOW, random },
    sign: (data) => sign(null, data, keys.privateKey),
  })
const open = (bytes: Uint8Array, change: Partial<OpenOptions> = {}) =>
  openKeyEnvelope(bytes, { edge: 'edge-1', pair, identity, last: 6n, now: NOW, ...change })
const codeOf = (bytes: Uint8Array, change: Partial<OpenOptions> = {}) => {
  const opened = open(bytes, change)
  return opened.kind === 'refused' ? opened.code : 'opened'
}

describe('openKeyEnvelope()', () => {
  it('opens what was sealed to this edge, of both kinds', () => {
    assert.deepEqual(open(seal()), { kind: 'opened', contents: ticket, sequence: 7n })
    const assertion: EnvelopeContents = {
      ...{ kind: 'assertion', kid: 'a-name_1' },
      privateKey: random.bytes(48),
    }
    assert.deepEqual(open(seal(assertion, 2n ** 63n)), {
      ...{ kind: 'opened', contents: assertion, sequence: 2n ** 63n },
    })
  })

  it('refuses each thing that may be wrong with its own code', () => {
    const good = seal()
    const at = (index: number, value: number) => {
      const changed = Uint8Array.from(good)
      changed[index < 0 ? changed.length + index : index] = value
      return changed
    }
    assert.equal(codeOf(good.subarray(0, 100)), 'malformed')
    assert.equal(codeOf(at(0, 0)), 'malformed')
    assert.equal(codeOf(at(4, 9)), 'malformed')
    assert.equal(codeOf(at(7, 1)), 'malformed')
    assert.equal(codeOf(at(5, 2)), 'version')
    assert.equal(codeOf(at(60, (good[60] ?? 0) ^ 1)), 'signature')
    assert.equal(codeOf(at(-1, (good.at(-1) ?? 0) ^ 1)), 'signature')
    assert.equal(codeOf(good, { last: 7n }), 'replay')
    assert.equal(codeOf(good, { now: NOW + 30_001 }), 'stale')
    assert.equal(codeOf(good, { now: NOW - 30_001 }), 'stale')
    assert.equal(codeOf(good, { edge: 'edge-2' }), 'sealed')
    const other = hpkeKeyPair(KEM.x25519, random.bytes(32))
    assert.equal(codeOf(good, { pair: other }), 'sealed')
    assert.equal(codeOf(seal({ ...ticket, key: random.bytes(31) })), 'sealed')
  })

  it(`takes no bytes that were not sealed, and never throws (seed ${SEED})`, () => {
    const good = seal()
    const changed = fc
      .tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([index, by]) => Uint8Array.from(good, (byte, i) => (i === index ? byte ^ by : byte)))
    fc.assert(
      fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 1200 })), (bytes) => {
        assert.notEqual(codeOf(bytes), 'opened')
        readKeyEnvelope(bytes)
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})
