import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../../test/fixtures/seeded-random.ts'
import { toHex } from '../../ground/hex.ts'
import {
  addRandom,
  newRandomEvidence,
  type RandomEvidence,
  randomReasons,
} from './random-evidence.ts'

function judged(next: (i: number) => Uint8Array, count: number, timed = false) {
  const evidence = newRandomEvidence()
  for (let i = 0; i < count; i++) addRandom(evidence, toHex(next(i)), timed)
  return { evidence, reasons: randomReasons(evidence) }
}

describe('randomReasons()', () => {
  it('is silent about fresh randoms, however long one looks', () => {
    let highest = 0
    for (let seed = 1; seed <= 300; seed++) {
      const random = seededRandom(seed)
      const { evidence } = judged(() => random.bytes(32), 130)
      highest = Math.max(highest, ...Object.values(evidence.found))
    }
    // 300 clients, each looked at six times: about 300 in 10^x may reach x digits.
    assert.ok(highest < 3.5, `${highest}`)
  })

  it('says nothing before there are enough', () => {
    assert.deepEqual(judged(() => new Uint8Array(32), 3).reasons, [])
  })

  it('takes no bit for one that stands still in evidence stored before bits were looked at', () => {
    const evidence = newRandomEvidence()
    const random = seededRandom(11)
    for (let i = 0; i < 6; i++) addRandom(evidence, toHex(random.bytes(32)), false)
    const { all: _, any: __, ...older } = evidence
    const stored: RandomEvidence = JSON.parse(JSON.stringify(older))
    for (let i = 0; i < 26; i++) addRandom(stored, toHex(random.bytes(32)), false)
    assert.deepEqual(randomReasons(stored), [])
  })

  it('finds bytes that stay at their place', () => {
    const random = seededRandom(7)
    const fixed = random.bytes(3)
    const { reasons } = judged(() => {
      const bytes = random.bytes(32)
      bytes.set(fixed, 13)
      return bytes
    }, 8)
    assert.equal(reasons[0]?.code, 'randoms-stand-still')
    assert.ok((reasons[0]?.weight ?? 0) > 6)
  })

  it('finds randoms that differ in too few bits', () => {
    const random = seededRandom(8)
    const last = random.bytes(32)
    const { reasons } = judged(() => {
      // Each bit changes with a chance of three in eight.
      const a = random.bytes(32)
      const b = random.bytes(32)
      const c = random.bytes(32)
      for (let i = 0; i < 32; i++) {
        last[i] = (last[i] ?? 0) ^ ((a[i] ?? 0) & ((b[i] ?? 0) | (c[i] ?? 0)))
      }
      return last
    }, 32)
    assert.equal(reasons[0]?.code, 'randoms-related')
  })

  it('finds values that come too often', () => {
    const random = seededRandom(9)
    const { reasons } = judged(() => random.bytes(32).map((byte) => (byte % 253) & 0xdf), 64)
    assert.ok(reasons[0] !== undefined && reasons[0].weight > 6)
  })

  it('leaves the time in old hellos alone', () => {
    const random = seededRandom(10)
    const { reasons } = judged(
      () => {
        const bytes = random.bytes(32)
        bytes.set([0x6b, 1, 2, 3])
        return bytes
      },
      64,
      true,
    )
    assert.deepEqual(reasons, [])
  })

  it('begins anew with each block, so that a good past hides nothing', () => {
    const random = seededRandom(11)
    const evidence = newRandomEvidence()
    for (let i = 0; i < 5000; i++) addRandom(evidence, toHex(random.bytes(32)), false)
    const fixed = random.bytes(4)
    for (let i = 0; i < 1100; i++) {
      const bytes = random.bytes(32)
      bytes.set(fixed, 20)
      addRandom(evidence, toHex(bytes), false)
    }
    assert.ok((randomReasons(evidence)[0]?.weight ?? 0) > 10)
  })

  it('stays small', () => {
    const random = seededRandom(12)
    const { evidence } = judged(() => random.bytes(32), 1000)
    assert.ok(JSON.stringify(evidence).length < 1000)
  })
})
