import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { actPerson } from '../../test/acted-person.ts'
import { seededFraction } from '../math/seeded-chance.ts'
import { PEOPLE_AT_HAND_MAX, type PeopleSettings, PeopleWatch } from './watch-people.ts'

const SETTINGS: PeopleSettings = {
  ...{ thresholds: { tier2: 3, tier3: 5 }, tuning: 'fixed', falsePositiveBudget: 0.01 },
  ...{ enrol: 'first', sessionMs: 60_000 },
}
const ALICE = 'a'.repeat(32)
const watching = (change: Partial<PeopleSettings> = {}) =>
  new PeopleWatch({ ...SETTINGS, ...change }, seededFraction(1), 0)

describe('PeopleWatch', () => {
  it('knows a person over sessions, and ends them when they are quiet', () => {
    const watch = watching()
    const actor = actPerson(2)
    watch.admit(ALICE, undefined, 0)
    for (let day = 0; day < 20; day++) {
      const [session, now] = [`s${day}`, day * 100_000]
      watch.bind(session, ALICE, false, now)
      actor.sleep()
      for (const batch of actor.type(160)) watch.take(session, batch, day, now)
      assert.equal(watch.standing(session)?.tier, 1)
      const { sessions, changed } = watch.sweep(now + 60_001)
      assert.deepEqual(sessions, [session])
      assert.ok(day < 6 || changed.length === 1)
    }
    assert.equal(watch.figures().sessions, 0)
    assert.ok(watch.figures().ended > 0)
    assert.ok((watch.person(ALICE)?.person.sessions.length ?? 0) > 0)
    watch.bind('theft', ALICE, false, 3e6)
    for (const batch of actPerson(104).type(800)) watch.take('theft', batch, 1, 3e6)
    assert.equal(watch.standing('theft')?.tier, 3)
    assert.deepEqual(
      watch.sessionsOf(ALICE).map(({ session }) => session),
      ['theft'],
    )
    const { now, tried } = watch.countTiers({ ...SETTINGS, thresholds: { tier2: 19, tier3: 20 } })
    assert.deepEqual(
      [now, tried],
      [
        [0, 0, 1],
        [1, 0, 0],
      ],
    )
    assert.equal(watch.vouch('theft', 3e6)?.standing.tier, 1)
  })

  it('loses nothing but its hold on a person that is released, and all of one that is forgotten', () => {
    const watch = watching()
    const known = watch.admit(ALICE, undefined, 0)
    watch.bind('s', ALICE, false, 0)
    watch.release(ALICE)
    assert.equal(watch.has(ALICE), false)
    assert.equal(watch.personOf('s'), ALICE)
    assert.equal(watch.bind('s', ALICE, false, 0), undefined)
    watch.admit(ALICE, known.person, 0)
    assert.deepEqual(watch.forget(ALICE), ['s'])
    assert.equal(watch.standing('s'), undefined)
  })

  it('keeps nothing of a session that says on its way that no profile may be kept, but whose it is', () => {
    const watch = watching()
    const known = watch.admit(ALICE, undefined, 0)
    watch.bind('s', ALICE, false, 0)
    const [first, ...others] = actPerson(2).type(400)
    for (const batch of others) watch.take('s', batch, 1, 0)
    if (first !== undefined) watch.take('s', first, 2, 0, true)
    watch.bind('s', ALICE, false, 0)
    assert.deepEqual([watch.personOf('s'), watch.sessionsOf(ALICE).length], [ALICE, 1])
    assert.deepEqual(watch.sweep(60_001), { sessions: ['s'], changed: [] })
    assert.deepEqual([known.holders.size, known.person.sessions], [0, []])
  })

  it('tells a person from others while they are known, and from the own past when they are erased', () => {
    const watch = watching()
    const idOf = (number: number) => number.toString(16).padStart(32, '0')
    const enrol = (id: string, seed: number) => {
      const actor = actPerson(seed)
      const known = watch.admit(id, undefined, 0)
      for (let day = 0; day < 13; day++) {
        watch.bind(`${id} ${day}`, id, false, 0)
        actor.sleep()
        for (const batch of actor.type(400)) watch.take(`${id} ${day}`, batch, day, 0)
        watch.sweep(0, true)
      }
      return known
    }
    const { person } = enrol(ALICE, 2)
    for (let other = 1; other <= 8; other++)
      watch.population.put(enrol(idOf(other), 40 + other).person)
    const own = () => person.typing['text desktop qwerty']?.own
    const look = (page: number, seed: number) => {
      watch.bind(`s${page}`, ALICE, false, 0)
      for (const batch of actPerson(seed).type(800)) watch.take(`s${page}`, batch, page, 0)
      return watch.standing(`s${page}`)?.tier
    }
    const alone = [...(own()?.recent ?? [])]
    assert.equal(own()?.scoredWith, 'own')
    assert.equal(look(100, 104), 3)
    assert.equal(own()?.scoredWith, 'background')
    assert.ok((own()?.recent.length ?? 0) >= 50)
    assert.notDeepEqual(own()?.recent, alone)
    watch.forget(idOf(3))
    assert.equal(look(101, 104), 3)
    assert.equal(own()?.scoredWith, 'own')
  })

  it('holds no more people than may be at hand, however many sessions go on', () => {
    const watch = watching()
    const first = watch.admit(ALICE, undefined, 0)
    watch.bind('hers', ALICE, false, 0)
    assert.equal(first.holders.size, 1)
    for (let i = 0; i < PEOPLE_AT_HAND_MAX; i++) {
      const id = i.toString(16).padStart(32, '0')
      watch.admit(id, undefined, 0)
      watch.bind(`s${i}`, id, false, 0)
    }
    assert.equal(watch.has(ALICE), false)
    assert.equal(watch.personOf('hers'), ALICE)
    // What is told meanwhile waits, and is judged when she is at hand again.
    for (const batch of actPerson(3).type(80)) watch.take('hers', batch, 1, 0)
    assert.equal(watch.personOf('hers'), ALICE)
    const again = watch.admit(ALICE, first.person, 0)
    watch.bind('hers', ALICE, false, 0)
    assert.deepEqual([first.holders.size, again.holders.size], [0, 1])
    watch.sweep(0, true)
    assert.equal(again.holders.size, 0)
  })

  it('moves its threshold when honest sessions are flagged too often, within bounds', () => {
    const watch = watching({ tuning: 'adaptive', thresholds: { tier2: 0.5, tier3: 5 } })
    const actor = actPerson(2)
    watch.admit(ALICE, undefined, 0)
    for (let day = 0; day < 120; day++) {
      watch.bind(`s${day}`, ALICE, false, day * 100_000)
      actor.sleep()
      for (const batch of actor.type(320)) watch.take(`s${day}`, batch, day, day * 100_000)
      watch.sweep(day * 100_000 + 60_001)
    }
    const { tier2InForce, ended, flagged } = watch.figures()
    assert.ok(tier2InForce > 0.5 && tier2InForce <= 2.5, `${tier2InForce}`)
    assert.ok(flagged < ended / 3, `${flagged} of ${ended}`)
  })

  it('is not emptied by who opens sessions without end', () => {
    const watch = watching()
    watch.admit(ALICE, undefined, 0)
    watch.bind('hers', ALICE, false, 0)
    const [batch] = actPerson(3).type(10)
    assert.ok(batch !== undefined)
    for (let i = 0; i < 30_000; i++) watch.take(`stranger ${i}`, batch, 1, 1)
    assert.equal(watch.figures().sessions, 20_001)
    assert.equal(watch.personOf('hers'), ALICE)
    assert.deepEqual(watch.sweep(2, true).sessions.length, 20_001)
  })

  it('moves its thresholds by what sessions are said to have been, and goes on with that', () => {
    const watch = watching({ tuning: 'step' })
    const actor = actPerson(2)
    watch.admit(ALICE, undefined, 0)
    for (let day = 0; day < 20; day++) {
      watch.bind(`s${day}`, ALICE, false, day * 100_000)
      actor.sleep()
      for (const batch of actor.type(160)) watch.take(`s${day}`, batch, day, day * 100_000)
      watch.sweep(day * 100_000 + 60_001)
    }
    watch.bind('other', ALICE, false, 3e6)
    for (const batch of actPerson(104).type(800)) watch.take('other', batch, 1, 3e6)
    assert.equal(watch.standing('other')?.tier, 3)
    // A machine that passes again and again has said it once.
    for (let i = 0; i < 5; i++) watch.passed('other')
    assert.equal(watch.figures().tier2InForce, 3.02)
    // An attack that was flagged says nothing against the threshold, and is not forgotten.
    assert.equal(watch.doubt('other', 3, 3e6)?.standing.tier, 3)
    assert.equal(watch.figures().tier2InForce, 3.02)
    assert.equal(watch.vouch('other', 3e6)?.standing.tier, 1)
    // One that was not lowers it.
    watch.learn(2, 1, true)
    const { tier2InForce } = watch.figures()
    assert.ok(tier2InForce < 3, `${tier2InForce}`)
    const kept = JSON.parse(JSON.stringify(watch.tuning)) as typeof watch.tuning
    const again = new PeopleWatch(watch.settings, seededFraction(1), 0, watch.calibration, kept)
    assert.equal(again.figures().tier2InForce, tier2InForce)
    again.settings = { ...watch.settings, tuning: 'windowed' }
    assert.equal(again.figures().tier2InForce, 3)
  })

  it('takes a session whose login counts for less into tier 2, and back', () => {
    const watch = watching()
    watch.admit(ALICE, undefined, 0)
    watch.bind('s', ALICE, false, 0)
    assert.equal(watch.doubt('s', 2, 0)?.standing.tier, 2)
    assert.deepEqual(
      watch.standing('s')?.reasons.map(({ code }) => code),
      ['assurance-lowered'],
    )
    assert.equal(watch.doubt('s', 2, 0)?.standing.tier, 2)
    assert.equal(watch.vouch('s', 0)?.standing.tier, 1)
    assert.equal(watch.doubt('unknown', 3, 0), undefined)
  })
})
