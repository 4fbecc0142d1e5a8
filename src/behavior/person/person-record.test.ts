import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { learn } from '../biometrics/typing-profile.ts'
import {
  newPerson,
  noteSession,
  SESSIONS_MAX,
  TYPING_CONTEXTS_MAX,
  typingProfile,
} from './person.ts'
import { readPerson, writePerson } from './person-record.ts'

const ID = '0123456789abcdef0123456789abcdef'

function someone() {
  const person = newPerson(ID, 1_795_000_000_000)
  learn(typingProfile(person, 'text desktop qwerty', ['hold']), Float64Array.of(0.1), true)
  noteSession(person, { at: 1_795_000_000_000, tier: 2, score: 3.5, windows: 9 })
  return person
}

describe('readPerson()', () => {
  it('reads what was written, of that person', () => {
    assert.deepEqual(readPerson(ID, writePerson(someone())), someone())
    assert.equal(readPerson(ID.replace('0', '1'), writePerson(someone())), undefined)
  })

  it('reads nothing that differs in any part', () => {
    const text = JSON.parse(writePerson(someone())) as Record<string, unknown>
    const changes: Record<string, unknown>[] = [
      ...[{ version: 2 }, { id: 'x' }, { createdAt: -1 }, { updatedAt: 0.5 }, { more: 1 }],
      ...[{ typing: [] }, { typing: { 'a b': {} } }, { typing: { '<script>': {} } }],
      ...[{ pointer: { mouse: 1 } }, { seenRuns: ['a'] }, { sessions: [{ at: 1 }] }],
      ...[{ sessions: new Array(SESSIONS_MAX + 1).fill(null) }, { label: 'x' }, { frozen: 1 }],
    ]
    for (const change of changes) {
      const changed = JSON.stringify({ ...text, ...change })
      assert.equal(readPerson(ID, changed), undefined, JSON.stringify(change).slice(0, 80))
    }
    const { frozen: _, ...less } = text
    assert.equal(readPerson(ID, JSON.stringify(less)), undefined)
  })

  it('never throws (fuzz)', () => {
    const text = writePerson(someone())
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
        const changed = text.slice(0, at) + put + text.slice(at + put.length)
        const read = readPerson(ID, changed)
        if (read !== undefined) assert.deepEqual(readPerson(ID, writePerson(read)), read)
      }),
      { seed: 7, numRuns: 1000 },
    )
    fc.assert(
      fc.property(fc.json(), (json) => {
        assert.equal(readPerson(ID, json), undefined)
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})

describe('typingProfile()', () => {
  it('gives way to new contexts without losing what was learned for long', () => {
    const person = someone()
    const text = typingProfile(person, 'text desktop qwerty', ['hold'])
    for (let i = 0; i < 20; i++) learn(text, Float64Array.of(0.1), true)
    for (let i = 0; i < 50; i++) {
      learn(typingProfile(person, `password ${i}/1/9 qwerty`, ['hold']), Float64Array.of(0.1), true)
    }
    assert.equal(Object.keys(person.typing).length, TYPING_CONTEXTS_MAX)
    assert.equal(person.typing['text desktop qwerty']?.confirmed.length, 21)
  })
})
