import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { capturedHello, helloRecord } from '../../test/fixtures/hello-bytes.ts'
import { seededRandom } from '../../test/fixtures/seeded-random.ts'
import type { Decision } from '../behavior/decision.ts'
import type { Verdict } from '../behavior/handshake/verdict.ts'
import { newVerdictTable } from '../behavior/handshake/verdict-table.ts'
import type { AdmissionSettings } from '../ports/data-plane.ts'
import { ClientHelloReader } from '../wire/client-hello.ts'
import {
  type Admission,
  admitHandshake as admit,
  admitPlain,
  type ConnectionFacts,
  type HandshakeSeen,
  newAdmission,
} from './admit-handshake.ts'

const NOW = Date.UTC(2026, 10, 21)
const CONNECTION: ConnectionFacts = {
  remoteAddress: '192.0.2.7',
  remotePort: 52044,
  listener: 'web',
  acceptedAt: NOW - 3,
}

const POOL = { choose: 'random', region: '', members: [] } as const
const member = (id: string) => ({ id, host: '', port: 0, region: '' })
const SETTINGS: AdmissionSettings = {
  mode: 'observe',
  detectors: {
    randomness: 'enforce',
    rarity: 'enforce',
    form: 'enforce',
    profile: 'enforce',
    rate: 'enforce',
    signature: 'enforce',
  },
  tier2: 4,
  tier3: 8,
  profileKey: new Uint8Array(16).fill(7),
  primary: { ...POOL, members: [member('a'), member('b')] },
  rigorous: {
    ...POOL,
    members: [member('strict')],
    connectionsMax: 10,
    perProfilePerSecond: 1,
    helloRetry: false,
    userAgentCheck: false,
    work: 0,
  },
}
const ENFORCING: AdmissionSettings = { ...SETTINGS, mode: 'enforce' }

function admission(settings = SETTINGS): Admission {
  return newAdmission({ clock: { now: () => NOW }, random: seededRandom(1), settings })
}

function admitHandshake(...input: Parameters<typeof admit>): Decision {
  return admit(...input).decision
}

function seen(bytes: Uint8Array): HandshakeSeen {
  const outcome = new ClientHelloReader().feed(bytes, NOW)
  assert.notEqual(outcome.kind, 'more')
  return outcome.kind === 'more' ? { kind: 'error', code: 'timeout' } : outcome
}

describe('admitHandshake()', () => {
  it('decides about an ordinary client', () => {
    const decision = admitHandshake(admission(), CONNECTION, seen(capturedHello('chromium-001')))
    const { id, ...rest } = decision
    assert.match(id, /^[0-9A-HJKMNP-TV-Z]{26}$/)
    assert.match(rest.profile ?? '', /^[0-9a-f]{16}$/)
    assert.match(rest.member, /^[ab]$/)
    assert.deepEqual(
      { ...rest, profile: '', member: 'a' },
      {
        subject: '192.0.2.7:52044',
        tier: 1,
        score: 0,
        reasons: [],
        model: 'handshake/2',
        mode: 'observe',
        at: NOW,
        listener: 'web',
        enforced: 1,
        pool: 'primary',
        member: 'a',
        profile: '',
        handshake: {
          ja4: 't13d1517h2_8daaf6152771_cb7bf5808d99',
          ja4Stable: 't13d1517h2_8daaf6152771_cb7bf5808d99',
          sni: 'localhost',
          alpn: ['h2', 'http/1.1'],
          resumption: false,
          chunks: 1,
          arrivalMs: 3,
          client: 'Chromium',
        },
      },
    )
  })

  it('puts a replayed hello into tier 3', () => {
    const limen = admission()
    const replay = seen(capturedHello('curl-openssl-001'))
    assert.equal(admitHandshake(limen, CONNECTION, replay).tier, 1)
    const again = admitHandshake(limen, CONNECTION, replay)
    assert.equal(again.tier, 3)
    assert.equal(again.reasons[0]?.code, 'random-repeated')
  })

  it('keeps a client that is only rare out of tier 2', () => {
    const limen = admission()
    const random = seededRandom(2)
    const bytes = capturedHello('chromium-001')
    for (let i = 0; i < 3000; i++) {
      bytes.set(random.bytes(32), 11)
      admitHandshake(limen, CONNECTION, seen(bytes))
    }
    const rare = admitHandshake(limen, CONNECTION, seen(capturedHello('go-nethttp-001')))
    assert.deepEqual([rare.tier, rare.score], [1, 2])
  })

  it('says when a resumption was offered', () => {
    const fresh = admitHandshake(
      admission(),
      CONNECTION,
      seen(capturedHello('openssl-sclient-001')),
    )
    const bytes = capturedHello('openssl-sclient-resume-002')
    const resumed = admitHandshake(admission(), CONNECTION, seen(bytes))
    assert.deepEqual([fresh.handshake?.resumption, resumed.handshake?.resumption], [false, true])
    assert.equal(resumed.handshake?.ja4Stable, fresh.handshake?.ja4)
  })

  it('keeps nothing of the bytes it was shown', () => {
    const bytes = capturedHello('chromium-001')
    const decision = admitHandshake(admission(), CONNECTION, seen(bytes))
    const before = JSON.stringify(decision)
    bytes.fill(0)
    assert.equal(JSON.stringify(decision), before)
  })

  it('decides about connections without a readable hello', () => {
    for (const [code, reason] of [
      ['not_tls', 'hello-not-tls'],
      ['decode:short', 'hello-decode-short'],
      ['timeout', 'hello-timeout'],
    ] as const) {
      const decision = admitHandshake(admission(), CONNECTION, { kind: 'error', code })
      assert.equal(decision.reasons[0]?.code, reason)
      assert.equal(decision.handshake, undefined)
      assert.equal(decision.tier, 1)
    }
  })

  it('fingerprints a malformed hello as far as it could be read', () => {
    const bytes = helloRecord({ extensions: [[0, []]] })
    const decision = admitHandshake(admission(), CONNECTION, seen(bytes))
    assert.equal(decision.reasons[0]?.code, 'hello-ext-server-name')
    assert.match(decision.handshake?.ja4 ?? '', /^t12d0101/)
  })

  it('writes IPv6 subjects with brackets', () => {
    const connection = { ...CONNECTION, remoteAddress: '2001:db8::7' }
    assert.equal(admitPlain(admission(), connection).subject, '[2001:db8::7]:52044')
  })

  it('sends a replayed hello to the rigorous pool, when that is enforced', () => {
    const replay = seen(capturedHello('curl-openssl-001'))
    const decide = (settings: AdmissionSettings) => {
      const limen = admission(settings)
      admitHandshake(limen, CONNECTION, replay)
      const { tier, enforced, pool, member } = admitHandshake(limen, CONNECTION, replay)
      return [tier, enforced, pool, member === 'strict']
    }
    assert.deepEqual(decide(ENFORCING), [3, 3, 'rigorous', true])
    assert.deepEqual(decide(SETTINGS), [3, 1, 'primary', false])
    const { detectors } = SETTINGS
    for (const randomness of ['observe', 'shadow'] as const) {
      const lenient = { ...ENFORCING, detectors: { ...detectors, randomness } }
      assert.deepEqual(decide(lenient), [3, 1, 'primary', false])
    }
  })

  it('knows a client again: fresh and resumed, in its network, by its ticket anywhere', () => {
    const limen = admission()
    const id = (name: string, changes: Partial<ConnectionFacts> = {}) =>
      admitHandshake(limen, { ...CONNECTION, ...changes }, seen(capturedHello(name))).profile ?? ''
    const first = id('openssl-sclient-001')
    assert.equal(id('openssl-sclient-resume-002'), first)
    assert.equal(id('openssl-sclient-001', { remoteAddress: '192.0.2.200' }), first)
    assert.notEqual(id('openssl-sclient-001', { remoteAddress: '192.0.3.7' }), first)
    assert.notEqual(id('curl-openssl-001'), first)
    const elsewhere = { remoteAddress: '203.0.113.9', lineage: first }
    assert.equal(id('openssl-sclient-resume-002', elsewhere), first)
    limen.settings = { ...SETTINGS, profileKey: new Uint8Array(16).fill(8) }
    assert.notEqual(id('openssl-sclient-001'), first)
  })

  it('follows verdicts it was pushed, until they end', () => {
    const limen = admission(ENFORCING)
    const hello = seen(capturedHello('go-nethttp-001'))
    const { profile = '' } = admitHandshake(limen, CONNECTION, hello)
    const reasons = [{ code: 'rate-new', text: 'Too many', weight: 5, detector: 'rate' }] as const
    const verdict: Verdict = {
      subject: { kind: 'profile', profile },
      score: 5,
      reasons,
      until: NOW + 1,
    }
    const fresh = () => {
      const bytes = capturedHello('go-nethttp-001')
      bytes.set(limen.random.bytes(32), 11)
      return admitHandshake(limen, CONNECTION, seen(bytes))
    }
    limen.verdicts = newVerdictTable([verdict])
    assert.ok(fresh().reasons.some(({ code }) => code === 'rate-new'))
    assert.equal(fresh().pool, 'rigorous')
    limen.verdicts = newVerdictTable([{ ...verdict, until: NOW }])
    assert.equal(fresh().pool, 'primary')
  })

  it('tells the profiler what it saw', () => {
    const limen = admission()
    const { decision, observation } = admit(limen, CONNECTION, seen(capturedHello('chromium-001')))
    assert.equal(observation.decision, decision.id)
    assert.equal(observation.profile, decision.profile)
    assert.equal(observation.addressGroup, '192.0.2.0/24')
    assert.deepEqual(
      [observation.error, observation.lineage, observation.features?.client],
      ['', false, 'Chromium'],
    )
    assert.deepEqual(JSON.parse(JSON.stringify(observation)), observation)
    const broken = admit(limen, CONNECTION, { kind: 'error', code: 'not_tls' }).observation
    assert.equal(broken.error, 'not_tls')
    assert.equal(broken.features, undefined)
  })

  it('follows settings that are exchanged', () => {
    const limen = admission()
    limen.settings = { ...ENFORCING, tier2: 0, tier3: 99 }
    const decision = admitHandshake(limen, CONNECTION, seen(capturedHello('chromium-001')))
    assert.deepEqual([decision.tier, decision.mode], [2, 'enforce'])
  })
})

describe('admitPlain()', () => {
  it('lets plain HTTP be ordinary', () => {
    const decision = admitPlain(admission(), CONNECTION)
    assert.deepEqual([decision.tier, decision.score, decision.model], [1, 0, 'plain/1'])
    assert.equal(decision.reasons[0]?.code, 'no-handshake')
  })
})
