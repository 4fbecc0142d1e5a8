import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { judgeSeeds } from './people.ts'

describe('judgeSeeds()', () => {
  it('suspects few sessions of owners, and notices others, more of them when people are known', () => {
    const seeds = { people: 20_000, others: 20_500, population: 60_000 }
    const judged = judgeSeeds(seeds, 4, 8) as Record<string, Record<string, number>>
    for (const how of ['alone', 'among']) {
      const found = judged[how] ?? assert.fail(how)
      assert.deepEqual([found['owner_sessions'], found['others']], [32, 12])
      assert.ok((found['owner_sessions_tier2'] ?? 1) <= 0.1, JSON.stringify(found))
      assert.ok((found['others_tier2_ever'] ?? 0) >= 0.5, JSON.stringify(found))
    }
    const ever = (how: string) => judged[how]?.['others_tier2_ever'] ?? 0
    assert.ok(ever('among') >= ever('alone'))
  })
})
