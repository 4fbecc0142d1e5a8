import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { CustodyKey } from './api/views.ts'
import { badShares, nameOf, toneOf } from './bad-shares.ts'

const key = (name: string | null, drill: CustodyKey['drill']): CustodyKey => ({
  ...{ id: 'ab'.repeat(16), name, type: 'ed25519', threshold: 2, generation: 1 },
  ...{ holders: ['n1', 'n2', 'n3'], present: 3, isSafe: true, drill, uses: [] },
})

it('badShares() names what is bad, and neither what was repaired nor who is away', () => {
  const shares = ['corrupt', 'repaired', 'away', 'good'].map((verdict, i) => ({
    ...{ node: `n${i + 1}`, verdict },
  }))
  const keys = [
    key('sign/a@1', { at: 0, verdict: 'bad', shares }),
    key(null, { at: 0, verdict: 'bad', shares: [{ node: 'n2', verdict: 'lost' }] }),
    key('sign/b@1', null),
  ]
  assert.deepEqual(badShares(keys), [
    { key: 'sign/a@1', node: 'n1', verdict: 'corrupt' },
    { key: 'abababab…', node: 'n2', verdict: 'lost' },
  ])
})

it('toneOf() is plain for what was not drilled', () => {
  const tones = [undefined, 'good', 'repaired', 'away', 'wrong'].map(toneOf)
  assert.deepEqual(tones, ['plain', 'good', 'warn', 'warn', 'bad'])
  assert.equal(nameOf({ name: 'derive/x@2', id: '' }), 'derive/x@2')
})
