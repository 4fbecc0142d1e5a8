import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { DETECTORS, type Decision, type Detector, type DetectorMode } from '../behavior/decision.ts'
import { type EnforcementPolicy, enforcedTier, scoreOf } from '../behavior/handshake/evidence.ts'
import { tierOf } from '../behavior/tier.ts'
import { replayDecisions } from './replay-decisions.ts'

const modes = fc.constantFrom<DetectorMode>('observe', 'shadow', 'enforce')
const POLICIES: fc.Arbitrary<EnforcementPolicy> = fc
  .record({
    mode: modes,
    list: fc.array(modes, { minLength: DETECTORS.length, maxLength: DETECTORS.length }),
    tier2: fc.integer({ min: 1, max: 6 }),
    more: fc.integer({ min: 0, max: 6 }),
  })
  .map(({ mode, list, tier2, more }) => ({
    mode,
    detectors: Object.fromEntries(
      DETECTORS.map((detector, i) => [detector, list[i] ?? 'observe']),
    ) as Record<Detector, DetectorMode>,
    tier2,
    tier3: tier2 + more,
  }))
const REASONS = fc.array(
  fc.record({
    code: fc.constant('x'),
    text: fc.constant('X'),
    weight: fc.double({ min: 0, max: 9, noNaN: true }),
    detector: fc.constantFrom(...DETECTORS),
  }),
  { maxLength: 5 },
)

function decided(reasons: Decision['reasons'], policy: EnforcementPolicy): Decision {
  const score = scoreOf(reasons)
  return {
    id: 'id',
    subject: '192.0.2.7:1',
    tier: tierOf(score, policy),
    score,
    reasons,
    model: 'handshake/2',
    mode: policy.mode,
    at: 0,
    listener: 'web',
    enforced: enforcedTier(reasons, policy),
    pool: 'primary',
    member: 'here',
    profile: '0011223344556677',
  }
}

describe('replayDecisions()', () => {
  it('changes nothing under the same policy', () => {
    fc.assert(
      fc.property(fc.array(REASONS), POLICIES, (all, policy) => {
        const decisions = all.map((reasons) => decided(reasons, policy))
        assert.deepEqual(replayDecisions(decisions, policy).changed, [])
      }),
      { seed: 20261122 },
    )
  })

  it('says who would be treated as the other policy has it, always the same', () => {
    fc.assert(
      fc.property(REASONS, POLICIES, POLICIES, (reasons, policy, other) => {
        const before = decided(reasons, policy)
        const after = decided(reasons, other)
        const replay = replayDecisions([before], other)
        assert.deepEqual(replayDecisions([before], other), replay)
        const [change] = replay.changed
        assert.equal(change?.tierWould ?? before.tier, after.tier)
        assert.equal(change?.enforcedWould ?? before.enforced, after.enforced)
      }),
      { seed: 20261122 },
    )
  })

  it('names the reasons, the heaviest first', () => {
    const detectors = Object.fromEntries(DETECTORS.map((name) => [name, 'enforce'])) as Record<
      Detector,
      DetectorMode
    >
    const policy = { mode: 'observe', detectors, tier2: 4, tier3: 8 } as const
    const reasons = [
      { code: 'no-server-name', text: 'It asks for no server name', weight: 0 },
      { code: 'rare-here', text: 'Rare', weight: 2, detector: 'rarity' },
      { code: 'random-repeated', text: 'Repeated', weight: 5, detector: 'randomness' },
    ] as const
    const replay = replayDecisions([decided(reasons, policy)], { ...policy, mode: 'enforce' })
    assert.deepEqual(
      replay.changed.map((one) => [one.tierWas, one.tierWould, one.enforcedWas, one.enforcedWould]),
      [[2, 2, 1, 2]],
    )
    assert.deepEqual(
      replay.changed[0]?.reasons.map(({ code }) => code),
      ['random-repeated', 'rare-here'],
    )
    assert.equal(replay.profilesChanged, 1)
  })
})
