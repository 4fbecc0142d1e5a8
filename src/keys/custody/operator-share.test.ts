import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { octetsOf } from '../../ground/octets.ts'
import { type OperatorShare, readOperatorShare, writeOperatorShare } from './operator-share.ts'

const SEED = 6
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const shares: fc.Arbitrary<OperatorShare> = fc
  .tuple(
    fc
      .integer({ min: 2, max: 255 })
      .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 2, max: n }))),
    fc.tuple(bytes(16), bytes(32), bytes(32)),
    fc.integer({ min: 1, max: 255 }),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  )
  .map(([[n, threshold], [reference, body, salt], point, generation]) => ({
    ...{ threshold, shares: n, reference },
    held: { generation, share: Uint8Array.of(...body, point), salt },
  }))
const text = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
const read = (line: string) => readOperatorShare(octetsOf(line))
const sample: OperatorShare = {
  ...{ threshold: 3, shares: 5, reference: new Uint8Array(16).fill(1) },
  held: {
    ...{ generation: 1, salt: new Uint8Array(32).fill(2) },
    share: Uint8Array.of(...new Uint8Array(32).fill(0xff), 77),
  },
}

describe('operator shares', () => {
  it('are as documented', () => {
    const octets = Buffer.concat([
      Buffer.of(3, 5, ...sample.reference, 0, 0, 0, 1, ...sample.held.share, ...sample.held.salt),
    ])
    const hash = createHash('sha256').update('limen/lcu/1 operator share\0').update(octets).digest()
    const bits = [...octets, ...hash.subarray(0, 5)]
      .map((octet) => octet.toString(2).padStart(8, '0'))
      .join('')
    const digits = (bits.match(/.{1,5}/g) ?? [])
      .map((five) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[Number.parseInt(five.padEnd(5, '0'), 2)])
      .join('')
    const wanted = `limen-share-1 ${(digits.match(/.{1,4}/g) ?? []).join('-')}`
    assert.equal(text(writeOperatorShare(sample)), wanted)
  })

  it('are read as they were written, also by hand', () => {
    fc.assert(
      fc.property(shares, (share) => {
        const line = text(writeOperatorShare(share))
        assert.deepEqual(read(line), { kind: 'read', share })
        const [prefix = '', digits = ''] = line.split(' ')
        const byHand = digits
          .toLowerCase()
          .replaceAll('-', ' ')
          .replaceAll('0', 'o')
          .replaceAll('1', 'l')
        assert.deepEqual(read(`  ${prefix} ${byHand}\r\n`), { kind: 'read', share })
      }),
      { seed: SEED },
    )
  })

  it('tell a wrong digit, two that changed places, and what is no share', () => {
    const line = text(writeOperatorShare(sample))
    const [prefix = '', digits = ''] = line.split(' ')
    for (let at = 0; at < digits.length; at++) {
      if (digits[at] === '-') continue
      const other = digits[at] === 'X' ? 'Y' : 'X'
      const outcome = read(`${prefix} ${digits.slice(0, at)}${other}${digits.slice(at + 1)}`)
      assert.equal(outcome.kind, 'refused', `digit ${at}`)
    }
    const [first = '', second = '', ...rest] = digits.split('-')
    assert.deepEqual(read(`${prefix} ${[second, first, ...rest].join('-')}`), {
      ...{ kind: 'refused', code: 'checksum' },
    })
    for (const bad of [
      '',
      prefix,
      digits,
      `${line}0`,
      line.slice(0, -1),
      line.replace('1 ', '2 '),
    ]) {
      assert.deepEqual(read(bad), { kind: 'refused', code: 'format' }, bad)
    }
  })

  it('never throws at anything', () => {
    const parts = fc.constantFrom(
      'limen-share-1 ',
      '-',
      ' ',
      '0',
      'Z',
      'u',
      'ü',
      '\u0000',
      '0'.repeat(148),
    )
    const octets = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(parts).map((all) => octetsOf(all.join(''))),
    )
    fc.assert(
      fc.property(octets, (line) => {
        assert.equal(readOperatorShare(line).kind, 'refused')
      }),
      { seed: SEED, numRuns: 2000 },
    )
  })
})
