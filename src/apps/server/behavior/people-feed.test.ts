import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { describe, it } from 'node:test'
import { actPerson } from '../../../../test/acted-person.ts'
import { fakeDataPlane } from '../../../../test/fake-data-plane.ts'
import { keptTypist } from '../../../../test/kept-typist.ts'
import { memoryPersonStore } from '../../../adapters/memory/person-store.ts'
import { openLog } from '../../../adapters/node/json-log.ts'
import { newPerson } from '../../../behavior/person/person.ts'
import { PeopleWatch } from '../../../flows/watch-people.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import { seededFraction } from '../../../math/seeded-chance.ts'
import { sampleDecision } from '../../../ports/decision-log.contract.ts'
import type { PersonStore } from '../../../ports/person-store.ts'
import type { RememberedTiers, TierFile } from './kept-tiers.ts'
import { PeopleFeed } from './people-feed.ts'

const NOBODY = 'f'.repeat(32)

type Mode = 'observe' | 'shadow' | 'enforce'

interface Change {
  readonly mode?: Mode
  readonly onError?: 'open' | 'closed'
  readonly compareWith?: 'others' | 'self'
  readonly tierFile?: TierFile
  /** Of other edges, too. */
  readonly shared?: PersonStore
}

/** Outlives a feed. */
function memoryTierFile(): TierFile & { isFull: boolean } {
  let kept: RememberedTiers = { tiers: [], timelines: [] }
  return {
    isFull: false,
    read: () => kept,
    async write(next) {
      if (this.isFull) throw new Error('no space')
      kept = next
    },
  }
}

function started(change: Change = {}) {
  let mode = change.mode ?? 'enforce'
  let now = 1_795_000_000_000
  let isDown = false
  const kept = change.shared ?? memoryPersonStore(100)
  const ask = <T>(answer: () => Promise<T>): Promise<T> =>
    isDown
      ? Promise.reject(
          new LimenError('person-store-silent', 'down', { side: 'operator', retry: true }),
        )
      : answer()
  const store: PersonStore = {
    ...kept,
    load: (id) => ask(() => kept.load(id)),
    save: (person, revision) => ask(() => kept.save(person, revision)),
    erase: (id) => ask(() => kept.erase(id)),
  }
  const plane = fakeDataPlane()
  const clock = { now: () => now }
  const watch = new PeopleWatch(
    {
      ...{ thresholds: { tier2: 3, tier3: 5 }, tuning: 'fixed', falsePositiveBudget: 0.01 },
      ...{ enrol: 'first', sessionMs: 60_000 },
    },
    seededFraction(1),
    now,
  )
  const lines: string[] = []
  const tiers: string[] = []
  const feed = new PeopleFeed({
    ...{
      plane,
      watch,
      store,
      clock,
      mode: () => mode,
      onError: change.onError ?? 'open',
      compareWith: change.compareWith ?? 'others',
      isShared: change.shared !== undefined,
      suspicionMs: 3_600_000,
      tierFile: change.tierFile ?? memoryTierFile(),
    },
    idKey: createSecretKey(Buffer.alloc(32, 1)),
    log: openLog({ level: 'info', format: 'json', write: (line) => lines.push(line) }),
    onTier: (session, person, { tier }) => tiers.push(`${session} ${person.length} ${tier}`),
  })
  const told = () => plane.tiersTold.map(({ shown, enforced }) => `${shown}/${enforced}`)
  return {
    ...{ feed, plane, watch, store, lines, tiers, told },
    say: (session: string, value: string) => plane.meetBehavior([{ kind: 'user', session, value }]),
    tell(session: string, seed: number, keys: number, page = 1, botOnly = false) {
      for (const batch of actPerson(seed).type(keys)) {
        feed.take({ session, page, botOnly, batch })
      }
    },
    /** All that was told so far has been taken. */
    settled: () => feed.load(NOBODY).catch(() => undefined),
    set: (next: { mode?: Mode; isDown?: boolean; passMs?: number }) => {
      mode = next.mode ?? mode
      isDown = next.isDown ?? isDown
      now += next.passMs ?? 0
    },
  }
}

describe('PeopleFeed', () => {
  it('keeps who is told about, under an id that is not theirs', async () => {
    const { feed, say, tell, settled } = started()
    say('s', 'alice')
    tell('s', 2, 1000)
    await settled()
    const id = feed.idOf('alice')
    assert.match(id, /^[0-9a-f]{32}$/)
    assert.notEqual(id, feed.idOf('alicf'))
    const kept = await feed.load(id)
    // Five windows of a session are taken on trust.
    assert.equal(kept?.person.typing['text desktop qwerty']?.confirmed.length, 5)
    await feed.close()
  })

  it('tells workers as its mode says, and anew when that changes', async () => {
    const { feed, say, tell, settled, set, told, tiers } = started({ mode: 'observe' })
    say('s', 'alice')
    tell('s', 2, 200)
    tell('s', 2, 200, 2)
    await settled()
    // The same again: a recording.
    assert.deepEqual(tiers, ['s 32 3'])
    assert.deepEqual(told(), [])
    set({ mode: 'shadow' })
    feed.retell()
    set({ mode: 'enforce' })
    feed.retell()
    feed.retell()
    assert.deepEqual(told(), ['3/1', '3/3'])
    assert.equal(await feed.erase(feed.idOf('alice')), true)
    assert.deepEqual(told().slice(2), ['1/1'])
    assert.equal(await feed.load(feed.idOf('alice')), undefined)
    await feed.close()
  })

  it('says once for each reason that a server names users by what is no id, and counts', async () => {
    const { feed, say, watch, settled, lines } = started()
    for (const value of ['', 'Müller', 'a b', 'a;admin', 'x'.repeat(300)]) say('s', value)
    await settled()
    assert.equal(watch.personOf('s'), undefined)
    assert.deepEqual(feed.figures().usersRefused, { characters: 3, 'too-long': 1 })
    const said = lines.filter((line) => line.includes('cannot be taken'))
    assert.deepEqual(
      said.map((line) => (JSON.parse(line) as { why: string }).why),
      ['characters', 'too-long'],
    )
    assert.doesNotMatch(lines.join(), /ller|a b|admin|xxx/)
    await feed.close()
  })

  for (const onError of ['open', 'closed'] as const) {
    it(`takes who cannot be loaded for ${onError === 'open' ? 'ordinary' : 'tier 2'}, and goes on when it can`, async () => {
      const { feed, say, tell, settled, set, told, lines, watch } = started({ onError })
      set({ isDown: true })
      say('s', 'alice')
      tell('s', 2, 200)
      await settled()
      assert.deepEqual(told(), onError === 'open' ? [] : ['2/2'])
      assert.equal(watch.personOf('s'), undefined)
      assert.equal(feed.figures().isStored, false)
      assert.equal(lines.filter((line) => line.includes('Cannot load a person')).length, 1)
      assert.ok(!lines.join().includes('alice'))
      set({ isDown: false, passMs: 6000 })
      // Nobody says it again.
      tell('s', 3, 40, 2)
      await settled()
      assert.equal(watch.personOf('s'), feed.idOf('alice'))
      assert.equal(feed.figures().isStored, true)
      if (onError === 'closed') assert.deepEqual(told(), ['2/2', '1/1'])
      await feed.close()
    })
  }

  it('loses nothing it has learned while the storage is down for a while', async () => {
    const { feed, say, tell, settled, set, store } = started()
    say('s', 'alice')
    await settled()
    set({ isDown: true })
    tell('s', 2, 1000)
    await settled()
    assert.equal(feed.figures().unsaved, 1)
    set({ isDown: false })
    await feed.close()
    const kept = await store.load(feed.idOf('alice'))
    // Five windows of a session are taken on trust.
    assert.equal(kept?.person.typing['text desktop qwerty']?.confirmed.length, 5)
  })

  it('gives way to who has changed a person meanwhile', async () => {
    const { feed, say, tell, settled, store } = started()
    say('s', 'alice')
    tell('s', 2, 1000)
    await settled()
    const id = feed.idOf('alice')
    const kept = await feed.load(id)
    assert.ok(kept !== undefined)
    await store.save({ ...kept.person, label: 'bad' }, kept.revision)
    tell('s', 3, 400, 2)
    await settled()
    assert.equal((await feed.load(id))?.person.label, 'bad')
    assert.equal(await feed.change(id, kept.revision, () => kept.person), undefined)
    await feed.close()
  })

  it('lets a new session of a user begin where another is, until somebody vouches for it', async () => {
    const { feed, say, settled, tiers, plane } = started()
    say('thief', 'alice')
    await settled()
    feed.doubt(feed.idOf('alice'), 3)
    say('forgetful', 'alice')
    say('bob', 'bob')
    await settled()
    assert.deepEqual(tiers, ['thief 32 3', 'forgetful 32 3'])
    const standing = feed.standing('forgetful')
    assert.deepEqual([standing?.tier, standing?.score], [3, 0])
    assert.deepEqual(
      standing?.reasons.map(({ code }) => code),
      ['tier-remembered'],
    )
    assert.equal(feed.standing('bob')?.tier, 1)
    say('forgetful', 'alice;confirmed')
    await settled()
    assert.equal(feed.standing('forgetful')?.tier, 1)
    assert.equal(feed.standing('thief')?.tier, 3)
    assert.deepEqual(plane.tiersTold.at(-1), { session: 'forgetful', shown: 1, enforced: 1 })
    await feed.close()
  })

  it('knows whose session it is of which no profile may be kept: the user’s tier is its own, and what is said of the user', async () => {
    const { feed, say, tell, settled } = started()
    const alice = feed.idOf('alice')
    say('thief', 'alice')
    await settled()
    feed.doubt(alice, 3)
    tell('quiet', 2, 200, 1, true)
    say('quiet', 'alice')
    tell('bob', 2, 200, 1, true)
    say('bob', 'bob')
    await settled()
    assert.deepEqual([feed.standing('quiet')?.tier, feed.isKnown('quiet')], [3, true])
    assert.equal(feed.standing('bob')?.tier, 1)
    assert.equal(feed.doubt(feed.idOf('bob'), 3), 1)
    assert.equal(feed.standing('bob')?.tier, 3)
    say('quiet', 'alice;confirmed')
    await settled()
    assert.equal(feed.standing('quiet')?.tier, 1)
    const { typing, pointer } = (await feed.load(alice))?.person ?? newPerson(alice, 0)
    assert.deepEqual([typing, pointer], [{}, {}])
    await feed.close()
  })

  it('keeps the tier of a session, and of its user, when it logs in as somebody else', async () => {
    const { feed, say, settled, plane, watch } = started()
    say('thief', 'alice')
    await settled()
    feed.doubt(feed.idOf('alice'), 3)
    plane.meetBehavior([{ kind: 'anchored', session: 'thief', anchors: ['own-login'] }])
    say('thief', 'own')
    await settled()
    assert.equal(watch.personOf('thief'), feed.idOf('own'))
    assert.equal(feed.standing('thief')?.tier, 3)
    assert.deepEqual(
      [feed.tierOfPerson(feed.idOf('alice')), feed.tierOfPerson(feed.idOf('own'))],
      [3, 3],
    )
    say('thief', 'own;confirmed')
    say('new', 'alice')
    await settled()
    assert.deepEqual([feed.standing('thief')?.tier, feed.standing('new')?.tier], [1, 3])
    say('thief', 'alice')
    await settled()
    assert.equal(feed.standing('thief')?.tier, 3)
    await feed.close()
  })

  it('remembers who falls silent, and tells workers so until its time is over', async (test) => {
    test.mock.timers.enable({ apis: ['setInterval'] })
    const { feed, say, settled, set, plane } = started()
    const sweep = async () => {
      test.mock.timers.tick(5000)
      await settled()
    }
    say('thief', 'alice')
    await settled()
    feed.doubt(feed.idOf('alice'), 3)
    set({ passMs: 61_000 })
    await sweep()
    assert.equal(feed.standing('thief'), undefined)
    // Its user is to be said again, and its tier stays.
    assert.deepEqual(
      plane.tiersTold.slice(-2).map(({ session, enforced }) => [session, enforced]),
      [
        ['thief', 1],
        ['thief', 3],
      ],
    )
    say('thief', 'alice')
    await settled()
    assert.equal(feed.standing('thief')?.tier, 3)
    set({ passMs: 61_000 })
    await sweep()
    set({ passMs: 3_600_000 })
    await sweep()
    assert.deepEqual(plane.tiersTold.at(-1), { session: 'thief', shown: 1, enforced: 1 })
    await feed.close()
  })

  it('forgets whom another edge of the same storage has erased, and nobody else', async (test) => {
    test.mock.timers.enable({ apis: ['setInterval'] })
    const [shared, tierFile] = [memoryPersonStore(100), memoryTierFile()]
    const { feed, say, tell, settled, set, plane } = started({ shared, tierFile })
    const sweep = async () => {
      test.mock.timers.tick(5000)
      await settled()
    }
    const people = ['alice', 'bob', 'carol'].map((user) => feed.idOf(user))
    for (const user of ['alice', 'bob', 'carol']) {
      say(`s-${user}`, user)
      tell(`s-${user}`, 2, 400)
    }
    await settled()
    for (const id of people) feed.doubt(id, 3)
    await sweep()
    const tiersOf = () => people.map((id) => feed.tierOfPerson(id))
    assert.deepEqual(tiersOf(), [3, 3, 3])
    const [alice = '', bob = '', carol = ''] = people
    assert.equal(await shared.erase(alice), true)
    // Erased, and learned anew there.
    assert.equal(await shared.erase(carol), true)
    await shared.save(newPerson(carol, 1_795_000_060_000))
    set({ passMs: 20_000 })
    await sweep()
    await sweep()
    assert.deepEqual(tiersOf(), [1, 3, 1])
    assert.deepEqual(
      people.map((id) => feed.timeline.of(id).points.length > 0),
      [false, true, false],
    )
    assert.equal(plane.tiersTold.findLast(({ session }) => session === 's-alice')?.enforced, 1)
    const { tiers, timelines } = tierFile.read()
    assert.deepEqual(
      [...tiers, ...timelines].map(({ person }) => person),
      [bob, bob],
    )
    await feed.close()
  })

  it('remembers everybody while a shared storage is down', async (test) => {
    test.mock.timers.enable({ apis: ['setInterval'] })
    const { feed, say, settled, set } = started({ shared: memoryPersonStore(100) })
    say('s', 'alice')
    await settled()
    feed.doubt(feed.idOf('alice'), 3)
    set({ isDown: true })
    for (let i = 0; i < 3; i++) {
      test.mock.timers.tick(5000)
      await settled()
    }
    assert.equal(feed.tierOfPerson(feed.idOf('alice')), 3)
    await feed.close()
  })

  for (const compareWith of ['others', 'self'] as const) {
    const what = compareWith === 'others' ? 'some' : 'none'
    it(`reads ${what} of others' records, with compareWith: ${compareWith}`, async (test) => {
      test.mock.timers.enable({ apis: ['setInterval'] })
      const { feed, store, watch, settled } = started({ compareWith })
      const loaded = test.mock.method(store, 'load')
      for (let i = 0; i < 9; i++) await store.save(keptTypist(i))
      test.mock.timers.tick(5000)
      await settled()
      const read = loaded.mock.calls.filter(({ arguments: [id] }) => id !== NOBODY).length
      const all = compareWith === 'others' ? 9 : 0
      assert.deepEqual([read, watch.population.size], [all, all])
      await feed.close()
    })
  }

  it('moves the session of the application along', async () => {
    const { feed, say, settled, plane } = started()
    const anchored = (session: string, anchor: string) =>
      plane.meetBehavior([{ kind: 'anchored', session, anchors: [anchor] }])
    const tierOf = (who: string) =>
      plane.tiersTold.findLast(({ session }) => session === who)?.enforced ?? 1
    say('thief', 'alice')
    anchored('thief', 'app')
    await settled()
    assert.equal(tierOf('app'), 1)
    feed.doubt(feed.idOf('alice'), 3)
    assert.deepEqual([tierOf('thief'), tierOf('app')], [3, 3])
    // With another cookie, of another user even, over the same login.
    say('fresh', 'bob')
    anchored('fresh', 'app')
    await settled()
    assert.equal(tierOf('fresh'), 3)
    say('fresh', 'bob;confirmed')
    say('thief', 'alice;confirmed')
    await settled()
    assert.deepEqual([tierOf('thief'), tierOf('fresh'), tierOf('app')], [1, 1, 1])
    await feed.close()
  })

  it('counts what somebody says of a decision once, while the session goes on and after', async () => {
    const { feed, say, settled, tiers, watch } = started()
    watch.settings = { ...watch.settings, tuning: 'step' }
    say('session-of-alice', 'alice')
    await settled()
    const person = feed.idOf('alice')
    const decision = {
      ...sampleDecision(1),
      ...{ id: 'one', person, subject: 'session session-', tier: 1 as const, score: 1 },
    }
    assert.equal(feed.label(decision, true), true)
    assert.equal(feed.label(decision, false), false)
    assert.deepEqual(tiers, ['session-of-alice 32 3'])
    assert.equal(feed.standing('session-of-alice')?.tier, 3)
    assert.equal(feed.label({ ...decision, id: 'two' }, false), true)
    assert.equal(feed.standing('session-of-alice')?.tier, 1)
    // Nothing was scored, so thresholds learned nothing; of one that is over they do.
    assert.equal(watch.figures().tier2InForce, 3)
    assert.equal(feed.label({ ...decision, id: 'three', subject: 'session over' }, true), true)
    assert.ok(watch.figures().tier2InForce < 3)
    await feed.close()
  })
})
