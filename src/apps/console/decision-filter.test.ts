import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Decision } from '../../behavior/decision.ts'
import { matchesFilter, mergeDecisions } from './decision-filter.ts'

const decision: Decision = {
  id: '01JD0000000000000000000001',
  subject: '127.0.0.1:52044',
  tier: 2,
  score: 3.2,
  reasons: [{ code: 'random-repeated', text: 'The client random repeats', weight: 3.2 }],
  model: 'handshake/1',
  mode: 'observe',
  at: 1,
  listener: 'web',
  handshake: {
    ja4: 't13d1516h2_8daaf6152771_02713d6af862',
    ja4Stable: 't13d1516h2_8daaf6152771_02713d6af862',
    sni: 'localhost',
    alpn: ['h2', 'http/1.1'],
    resumption: false,
    chunks: 1,
    arrivalMs: 2,
    client: 'Chromium',
  },
}

test('matchesFilter() wants every word somewhere, in any case, and the tier', () => {
  const match = (words: string, tier?: 1 | 2 | 3) => matchesFilter(decision, { words, tier })
  assert.ok(match(''))
  assert.ok(match('  chromium RANDOM-rep '))
  assert.ok(match('52044', 2))
  assert.ok(!match('chromium firefox'))
  assert.ok(!match('', 1))
})

test('matchesFilter() copes with a connection that was not TLS', () => {
  const { handshake: _, ...plain } = decision
  assert.ok(matchesFilter(plain, { words: 'web', tier: undefined }))
})

test('mergeDecisions() is newest first, without doubles, bounded', () => {
  const withId = (id: string): Decision => ({ ...decision, id })
  const merged = mergeDecisions([withId('3'), withId('1')], [withId('2'), withId('3')], 2)
  assert.deepEqual(
    merged.map((one) => one.id),
    ['3', '2'],
  )
})
