import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hpkeKeyPair } from '../../src/adapters/node/hpke.ts'
import { opensslKeyAgreement } from '../../src/adapters/node/key-agreement.ts'
import { Steks } from '../../src/adapters/node/session-crypto.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import {
  beginHandshake,
  chooseKey,
  type HandshakeOptions,
  type Session,
} from '../../src/apps/browser/session-handshake.ts'
import {
  type Opened,
  type OpenRequest,
  openSession,
  type SessionOffice,
} from '../../src/flows/open-session.ts'
import { SessionGenerations } from '../../src/flows/session-generations.ts'
import { KEM, type Kem, type PublicKeyConfig } from '../../src/wire/key-config.ts'
import { SUITE, type Suite } from '../../src/wire/key-message.ts'
import {
  readSealedTicket,
  readTicketContents,
  type TicketContents,
} from '../../src/wire/session-ticket.ts'

const random = systemRandom()
const ORIGIN = 'https://shop.test'
const NOW = 1_795_000_000
const STEK = (1 << 24) | 5
const SUITES = Object.values(SUITE)

/** A key server with one key of each KEM. */
function keyServer() {
  const pairs = Object.values(KEM).map((kem, i) => ({
    keyId: i + 1,
    pair: hpkeKeyPair(kem, random.bytes(32)),
    notBefore: NOW - 100,
    expires: NOW + 100_000,
  }))
  const steks = new Steks()
  steks.add(STEK, random.bytes(32))
  const sessions = new SessionGenerations(1000)
  const office: SessionOffice = {
    agreement: opensslKeyAgreement(() => pairs),
    random,
    policy: { suites: new Set(SUITES), ticketS: 900, policyId: 1, flags: 0 },
    seal: (contents) => steks.sealTicket(STEK, contents, random),
    epoch: () => 5,
    encodeUrl: (bytes) => Buffer.from(bytes).toString('base64url'),
    isFollowed: () => false,
    sessions,
  }
  const configOf = (kem: Kem): PublicKeyConfig => {
    const { keyId, pair, notBefore, expires } = pairs.find((each) => each.pair.kem === kem) as never
    return {
      keyId,
      kem,
      notBefore,
      expires,
      suites: SUITES,
      publicKey: (pair as { publicKey: Buffer }).publicKey,
    }
  }
  const contentsOf = (ticket: string): TicketContents => {
    const sealed = readSealedTicket(Buffer.from(ticket.slice(1, -1), 'base64'))
    const plain = sealed === undefined ? undefined : steks.openTicket(sealed)
    const contents = plain instanceof Uint8Array ? readTicketContents(plain) : undefined
    assert.ok(contents !== undefined)
    return contents
  }
  const ask = (message: Uint8Array, change: Partial<OpenRequest> = {}, now = NOW): Opened => {
    const asked = openSession(
      office,
      {
        message,
        origin: ORIGIN,
        subject: undefined,
        tier: 1,
        rotateS: 600,
        softBinding: undefined,
        previous: undefined,
        ...change,
      },
      now,
    )
    assert.ok(asked.kind !== 'login')
    return asked
  }
  const open = async (change: Partial<HandshakeOptions> = {}): Promise<Session> => {
    const handshake = await begin(change)
    const opened = ask(handshake.message)
    assert.ok(opened.kind === 'opened', JSON.stringify(opened))
    return await handshake.finish(opened.reply)
  }
  const begin = (change: Partial<HandshakeOptions> = {}) =>
    beginHandshake({
      key: configOf(KEM.x25519),
      suite: SUITE.x25519,
      origin: ORIGIN,
      now: NOW * 1000,
      ...change,
    })
  return { office, pairs, configOf, contentsOf, ask, open, begin }
}

const codeOf = (opened: Opened) => (opened.kind === 'refused' ? opened.code : 'opened')

describe('openSession(), against a client by WebCrypto', () => {
  const { contentsOf, configOf, ask, open, begin } = keyServer()

  for (const [name, suite] of Object.entries(SUITE) as [string, Suite][]) {
    for (const kem of [KEM.x25519, KEM.p256] as const) {
      it(`agrees on the same key (${name}, KEM ${kem})`, async () => {
        const session = await open({ suite, key: configOf(kem) })
        const contents = contentsOf(session.ticket)
        assert.deepEqual(Buffer.from(contents.sessionId), Buffer.from(session.sessionId))
        assert.equal(contents.generation, 1)
        const data = Buffer.from('request')
        const ours = await crypto.subtle.importKey(
          'raw',
          new Uint8Array(contents.requestKey),
          { name: 'HMAC', hash: 'SHA-256' },
          false,
          ['verify'],
        )
        const mac = await crypto.subtle.sign('HMAC', session.requestKey, data)
        assert.ok(await crypto.subtle.verify('HMAC', ours, mac, data))
        assert.equal(session.requestKey.extractable, false)
        assert.equal((contents.flags & 4) !== 0, suite === SUITE.x25519MlKem768)
      })
    }
  }

  it('rotates: the same session, the next generation, another key', async () => {
    const first = await open()
    const handshake = await begin({ previous: first })
    const previous = contentsOf(first.ticket)
    const opened = ask(handshake.message, { previous })
    assert.ok(opened.kind === 'opened', JSON.stringify(opened))
    const second = await handshake.finish(opened.reply)
    assert.deepEqual(second.sessionId, first.sessionId)
    assert.equal(second.generation, 2)
    assert.notDeepEqual(contentsOf(second.ticket).requestKey, contentsOf(first.ticket).requestKey)
  })

  it('answers a message again as it did, so that a lost reply can be had', async () => {
    const first = await open()
    const handshake = await begin({ previous: first })
    const previous = contentsOf(first.ticket)
    const once = ask(handshake.message, { previous })
    const again = ask(handshake.message, { previous })
    assert.ok(once.kind === 'opened' && again.kind === 'opened')
    assert.deepEqual(again.reply, once.reply)
    assert.equal(again.again, true)
    assert.equal((await handshake.finish(again.reply)).generation, 2)
  })

  it('lets one of two tabs rotate: the other is told', async () => {
    const first = await open()
    const previous = contentsOf(first.ticket)
    const [one, two] = [await begin({ previous: first }), await begin({ previous: first })]
    assert.equal(codeOf(ask(one.message, { previous })), 'opened')
    assert.equal(codeOf(ask(two.message, { previous })), 'gen_conflict')
  })

  it('refuses to rotate without the old request key, or on another device', async () => {
    const mine = await open()
    const theirs = await open()
    const previous = contentsOf(mine.ticket)
    const withoutKey = await begin({ previous: { ...mine, requestKey: theirs.requestKey } })
    assert.equal(codeOf(ask(withoutKey.message, { previous })), 'prev_mac')
    const elsewhere = await begin({ previous: { ...mine, device: theirs.device } })
    assert.equal(codeOf(ask(elsewhere.message, { previous })), 'device_sig')
    const other = await begin({ previous: mine })
    assert.equal(codeOf(ask(other.message, { previous: contentsOf(theirs.ticket) })), 'prev_mac')
    assert.equal(codeOf(ask(other.message)), 'prev_missing')
    assert.equal(codeOf(ask(other.message, { previous: { ...previous, expires: NOW } })), 'expired')
  })

  it('refuses another origin', async () => {
    const { message } = await begin({ origin: 'https://evil.test' })
    assert.equal(codeOf(ask(message)), 'not_for_us')
  })

  it('refuses a suite or key that was exchanged on the way', async () => {
    const { message } = await begin()
    const changed = (at: number, value: number) => {
      const copy = new Uint8Array(message)
      copy[at] = value
      return codeOf(ask(copy))
    }
    assert.equal(changed(9, SUITE.p256), 'not_for_us')
    assert.equal(changed(7, 99), 'kid_unknown')
    assert.equal(changed(7, 1), 'not_for_us')
    assert.equal(changed(4, 2), 'bad_message')
    assert.equal(changed(message.length - 1, (message.at(-1) as number) ^ 1), 'not_for_us')
  })

  it('refuses a clock that is far off, and keys past their time', async () => {
    const { message } = await begin({ now: (NOW - 301) * 1000 })
    assert.equal(codeOf(ask(message)), 'clock_skew')
    const late = await begin({ now: (NOW + 100_000) * 1000 })
    assert.equal(codeOf(ask(late.message, {}, NOW + 100_000)), 'kid_unknown')
  })

  it('takes a megabyte of anything as what it is', () => {
    assert.equal(codeOf(ask(new Uint8Array(1_000_000))), 'bad_message')
    assert.equal(codeOf(ask(new Uint8Array(0))), 'bad_message')
  })
})

describe('chooseKey()', () => {
  const { configOf } = keyServer()
  const keys = [KEM.xWing, KEM.x25519, KEM.p256].map(configOf)

  it('takes the first that can be done here', () => {
    const choice = (x25519: boolean, mlKem: boolean) => {
      const chosen = chooseKey(keys, { x25519, mlKem }, NOW)
      return [chosen?.key.kem, chosen?.suite]
    }
    assert.deepEqual(choice(false, false), [KEM.p256, SUITE.p256])
    assert.deepEqual(choice(true, false), [KEM.x25519, SUITE.x25519])
  })

  it('takes none that is not in its time', () => {
    assert.equal(chooseKey(keys, { x25519: true, mlKem: true }, NOW - 1000), undefined)
  })
})
