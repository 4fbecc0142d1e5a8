import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { Detector, Reason } from '../decision.ts'
import { enforcedTier, joinEvidence, scoreOf } from './evidence.ts'

const reason = (detector: Detector | undefined, weight: number, code = `${detector}`): Reason =>
  detector === undefined ? { code, text: '', weight } : { code, text: '', weight, detector }

it('joinEvidence() takes the strongest source of each detector, and the context of the hello', () => {
  const own = [reason(undefined, 0, 'context'), reason('rarity', 2), reason('randomness', 1)]
  const verdict = [reason('randomness', 5), reason('rarity', 1), reason(undefined, 0, 'other')]
  const joined = joinEvidence([own, verdict, [reason('rate', 3)]])
  assert.deepEqual(
    joined.map(({ code, weight }) => [code, weight]),
    [
      ['context', 0],
      ['randomness', 5],
      ['rarity', 2],
      ['rate', 3],
    ],
  )
  assert.equal(scoreOf(joined), 10)
})

it('enforcedTier() counts detectors in force only', () => {
  const modes = {
    randomness: 'enforce',
    rarity: 'observe',
    form: 'shadow',
    profile: 'enforce',
    rate: 'enforce',
    signature: 'enforce',
  } as const
  const policy = { mode: 'enforce', detectors: modes, tier2: 4, tier3: 8 } as const
  assert.equal(enforcedTier([reason('rarity', 9), reason('form', 9)], policy), 1)
  assert.equal(enforcedTier([reason('randomness', 3), reason('rate', 1)], policy), 2)
  assert.equal(enforcedTier([reason('randomness', 9)], policy), 3)
  assert.equal(enforcedTier([reason('randomness', 9)], { ...policy, mode: 'shadow' }), 1)
  assert.equal(enforcedTier([reason(undefined, 9, 'context')], policy), 1)
})
