import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { readUserField } from './user-field.ts'

describe('readUserField()', () => {
  it('reads an id, and the word that a second factor has passed', () => {
    const user = (user: string, confirmed = false) => ({ kind: 'user', user, confirmed })
    assert.deepEqual(readUserField('alice'), user('alice'))
    assert.deepEqual(readUserField('47:11/x;confirmed'), user('47:11/x', true))
    assert.deepEqual(readUserField('a'.repeat(256)), user('a'.repeat(256)))
    assert.deepEqual(readUserField(`${'a'.repeat(256)};confirmed`), user('a'.repeat(256), true))
  })

  it('reads nothing else, and says why', () => {
    const bad = [';', 'a b', 'a;', 'a;Confirmed', 'a;confirmed;', 'a;b', 'ü', 'a\tb', 'a\n']
    for (const text of [...bad, ';confirmed', 'a;confirmed;confirmed']) {
      assert.deepEqual(readUserField(text), { kind: 'refused', why: 'characters' }, text)
    }
    assert.deepEqual(readUserField('a'.repeat(257)), { kind: 'refused', why: 'too-long' })
    assert.deepEqual(readUserField(''), { kind: 'nobody' })
  })

  it('never throws, and gives back what it was given (fuzz)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const said = readUserField(text)
        if (said.kind !== 'user') return
        assert.equal(`${said.user}${said.confirmed ? ';confirmed' : ''}`, text)
      }),
      { seed: 11, numRuns: 2000 },
    )
  })
})
