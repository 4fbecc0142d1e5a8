import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { capturedHello } from '../../../test/fixtures/hello-bytes.ts'
import type { Random } from '../../ground/random.ts'
import { ClientHelloReader } from '../../wire/client-hello.ts'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import { ja4 } from './ja4.ts'
import {
  type HandshakeScore,
  type HandshakeScoring,
  newHandshakeScoring,
  scoreHandshake,
  scoreMalformed,
} from './score.ts'

const NOW = Date.UTC(2026, 10, 21)

/** A small generator (xorshift): the tests are the same every time. */
function seeded(seed: number): Random {
  let state = seed
  const next = () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  return {
    bytes: (length) => Uint8Array.from({ length }, () => next() >>> 11),
    fraction: () => next() / 2 ** 32,
  }
}

const random = seeded(20261121)

/** A hello of this client as it would be on another connection: all that is drawn is drawn anew. */
function fresh(name: string, changes: Partial<ClientHello> = {}): ClientHello {
  const outcome = new ClientHelloReader().feed(capturedHello(name), 0)
  assert.equal(outcome.kind, 'hello')
  const { hello } = outcome
  return {
    ...hello,
    random: random.bytes(32),
    sessionId: random.bytes(hello.sessionId.length),
    keyShares: hello.keyShares.map((share) => ({ ...share, key: random.bytes(share.length) })),
    ...changes,
  }
}

function score(state: HandshakeScoring, hello: ClientHello, now = NOW): HandshakeScore {
  return scoreHandshake(state, { hello, ja4Stable: ja4(hello, 't').stable, rarityMax: 2 }, now)
}

const codes = (scored: HandshakeScore) => scored.reasons.map((reason) => reason.code)
const weightOf = (scored: HandshakeScore, code: string) =>
  scored.reasons.find((reason) => reason.code === code)?.weight

describe('scoreHandshake()', () => {
  it('gives ordinary hellos 0 and no reasons', () => {
    const state = newHandshakeScoring(random)
    for (let i = 0; i < 200; i++) {
      assert.deepEqual(score(state, fresh('chromium-001')), { score: 0, reasons: [] })
    }
  })

  it('gives a resumed hello 0 where fresh ones are ordinary', () => {
    const state = newHandshakeScoring(random)
    for (let i = 0; i < 50; i++) score(state, fresh('openssl-sclient-resume-001'))
    assert.equal(score(state, fresh('openssl-sclient-resume-002')).score, 0)
  })

  it('never scores a hello for coming in two packets', () => {
    const bytes = capturedHello('node24-https-001')
    const reader = new ClientHelloReader()
    reader.feed(bytes.subarray(0, 1448), 0)
    const outcome = reader.feed(bytes.subarray(1448), 40)
    assert.equal(outcome.kind, 'hello')
    assert.equal(outcome.hello.chunks, 2)
    assert.equal(score(newHandshakeScoring(random), outcome.hello).score, 0)
  })

  it('gives a repeated random the chance of meeting it: n in 2^64', () => {
    const state = newHandshakeScoring(random)
    const first = fresh('curl-openssl-001')
    score(state, first)
    for (let i = 0; i < 99; i++) score(state, fresh('curl-openssl-001'))
    const again = score(state, first, NOW + 5000)
    // The random says it all: the key share that came with it is not counted again.
    assert.deepEqual(codes(again), ['random-repeated'])
    assert.equal(again.score, -Math.log10(100 / 2 ** 64))
    assert.match(again.reasons[0]?.text ?? '', /another hello 5 s ago/)
  })

  it('gives a random that begins with the time its chance, when TLS 1.3 is offered', () => {
    const clock = (error: number) => {
      const bytes = random.bytes(32).slice()
      new DataView(bytes.buffer).setUint32(0, NOW / 1000 + error)
      bytes[9] = 200
      return bytes
    }
    for (const error of [-7200, 0, 7200]) {
      const scored = score(
        newHandshakeScoring(random),
        fresh('go-nethttp-001', { random: clock(error) }),
      )
      assert.deepEqual(codes(scored), ['random-holds-time'])
      assert.equal(scored.score, -Math.log10(14401 / 2 ** 32))
    }
    for (const error of [-7201, 7201]) {
      const scored = score(
        newHandshakeScoring(random),
        fresh('go-nethttp-001', { random: clock(error) }),
      )
      assert.equal(scored.score, 0)
    }
    // RFC 5246 asked for the time: in TLS 1.2 it is context.
    const old = score(
      newHandshakeScoring(random),
      fresh('curl-openssl-tls12-001', { random: clock(0) }),
    )
    assert.equal(weightOf(old, 'random-holds-time'), 0)
    assert.equal(old.score, 0)
  })

  it('gives a random of seven-bit bytes its chance: 2^-32, or 2^-28 behind the time', () => {
    const text = random.bytes(32).map((byte) => byte & 0x7f)
    const state = newHandshakeScoring(random)
    assert.equal(
      score(state, fresh('go-nethttp-001', { random: text })).score,
      -Math.log10(2 ** -32),
    )
    const timed = random.bytes(32).map((byte) => byte & 0x7f)
    new DataView(timed.buffer).setUint32(0, NOW / 1000)
    const both = score(state, fresh('go-nethttp-001', { random: timed }))
    assert.equal(weightOf(both, 'random-seven-bit'), -Math.log10(2 ** -28))
  })

  it('finds generators of which a part stands still', () => {
    const state = newHandshakeScoring(random)
    const prefix = random.bytes(8)
    const partly = () => {
      const bytes = random.bytes(32)
      bytes.set(prefix, 8)
      return fresh('go-nethttp-001', { random: bytes })
    }
    score(state, partly())
    const again = score(state, partly())
    assert.deepEqual(codes(again), ['random-part-repeated'])
    assert.ok(again.score > 17)
  })

  it('says which detector found what', () => {
    const state = newHandshakeScoring(random)
    const hello = fresh('curl-openssl-001')
    score(state, hello)
    assert.deepEqual(
      score(state, hello).reasons.map(({ detector }) => detector),
      ['randomness'],
    )
    for (let i = 0; i < 30; i++) score(state, fresh('chromium-001'))
    assert.equal(score(state, fresh('go-nethttp-001')).reasons[0]?.detector, 'rarity')
  })

  it('weighs a key share used again by how seldom that is here, at most one digit', () => {
    const state = newHandshakeScoring(random)
    const { keyShares } = fresh('curl-openssl-001')
    for (let i = 0; i < 400; i++) score(state, fresh('curl-openssl-001'))
    score(state, fresh('curl-openssl-001', { keyShares }))
    const again = score(state, fresh('curl-openssl-001', { keyShares }))
    assert.deepEqual(codes(again), ['key-share-reused'])
    assert.equal(again.score, 1)
    for (let i = 0; i < 400; i++) score(state, fresh('curl-openssl-001', { keyShares }))
    assert.ok(score(state, fresh('curl-openssl-001', { keyShares })).score < 0.5)
  })

  it('takes a session id used again for a resumption, unless a TLS 1.3 ticket rules that out', () => {
    const sessionId = random.bytes(32)
    const state = newHandshakeScoring(random)
    score(state, fresh('openssl-sclient-001', { sessionId }))
    const again = score(state, fresh('openssl-sclient-001', { sessionId }))
    assert.equal(weightOf(again, 'session-id-reused'), 0)
    const resumed = score(state, fresh('openssl-sclient-resume-002', { sessionId }))
    assert.ok((weightOf(resumed, 'session-id-reused') ?? 0) > 18)
    const tls12 = score(state, fresh('curl-openssl-tls12-001', { sessionId }))
    assert.equal(weightOf(tls12, 'session-id-reused'), undefined)
  })

  it('weighs a rare fingerprint up to the bound, and an ordinary one not at all', () => {
    const state = newHandshakeScoring(random)
    for (let i = 0; i < 29; i++) score(state, fresh('chromium-001'))
    const rare = score(state, fresh('go-nethttp-001'))
    assert.deepEqual(codes(rare), ['rare-here'])
    assert.ok(Math.abs(rare.score - Math.log10(30)) < 1e-9)
    for (let i = 0; i < 2000; i++) score(state, fresh('chromium-001'))
    assert.equal(score(state, fresh('php-stream-001')).score, 2)
  })

  it('notes facts about the offer without weight', () => {
    const state = newHandshakeScoring(random)
    const noted = (name: string, changes?: Partial<ClientHello>) =>
      score(state, fresh(name, changes)).reasons.filter((reason) => reason.code !== 'rare-here')
    const old = noted('openssl-sclient-tls10-001')
    assert.deepEqual(
      old.map(({ code, weight }) => [code, weight]),
      [
        ['obsolete-versions', 0],
        ['no-server-name', 0],
      ],
    )
    assert.ok(noted('sslscan-003').some((reason) => reason.code === 'anonymous-ciphers'))
    assert.deepEqual(noted('go-nethttp-001', { compressions: [1, 0] }).at(0)?.code, 'compression')
  })

  it('adds up: the score is the sum of the weights', () => {
    const state = newHandshakeScoring(random)
    for (let i = 0; i < 99; i++) score(state, fresh('chromium-001'))
    const scored = score(state, fresh('nmap-ssl-enum-003', { random: new Uint8Array(32) }))
    const total = scored.reasons.reduce((sum, reason) => sum + reason.weight, 0)
    assert.equal(scored.score, total)
    assert.ok(codes(scored).includes('random-follows-rule') && codes(scored).includes('rare-here'))
  })

  it('marks what the scanners we captured send, and none of the clients', () => {
    const state = newHandshakeScoring(random)
    const clients = ['chromium-001', 'curl-openssl-001', 'node24-https-001', 'gnutls-cli-001']
    for (let i = 0; i < 2000; i++) {
      const scored = score(state, fresh(clients[i % clients.length] ?? ''))
      assert.ok(scored.score <= 1, `hello ${i} scores ${scored.score}`)
    }
    const captured = new ClientHelloReader().feed(capturedHello('nmap-ssl-enum-003'), 0)
    assert.equal(captured.kind, 'hello')
    const at = new DataView(captured.hello.random.slice().buffer).getUint32(0) * 1000
    assert.ok(score(state, captured.hello, at).score > 5)
  })
})

describe('scoreMalformed()', () => {
  it('weighs an error by how rare it is here', () => {
    const state = newHandshakeScoring(random)
    for (let i = 0; i < 999; i++) score(state, fresh('chromium-001'))
    assert.equal(scoreMalformed(state, 'decode:short', 2, NOW).score, 2)
    for (let i = 0; i < 500; i++) scoreMalformed(state, 'not_tls', 2, NOW)
    assert.deepEqual(scoreMalformed(state, 'not_tls', 2, NOW), { score: 0, reasons: [] })
  })
})
