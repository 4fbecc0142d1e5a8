import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { capturedHello, helloRecord } from '../../test/fixtures/hello-bytes.ts'
import type { Random } from '../ground/random.ts'
import { ClientHelloReader } from '../wire/client-hello.ts'
import {
  type Admission,
  admitHandshake,
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

function admission(): Admission {
  let state = 1
  const random: Random = {
    bytes: (length) =>
      Uint8Array.from({ length }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return state >>> 24
      }),
    fraction: () => 0.5,
  }
  const settings = { mode: 'observe', tier2: 4, tier3: 8 } as const
  return newAdmission({ clock: { now: () => NOW }, random, settings })
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
    assert.deepEqual(rest, {
      subject: '192.0.2.7:52044',
      tier: 1,
      score: 0,
      reasons: [],
      model: 'handshake/1',
      mode: 'observe',
      at: NOW,
      listener: 'web',
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
    })
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
    const bytes = capturedHello('chromium-001')
    for (let i = 0; i < 3000; i++) {
      for (let at = 11; at < 43; at++) bytes[at] = (i * at * 131 + (i >> 3)) & 255
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

  it('follows settings that are exchanged', () => {
    const limen = admission()
    limen.settings = { mode: 'enforce', tier2: 0, tier3: 99 }
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
