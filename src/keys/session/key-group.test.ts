import assert from 'node:assert/strict'
import { it } from 'node:test'
import { keyGroupOf } from './key-group.ts'

it('keyGroupOf() takes the rule that names the host, else the one that names none', () => {
  const rules = [
    { group: 1, hosts: [] },
    { group: 2, hosts: ['shop.test', '*.shop.test'] },
  ]
  assert.equal(keyGroupOf(rules, 'shop.test'), 2)
  assert.equal(keyGroupOf(rules, 'www.shop.test'), 2)
  assert.equal(keyGroupOf(rules, 'a.b.shop.test'), 1)
  assert.equal(keyGroupOf(rules, 'other.test'), 1)
  assert.equal(keyGroupOf(rules.slice(1), 'other.test'), undefined)
})
