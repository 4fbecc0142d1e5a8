import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { learnLaw } from './feature-law.ts'
import { readSrtBaseline, SRT_PATH, SRT_PICTURE, writeSrtBaseline } from './srt-baseline.ts'
import type { Feature } from './stream-features.ts'

const lawOf = (features: readonly Feature[]) =>
  learnLaw(
    features,
    Array.from({ length: 40 }, (_, i) => features.map((_f, j) => Math.sin(i + j))),
  )
const BASELINE = {
  settings: '[5,16,1500,8192,null,[1,3]]',
  laws: { picture: lawOf(SRT_PICTURE), path: lawOf(SRT_PATH) },
}
const TEXT = writeSrtBaseline(BASELINE)

describe('readSrtBaseline()', () => {
  it('reads what writeSrtBaseline() wrote', () => {
    assert.deepEqual(readSrtBaseline(TEXT), BASELINE)
  })

  const value = JSON.parse(TEXT)
  const { picture, path } = value.laws
  const wrong: Readonly<Record<string, unknown>> = {
    'another version': { ...value, version: 2 },
    'one key more': { ...value, extra: 1 },
    'settings that are no text': { ...value, settings: [5] },
    'settings longer than a handshake': { ...value, settings: '1'.repeat(4097) },
    'no law of the path': { ...value, laws: { picture } },
    'a law of other features': { ...value, laws: { picture: path, path: picture } },
    'a spread of nothing': {
      ...value,
      laws: { picture: { ...picture, spreads: [0, 1] }, path },
    },
    'a tail without a mean': {
      ...value,
      laws: { picture: { ...picture, tail: { from: 1 } }, path },
    },
  }
  for (const [name, broken] of Object.entries(wrong)) {
    it(`refuses ${name}`, () => assert.equal(readSrtBaseline(JSON.stringify(broken)), undefined))
  }

  it('refuses what is too long, or no JSON', () => {
    assert.equal(readSrtBaseline(TEXT.padEnd(8193)), undefined)
    assert.equal(readSrtBaseline(TEXT.slice(0, -1)), undefined)
    assert.equal(readSrtBaseline('null'), undefined)
  })

  it('never throws, and takes nothing that it would not write (seed 26)', () => {
    const at = fc.integer({ min: 0, max: TEXT.length - 1 })
    const piece = fc.oneof(fc.constantFrom('', '0', '-', '"', '[', ']', 'null', ','), fc.string())
    const mutated = fc
      .tuple(at, fc.integer({ min: 0, max: 20 }), piece)
      .map(([from, length, more]) => TEXT.slice(0, from) + more + TEXT.slice(from + length))
    fc.assert(
      fc.property(fc.oneof(mutated, fc.json()), (text) => {
        const read = readSrtBaseline(text)
        if (read !== undefined) assert.deepEqual(readSrtBaseline(writeSrtBaseline(read)), read)
      }),
      { seed: 26, numRuns: 1000 },
    )
  })
})
