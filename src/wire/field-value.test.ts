import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fieldValue } from './field-value.ts'

const SEED = 20_261_205

describe('fieldValue()', () => {
  it('takes away SP and HTAB only, and nothing within', () => {
    assert.equal(fieldValue(' \ta \t b\t '), 'a \t b')
    assert.equal(fieldValue(' \xa0a\xa0 '), '\xa0a\xa0')
    assert.equal(fieldValue(' \t '), '')
    assert.equal(fieldValue('A: b ', 2), 'b')
    assert.equal(fieldValue('A:', 2), '')
  })

  it(`is what was put between spaces, whatever its octets (seed ${SEED})`, () => {
    const space = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 })
    const octet = fc.integer({ min: 33, max: 255 }).map((each) => String.fromCharCode(each))
    const value = fc.string({ unit: fc.oneof(octet, fc.constant('\xa0')), maxLength: 8 })
    fc.assert(
      fc.property(space, value, space, (before, text, behind) => {
        assert.equal(fieldValue(`A:${before}${text}${behind}`, 2), text)
      }),
      { seed: SEED },
    )
  })
})
