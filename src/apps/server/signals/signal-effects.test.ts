import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EventKind, SecurityEvent } from './event-token.ts'
import { SignalEffects, type SignalEffectsOptions } from './signal-effects.ts'

const ISSUER = 'https://idp.test'
const OURS = 'session-of-ours'

/** Tells what was done, in order. */
function effects(change: Partial<SignalEffectsOptions> = {}) {
  const done: string[] = []
  const made = new SignalEffects({
    keyServer: {
      session: (id) => (id === OURS ? ({ id } as never) : undefined),
      revokeSession: (id) => void done.push(`revoke ${id}`),
      revokeSubject: (subject) => done.push(`revoke all of ${subject}`),
    },
    people: {
      idOf: (user) => `person ${user}`,
      vouch: (id) => done.push(`vouch ${id}`),
      doubt: (id, tier) => done.push(`doubt ${id} ${tier}`),
      sessionIdsOf: (id) => (id === 'person bob' ? [OURS, 'by-cookie'] : []),
    },
    audit: { append: ({ action, subject }) => void done.push(`${action} ${subject}`) },
    loginIssuer: 'https://login.test',
    pseudonymOf: (user) => Buffer.from(user),
    ...change,
  })
  const apply = (kind: EventKind, event: Partial<SecurityEvent> = {}) => {
    done.length = 0
    const one = { kind, subject: { user: 'alice' }, byUser: false, ...event }
    const [result] = made.apply(ISSUER, { id: 'one', issuedAt: 0, events: [one] })
    return [result, ...done]
  }
  return apply
}
const ALICE = Buffer.from('alice').toString('base64url')
const BOB = Buffer.from('bob').toString('base64url')

describe('SignalEffects', () => {
  it('ends sessions, and takes them for an attacker’s', () => {
    const apply = effects()
    for (const kind of ['session-revoked', 'account-disabled', 'credential-compromise'] as const) {
      assert.deepEqual(apply(kind), [
        ...['applied', `signal.${kind} ${ALICE}`, `revoke all of ${ALICE}`],
        'doubt person alice 3',
      ])
    }
    assert.deepEqual(apply('session-revoked', { subject: { user: 'bob' } }).slice(2), [
      ...[`revoke all of ${BOB}`, `revoke ${OURS}`, 'doubt person bob 3'],
    ])
  })

  it('takes a logout for nothing but that', () => {
    assert.deepEqual(effects()('session-revoked', { byUser: true }).slice(2), [
      `revoke all of ${ALICE}`,
    ])
  })

  it('ends one session where it is ours, and all of the user’s where it is not', () => {
    const apply = effects()
    const one = apply('session-revoked', { subject: { session: OURS } })
    assert.deepEqual(one, ['applied', `signal.session-revoked ${OURS}`, `revoke ${OURS}`])
    const theirs = { user: 'alice', session: 'of-somebody-else' }
    assert.equal(apply('session-revoked', { subject: theirs })[2], `revoke all of ${ALICE}`)
    assert.deepEqual(apply('session-revoked', { subject: { session: 'of-somebody-else' } }), [
      'unknown-subject',
    ])
  })

  it('goes by how surely somebody is logged in', () => {
    const apply = effects()
    const up = apply('assurance-level-change', { direction: 'increase' })
    assert.deepEqual([up[0], up[2]], ['applied', 'vouch person alice'])
    const down = apply('assurance-level-change', { direction: 'decrease' })
    assert.equal(down[2], 'doubt person alice 2')
    assert.equal(apply('assurance-level-change')[0], 'noted')
  })

  it('only notes what follows nothing from', () => {
    const apply = effects()
    assert.deepEqual(apply('device-compliance-change'), [
      ...['noted', `signal.device-compliance-change ${ALICE}`],
    ])
    assert.deepEqual(apply('verification'), ['noted'])
    assert.deepEqual(apply('unknown', { subject: undefined }), ['unknown-event'])
  })

  it('knows users by the names of who tells and of the login only', () => {
    const apply = effects()
    const named = (issuer: string) =>
      apply('session-revoked', { subject: { user: 'alice', issuer } })[0]
    assert.equal(named(ISSUER), 'applied')
    assert.equal(named('https://login.test'), 'applied')
    assert.equal(named('https://elsewhere.test'), 'unknown-subject')
  })

  it('says so when nothing could follow', () => {
    const alone = { keyServer: undefined, people: undefined }
    assert.equal(effects(alone)('session-revoked')[0], 'noted')
    assert.equal(effects(alone)('assurance-level-change', { direction: 'increase' })[0], 'noted')
    assert.equal(effects({ keyServer: undefined })('session-revoked')[0], 'applied')
    assert.equal(effects({ keyServer: undefined })('session-revoked', { byUser: true })[0], 'noted')
  })

  it('does nothing that cannot be written down', () => {
    const done: string[] = []
    const apply = effects({
      audit: {
        append() {
          throw new Error('full')
        },
      },
      keyServer: {
        session: () => undefined,
        revokeSession: (id) => void done.push(id),
        revokeSubject: (id) => done.push(id),
      },
    })
    assert.throws(() => apply('session-revoked'), /full/)
    assert.deepEqual(done, [])
  })
})
