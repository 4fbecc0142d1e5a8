import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fakeDataPlane } from '../../../../test/fake-data-plane.ts'
import type { Standing } from '../../../behavior/person/live-session.ts'
import type { Tier } from '../../../behavior/tier.ts'
import { SessionTiers } from './session-tiers.ts'
import { type KeptTier, LOGINS_LEFT_MAX } from './tier-memory.ts'

const HOUR = 3_600_000
const standing = (tier: Tier): Standing => ({
  ...{ tier, score: tier === 1 ? 0 : 6, confidence: 0, reasons: [], windows: 0 },
})

function started(kept: readonly KeptTier[] = []) {
  let now = 0
  const plane = fakeDataPlane()
  const tiers = new SessionTiers({
    ...{ plane, clock: { now: () => now }, mode: () => 'enforce', suspicionMs: HOUR },
    ...{ personOf: () => '', kept },
  })
  return {
    ...{ plane, tiers },
    pass: (ms: number) => {
      now += ms
    },
  }
}

describe('SessionTiers', () => {
  it('tells workers what is new, and what cannot be judged as it is to be taken', () => {
    const { plane, tiers } = started()
    assert.equal(tiers.meet('s', standing(1), 1), false)
    assert.equal(tiers.meet('s', standing(1), 2), true)
    assert.equal(tiers.meet('s', standing(3), 2), true)
    assert.equal(tiers.meet('s', standing(3), 1), false)
    assert.deepEqual(
      plane.tiersTold.map(({ enforced }) => enforced),
      [2, 3],
    )
    assert.equal(tiers.counted('s', standing(1)).tier, 3)
  })

  it('keeps a login where the worst that came over it is, until all of that is forgotten', () => {
    const { tiers, pass } = started()
    for (const session of ['one', 'two']) tiers.anchor(session, ['login'])
    tiers.meet('one', standing(3), 1)
    pass(HOUR / 2)
    tiers.meet('two', standing(2), 1)
    assert.equal(tiers.tierOf('login'), 3)
    tiers.over(['one', 'two'])
    assert.deepEqual([tiers.tierOf('one'), tiers.tierOf('two'), tiers.tierOf('login')], [3, 3, 3])
    pass(HOUR / 2)
    tiers.expire(() => false)
    // The second had the tier of the first, and no longer than that.
    assert.deepEqual([tiers.tierOf('one'), tiers.tierOf('two'), tiers.tierOf('login')], [1, 1, 1])
  })

  it('frees each login that a robot has shown when its time is over, whatever it shows then', () => {
    const { tiers, plane, pass } = started()
    tiers.meet('robot', standing(3), 1)
    for (const login of ['visitor', 'other', 'third']) {
      tiers.anchor('robot', [login])
      tiers.meet('robot', standing(3), 1)
      pass(HOUR / 4)
    }
    const tiersNow = () => ['visitor', 'other', 'third'].map((login) => tiers.tierOf(login))
    assert.deepEqual(tiersNow(), [3, 3, 3])
    // The robot goes on.
    pass(HOUR / 2)
    tiers.expire((session) => session === 'robot')
    assert.deepEqual(tiersNow(), [1, 1, 3])
    assert.equal(plane.tiersTold.findLast(({ session }) => session === 'visitor')?.enforced, 1)
    assert.equal(tiers.tierOf('robot'), 3)
  })

  it('tells workers of so many logins of one session, and takes back the oldest of its own', () => {
    const { tiers, plane } = started()
    tiers.anchor('victim', ['login'])
    tiers.meet('victim', standing(3), 1)
    tiers.meet('robot', standing(3), 1)
    for (let i = 0; i < 1000; i++) tiers.anchor('robot', [`invented-${i}`])
    const last = new Map(plane.tiersTold.map(({ session, enforced }) => [session, enforced]))
    const inTier = [...last].flatMap(([session, enforced]) => (enforced === 3 ? [session] : []))
    assert.equal(inTier.length, 3 + LOGINS_LEFT_MAX + 1)
    assert.deepEqual([tiers.tierOf('login'), tiers.tierOf('invented-999')], [3, 3])
    assert.deepEqual([tiers.tierOf('invented-0'), last.get('invented-0')], [1, 1])
  })

  it('keeps all logins that a session shows at once in its tier, as long as it goes on', () => {
    const { tiers, pass } = started()
    const shown = ['stolen', ...Array.from({ length: 15 }, (_, i) => `invented-${i}`)]
    // Before it comes to a tier: nothing is told again then.
    tiers.anchor('robot', shown)
    const tiersNow = () => new Set(shown.map((login) => tiers.tierOf(login)))
    for (let i = 0; i < 4; i++) {
      tiers.meet('robot', standing(3), 1)
      assert.deepEqual(tiersNow(), new Set([3]))
      pass(HOUR / 2)
      tiers.expire((session) => session === 'robot')
    }
    tiers.free('robot')
    tiers.meet('robot', standing(1), 1)
    assert.deepEqual(tiersNow(), new Set([1]))
  })

  it('takes a login along that a session shows after it has fallen silent', () => {
    const { tiers } = started()
    tiers.meet('thief', standing(3), 1)
    tiers.over(['thief'])
    tiers.anchor('thief', ['login'])
    assert.equal(tiers.tierOf('login'), 3)
  })

  it('leaves a login where another is when a person is erased', () => {
    const { tiers } = started()
    for (const session of ['one', 'two']) tiers.anchor(session, ['login'])
    tiers.meet('one', standing(2), 1)
    tiers.free('two')
    tiers.meet('two', standing(3), 1)
    tiers.forget('', ['two'])
    assert.equal(tiers.tierOf('login'), 3)
    tiers.free('two')
    tiers.meet('two', standing(1), 1)
    assert.equal(tiers.tierOf('login'), 2)
  })

  it('goes on after a restart: workers are told, and who says nothing stays where he was', () => {
    const before = started()
    before.tiers.anchor('thief', ['login'])
    before.tiers.meet('thief', standing(3), 1)
    before.tiers.meet('other', standing(2), 1)
    const after = started(before.tiers.kept())
    assert.deepEqual(
      after.plane.tiersTold.map(({ session, enforced }) => [session, enforced]),
      [
        ['thief', 3],
        ['login', 3],
        ['other', 2],
      ],
    )
    assert.equal(after.tiers.meet('thief', standing(1), 1), false)
    assert.deepEqual([after.tiers.tierOf('thief'), after.tiers.tierOf('login')], [3, 3])
    after.tiers.free('thief')
    assert.equal(after.tiers.meet('thief', standing(1), 1), true)
    assert.equal(after.tiers.tierOf('login'), 1)
    after.pass(HOUR)
    after.tiers.expire(() => false)
    assert.deepEqual([after.tiers.tierOf('other'), after.tiers.kept()], [1, []])
  })

  it('of who is erased after a restart nothing stays, though none of its sessions goes on', () => {
    const kept = { session: 'silent', person: 'erased', anchor: 'login', until: HOUR } as const
    const { tiers, plane } = started([{ ...kept, tier: 3 }])
    tiers.forget('erased', [])
    assert.deepEqual([tiers.tierOf('silent'), tiers.tierOf('login')], [1, 1])
    const last = new Map(plane.tiersTold.map(({ session, enforced }) => [session, enforced]))
    assert.deepEqual([last.get('silent'), last.get('login')], [1, 1])
  })
})
