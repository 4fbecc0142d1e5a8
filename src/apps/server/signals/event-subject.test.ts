import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readEventSubject } from './event-subject.ts'

const user = { format: 'opaque', id: 'alice' }

describe('readEventSubject()', () => {
  it('reads simple subjects (RFC 9493)', () => {
    const read = (value: object) => {
      const outcome = readEventSubject(value)
      return outcome.kind === 'read' ? outcome.subject : outcome.kind
    }
    assert.deepEqual(read(user), { user: 'alice' })
    const issSub = { iss: 'https://idp.test', sub: '4711' }
    assert.deepEqual(read({ format: 'iss_sub', ...issSub }), { user: '4711', issuer: issSub.iss })
    assert.deepEqual(read({ subject_type: 'iss-sub', ...issSub }), {
      ...{ user: '4711', issuer: issSub.iss },
    })
    assert.deepEqual(read({ format: 'email', email: 'a@b.test' }), { user: 'a@b.test' })
    assert.equal(read({ format: 'phone_number', phone_number: '+1' }), 'none')
  })

  it('reads complex ones with a user, a session, or both (SSF 1.0)', () => {
    const session = { format: 'opaque', id: 'dMTlD' }
    const device = { format: 'opaque', id: 'd' }
    const of = (value: object) => readEventSubject(value)
    assert.deepEqual(of({ format: 'complex', user, session, device }), {
      ...{ kind: 'read', subject: { user: 'alice', session: 'dMTlD' } },
    })
    assert.deepEqual(of({ user }), { kind: 'read', subject: { user: 'alice' } })
    assert.deepEqual(of({ format: 'complex', session }), {
      ...{ kind: 'read', subject: { session: 'dMTlD' } },
    })
    assert.deepEqual(of({ format: 'complex', device }), { kind: 'none' })
  })

  it('takes none that is not as it must be', () => {
    const bad: readonly unknown[] = [
      ...[undefined, null, 'alice', [], {}, { format: 1 }, { format: 'opaque' }],
      ...[
        { format: 'opaque', id: '' },
        { format: 'opaque', id: 'x'.repeat(257) },
      ],
      ...[
        { format: 'iss_sub', sub: 'x' },
        { format: 'email', email: 'nobody' },
      ],
      { format: 'complex', user: { format: 'complex', user } },
      { format: 'complex', user: 'alice' },
    ]
    for (const value of bad) {
      assert.deepEqual(readEventSubject(value), { kind: 'bad' }, JSON.stringify(value))
    }
  })
})
