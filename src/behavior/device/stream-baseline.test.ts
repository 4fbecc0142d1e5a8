import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { drawNormal, seededFraction } from '../../math/seeded-chance.ts'
import {
  BASELINE_CHARS_MAX,
  learnBaseline,
  readBaseline,
  writeBaseline,
} from './stream-baseline.ts'
import { IDENTITY_FEATURES, PATH_FEATURES, PICTURE_FEATURES } from './stream-features.ts'

const fraction = seededFraction(3)
const row = (length: number): number[] => Array.from({ length }, () => drawNormal(fraction))
const window = () => ({
  identity: row(IDENTITY_FEATURES.length),
  picture: row(PICTURE_FEATURES.length),
  path: row(PATH_FEATURES.length),
})
const windows = [60, 50].map((length) => Array.from({ length }, window))
const TRAITS = {
  ...{ payloadTypes: [96], parameters: ['0123456789abcdef'], units: [1, 5, 7] },
  ...{ keyTicks: 90_000, skewPpm: -3.5 },
  numbers: {
    numbering: { frameNumBits: 4, orderBits: 6, extraBits: 0, hasOutputFlag: false },
    ...{ orderTicks: 1500, frameTicks: 3000, isReordered: true, isReset: true },
    keyIds: [
      [0, 1],
      [1, 0],
    ] as const,
  },
  said: [{ words: 'dc'.repeat(24), isOnce: true }],
}
const random = { fraction, bytes: (length: number) => new Uint8Array(length) }
const BASELINE = learnBaseline('h265', 1_700_000_000_000, TRAITS, windows, random)
const TEXT = writeBaseline(BASELINE)

describe('readBaseline()', () => {
  it('reads what writeBaseline() wrote', () => {
    assert.ok(TEXT.length < BASELINE_CHARS_MAX / 4)
    assert.deepEqual(readBaseline(TEXT), BASELINE)
  })

  const value = JSON.parse(TEXT)
  const wrong: Readonly<Record<string, unknown>> = {
    'another version': { ...value, version: 1 },
    'another codec': { ...value, codec: 'vp8' },
    'one key more': { ...value, extra: 1 },
    'a trait too large': { ...value, traits: { ...TRAITS, payloadTypes: [128] } },
    'a hash that is none': { ...value, traits: { ...TRAITS, parameters: ['xyz'] } },
    'a list too long': { ...value, traits: { ...TRAITS, units: new Array(65).fill(1) } },
    'numbers of too many bits': {
      ...value,
      traits: {
        ...TRAITS,
        numbers: {
          ...TRAITS.numbers,
          numbering: { ...TRAITS.numbers.numbering, frameNumBits: 17 },
        },
      },
    },
    'a key id without the next': {
      ...value,
      traits: { ...TRAITS, numbers: { ...TRAITS.numbers, keyIds: [[1]] } },
    },
    'words that are no hash': {
      ...value,
      traits: { ...TRAITS, said: [{ words: 'x264', isOnce: true }] },
    },
    'no window': { ...value, windows: [] },
    'windows of other lengths': { ...value, windows: value.windows.toReversed() },
    'a forest of other points': { ...value, forest: { ...value.forest, dimensions: 3 } },
    'a forest of words': { ...value, forest: { ...value.forest, trees: [['a']] } },
    'no score': { ...value, forestMax: null },
  }
  for (const [name, broken] of Object.entries(wrong)) {
    it(`refuses ${name}`, () => assert.equal(readBaseline(JSON.stringify(broken)), undefined))
  }

  it('refuses what is too long, or no JSON', () => {
    assert.equal(readBaseline(TEXT.padEnd(BASELINE_CHARS_MAX + 1)), undefined)
    assert.equal(readBaseline(TEXT.slice(0, -1)), undefined)
    assert.equal(readBaseline('null'), undefined)
  })

  it('never throws, and takes nothing that it would not write (seed 25)', () => {
    const at = fc.integer({ min: 0, max: TEXT.length - 1 })
    const piece = fc.oneof(
      fc.constantFrom('', '0', '-', '"', '[', ']', 'null', '1e9', ','),
      fc.string(),
    )
    const mutated = fc
      .tuple(at, fc.integer({ min: 0, max: 20 }), piece)
      .map(([from, length, text]) => TEXT.slice(0, from) + text + TEXT.slice(from + length))
    fc.assert(
      fc.property(fc.oneof(mutated, fc.json()), (text) => {
        const read = readBaseline(text)
        if (read !== undefined) assert.deepEqual(readBaseline(writeBaseline(read)), read)
      }),
      { seed: 25, numRuns: 500 },
    )
  })
})
