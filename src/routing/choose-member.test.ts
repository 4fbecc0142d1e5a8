import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { chooseMember } from './choose-member.ts'

const MEMBERS = [
  { id: 'a', region: 'eu' },
  { id: 'b', region: 'us' },
  { id: 'c', region: 'eu' },
]
const drawn = (region: string | undefined, draws = 6) =>
  Array.from({ length: draws }, (_, i) => chooseMember(MEMBERS, region, i / draws)).join('')

describe('chooseMember()', () => {
  it('gives each member its share', () => {
    assert.equal(drawn(undefined), 'aabbcc')
  })

  it('keeps to the region when it has members', () => {
    assert.equal(drawn('eu'), 'aaaccc')
    assert.equal(drawn('us'), 'bbbbbb')
  })

  it('takes any when the region has none', () => {
    assert.equal(drawn('asia'), 'aabbcc')
  })

  it('answers nothing only when there is nobody', () => {
    assert.equal(chooseMember([], 'eu', 0.5), '')
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.option(fc.constantFrom('eu', 'us', 'x'), { nil: undefined }),
        (fraction, region) => {
          assert.ok(MEMBERS.some(({ id }) => id === chooseMember(MEMBERS, region, fraction)))
        },
      ),
      { seed: 20261122 },
    )
  })
})
