import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import type {
  HandshakeObservation,
  HandshakeOutcome,
  HelloFeatures,
} from '../behavior/handshake/observation.ts'
import { newProfileKeys, profileId } from '../behavior/handshake/profile-key.ts'
import { thresholdInForce } from '../behavior/threshold/conformal.ts'
import { tierOf } from '../behavior/tier.ts'
import { toHex } from '../ground/hex.ts'
import { LimenError } from '../ground/limen-error.ts'
import { ISOLATION_FOREST_DEFAULTS, trainIsolationForest } from '../math/isolation-forest.ts'
import { learnFeedback } from './learn-feedback.ts'
import { type Learned, learnHandshakes, missingProfiles } from './profile-handshakes.ts'
import { takeForest, trainingSamples } from './profiler-forest.ts'
import { removeSignature, signaturesOf } from './profiler-signatures.ts'
import {
  newProfiler,
  PROFILER_DEFAULTS,
  type Profiler,
  type ProfilerSettings,
  snapshotOf,
} from './profiler-state.ts'
import { verdictsOf } from './profiler-verdicts.ts'

const NOW = Date.UTC(2026, 10, 21)
const KEYS = newProfileKeys(new Uint8Array(16).fill(3))
const chance = seededRandom(42)

function profiler(settings: Partial<ProfilerSettings> = {}, state?: string): Profiler {
  return newProfiler({
    random: seededRandom(1),
    settings: { ...PROFILER_DEFAULTS, ...settings },
    ...(state === undefined ? {} : { state }),
  })
}

interface Client {
  readonly ja4?: string
  readonly group?: string
  readonly at?: number
  readonly error?: string
  readonly profile?: string
  readonly features?: Partial<HelloFeatures>
}

const CHROMIUM = 't13d1517h2_8daaf6152771_cb7bf5808d99'
const CURL = 't13d3111h2_e8f1e7e78f70_375ca2c5e164'

function hello(client: Client = {}): HandshakeObservation {
  const { ja4 = CHROMIUM, group = '192.0.2.0/24', at = NOW, error = '' } = client
  const own = profileId(KEYS, error === '' ? ja4 : '', error, group)
  const id = client.profile ?? own
  const seen = {
    decision: 'd',
    at,
    profile: id,
    lineage: client.profile !== undefined,
    own,
    addressGroup: group,
    error,
  }
  if (error !== '') return seen
  return {
    ...seen,
    features: {
      ja4,
      ja4Stable: ja4,
      client: 'Chromium',
      random: toHex(chance.bytes(32)),
      keyShare: toHex(chance.bytes(16)),
      sessionId: '',
      version: 0x0304,
      legacyVersion: 0x0303,
      ciphers: 15,
      extensions: 17,
      groups: 4,
      signatureAlgorithms: 8,
      extensionOrder: '00000000',
      grease: true,
      postQuantum: true,
      alpn: 'h2',
      sni: 'name',
      ech: true,
      resumption: false,
      certificateAsks: 1,
      records: 1,
      chunks: 1,
      bytes: 1900,
      firstByteMs: 1,
      spanMs: 0,
      ...client.features,
    },
  }
}

function outcome(profile: string, changes: Partial<HandshakeOutcome> = {}): HandshakeOutcome {
  return {
    decision: 'd',
    at: NOW,
    profile,
    result: 'full',
    handshakeMs: 5,
    helloRetry: false,
    check: '',
    ...changes,
  }
}

function learn(
  limen: Profiler,
  observations: readonly HandshakeObservation[],
  outcomes: readonly HandshakeOutcome[] = [],
): Learned {
  const now = observations.at(-1)?.at ?? outcomes.at(-1)?.at ?? NOW
  return learnHandshakes(limen, { observations, outcomes }, [], now)
}

/** Ordinary clients of many networks for that many seconds, ten connections in each. */
function ordinary(limen: Profiler, seconds: number, from = NOW): number {
  for (let s = 0; s < seconds; s++) {
    const batch = Array.from({ length: 10 }, (_, i) =>
      hello({
        ja4: i % 3 === 0 ? CURL : CHROMIUM,
        group: `10.0.${(s * 7 + i) % 40}.0/24`,
        at: from + s * 1000 + i * 100,
      }),
    )
    learn(limen, batch)
  }
  return from + seconds * 1000
}

const tierOfOnly = (limen: Profiler, id: string) => limen.hot.profiles.get(id)?.tier

describe('learnHandshakes()', () => {
  it('leaves ordinary clients alone, however long it looks', () => {
    const limen = profiler()
    ordinary(limen, 600)
    assert.deepEqual(verdictsOf(limen, NOW + 600_000), [])
    for (const { score } of limen.hot.profiles.values()) assert.ok(score < PROFILER_DEFAULTS.tier2)
  })

  it('keeps what was learned small: a profile is at most 2 KB of JSON', () => {
    const limen = profiler()
    for (let i = 0; i < 3000; i++) learn(limen, [hello({ at: NOW + i * 1000 })])
    const [profile] = limen.hot.profiles.values()
    assert.equal(profile?.connections, 3000)
    assert.ok(JSON.stringify(profile).length <= 2048, `${JSON.stringify(profile).length}`)
  })

  it('asks for profiles it does not hold, and goes on with those it is given', () => {
    const limen = profiler()
    const first = hello()
    const seen = { observations: [first], outcomes: [outcome('00000000000000aa')] }
    assert.deepEqual(missingProfiles(limen, seen), [first.profile, '00000000000000aa'])
    const { touched } = learn(limen, [first])
    const stored = JSON.parse(JSON.stringify(touched[0]))
    assert.deepEqual(missingProfiles(limen, { observations: [hello()], outcomes: [] }), [])
    const restarted = profiler()
    learnHandshakes(restarted, { observations: [hello()], outcomes: [] }, [stored], NOW)
    assert.equal(restarted.hot.profiles.get(first.profile)?.connections, 2)
  })

  it('sees a random again that another worker saw first', () => {
    const limen = profiler()
    ordinary(limen, 30)
    const random = toHex(chance.bytes(32))
    const replay = (i: number) =>
      hello({ ja4: 't12', group: '203.0.113.0/24', at: NOW + 40_000 + i, features: { random } })
    const learned = learn(limen, [replay(0), replay(1), replay(2), replay(3)])
    assert.equal(learned.verdictsChanged, true)
    const [verdict] = verdictsOf(limen, NOW + 41_000)
    assert.equal(verdict?.reasons[0]?.code, 'hellos-flagged')
    assert.equal(verdict?.reasons[0]?.detector, 'randomness')
  })

  it('does not condemn a client for hellos that somebody sends in its likeness', () => {
    const limen = profiler()
    const random = toHex(chance.bytes(32))
    for (let i = 0; i < 20; i++) learn(limen, [hello({ at: NOW + i * 1000 })])
    for (let i = 0; i < 200; i++) {
      learn(limen, [hello({ at: NOW + 20_000 + i * 100, features: { random } })])
    }
    assert.deepEqual(verdictsOf(limen, NOW + 40_000), [])
  })

  it('finds a generator whose randoms look fresh one by one', () => {
    const limen = profiler()
    ordinary(limen, 30)
    const fixed = chance.bytes(4)
    const group = '203.0.113.0/24'
    for (let i = 0; i < 8; i++) {
      const bytes = chance.bytes(32)
      bytes.set(fixed, 5)
      learn(limen, [hello({ ja4: 't12', group, features: { random: toHex(bytes) } })])
    }
    assert.equal(verdictsOf(limen, NOW)[0]?.reasons[0]?.code, 'randoms-stand-still')
  })

  it('sees a flood of ten times the usual rate within a second, and nobody else in it', () => {
    const limen = profiler()
    const ja4 = 't13d0000h2_aaaaaaaaaaaa_bbbbbbbbbbbb'
    const group = '203.0.113.0/24'
    let now = NOW
    for (let s = 0; s < 60; s++) {
      now = ordinary(limen, 1, now)
      for (let i = 0; i < 20; i++) learn(limen, [hello({ ja4, group, at: now })])
    }
    assert.deepEqual(verdictsOf(limen, now), [])
    const began = now + 1000
    let seenAfter = 0
    for (let i = 0; i < 200 && seenAfter === 0; i++) {
      const at = began + i * 5
      learn(limen, [hello({ ja4, group, at })])
      if (verdictsOf(limen, at).length > 0) seenAfter = at - began
    }
    assert.ok(seenAfter > 0 && seenAfter <= 1000, `${seenAfter} ms`)
    const verdicts = verdictsOf(limen, began + 1000)
    assert.deepEqual(
      verdicts.map(({ reasons }) => reasons[0]?.detector),
      ['rate'],
    )
    assert.deepEqual(verdictsOf(limen, began + 2 * PROFILER_DEFAULTS.floodVerdictMs), [])
  })

  it('sees a flood that comes from many networks by its fingerprint', () => {
    const limen = profiler()
    let now = ordinary(limen, 60)
    const ja4 = 't13d0000h2_cccccccccccc_dddddddddddd'
    const network = (i: number) => `10.9.${i % 200}.0/24`
    for (let s = 0; s < 30; s++) {
      now += 1000
      for (let i = 0; i < 20; i++) learn(limen, [hello({ ja4, group: network(i), at: now })])
    }
    now += 1000
    for (let i = 0; i < 400; i++) learn(limen, [hello({ ja4, group: network(i), at: now + i * 2 })])
    const flood = verdictsOf(limen, now + 800).find(({ subject }) => subject.kind === 'signature')
    assert.deepEqual(flood?.subject, {
      kind: 'signature',
      signature: `rate ${ja4}`,
      match: { ja4Stable: ja4 },
    })
  })

  it('bounds a client that changes its fingerprint each time, and leaves others alone', () => {
    const limen = profiler({ hotMax: 1000 })
    ordinary(limen, 60)
    const others = new Set(limen.hot.profiles.keys())
    let kept = 0
    const group = '203.0.113.0/24'
    for (let i = 0; i < 5000; i++) {
      const ciphers = i.toString(16).padStart(12, '0')
      const ja4 = `t13d311000_${ciphers}_1f22a2ca17c4`
      kept += learn(limen, [hello({ ja4, group, at: NOW + 60_000 + i * 10 })]).touched.length
    }
    for (const id of others) assert.ok(limen.hot.profiles.has(id))
    assert.ok(limen.hot.profiles.size <= others.size + 1000 * PROFILER_DEFAULTS.groupShareMax + 1)
    // What comes once is not worth a place in the store, but for some examples, that say what was decided.
    assert.ok(kept < 300, `${kept}`)
    const [verdict] = verdictsOf(limen, NOW + 120_000)
    assert.equal(verdict?.subject.kind, 'newcomers')
    assert.equal(verdict?.reasons[0]?.code, 'fingerprints-churn')
    assert.ok(limen.churn.churns.size < 10_000)
  })

  it('shows of who changes its fingerprint each time what was decided about it, and clears an honest newcomer soon', () => {
    const limen = profiler()
    let now = ordinary(limen, 60)
    const group = '203.0.113.0/24'
    const cycled = (i: number) =>
      hello({ ja4: `t13d311000_${i.toString(16).padStart(12, '0')}_1f22a2ca17c4`, group, at: now })
    for (let i = 0; i < 40; i++) {
      now += 50
      learn(limen, [cycled(i)])
    }
    const last = limen.hot.profiles.get(cycled(39).profile)
    assert.equal(last?.connections, 1)
    assert.equal(last?.tier, tierOf(last?.score ?? 0, PROFILER_DEFAULTS))
    assert.ok((last?.tier ?? 1) > 1)
    assert.ok(last?.reasons.some(({ code }) => code === 'fingerprints-churn'))
    // No verdict of its own: that on its network's newcomers is the one.
    assert.deepEqual(
      verdictsOf(limen, now).map(({ subject }) => subject.kind),
      ['newcomers'],
    )
    const honest = () =>
      hello({ ja4: 't13d311000_aaaaaaaaaaaa_1f22a2ca17c4', group, at: now, features: {} })
    const tiers = [0, 1, 2, 3].map((i) => {
      now += 50
      learn(limen, [cycled(100 + i), honest()])
      return tierOfOnly(limen, honest().profile)
    })
    assert.equal(tiers[0], last?.tier)
    assert.deepEqual(tiers.slice(2), [1, 1])
    const [verdict] = verdictsOf(limen, now)
    assert.ok(
      verdict?.subject.kind === 'newcomers' &&
        verdict.subject.known.includes('t13d311000_aaaaaaaaaaaa_1f22a2ca17c4'),
    )
  })

  it('shows of a client with one hello what that hello was flagged for, until it sends an ordinary one', () => {
    const limen = profiler()
    ordinary(limen, 30)
    const random = toHex(chance.bytes(32))
    learn(limen, [hello({ features: { random } })])
    const replay = hello({ ja4: 't12', group: '203.0.113.0/24', features: { random } })
    learn(limen, [replay])
    assert.equal(tierOfOnly(limen, replay.profile), 3)
    assert.deepEqual(verdictsOf(limen, NOW), [])
    learn(limen, [hello({ ja4: 't12', group: '203.0.113.0/24' })])
    assert.equal(tierOfOnly(limen, replay.profile), 1)
  })

  it('does not take what came while the clock was behind for one second of flood', () => {
    const limen = profiler()
    ordinary(limen, 120)
    // Set back by a minute: the next minute comes a second time.
    ordinary(limen, 60, NOW + 60_000)
    assert.deepEqual(verdictsOf(limen, NOW + 120_000), [])
  })

  it('holds no more than its bound of profiles from many networks', () => {
    const limen = profiler({ hotMax: 100 })
    for (let i = 0; i < 500; i++) learn(limen, [hello({ group: `10.${i >> 8}.${i & 255}.0/24` })])
    assert.equal(limen.hot.profiles.size, 100)
    assert.equal(limen.hot.groups.size, 100)
  })

  it('judges hellos in a form that no stack sends by how often that happens here', () => {
    const limen = profiler()
    ordinary(limen, 60)
    const at = NOW + 60_000
    const broken = () => hello({ error: 'not_tls', group: '203.0.113.0/24', at })
    learn(limen, [broken()])
    assert.deepEqual(verdictsOf(limen, at), [])
    learn(limen, [broken(), broken()])
    assert.equal(verdictsOf(limen, at)[0]?.reasons[0]?.detector, 'form')
    // Where it is ordinary it is ordinary: probes that open a connection and go.
    const probed = profiler()
    for (let i = 0; i < 300; i++) {
      learn(probed, [hello({ at: NOW + i * 1000 })])
      learn(probed, [hello({ error: 'closed', group: `10.1.${i % 99}.0/24`, at: NOW + i * 1000 })])
    }
    learn(probed, [hello({ error: 'closed', group: '203.0.113.0/24', at: NOW + 300_000 })])
    learn(probed, [hello({ error: 'closed', group: '203.0.113.0/24', at: NOW + 300_000 })])
    assert.deepEqual(verdictsOf(probed, NOW + 300_000), [])
  })

  it('is not bothered by packets that come late, but by pauses that the path does not explain', () => {
    const slow = (at: number, spanMs: number) =>
      hello({ ja4: CURL, group: '203.0.113.0/24', at, features: { chunks: 2, spanMs } })
    const limen = profiler()
    ordinary(limen, 30)
    const client = slow(NOW, 60)
    learn(limen, [client], [outcome(client.profile, { handshakeMs: 100 })])
    for (let i = 0; i < 30; i++) learn(limen, [slow(NOW + i * 1000, 60)])
    assert.deepEqual(verdictsOf(limen, NOW + 30_000), [])
    for (let i = 0; i < 60; i++) learn(limen, [slow(NOW + 30_000 + i * 1000, 900)])
    assert.equal(verdictsOf(limen, NOW + 90_000)[0]?.reasons[0]?.code, 'hello-paused')
  })

  it('lets a client move to another network with its ticket', () => {
    const limen = profiler()
    const home = hello()
    learn(limen, [home])
    const away = hello({ profile: home.profile, group: '198.51.100.0/24' })
    learn(limen, [away], [outcome(home.profile, { result: 'resumed' })])
    const profile = limen.hot.profiles.get(home.profile)
    assert.deepEqual([profile?.connections, profile?.addressGroup], [2, '198.51.100.0/24'])
    assert.deepEqual([...limen.hot.groups.keys()], ['198.51.100.0/24'])
  })

  it('holds nothing for or against the owner of a ticket that somebody else shows', () => {
    const limen = profiler()
    const victim = hello()
    learn(limen, [victim])
    const thief = { ...hello({ profile: victim.profile, group: '198.51.100.0/24' }), decision: 'x' }
    learn(limen, [thief])
    assert.equal(limen.hot.profiles.get(victim.profile)?.connections, 1, 'not before it is proven')
    learn(limen, [], [outcome(victim.profile, { decision: 'x', result: 'failed' })])
    // What is found out later is about the thief as well.
    const later = { decision: 'x', result: 'checked', check: 'challenge-failed' } as const
    learn(limen, [], [outcome(victim.profile, later)])
    const profile = limen.hot.profiles.get(victim.profile)
    assert.deepEqual([profile?.connections, profile?.counts.checksFailed], [1, 0])
    const own = limen.hot.profiles.get(thief.own)
    assert.deepEqual([own?.connections, own?.addressGroup], [1, '198.51.100.0/24'])
    assert.equal(own?.counts.checksFailed, 1)
  })

  it('takes a ticket whose handshake never ended for unproven', () => {
    const limen = profiler()
    const victim = hello()
    learn(limen, [victim])
    const thief = hello({ profile: victim.profile, group: '198.51.100.0/24' })
    learn(limen, [thief])
    learnHandshakes(limen, { observations: [], outcomes: [] }, [], NOW + 120_000)
    assert.equal(limen.hot.profiles.get(victim.profile)?.connections, 1)
    assert.equal(limen.hot.profiles.get(thief.own)?.connections, 1)
  })

  it('keeps every score a number that JSON can hold, however impossible the random', () => {
    for (const random of ['00', 'ff', 'a5', '01020304'].map((part) =>
      part.repeat(64 / part.length),
    )) {
      const limen = profiler()
      for (let i = 0; i < 5; i++) learn(limen, [hello({ features: { random } })])
      for (const profile of limen.hot.profiles.values()) {
        assert.deepEqual(JSON.parse(JSON.stringify(profile)), profile)
        assert.ok(profile.score > 0 && profile.tier === 3)
      }
    }
  })

  it('counts what became of handshakes', () => {
    const limen = profiler()
    const seen = hello()
    learn(
      limen,
      [seen],
      [
        outcome(seen.profile, { handshakeMs: 30 }),
        outcome(seen.profile, { result: 'resumed', handshakeMs: 12, helloRetry: true }),
        outcome(seen.profile, { result: 'timeout' }),
      ],
    )
    const profile = limen.hot.profiles.get(seen.profile)
    assert.deepEqual(
      [profile?.counts.full, profile?.counts.resumed, profile?.counts.incomplete],
      [1, 1, 1],
    )
    assert.deepEqual([profile?.counts.helloRetries, profile?.roundTripMs], [1, 12])
  })

  it('comes to no harm when the clock goes backwards', () => {
    const limen = profiler()
    ordinary(limen, 30)
    ordinary(limen, 30, NOW - 86_400_000)
    ordinary(limen, 30, NOW + 86_400_000)
    assert.deepEqual(verdictsOf(limen, NOW), [])
    for (const { score, connections } of limen.hot.profiles.values()) {
      assert.ok(Number.isFinite(score) && score < 4 && connections > 0)
    }
  })

  it('does not let a slow drift over 10 000 connections pull the threshold beyond its bound', () => {
    const limen = profiler()
    let now = ordinary(limen, 60)
    for (let i = 0; i < 10_000; i++) {
      now += 500
      // Every so often one more pause than before, from ever new networks: as much as is not flagged yet, and then more.
      const features = { chunks: 2, spanMs: i % 100 < i / 100 ? 300 : 0 }
      learn(limen, [hello({ ja4: CURL, group: `10.8.${i % 250}.0/24`, at: now, features })])
    }
    const options = limen.calibrationOptions
    assert.ok(
      thresholdInForce(limen.calibration, options) <= options.threshold + options.correctionMax,
    )
    // Exact evidence is never calibrated away.
    const random = toHex(chance.bytes(32))
    for (let i = 0; i < 5; i++) {
      learn(limen, [hello({ ja4: 't12', group: '203.0.113.0/24', at: now, features: { random } })])
    }
    assert.ok(
      verdictsOf(limen, now).some(({ reasons }) =>
        reasons.some(({ detector }) => detector === 'randomness'),
      ),
    )
  })
})

describe('learnFeedback()', () => {
  it('makes a signature of what is marked as bad, in its network only', () => {
    const limen = profiler()
    const bad = hello({ ja4: CURL })
    learn(limen, [bad, hello({ ja4: CURL, group: '198.51.100.0/24' })])
    const feedback = { profile: bad.profile, label: 'bad', by: 'ana' } as const
    const { signature, touched } = learnFeedback(limen, feedback, undefined, NOW)
    assert.deepEqual(signature?.match, { ja4Stable: CURL, addressGroup: '192.0.2.0/24' })
    assert.equal(touched[0]?.label, 'bad')
    assert.deepEqual(signaturesOf(limen, NOW), [signature])
    assert.equal(verdictsOf(limen, NOW)[0]?.reasons[0]?.detector, 'signature')
    learn(limen, [hello({ ja4: CURL })])
    assert.equal(signaturesOf(limen, NOW)[0]?.hits, 1)
    assert.deepEqual(signaturesOf(limen, NOW + PROFILER_DEFAULTS.signatureMs), [])
    assert.equal(removeSignature(limen, signature?.id ?? ''), true)
    assert.equal(removeSignature(limen, signature?.id ?? ''), false)
    learn(limen, [hello({ ja4: CURL })])
    assert.deepEqual(verdictsOf(limen, NOW), [])
  })

  it('makes one of the whole fingerprint when no good client has it', () => {
    const limen = profiler()
    const groups = ['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24']
    const mark = (ja4: string) => {
      const made = groups.map((group) => {
        const bad = hello({ ja4, group })
        learn(limen, [bad])
        const feedback = { profile: bad.profile, label: 'bad', by: 'ana' } as const
        return learnFeedback(limen, feedback, undefined, NOW).signature?.match
      })
      return made.at(-1)
    }
    assert.deepEqual(mark('t12'), { ja4Stable: 't12' })
    learn(limen, [hello({ ja4: CURL, group: '172.16.0.0/24' })])
    assert.deepEqual(mark(CURL), { ja4Stable: CURL, addressGroup: '10.0.2.0/24' })
  })

  it('names the profile alone when it has no fingerprint', () => {
    const limen = profiler()
    const bad = hello({ error: 'closed' })
    learn(limen, [bad])
    const feedback = { profile: bad.profile, label: 'bad', by: 'ana' } as const
    assert.equal(learnFeedback(limen, feedback, undefined, NOW).signature, undefined)
    assert.deepEqual(verdictsOf(limen, NOW)[0]?.subject, { kind: 'profile', profile: bad.profile })
    learn(limen, [hello({ error: 'closed' })])
    assert.equal(verdictsOf(limen, NOW).length, 1)
  })

  it('clears what is marked as good', () => {
    const limen = profiler()
    ordinary(limen, 30)
    const random = toHex(chance.bytes(32))
    const flagged = () => hello({ ja4: 't12', group: '203.0.113.0/24', features: { random } })
    for (let i = 0; i < 5; i++) learn(limen, [flagged()])
    const { profile } = flagged()
    assert.equal(tierOfOnly(limen, profile), 3)
    learnFeedback(limen, { profile, label: 'bad', by: 'ana' }, undefined, NOW)
    learnFeedback(limen, { profile, label: 'good', by: 'ben' }, undefined, NOW)
    assert.deepEqual(verdictsOf(limen, NOW), [])
    assert.deepEqual(signaturesOf(limen, NOW), [])
    assert.equal(tierOfOnly(limen, profile), 1)
    learn(limen, [flagged(), flagged()])
    assert.deepEqual(verdictsOf(limen, NOW), [])
    assert.ok(limen.calibration.shift > 0)
  })

  it('works on a profile out of the store, and on none', () => {
    const source = profiler()
    const { touched } = learn(source, [hello()])
    const [stored] = touched
    const limen = profiler()
    const feedback = { profile: stored?.id ?? '', label: 'bad', by: 'ana' } as const
    assert.equal(learnFeedback(limen, feedback, stored, NOW).touched.length, 1)
    assert.deepEqual(learnFeedback(profiler(), feedback, undefined, NOW), { touched: [] })
  })

  it('confirms what fails the checks of the rigorous pool and passes none', () => {
    const failing = (passes: number) => {
      const limen = profiler()
      const seen = hello({ ja4: CURL })
      learn(limen, [seen])
      const checked = (check: HandshakeOutcome['check']) =>
        outcome(seen.profile, { result: 'checked', check })
      for (let i = 0; i < passes; i++) learn(limen, [], [checked('challenge-passed')])
      for (let i = 0; i < 3; i++) learn(limen, [], [checked('challenge-failed')])
      return signaturesOf(limen, NOW)
    }
    assert.equal(failing(0)[0]?.by, 'rigorous-pool')
    assert.deepEqual(failing(1), [])
  })
})

describe('a busy client that passes the checks of the rigorous pool', () => {
  it('is believed after minutes: its rate becomes its history', () => {
    const busy = (passes: boolean) => {
      const limen = profiler()
      let now = ordinary(limen, 60)
      for (let s = 0; s < 300; s++) {
        now += 1000
        const seen = Array.from({ length: 150 }, () => hello({ ja4: CURL, at: now }))
        const id = seen[0]?.profile ?? ''
        const check = outcome(id, { result: 'checked', check: 'challenge-passed', at: now })
        learn(limen, seen, passes ? [check] : [])
      }
      return limen.hot.profiles.get(hello({ ja4: CURL }).profile)?.tier
    }
    assert.deepEqual([busy(true), busy(false)], [1, 2])
  })
})

describe('takeForest()', () => {
  it('adds no more than being different may weigh', () => {
    const limen = profiler()
    const now = NOW
    for (let i = 0; i < 600; i++) {
      const client = i % 120
      const features = {
        ciphers: 10 + (client % 9),
        extensions: 8 + (client % 7),
        groups: 3 + (client % 3),
        bytes: 400 + client * 10,
        grease: client % 2 === 0,
      }
      learn(limen, [hello({ group: `10.2.${client}.0/24`, at: NOW + i * 100, features })])
    }
    const samples = trainingSamples(limen)
    assert.ok(samples.length > 50)
    takeForest(limen, trainIsolationForest(samples, ISOLATION_FOREST_DEFAULTS, seededRandom(9)))
    const odd = { ciphers: 200, extensions: 1, groups: 0, bytes: 60_000, grease: false }
    const seen = hello({ ja4: 't10', group: '203.0.113.0/24', at: now, features: odd })
    learn(limen, [seen])
    const profile = limen.hot.profiles.get(seen.profile)
    assert.ok(profile?.reasons.some(({ code }) => code === 'unlike-others'))
    assert.ok((profile?.score ?? 9) < PROFILER_DEFAULTS.tier2)
  })
})

describe('snapshotOf()', () => {
  it('is found again after a restart', () => {
    const limen = profiler()
    ordinary(limen, 60)
    const bad = hello({ ja4: CURL })
    learn(limen, [bad])
    learnFeedback(limen, { profile: bad.profile, label: 'bad', by: 'ana' }, undefined, NOW)
    const again = profiler({}, snapshotOf(limen))
    assert.deepEqual(signaturesOf(again, NOW), signaturesOf(limen, NOW))
    assert.deepEqual(again.calibration, limen.calibration)
    assert.equal(snapshotOf(again), snapshotOf(limen))
  })

  it('is refused when it is none: profiler-state-bad', () => {
    const good = JSON.parse(snapshotOf(profiler()))
    for (const state of [
      '',
      'null',
      '[]',
      '{}',
      JSON.stringify({ ...good, version: 2 }),
      JSON.stringify({ ...good, mishaps: { at: 0, connections: -1, byForm: {} } }),
      JSON.stringify({ ...good, churn: { connections: 0, fresh: 0, seen: [1] } }),
      JSON.stringify({ ...good, signatures: [{ id: 1 }] }),
    ]) {
      assert.throws(
        () => profiler({}, state),
        (error) => error instanceof LimenError && error.code === 'profiler-state-bad',
      )
    }
  })
})
