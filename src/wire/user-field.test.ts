import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readUserField } from './user-field.ts'

describe('readUserField()', () => {
  it('reads an id, and the word that a second factor has passed', () => {
    assert.deepEqual(readUserField('alice'), { user: 'alice', confirmed: false })
    assert.deepEqual(readUserField('47:11/x;confirmed'), { user: '47:11/x', confirmed: true })
    assert.equal(readUserField('a'.repeat(256))?.user.length, 256)
  })

  it('reads nothing else', () => {
    const bad = ['', ';', 'a b', 'a;', 'a;Confirmed', 'a;confirmed;', 'a;b', 'ü', 'a\tb', 'a\n']
    for (const text of [...bad, 'a'.repeat(257)]) {
      assert.equal(readUserField(text), undefined, JSON.stringify(text))
    }
  })

  it('never throws, and gives back what it was given (fuzz)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const said = readUserField(text)
        if (said === undefined) return
        assert.equal(`${said.user}${said.confirmed ? ';confirmed' : ''}`, text)
      }),
      { seed: 11, numRuns: 2000 },
    )
  })
})
