import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FakeDataPlane, fakeDataPlane } from '../../../test/fake-data-plane.ts'
import { SHORT_CONFIG } from '../../../test/running-limen.ts'
import { memoryProfileStore } from '../../adapters/memory/profile-store.ts'
import { openLog } from '../../adapters/node/json-log.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import type { HandshakeObservation } from '../../behavior/handshake/observation.ts'
import { newProfiler, PROFILER_DEFAULTS } from '../../flows/profiler-state.ts'
import { ISOLATION_FOREST_DEFAULTS, trainIsolationForest } from '../../math/isolation-forest.ts'
import { seededRandom } from '../../ports/profile-store.contract.ts'
import type { ProfileStore } from '../../ports/profile-store.ts'
import { CONFIG_DEFAULTS } from './config/defaults.ts'
import { readConfig } from './config/read-config.ts'
import type { Config } from './config/schema.ts'
import { feedProfiles, type ProfileFeed, type ProfileFeedOptions } from './profile-feed.ts'

const NOW = systemClock.now()
const ALICE = '00000000000000a1'
const BOB = '00000000000000b0'

/** One whose random repeats with each `number` it shares. */
const observation = (profile: string, number: number): HandshakeObservation => ({
  ...{
    decision: '',
    at: NOW + number,
    profile,
    own: profile,
    lineage: false,
    addressGroup: '192.0.2.0/24',
  },
  error: '',
  features: {
    ja4: `t13d1516h2_8daaf6152771_${profile.slice(-12)}`,
    ja4Stable: `t13d1516h2_8daaf6152771_${profile.slice(-12)}`,
    client: 'Chromium',
    random: Buffer.from(seededRandom(number + 1).bytes(32)).toString('hex'),
    keyShare: '',
    sessionId: '',
    ...{ version: 0x0304, legacyVersion: 0x0303, ciphers: 15, extensions: 16, groups: 4 },
    ...{ signatureAlgorithms: 8, extensionOrder: '00000000', grease: true, postQuantum: true },
    ...{ alpn: 'h2', sni: 'name', ech: false, resumption: false, certificateAsks: 1 },
    ...{ records: 1, chunks: 1, bytes: 1700, firstByteMs: 0.5, spanMs: 0 },
  },
})
const seen = (...observations: HandshakeObservation[]) => ({ observations, outcomes: [] })

interface Room {
  readonly plane: FakeDataPlane
  readonly store: ProfileStore
  readonly feed: ProfileFeed
  readonly logs: string[]
}
const using = async (
  use: (room: Room) => Promise<void>,
  change: Partial<ProfileFeedOptions> & { onError?: Config['admission']['onError'] } = {},
): Promise<void> => {
  const plane = fakeDataPlane()
  const random = seededRandom(3)
  const bounds = { keepMax: 100, ttlMs: 1e9, clock: systemClock, random }
  const store = change.store ?? memoryProfileStore(bounds)
  const outcome = readConfig({ file: 'x', text: SHORT_CONFIG, folder: '/' }, {})
  if (outcome.kind !== 'read') assert.fail()
  const { onError = CONFIG_DEFAULTS.admission.onError, ...others } = change
  const logs: string[] = []
  const feed = feedProfiles({
    ...{ plane, store, clock: systemClock, failed: false },
    profiler: newProfiler({ random, settings: PROFILER_DEFAULTS }),
    admission: () => ({ ...outcome.config.admission, onError }),
    trainForest: async (samples) =>
      trainIsolationForest(samples, ISOLATION_FOREST_DEFAULTS, random),
    log: openLog({ level: 'info', format: 'json', write: (line) => logs.push(line) }),
    ...others,
  })
  try {
    await use({ plane, store, feed, logs })
  } finally {
    await feed.close()
  }
}
const failingStore = (fails: { now: boolean }): ProfileStore => {
  const bounds = { keepMax: 100, ttlMs: 1e9, clock: systemClock, random: seededRandom(5) }
  const store = memoryProfileStore(bounds)
  const orFail = async <T>(work: () => Promise<T>): Promise<T> => {
    if (fails.now) throw new Error('no space left')
    return work()
  }
  return {
    ...store,
    load: (ids) => orFail(() => store.load(ids)),
    save: (profiles) => orFail(() => store.save(profiles)),
    saveState: (json) => orFail(() => store.saveState(json)),
  }
}

describe('feedProfiles()', () => {
  it('learns what the workers saw, and has stored it when it is closed', async () => {
    let kept: ProfileStore | undefined
    await using(async ({ plane, feed, store }) => {
      kept = store
      plane.see(seen(observation(ALICE, 1), observation(ALICE, 2)))
      plane.see(seen(observation(BOB, 3)))
      await feed.settled()
      assert.equal((await feed.get(ALICE))?.connections, 2)
      assert.equal(feed.figures().learned, 3)
      const { profiles } = await feed.list({ limit: 9, order: 'seen' })
      assert.deepEqual(
        profiles.map(({ id }) => id),
        [BOB, ALICE],
      )
    })
    assert.equal((await kept?.load([ALICE, BOB]))?.length, 2)
    assert.match((await kept?.loadState()) ?? '', /^\{"version"/)
  })

  it('goes on from what is stored', () =>
    using(async ({ plane, feed, store }) => {
      plane.see(seen(observation(ALICE, 1)))
      await feed.settled()
      const profile = await feed.get(ALICE)
      if (profile === undefined) assert.fail()
      await store.save([{ ...profile, connections: 41 }])
      await using(
        async (again) => {
          again.plane.see(seen(observation(ALICE, 2)))
          await again.feed.settled()
          assert.equal((await again.feed.get(ALICE))?.connections, 42)
        },
        { store },
      )
    }))

  it('tells the workers about a client whose randoms repeat', () =>
    using(async ({ plane, feed }) => {
      const same = Array.from({ length: 4 }, () => observation(ALICE, 7))
      plane.see(seen(...same, observation(BOB, 8)))
      await feed.settled()
      assert.equal((await feed.get(ALICE))?.tier, 3)
      const deadline = performance.now() + 5000
      while (plane.judged.at(-1)?.length !== 1) {
        assert.ok(performance.now() < deadline, 'no verdict within 5 s')
        await new Promise((resolve) => setImmediate(resolve))
      }
      assert.deepEqual(plane.judged.at(-1)?.[0]?.subject, { kind: 'profile', profile: ALICE })
      const { profiles } = await feed.list({ limit: 9, order: 'seen', tier: 3 })
      assert.deepEqual(
        profiles.map(({ id }) => id),
        [ALICE],
      )
    }))

  it('feedback bad makes a signature and a verdict at once; removing it takes both back', () =>
    using(async ({ plane, feed }) => {
      plane.see(seen(observation(ALICE, 1)))
      const given = await feed.feedback({ profile: ALICE, label: 'bad', by: 'ada' })
      assert.equal(given?.profile.label, 'bad')
      assert.equal(given?.signature?.by, 'ada')
      assert.equal(feed.signatures().length, 1)
      assert.equal(plane.judged.at(-1)?.length, 1)
      assert.equal(feed.removeSignature(given?.signature?.id ?? ''), true)
      assert.equal(feed.removeSignature(given?.signature?.id ?? ''), false)
      assert.deepEqual(plane.judged.at(-1), [])
      assert.equal(await feed.feedback({ profile: BOB, label: 'bad', by: 'ada' }), undefined)
    }))

  it('forgets a client that is removed, in memory and in the store', () =>
    using(async ({ plane, feed, store }) => {
      plane.see(seen(observation(ALICE, 1)))
      await feed.settled()
      assert.equal(await feed.remove(ALICE), true)
      assert.equal(await feed.remove(ALICE), false)
      assert.equal(await feed.get(ALICE), undefined)
      assert.deepEqual((await feed.list({ limit: 9, order: 'seen' })).profiles, [])
      await feed.close()
      assert.equal(await store.size(), 0)
    }))

  it('lists page by page all that is stored', () =>
    using(async ({ plane, feed }) => {
      plane.see(seen(observation(ALICE, 1), observation(BOB, 2)))
      await feed.close()
      const first = await feed.list({ limit: 1, order: 'id' })
      assert.deepEqual([first.profiles[0]?.id, first.next], [ALICE, ALICE])
      const second = await feed.list({ limit: 1, order: 'id', after: ALICE })
      assert.equal(second.profiles[0]?.id, BOB)
      const end = await feed.list({ limit: 9, order: 'id', after: BOB })
      assert.deepEqual(end, { profiles: [] })
    }))

  it('drops what comes faster than it can be learned, and counts it', () =>
    using(async ({ plane, feed }) => {
      const batch = seen(...Array.from({ length: 1000 }, (_, i) => observation(ALICE, i)))
      for (let i = 0; i < 25; i++) plane.see(batch)
      await feed.settled()
      const { learned, dropped } = feed.figures()
      assert.equal(learned + dropped, 25_000)
      assert.ok(dropped >= 4000, `${dropped} dropped`)
    }))

  for (const onError of ['open', 'tier2', 'closed'] as const) {
    it(`a store that fails: ${onError}`, () => {
      const fails = { now: true }
      return using(
        async ({ plane, feed, logs }) => {
          plane.see(seen(observation(ALICE, 1)))
          await feed.settled()
          assert.equal((await feed.get(ALICE))?.connections, 1)
          assert.match(logs.join(''), /profile database fails/)
          const given = await feed.feedback({ profile: ALICE, label: 'good', by: 'ada' })
          assert.equal(given?.profile.label, 'good')
          const everybody = plane.judged
            .at(-1)
            ?.filter(({ subject }) => subject.kind === 'everybody')
          assert.equal(everybody?.length, onError === 'open' ? 0 : 1)
          fails.now = false
        },
        { onError, store: failingStore(fails) },
      )
    })
  }

  it('what a failing store did not take is stored when it works again', async () => {
    const fails = { now: true }
    const store = failingStore(fails)
    await using(
      async ({ plane, feed }) => {
        plane.see(seen(observation(ALICE, 1)))
        await feed.settled()
        fails.now = false
      },
      { store },
    )
    assert.equal(await store.size(), 1)
  })
})
