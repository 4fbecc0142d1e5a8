import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { findStructure } from './random-structure.ts'

const random = seededRandom(31)

/** 32 bytes of words that follow one another. */
function words(bytes: 2 | 4, big: boolean, next: () => number): Uint8Array {
  const made = new Uint8Array(32)
  const view = new DataView(made.buffer)
  for (let at = 0; at < 32; at += bytes) {
    if (bytes === 2) view.setUint16(at, next() & 0xffff, !big)
    else view.setUint32(at, next() >>> 0, !big)
  }
  return made
}

function congruential(a: number, c: number, seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, a) + c) >>> 0
    return state
  }
}

describe('findStructure()', () => {
  it('finds nothing in fresh randoms: of 300 000 at most 1 in a million is expected', () => {
    let found = 0
    for (let i = 0; i < 300_000; i++) if (findStructure(random.bytes(32)) !== undefined) found++
    assert.ok(found <= 3, `${found}`)
  })

  it('finds counters and congruential generators of any constants, either way round', () => {
    for (const bytes of [2, 4] as const) {
      for (const big of [true, false]) {
        for (const [a, c] of [
          [1, 1],
          [1, 0x01010101],
          [1103515245, 12345],
          [1664525, 1013904223],
          [69069, 0],
          [214013, 2531011],
        ] as const) {
          const seed = (random.fraction() * 2 ** 32) | 1
          const finding = findStructure(words(bytes, big, congruential(a, c, seed)))
          assert.equal(finding?.code, 'random-follows-rule', `${a} ${c} ${bytes} ${big}`)
          assert.ok(finding.chance < 1e-6)
        }
      }
    }
  })

  it('finds generators of 31 bits, and those modulo 2^31 - 1', () => {
    const next = congruential(1103515245, 12345, 99)
    assert.ok(findStructure(words(4, true, () => next() & 0x7fffffff)))
    let state = 20261121n
    const minimal = () => {
      state = (state * 48271n) % 2147483647n
      return Number(state)
    }
    assert.equal(findStructure(words(4, false, minimal))?.code, 'random-follows-rule')
  })

  it('finds 64-bit congruential generators', () => {
    let state = 88172645463325252n
    const bytes = new Uint8Array(32)
    for (let at = 0; at < 32; at += 8) {
      state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
      new DataView(bytes.buffer).setBigUint64(at, state)
    }
    assert.equal(findStructure(bytes)?.code, 'random-follows-rule')
  })

  it('finds bytes that rise, stand still, or are one counter at the end', () => {
    for (const bytes of [
      Uint8Array.from({ length: 32 }, (_, i) => i + 100),
      new Uint8Array(32).fill(9),
      Uint8Array.from({ length: 32 }, (_, i) => (i === 31 ? 7 : 0)),
    ]) {
      assert.ok(findStructure(bytes))
    }
  })

  it('finds constant bits, few bytes, uneven bits and what repeats itself', () => {
    const made = (change: (byte: number, i: number) => number) =>
      findStructure(random.bytes(32).map(change))?.code
    assert.equal(
      made((byte) => byte | 0x10),
      'random-constant-bit',
    )
    const few = random.bytes(9)
    assert.equal(
      made((byte) => few[byte % 9] ?? 0),
      'random-few-bytes',
    )
    const twice = random.bytes(32)
    twice.copyWithin(20, 4, 8)
    assert.equal(findStructure(twice)?.code, 'random-repeats-itself')
    let uneven = 0
    for (let i = 0; i < 50; i++) {
      const other = random.bytes(32)
      if (made((byte, at) => byte | (other[at] ?? 0)) === 'random-uneven') uneven++
    }
    assert.ok(uneven > 25, `${uneven}`)
  })

  it('has nothing to say about other lengths', () => {
    assert.equal(findStructure(new Uint8Array(28)), undefined)
  })
})
