import assert from 'node:assert/strict'
import { it } from 'node:test'
import { HedgeBudget } from './hedge-budget.ts'

it('HedgeBudget allows one of twenty, and some at once', () => {
  const budget = new HedgeBudget()
  let spent = 0
  while (budget.spend(1)) spent++
  assert.equal(spent, 30)
  for (let i = 0; i < 1000; i++) {
    budget.earn()
    if (budget.spend(3)) spent += 3
  }
  assert.ok(spent >= 30 + 45 && spent <= 30 + 50, String(spent))
  for (let i = 0; i < 2000; i++) budget.earn()
  assert.equal(budget.spend(30), true)
  assert.equal(budget.spend(1), false)
})
