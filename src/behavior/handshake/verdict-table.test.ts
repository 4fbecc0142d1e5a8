import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Verdict, VerdictSubject } from './verdict.ts'
import { newVerdictTable, verdictsOn } from './verdict-table.ts'

const HELLO = {
  profiles: ['0011223344556677'],
  ja4: 't13d311100_aa_cc',
  ja4Stable: 't13d311000_aa_bb',
  addressGroup: '192.0.2.0/24',
}
const verdict = (subject: VerdictSubject, until = 10): Verdict => ({
  subject,
  score: 5,
  reasons: [],
  until,
})
const found = (subject: VerdictSubject, now = 0) =>
  verdictsOn(newVerdictTable([verdict(subject)]), HELLO, now).length

describe('verdictsOn()', () => {
  it('finds those about the profile, until they end', () => {
    assert.equal(found({ kind: 'profile', profile: HELLO.profiles[0] ?? '' }), 1)
    assert.equal(found({ kind: 'profile', profile: HELLO.profiles[0] ?? '' }, 10), 0)
    assert.equal(found({ kind: 'profile', profile: 'ffffffffffffffff' }), 0)
  })

  it('finds signatures of which every field matches, none that has no field', () => {
    const { ja4, ja4Stable, addressGroup } = HELLO
    const signature = (match: object) => found({ kind: 'signature', signature: 's', match })
    for (const match of [
      { ja4 },
      { ja4Stable },
      { addressGroup },
      { ja4, addressGroup },
      { ja4Stable, addressGroup },
      { ja4, ja4Stable, addressGroup },
    ]) {
      assert.equal(signature(match), 1, JSON.stringify(match))
      assert.equal(signature({ ...match, addressGroup: '198.51.100.0/24' }), 0)
    }
    assert.equal(signature({}), 0)
  })

  it('finds newcomers with the part of a network that churns, not who was known', () => {
    const { addressGroup, ja4Stable } = HELLO
    const churn = (part: string, known: readonly string[]) =>
      found({ kind: 'newcomers', addressGroup, part, known })
    assert.equal(churn('b:aa', []), 1)
    assert.equal(churn('c:bb', ['t13d_x_bb']), 1)
    assert.equal(churn('c:bb', [ja4Stable]), 0)
    assert.equal(churn('c:other', []), 0)
  })
})

describe('a verdict on everybody', () => {
  const verdict: Verdict = {
    subject: { kind: 'everybody' },
    score: 3,
    reasons: [{ code: 'profiles-unusable', text: 'x', weight: 3, detector: 'signature' }],
    until: 1000,
  }
  const anybody = { profiles: ['00000000000000bb'], ja4: '', ja4Stable: '', addressGroup: '' }

  it('holds for whoever comes, with or without a hello, until it ends', () => {
    const table = newVerdictTable([verdict])
    assert.deepEqual(verdictsOn(table, anybody, 999), [verdict])
    assert.deepEqual(verdictsOn(table, { ...anybody, ja4: 'a', ja4Stable: 'b' }, 0), [verdict])
    assert.deepEqual(verdictsOn(table, anybody, 1000), [])
  })

  it('stands beside those on one client', () => {
    const own: Verdict = { ...verdict, subject: { kind: 'profile', profile: '00000000000000bb' } }
    assert.deepEqual(verdictsOn(newVerdictTable([own, verdict]), anybody, 0), [verdict, own])
  })

  it('is not there when nobody says so', () => {
    assert.equal(newVerdictTable([]).everybody, undefined)
  })
})
