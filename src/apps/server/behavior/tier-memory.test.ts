import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Tier } from '../../../behavior/tier.ts'
import { LOGINS_LEFT_MAX, PEOPLE_LEFT_MAX, TierMemory } from './tier-memory.ts'

const HOUR = 3_600_000
const of = (person = 'p', anchor = '') => ({ person, anchor })
const standing = (tier: Tier, windows = 0, score = 0) => ({ tier, windows, score })

describe('TierMemory', () => {
  it('goes by what a session itself does, up and down', () => {
    const memory = new TierMemory(HOUR)
    assert.equal(memory.meet('s', of(), standing(1), 0), 1)
    assert.equal(memory.meet('s', of(), standing(3, 5, 6), 0), 3)
    assert.equal(memory.meet('s', of(), standing(2, 6, 3), 0), 2)
    assert.equal(memory.meet('s', of(), standing(1, 7, 1.5), 0), 1)
    assert.equal(memory.size, 0)
  })

  it('lets a new session of a person begin where the other is', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('thief', of(), standing(3, 5, 6), 0)
    assert.equal(memory.meet('new', of(), standing(1), 1), 3)
    assert.equal(memory.meet('other', of('q'), standing(1), 1), 1)
    assert.equal(memory.meet('nobody', of(''), standing(1), 1), 1)
    assert.equal(memory.meet('third', of(), standing(2, 1, 3), 1), 3)
    // By saying nothing, or little, it does not get out of it.
    assert.equal(memory.meet('new', of(), standing(1, 9, 0), 2), 3)
    assert.equal(memory.meet('new', of(), standing(1, 10, 1.2), 3), 3)
    assert.equal(memory.meet('new', of(), standing(1, 10, 0.5), 4), 1)
    // From then on by what it does, whatever the other is.
    assert.equal(memory.meet('new', of(), standing(1, 11, 1.2), 5), 1)
    assert.equal(memory.meet('new', of(), standing(2, 12, 3.2), 5), 2)
    assert.equal(memory.meet('thief', of(), standing(3, 5, 6), 5), 3)
  })

  it('is freed by who knows', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('thief', of(), standing(3, 5, 6), 0)
    assert.equal(memory.meet('owner', of(), standing(1), 1), 3)
    memory.free('owner', of(), 2)
    assert.equal(memory.meet('owner', of(), standing(1), 3), 1)
    assert.equal(memory.meet('third', of(), standing(1), 3), 3)
  })

  it('remembers who falls silent, for a time', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('s', of(), standing(2, 5, 3), 0)
    assert.equal(memory.over('s', 1000), 2)
    assert.equal(memory.meet('s', of(), standing(1), 2000), 2)
    assert.equal(memory.meet('new', of(), standing(1), HOUR - 1), 2)
    // One that inherits does not prolong it.
    assert.deepEqual([...memory.expire(HOUR)].sort(), ['new', 's'])
    assert.equal(memory.meet('s', of(), standing(1), HOUR), 1)
    assert.equal(memory.over('never', 0), 1)
  })

  it('goes by the session of the application', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('s', of('', 'app'), standing(3, 0, 6), 0)
    assert.equal(memory.tierOfAnchor('app', 1), 3)
    assert.equal(memory.tierOfAnchor('other', 1), 1)
    assert.equal(memory.meet('s2', of('', 'app'), standing(1), 1), 3)
    assert.equal(memory.meet('s3', of('', 'other'), standing(1), 1), 1)
    assert.deepEqual([...new Set(memory.expire(HOUR))].sort(), ['app', 's', 's2'])
    assert.equal(memory.tierOfAnchor('app', HOUR), 1)
  })

  it('leaves with a user what was remembered of him when the session goes on as another', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('thief', of('alice'), standing(3, 5, 6), 0)
    // What the first did is no evidence against the second, but the session has earned its tier.
    assert.equal(memory.meet('thief', of('thief'), standing(1), 1), 3)
    assert.deepEqual([memory.tierOfPerson('alice', 2), memory.tierOfPerson('thief', 2)], [3, 3])
    assert.equal(memory.meet('new', of('alice'), standing(1), 2), 3)
    assert.equal(memory.meet('thief', of('thief'), standing(1, 10, 0.5), 3), 1)
    assert.equal(memory.meet('thief', of('alice'), standing(1), 4), 3)
    memory.free('thief', of('thief'), 5)
    assert.deepEqual([memory.tierOf('thief', 6), memory.tierOfPerson('alice', 6)], [1, 3])
    memory.expire(HOUR)
    assert.equal(memory.tierOfPerson('alice', HOUR), 1)
  })

  it('gives the second user of a session the higher of both tiers, and nothing that was of the first alone', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('other', of('alice'), standing(3, 5, 6), 0)
    memory.meet('s', of('bob'), standing(2, 5, 3), 1)
    assert.equal(memory.meet('s', of('alice'), standing(1), 2), 3)
    assert.equal(memory.tierOfPerson('bob', 2), 2)
    // It was in that tier by what others of alice had done.
    memory.meet('shared', of('alice'), standing(1), 3)
    assert.equal(memory.meet('shared', of('carol'), standing(1), 4), 1)
    assert.equal(memory.tierOfPerson('carol', 4), 1)
    // Nor does it help that a second factor has passed for the first.
    memory.free('confirmed', of('dave'), 5)
    assert.equal(memory.meet('confirmed', of('alice'), standing(1), 6), 3)
  })

  it('keeps a login where a session has left it, until its time is over', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('s', of('', 'first'), standing(3, 0, 6), 0)
    memory.meet('s', of('', 'second'), standing(3, 0, 6), HOUR / 2)
    assert.deepEqual([memory.tierOfAnchor('first', 1), memory.tierOfAnchor('second', 1)], [3, 3])
    assert.deepEqual(memory.expire(HOUR), ['first'])
    assert.equal(memory.tierOfAnchor('first', HOUR), 1)
    assert.deepEqual([memory.tierOf('s', HOUR), memory.tierOfAnchor('second', HOUR)], [3, 3])
  })

  it('lowers what a session has left along with it, where that was of the same person', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('s', of('', 'first'), standing(3, 5, 5), 0)
    memory.meet('s', of('', 'second'), standing(3, 5, 5), 1)
    memory.meet('s', of('', 'second'), standing(2, 6, 3), 2)
    assert.equal(memory.tierOfAnchor('first', 2), 2)
    assert.deepEqual(memory.takeLoose(), ['first'])
    memory.meet('s', of('', 'second'), standing(1, 7, 1), 3)
    assert.equal(memory.tierOfAnchor('first', 3), 1)
    assert.deepEqual([memory.size, memory.takeLoose(), memory.takeLoose()], [0, ['first'], []])
    // Of whom nobody has said who it is, a second factor of somebody says nothing.
    memory.meet('s', of('', 'stolen'), standing(3, 0, 6), 4)
    memory.free('s', of('own', 'third'), 5)
    assert.deepEqual([memory.tierOf('s', 5), memory.tierOfAnchor('stolen', 5)], [1, 3])
  })

  it('holds so many logins and people of one session: it drives out its own, and nothing of others', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('victim', of('v', 'login'), standing(3, 0, 6), 0)
    memory.meet('s', of('alice', 'first'), standing(3, 0, 6), 0)
    for (let i = 0; i < 1000; i++) memory.meet('s', of('', `invented-${i}`), standing(3, 0, 6), 1)
    assert.equal(memory.size, 2 + LOGINS_LEFT_MAX)
    assert.equal(memory.takeLoose().length, 1000 - LOGINS_LEFT_MAX)
    assert.deepEqual([memory.tierOfAnchor('login', 1), memory.tierOfPerson('alice', 1)], [3, 3])
    assert.deepEqual(
      [memory.tierOfAnchor('first', 1), memory.tierOfAnchor('invented-995', 1)],
      [1, 3],
    )
    for (let i = 0; i < 100; i++) memory.meet('s', of(`account-${i}`), standing(3, 0, 6), 1)
    assert.equal(memory.size, 2 + LOGINS_LEFT_MAX + PEOPLE_LEFT_MAX)
  })

  it('forgets a person who is erased', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('t', of('q', 'app'), standing(2, 5, 3), 0)
    memory.meet('s', of('p', 'app'), standing(3, 5, 6), 0)
    assert.deepEqual(memory.forget('p').toSorted(), ['app', 's'])
    assert.equal(memory.tierOfAnchor('app', 1), 2)
    assert.equal(memory.meet('new', of('p'), standing(1), 1), 1)
  })

  it('remembers nothing where it is told so', () => {
    const memory = new TierMemory(0)
    assert.equal(memory.meet('s', of(), standing(3, 5, 6), 0), 3)
    assert.equal(memory.meet('new', of(), standing(1), 0), 1)
    assert.equal(memory.size, 0)
  })

  it('is found again: by session, by person and by login, until it is too old', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('thief', of('p', 'login'), standing(3, 5, 6), 0)
    memory.free('owner', of('p'), 1)
    const kept = memory.kept()
    assert.deepEqual(kept, [
      { session: 'thief', person: 'p', anchor: 'login', tier: 3, until: HOUR },
      { session: 'owner', person: 'p', anchor: '', tier: 1, until: HOUR + 1 },
    ])
    const found = new TierMemory(HOUR, kept)
    // Nobody has said again whose it is, nor what it came over.
    assert.equal(found.meet('thief', of('', 'thief'), standing(1), 2), 3)
    assert.equal(found.tierOfAnchor('login', 2), 3)
    assert.equal(found.meet('new', of('p'), standing(1), 3), 3)
    assert.equal(found.meet('owner', of('p'), standing(1), 3), 1)
    assert.equal(found.tierOf('thief', HOUR + 2), 1)
    assert.equal(new TierMemory(0, kept).size, 0)
  })

  it('is found again with what sessions have left', () => {
    const memory = new TierMemory(HOUR)
    memory.meet('thief', of('alice', 'first'), standing(3, 5, 6), 0)
    memory.meet('thief', of('own', 'second'), standing(1), 1)
    memory.meet('new', of('alice'), standing(1), 2)
    const found = new TierMemory(HOUR, memory.kept())
    assert.deepEqual(found.kept(), memory.kept())
    assert.deepEqual([found.tierOfPerson('alice', 3), found.tierOfAnchor('first', 3)], [3, 3])
    assert.equal(found.meet('thief', of(), standing(1), 3), 3)
    assert.equal(found.meet('new', of('bob'), standing(1), 4), 1)
    assert.deepEqual(found.expire(HOUR).toSorted(), ['first', 'second', 'thief'])
  })

  it('has another version once it is another', () => {
    const memory = new TierMemory(HOUR)
    const before = memory.version
    memory.meet('s', of(), standing(1), 0)
    assert.equal(memory.version, before)
    memory.meet('s', of(), standing(2, 5, 3), 0)
    assert.notEqual(memory.version, before)
  })
})
