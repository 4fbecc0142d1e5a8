import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { actPerson } from '../../../test/acted-person.ts'
import { seededFraction } from '../../math/seeded-chance.ts'
import type { BehaviorBatch, BehaviorRecord, MissingMark } from '../../wire/behavior-batch.ts'
import { KnownPerson } from './known-person.ts'
import { LiveSession, type LiveSettings } from './live-session.ts'
import { newPerson } from './person.ts'

const ID = '0'.repeat(32)
const settings = (change: Partial<LiveSettings> = {}): LiveSettings => ({
  ...{ thresholds: { tier2: 3, tier3: 5 }, enrol: 'first', calibrate: (score) => score },
  fraction: seededFraction(3),
  ...change,
})

/** A person after a month of days, typing and pointing. */
function enrolled(seed: number, change: Partial<LiveSettings> = {}) {
  const actor = actPerson(seed)
  const known = new KnownPerson(newPerson(ID, 0))
  for (let day = 0; day < 20; day++) {
    actor.sleep()
    const live = new LiveSession(0)
    live.bind(known, false, settings(change))
    const batches = [actor.password(), ...actor.type(160), ...actor.point(44)]
    for (const batch of batches) live.take(batch, day, settings(change))
    live.end(settings(change))
  }
  return { actor, known }
}

/** The highest tier while somebody does something in a session of that person. */
function highest(known: KnownPerson, batches: readonly BehaviorBatch[]): number {
  const live = new LiveSession(0)
  live.bind(known, false, settings())
  let tier = 1
  for (const batch of batches) {
    live.take(batch, 1, settings())
    tier = Math.max(tier, live.standing(settings()).tier)
  }
  return tier
}

describe('LiveSession', () => {
  const { actor, known } = enrolled(2)

  it('takes the owner for the owner, who types and points as always', () => {
    actor.sleep()
    assert.equal(highest(known, [...actor.type(600), ...actor.point(60)]), 1)
  })

  it('takes five windows of free text of a session on trust, or all that a second factor vouches for', () => {
    for (const [confirmed, windows] of [
      [false, 5],
      [true, 15],
    ] as const) {
      const fresh = new KnownPerson(newPerson(ID, 0))
      const live = new LiveSession(0)
      live.bind(fresh, confirmed, settings())
      for (const batch of actPerson(2).type(600)) live.take(batch, 1, settings())
      live.end(settings())
      assert.equal(fresh.person.typing['text desktop qwerty']?.confirmed.length, windows)
    }
  })

  it('takes 25 passwords of a session on trust, and remembers the scores of 25 that a second factor vouches for', () => {
    for (const confirmed of [false, true]) {
      const fresh = new KnownPerson(newPerson(ID, 0))
      const [live, visitor] = [new LiveSession(0), actPerson(2)]
      live.bind(fresh, confirmed, settings())
      for (let i = 0; i < 40; i++) live.take(visitor.password(), i + 1, settings())
      live.end(settings())
      const [profile] = Object.values(fresh.person.typing)
      const passwords = profile?.confirmed.length ?? 0
      if (confirmed) assert.ok(passwords > 30, `${passwords}`)
      else assert.equal(passwords, 25)
      // The first ten make the profile, and have no score; on trust that is made when eight more have come.
      assert.equal(profile?.own.recent.length, confirmed ? 15 : 7)
    }
  })

  it('takes somebody else for somebody else, by typing', () => {
    assert.equal(highest(known, actPerson(104).type(800)), 3)
  })

  it('tells people apart by how they point, too', () => {
    const slow = actPerson(7)
    const before = JSON.stringify(known.person.pointer)
    assert.ok(highest(known, slow.point(400)) >= 2)
    assert.ok(JSON.stringify(known.person.pointer).length >= before.length)
  })

  it('learns nothing of who is suspicious, and nothing of anybody when frozen', () => {
    const thief = actPerson(104)
    const live = new LiveSession(0)
    live.bind(known, false, settings())
    for (const batch of thief.type(800)) live.take(batch, 1, settings())
    const { confirmed, unconfirmed } = known.person.typing['text desktop qwerty'] ?? {}
    const before = JSON.stringify([confirmed, unconfirmed])
    for (const batch of thief.type(400)) live.take(batch, 1, settings())
    assert.equal(JSON.stringify([confirmed, unconfirmed]), before)
    known.person.frozen = true
    highest(known, actor.type(400))
    known.person.frozen = false
    assert.equal(JSON.stringify([confirmed, unconfirmed]), before)
  })

  it('waits with what was told before anybody has said who it is', () => {
    const live = new LiveSession(0)
    for (const batch of actPerson(104).type(800)) live.take(batch, 1, settings())
    assert.equal(live.standing(settings()).windows, 0)
    live.bind(known, false, settings())
    assert.ok(live.standing(settings()).windows >= 10)
    assert.ok(live.standing(settings()).tier >= 2)
  })

  it('is ordinary again once a second factor has passed', () => {
    const live = new LiveSession(0)
    live.bind(known, false, settings())
    for (const batch of actPerson(104).type(800)) live.take(batch, 1, settings())
    assert.equal(live.standing(settings()).tier, 3)
    live.bind(known, true, settings())
    const { tier, score, reasons } = live.standing(settings())
    assert.deepEqual([tier, score, reasons.length], [1, 0, 0])
  })

  it('begins anew when it is somebody else’s', () => {
    const live = new LiveSession(0)
    live.bind(known, false, settings())
    // Nobody else in these tests types so: else it would be a recording.
    for (const batch of actPerson(105).type(800)) live.take(batch, 1, settings())
    assert.ok(live.standing(settings()).tier >= 2)
    live.bind(new KnownPerson(newPerson('1'.repeat(32), 0)), false, settings())
    const { tier, score, reasons } = live.standing(settings())
    assert.deepEqual([tier, score, reasons], [1, 0, []])
  })

  it('stays what betrayed a machine, whoever it is', () => {
    const live = new LiveSession(0)
    live.bind(known, false, settings())
    const typed = actPerson(104).type(800)
    for (const batch of [...typed, ...typed]) live.take(batch, 1, settings())
    const other = new KnownPerson(newPerson('1'.repeat(32), 0))
    live.bind(other, false, settings())
    const { tier, score, windows, reasons } = live.standing(settings())
    assert.deepEqual([tier, score, windows], [3, 6, 0])
    assert.deepEqual(
      reasons.map(({ code }) => code),
      ['timings-repeated'],
    )
    live.bind(other, true, settings())
    assert.deepEqual([live.standing(settings()).tier, live.standing(settings()).reasons], [1, []])
  })

  it('is neutral about a new person, whatever they do', () => {
    const stranger = new KnownPerson(newPerson(ID, 0))
    assert.equal(highest(stranger, [...actPerson(5).type(400), ...actPerson(6).type(400)]), 1)
  })

  it('learns nobody unconfirmed where a second factor must vouch', () => {
    const { known } = enrolled(11, { enrol: 'confirmed' })
    assert.equal(known.person.typing['text desktop qwerty']?.confirmed.length, 0)
  })

  it('keeps nothing of whom no profile may be kept, and finds machines all the same', () => {
    const live = new LiveSession(0)
    live.isBotOnly = true
    const nobody = new KnownPerson(newPerson(ID, 0))
    live.bind(nobody, false, settings())
    const batches = actPerson(21).type(120)
    for (const batch of [...batches, ...batches]) live.take(batch, 1, settings())
    const { tier, reasons } = live.standing(settings())
    assert.deepEqual([tier, reasons.map(({ code }) => code)], [3, ['timings-repeated']])
    assert.equal(live.personId, ID)
    live.bind(nobody, true, settings())
    assert.equal(live.standing(settings()).tier, 1)
    live.end(settings())
    assert.deepEqual(nobody.person, newPerson(ID, 0))
    assert.equal(nobody.holders.size, 0)
  })
})

describe('what is missing', () => {
  const { known } = enrolled(2)
  const mark = (atMs: number, mark: MissingMark): BehaviorRecord => ({
    ...{ kind: 'mark', atMs, mark, field: 1, amount: 0 },
  })
  const batchOf = (records: readonly BehaviorRecord[]): BehaviorBatch => ({
    ...{ fromMs: 0, lastedMs: 3_600_000, place: 7, records },
    context: { device: 'desktop', touch: false, portrait: false, keyboard: 'qwerty' },
  })

  it('is no evidence: keyboard only, screen readers, pastes and input methods stay in tier 1', () => {
    const tabs = Array.from(
      { length: 500 },
      (_, i): BehaviorRecord => ({
        ...{ kind: 'key', atMs: 400 * i, holdMs: 30, class: 'navigation', field: i % 9 },
      }),
    )
    const clicks = Array.from({ length: 200 }, (_, i) => mark(500 * i, 'assistive'))
    const pasted = Array.from({ length: 200 }, (_, i) => mark(500 * i, i % 2 ? 'paste' : 'ime'))
    for (const records of [tabs, clicks, pasted])
      assert.equal(highest(known, [batchOf(records)]), 1)
  })

  it('is what lies around a mark: no pair goes over it', () => {
    const records = Array.from({ length: 80 }, (_, i): BehaviorRecord[] => [
      { kind: 'key', atMs: 100 * i, holdMs: 50, class: 'letter', field: 1 },
      mark(100 * i + 60, 'clock-jump'),
    ]).flat()
    assert.equal(highest(known, [batchOf(records)]), 1)
  })
})
