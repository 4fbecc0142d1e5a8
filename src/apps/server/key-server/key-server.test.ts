import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { SignJWT } from 'jose'
import { type FakeDataPlane, fakeDataPlane } from '../../../../test/fake-data-plane.ts'
import { SHORT_CONFIG } from '../../../../test/running-limen.ts'
import { openLog } from '../../../adapters/node/json-log.ts'
import { Steks } from '../../../adapters/node/session-crypto.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import type { LoadSource } from '../../../ports/load-outlook.ts'
import { KEY_CONFIG_LABEL, type PublicKeyConfig, readKeyConfig } from '../../../wire/key-config.ts'
import { SUITE } from '../../../wire/key-message.ts'
import { readSealedTicket, readTicketContents, TICKET_FLAG } from '../../../wire/session-ticket.ts'
import {
  beginHandshake,
  type HandshakeOptions,
  type Session,
} from '../../browser/session-handshake.ts'
import { readConfig } from '../config/read-config.ts'
import { recordKeyInFile } from '../record-key.ts'
import { type KeyServer, openKeyServer } from './key-server.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const ORIGIN = 'https://shop.test'
const random = systemRandom()

let folder = ''
let now = Date.now()
let plane: FakeDataPlane
let server: KeyServer

const configOf = (sessions: string) => {
  const text = `${SHORT_CONFIG}data: ${folder}\nsessions: { enabled: true, ${sessions} }\n`
  const outcome = readConfig({ file: 'x', text, folder: '/' }, {})
  if (outcome.kind !== 'read') assert.fail(JSON.stringify(outcome.complaints))
  return outcome.config
}
const start = async (sessions = '', load?: LoadSource): Promise<void> => {
  plane = fakeDataPlane()
  const log = openLog({ level: 'error', format: 'json', write: () => {} })
  const clock = { now: () => now }
  const config = configOf(sessions)
  const opened = await openKeyServer({
    ...{ config, recordKey: recordKeyInFile(folder, random), plane, clock, random, log },
    hosts: () => ['shop.test', '*.shop.test'],
    ...(load && { load }),
  })
  assert.ok(opened !== undefined)
  server = opened
  plane.holdKeys()
}
const restart = async (sessions = '', load?: LoadSource): Promise<void> => {
  await server.close()
  await start(sessions, load)
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-keys-'))
  now = Date.now()
  await start()
})
afterEach(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})

type Fields = Readonly<Record<string, string>>
const url = (path: string): string =>
  `http://127.0.0.1:${server.place.port}/.well-known/limen/${path}`
const post = (
  path: string,
  body: Uint8Array<ArrayBuffer> | Buffer<ArrayBuffer>,
  fields: Fields = {},
) =>
  fetch(url(path), {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/limen-lsk',
      'x-forwarded-proto': 'https',
      ...fields,
    },
  })
const codeOf = async (response: Response): Promise<string> => {
  const code = response.headers.get('sessionkey-error') ?? ''
  if (response.status === 200) return 'opened'
  const { type, status } = (await response.json()) as { type: string; status: number }
  assert.deepEqual([type, status], [`urn:limen:err:${code}`, response.status])
  return `${response.status} ${code}`
}
const keys = async (): Promise<readonly PublicKeyConfig[]> => {
  const config = readKeyConfig(new Uint8Array(await (await fetch(url('keys'))).arrayBuffer()))
  assert.ok(config !== undefined)
  return config.keys
}
const keyFor = async (): Promise<PublicKeyConfig> => {
  const key = (await keys()).find((each) => each.suites.includes(SUITE.x25519))
  assert.ok(key !== undefined)
  return key
}
/** By a request of our own, since Host matters. */
const ask = async (
  path: string,
  body: Uint8Array,
  fields: Fields = {},
): Promise<{ status: number; code: string; body: Buffer; fields: IncomingHttpHeaders }> => {
  return await new Promise((resolve, reject) => {
    const headers = {
      ...{ host: 'shop.test', 'x-forwarded-proto': 'https' },
      ...{ 'content-type': 'application/limen-lsk', 'content-length': String(body.length) },
      ...fields,
    }
    const sent = request(url(path), { method: 'POST', headers }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece))
      answer.on('end', () => {
        const code = String(answer.headers['sessionkey-error'] ?? '')
        const { statusCode: status = 0, headers: fields } = answer
        resolve({ status, code, body: Buffer.concat(pieces), fields })
      })
    })
    sent.on('error', reject).end(body)
  })
}
const begin = async (more: Partial<HandshakeOptions> = {}) =>
  await beginHandshake({
    ...{ key: await keyFor(), suite: SUITE.x25519, origin: ORIGIN, now },
    ...more,
  })
const open = async (fields: Fields = {}, origin = ORIGIN): Promise<Session> => {
  const handshake = await begin({ origin })
  const answer = await ask('session', handshake.message, fields)
  assert.equal(answer.status, 200, answer.code)
  return await handshake.finish(answer.body)
}
const rotate = async (session: Session, fields: Fields = {}) => {
  const handshake = await begin({ previous: session })
  const answer = await ask('rotate', handshake.message, { sessionkey: session.ticket, ...fields })
  if (answer.status !== 200) return answer.code
  return await handshake.finish(answer.body)
}
const idOf = ({ sessionId }: Session): string => Buffer.from(sessionId).toString('base64url')
const tickets = (state: string) =>
  server.view().groups.flatMap(({ epochs }) => epochs.filter((one) => one.state === state))

describe('openKeyServer()', () => {
  it('opens nothing when sessions are off', async () => {
    const config = { ...configOf(''), sessions: { ...configOf('').sessions, enabled: false } }
    const log = openLog({ level: 'error', format: 'json', write: () => {} })
    const clock = { now: () => now }
    const recordKey = recordKeyInFile(folder, random)
    const off = await openKeyServer({
      config,
      recordKey,
      plane,
      clock,
      random,
      log,
      hosts: () => [],
    })
    assert.equal(off, undefined)
  })

  it('keeps its secrets sealed, for the owner alone', () => {
    const given = plane.keysGiven.at(-1)?.keys[0]?.key
    assert.equal(given?.length, 32)
    for (const name of ['session-identity.keys', 'session-tickets.keys']) {
      const path = join(folder, name)
      assert.equal(statSync(path).mode & 0o777, 0o600)
      assert.equal(readFileSync(path).includes(given ?? ''), false)
    }
  })

  it('refuses to start on a damaged file, with its name', async () => {
    await server.close()
    const path = join(folder, 'session-tickets.keys')
    const good = readFileSync(path)
    writeFileSync(path, Buffer.concat([good.subarray(0, -1), Buffer.of(0)]))
    await assert.rejects(start(), { code: 'session-keys-bad', message: /session-tickets\.keys/ })
    writeFileSync(path, good)
    await start()
  })
})

describe('GET keys', () => {
  it('answers a configuration signed by the identity, to be kept for an hour', async () => {
    const response = await fetch(url('keys'))
    assert.equal(response.headers.get('content-type'), 'application/limen-keys')
    assert.equal(response.headers.get('cache-control'), 'max-age=3600')
    const config = readKeyConfig(new Uint8Array(await response.arrayBuffer()))
    assert.ok(config !== undefined)
    const identity = createPublicKey({
      key: Buffer.from(server.view().identity, 'base64'),
      format: 'raw-public',
      asymmetricKeyType: 'ed25519',
    })
    const signed = Buffer.concat([Buffer.from(KEY_CONFIG_LABEL), config.signed])
    assert.ok(verify(null, signed, identity, config.signature))
    assert.deepEqual(
      config.keys.map(({ kem }) => kem),
      [0x647a, 0x0020, 0x0010],
    )
  })

  it('has the same identity and keys after a restart', async () => {
    const before = [server.view().identity, server.view().keys]
    await restart()
    assert.deepEqual([server.view().identity, server.view().keys], before)
  })

  it('rolls keys over after six days, with a day in which both are good', async () => {
    const old = await keyFor()
    now += 6 * DAY_MS
    await restart()
    const both = await keys()
    assert.equal(both.length, 6)
    const handshake = await begin({ key: old })
    assert.equal((await ask('session', handshake.message)).status, 200)
    now += DAY_MS + 1000
    await restart()
    assert.equal((await keys()).length, 3)
    const late = await begin({ key: old })
    assert.equal((await ask('session', late.message)).code, 'kid_unknown')
  })

  it('never overflows, however often keys are replaced by hand', async () => {
    for (let i = 0; i < 5; i++) server.rotate('identity')
    assert.equal((await keys()).length, 6)
    await open()
  })
})

describe('POST session and rotate', () => {
  it('opens, and rotates to the next generation', async () => {
    const first = await open()
    const second = await rotate(first)
    assert.ok(typeof second === 'object')
    assert.equal(second.generation, 2)
    const shown = server.session(idOf(first))
    assert.deepEqual(
      [shown?.generation, shown?.reason, shown?.origin, shown?.suite],
      [2, 'client', ORIGIN, 'x25519'],
    )
    assert.ok((shown?.openedAt ?? 0) <= (shown?.rotatedAt ?? 0))
  })

  it('says by time, when it was time', async () => {
    const first = await open()
    now += 601_000
    assert.ok(typeof (await rotate(first)) === 'object')
    assert.equal(server.session(idOf(first))?.reason, 'time')
  })

  it('believes what is said of a client only from its own edge', async () => {
    const token = { 'limen-edge': server.place.token }
    const trusted = await open({ ...token, 'limen-tier': '3' })
    assert.equal(server.session(idOf(trusted))?.tier, 3)
    assert.equal(trusted.rotateAfter, Math.floor(now / 1000) + 60)
    const forged = await open({ 'limen-edge': 'x'.repeat(43), 'limen-tier': '3' })
    assert.equal(server.session(idOf(forged))?.tier, 1)
  })

  it('binds to the origin that was asked for', async () => {
    const { message } = await begin({ origin: 'https://www.shop.test' })
    assert.equal((await ask('session', message)).code, 'not_for_us')
    await open({ host: 'WWW.shop.test:443' }, 'https://www.shop.test')
    const plain = await begin()
    assert.equal(
      (await ask('session', plain.message, { 'x-forwarded-proto': 'http' })).code,
      'not_for_us',
    )
  })

  it('says with a code and a problem what is wrong', async () => {
    const { message } = await begin()
    const code = async (path: string, body: Uint8Array, fields: Fields = {}) => {
      const { status, code: said, body: problem } = await ask(path, body, fields)
      const { type } = JSON.parse(problem.toString()) as { type: string }
      assert.equal(type, `urn:limen:err:${said}`)
      return `${status} ${said}`
    }
    assert.equal(await code('session', message, { 'content-type': 'text/plain' }), '415 bad_type')
    assert.equal(await code('session', message, { host: 'evil.test' }), '421 host_unknown')
    assert.equal(await code('session', message, { host: 'a b' }), '421 host_unknown')
    assert.equal(
      await code('session', message, { origin: 'https://evil.test' }),
      '403 foreign_origin',
    )
    assert.equal(await code('rotate', message), '400 bad_message')
    assert.equal(await code('session', Buffer.alloc(0)), '400 bad_message')
    assert.equal(await code('session', Buffer.alloc(8193, 'LSK1')), '413 too_large')
    assert.equal(await code('other', message), '404 not_found')
    const rotation = await begin({ previous: await open() })
    assert.equal(await code('rotate', rotation.message), '400 prev_missing')
    const bad = { sessionkey: ':AAAA:' }
    assert.equal(await code('rotate', rotation.message, bad), '401 ticket_malformed')
    const session = await open()
    const changed = `${session.ticket.slice(0, 60)}${session.ticket[60] === 'A' ? 'B' : 'A'}${session.ticket.slice(61)}`
    assert.equal(
      await code('rotate', rotation.message, { sessionkey: changed }),
      '401 ticket_invalid',
    )
    assert.equal(await codeOf(await fetch(url('session'))), '405 method')
    assert.equal(await codeOf(await post('keys', Buffer.from('x'))), '405 method')
  })

  it('refuses a megabyte of anything', async () => {
    assert.equal((await ask('session', Buffer.alloc(2 ** 20, 'LSK1'))).code, 'too_large')
    await open()
  })

  it('refuses a ticket past its time', async () => {
    const first = await open()
    now += 901_000
    assert.equal(await rotate(first), 'expired')
  })

  it('opens so many a second, and rotates on', async () => {
    await restart('openPerSecondMax: 2')
    const first = await open()
    await open()
    const { message } = await begin()
    const { status, code } = await ask('session', message)
    assert.deepEqual([status, code], [503, 'busy'])
    assert.ok(typeof (await rotate(first)) === 'object')
    now += 1000
    await open()
  })

  it('hears a handful of rotations that nobody made, and keeps nobody else from theirs', async () => {
    await restart('rotation: { perSecondMax: 10 }')
    const [mine, theirs] = [await open(), await open()]
    const { message } = await begin({ previous: mine })
    const garbage = Buffer.concat([message.subarray(0, 60), Buffer.alloc(100)])
    const p256 = (await keys()).find(({ suites }) => !suites.includes(SUITE.x25519))
    const notOffered = Buffer.from(garbage)
    notOffered.writeUInt16BE(p256?.keyId ?? 0, 6)
    const from = { 'limen-edge': server.place.token, 'x-forwarded-for': '192.0.2.1' }
    const said = new Map<string, number>()
    for (let i = 0; i < 50; i++) {
      const refused = await ask('rotate', notOffered, { sessionkey: theirs.ticket, ...from })
      assert.equal(refused.code, 'suite_refused')
    }
    for (let i = 0; i < 50; i++) {
      const { code } = await ask('rotate', garbage, { sessionkey: theirs.ticket, ...from })
      said.set(code, (said.get(code) ?? 0) + 1)
    }
    assert.deepEqual(
      [...said],
      [
        ['not_for_us', 5],
        ['busy', 45],
      ],
    )
    assert.ok(typeof (await rotate(mine)) === 'object')
  })

  it('takes no suite that its key does not offer', async () => {
    const p256 = (await keys()).find(({ suites }) => !suites.includes(SUITE.x25519))
    assert.ok(p256 !== undefined)
    const { message } = await begin()
    new DataView(message.buffer, message.byteOffset).setUint16(6, p256.keyId)
    const { status, code } = await ask('session', message)
    assert.deepEqual([status, code], [400, 'suite_refused'])
  })

  it('is counted by what came of it', async () => {
    const first = await open()
    await ask('session', Buffer.from('LSK1 garbage'))
    await rotate(first)
    assert.equal(await rotate(first), 'gen_conflict')
    const { handshakes, rotations, sessions } = server.figures()
    assert.deepEqual(
      new Map(handshakes.map(({ kind, result, count }) => [`${kind} ${result}`, count])),
      new Map([
        ['open opened', 1],
        ['open bad_message', 1],
        ['rotate opened', 1],
        ['rotate gen_conflict', 1],
      ]),
    )
    assert.deepEqual(rotations, { opened: 1, time: 0, security: 0, client: 1 })
    assert.equal(sessions, 1)
  })
})

describe('epochs', () => {
  it('seals under a new key only once the worker holds it', async () => {
    await plane.apply({ ...({} as Parameters<FakeDataPlane['apply']>[0]), pools: [] })
    plane.isSlowWithKeys = true
    const [before] = tickets('active')
    server.rotate('tickets')
    const [next] = tickets('pending')
    assert.deepEqual([next?.heldBy, next?.workers], [0, 1])
    assert.equal(tickets('active')[0]?.epoch, before?.epoch)
    const given = plane.keysGiven.at(-1)?.keys.map(({ stekId }) => stekId & 0xffffff)
    assert.deepEqual(given, [before?.epoch, next?.epoch])
    plane.holdKeys()
    assert.equal(tickets('active')[0]?.epoch, next?.epoch)
    assert.equal(tickets('accept')[0]?.epoch, before?.epoch)
  })

  it('replaces a worker that never takes a key, and goes on', async () => {
    await plane.apply({ ...({} as Parameters<FakeDataPlane['apply']>[0]), pools: [] })
    plane.isSlowWithKeys = true
    server.rotate('tickets')
    const [next] = tickets('pending')
    now += 1.2 * HOUR_MS + 1000
    assert.deepEqual(plane.replaced, [])
    server.rotate('tickets')
    assert.deepEqual(plane.replaced, ['1/4711'])
    assert.equal(tickets('active')[0]?.epoch, next?.epoch)
  })

  it('goes on with the keys there are when new ones cannot be kept', async () => {
    const epoch = tickets('active')[0]?.epoch
    const path = join(folder, 'session-tickets.keys')
    rmSync(path)
    // A folder in its place cannot be written over.
    mkdirSync(path)
    assert.throws(() => server.rotate('tickets'))
    assert.deepEqual([tickets('active')[0]?.epoch, tickets('pending').length], [epoch, 0])
    await open()
    rmdirSync(path)
    server.rotate('tickets')
    plane.holdKeys()
    assert.equal(tickets('accept')[0]?.epoch, epoch)
  })

  it('keeps keys and numbers over a restart, so that sessions stay good', async () => {
    const first = await open()
    const epoch = tickets('active')[0]?.epoch
    await restart()
    assert.equal(tickets('active')[0]?.epoch, epoch)
    const second = await rotate(first)
    assert.ok(typeof second === 'object')
    assert.equal(second.generation, 2)
  })

  it('destroys a key when its last ticket is over', async () => {
    server.rotate('tickets')
    plane.holdKeys()
    const [old] = tickets('accept')
    assert.ok(old !== undefined)
    now += 902_000
    await restart()
    assert.deepEqual(tickets('accept'), [])
    const left = plane.keysGiven.at(-1)?.keys.map(({ stekId }) => stekId & 0xffffff)
    assert.equal(left?.includes(old.epoch), false)
  })

  it('gives groups keys of their own, by host', async () => {
    await restart('groups: [{ id: 1 }, { id: 200, hosts: [www.shop.test] }]')
    assert.equal(server.session(idOf(await open()))?.group, 1)
    const other = await open({ host: 'www.shop.test' }, 'https://www.shop.test')
    assert.equal(server.session(idOf(other))?.group, 200)
    assert.equal(server.rotate('tickets', 7), false)
    assert.equal(server.rotate('tickets', 200), true)
  })
})

describe('how often a key rotates', () => {
  const secondsOf = ({ rotateAfter }: Session): number => rotateAfter - Math.floor(now / 1000)
  const view = (session: Session) => server.session(idOf(session))
  const busy = (level: number): LoadSource => ({
    outlook: () => ({ now: level, ahead: level, aheadS: 0, at: now }),
    onChange: () => () => {},
  })

  it('is said to the client, a little earlier by chance, and to people with the reasons', async () => {
    const session = await open()
    assert.ok(secondsOf(session) > 500 && secondsOf(session) <= 600, String(secondsOf(session)))
    assert.equal(view(session)?.rotateAfter, session.rotateAfter * 1000)
    assert.deepEqual(view(session)?.why, ['Every 600 s by policy'])
    const suspect = { 'limen-edge': server.place.token, 'limen-tier': '3' }
    const next = await rotate(session, suspect)
    assert.ok(typeof next === 'object')
    assert.equal(secondsOf(next), 60)
    assert.match(
      view(session)?.why.join() ?? '',
      /^Every 600 s by policy,tier 3: times 0.1,every 60 s now, every \d+ s before$/,
    )
    assert.deepEqual(server.figures().intervals, {
      policy: 1,
      tier: 1,
      load: 0,
      bounds: 0,
      ticket: 0,
    })
  })

  it('is the matter of each group', async () => {
    await restart(
      'groups: [{ id: 1 }, { id: 2, hosts: [www.shop.test], rotation: { everyS: 90 } }]',
    )
    const own = await open({ host: 'www.shop.test' }, 'https://www.shop.test')
    assert.ok(secondsOf(own) > 70 && secondsOf(own) <= 90)
    assert.ok(secondsOf(await open()) > 500)
    assert.deepEqual(view(own)?.why, ['Every 90 s by policy'])
  })

  it('is less while the servers are busy, as far as the ticket allows', async () => {
    await restart('rotation: { everyS: 300 }', busy(0.9))
    assert.equal(plane.keysGiven.at(-1)?.load?.now, 0.9)
    const session = await open()
    assert.ok(secondsOf(session) > 600 && secondsOf(session) <= 720)
    assert.deepEqual(view(session)?.why, [
      ...[
        'Every 300 s by policy',
        'load 0.90 of capacity: times 2.5',
        'at most 720 s: its ticket ends',
      ],
    ])
  })

  it('is bounded for all together, but for suspects and those whose tickets end', async () => {
    await restart('rotation: { perSecondMax: 5 }')
    const opened: Session[] = []
    for (let i = 0; i < 8; i++) opened.push(await open())
    const said: string[] = []
    for (const one of opened.slice(0, 6)) {
      const answer = await rotate(one)
      said.push(typeof answer === 'object' ? 'rotated' : answer)
    }
    assert.deepEqual(said, [...Array.from({ length: 4 }, () => 'rotated'), 'busy', 'busy'])
    const suspect = { 'limen-edge': server.place.token, 'limen-tier': '2' }
    assert.ok(typeof (await rotate(opened[6] as Session, suspect)) === 'object')
    now += 2_000
    assert.ok(typeof (await rotate(opened[5] as Session)) === 'object', 'its turn comes')
  })
})

describe('what a session brings besides', () => {
  it('is a cookie with the ticket, where bearers are allowed and the page is secure', async () => {
    const cookie = async (fields: Fields = {}) => {
      const origin = fields['x-forwarded-proto'] === 'http' ? 'http://shop.test' : ORIGIN
      const handshake = await begin({ origin })
      const answer = await ask('session', handshake.message, fields)
      const session = await handshake.finish(answer.body)
      return { session, cookie: answer.fields['set-cookie']?.[0] }
    }
    assert.equal((await cookie()).cookie, undefined)
    await restart('bearer: true')
    const { session, cookie: set = '' } = await cookie()
    const ticket = Buffer.from(session.ticket.slice(1, -1), 'base64').toString('base64url')
    assert.equal(set, `__Host-limen=${ticket}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=900`)
    assert.equal((await cookie({ 'x-forwarded-proto': 'http' })).cookie, undefined)
    const key = plane.keysGiven.at(-1)?.keys.find(({ stekId }) => stekId === (1 << 24) + 1)
    const steks = new Steks()
    steks.add((1 << 24) + 1, key?.key ?? new Uint8Array())
    const sealed = readSealedTicket(Buffer.from(ticket, 'base64url'))
    const plain = sealed && steks.openTicket(sealed)
    assert.ok(plain instanceof Uint8Array)
    assert.equal((readTicketContents(plain)?.flags ?? 0) & TICKET_FLAG.bearer, TICKET_FLAG.bearer)
  })

  it('is a key that signs assertions, whose public half anybody may read; it rolls', async () => {
    const jwks = async () =>
      (await (await fetch(url('jwks.json'))).json()) as { keys: Record<string, string>[] }
    const verifies = async () => {
      const given = plane.keysGiven.at(-1)?.assertion
      assert.ok(given !== undefined)
      const { keys: known } = await jwks()
      const jwk = known.find(({ kid }) => kid === given.kid)
      assert.ok(jwk !== undefined)
      const { kty, crv, alg } = jwk
      assert.deepEqual([kty, crv, alg], ['OKP', 'Ed25519', 'EdDSA'])
      const key = Buffer.from(given.privateKey)
      const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' })
      const signature = sign(null, Buffer.from('x'), privateKey)
      const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
      assert.ok(verify(null, Buffer.from('x'), publicKey, signature))
      return given.kid
    }
    const first = await verifies()
    await restart()
    assert.equal(await verifies(), first, 'the same after a restart')
    server.rotate('identity')
    const second = await verifies()
    assert.notEqual(second, first)
    assert.ok(
      (await jwks()).keys.some(({ kid }) => kid === first),
      'of before, still there',
    )
    now += DAY_MS * 8
    await restart()
    assert.ok(!(await jwks()).keys.some(({ kid }) => kid === first))
    for (const { d } of (await jwks()).keys) assert.equal(d, undefined)
  })

  it('is the end of the generation before it, which workers are told', async () => {
    const first = await open()
    assert.ok(typeof (await rotate(first)) === 'object')
    const told = plane.fed.at(-1)
    assert.ok(told?.kind === 'supersede')
    assert.deepEqual([told.session, told.generation], [idOf(first), 1])
    assert.equal(told.after, Math.floor(now / 1000) + 30)
    assert.equal(told.until, first.expires + 60)
  })

  it('is that end sooner when the key was changed on suspicion, and none where it is not asked for', async () => {
    const token = { 'limen-edge': server.place.token }
    const first = await open({ ...token, 'limen-tier': '1' })
    assert.ok(typeof (await rotate(first, { ...token, 'limen-tier': '3' })) === 'object')
    const told = plane.fed.at(-1)
    assert.ok(told?.kind === 'supersede' && told.after === Math.floor(now / 1000) + 5)
    await restart('strictSupersede: false')
    const before = plane.fed.length
    assert.ok(typeof (await rotate(await open())) === 'object')
    assert.equal(
      plane.fed.slice(before).some(({ kind }) => kind === 'supersede'),
      false,
    )
  })

  it('is that end over restarts too, as long as it matters', async () => {
    const first = await open()
    assert.ok(typeof (await rotate(first)) === 'object')
    const told = () =>
      plane.fed.filter((one) => one.kind === 'supersede' && one.session === idOf(first))
    assert.equal(told().length, 1)
    const [{ seq: _, ...before } = { seq: 0 }] = told()
    for (let i = 0; i < 2; i++) {
      await restart()
      const [{ seq: _, from: __, ...after } = { seq: 0 }] = told()
      assert.deepEqual(after, before)
    }
    now += 1_000_000
    await restart()
    assert.equal(told().length, 0)
  })

  it('is followed once, over restarts too, and when many others have come', async () => {
    const first = await open()
    const second = await rotate(first)
    assert.ok(typeof second === 'object')
    await restart()
    assert.equal(await rotate(first), 'gen_conflict')
    const third = await rotate(second)
    assert.ok(typeof third === 'object')
    await restart('keepMax: 1000')
    assert.equal(await rotate(second), 'gen_conflict')
    assert.ok(typeof (await rotate(third)) === 'object')
  })

  it('is shown the identity key, to be pinned', async () => {
    const text = await (await fetch(url('authority'))).text()
    assert.equal(text, server.view().identity)
  })
})

describe('who logged in', () => {
  const keyPair = generateKeyPairSync('ed25519')
  const jwt = async (sub: string) =>
    Buffer.from(
      await new SignJWT({ aud: ORIGIN, sub, exp: Math.floor(now / 1000) + 60 })
        .setProtectedHeader({ alg: 'EdDSA' })
        .sign(keyPair.privateKey),
    )
  const openAs = async (sub: string): Promise<Session> => {
    const handshake = await begin({ auth: await jwt(sub) })
    const answer = await ask('session', handshake.message)
    assert.equal(answer.status, 200, answer.code)
    return await handshake.finish(answer.body)
  }
  const rotateAs = async (session: Session, auth: Uint8Array): Promise<string> => {
    const handshake = await begin({ previous: session, auth })
    const { status, code } = await ask('rotate', handshake.message, { sessionkey: session.ticket })
    return status === 200 ? 'opened' : `${status} ${code}`
  }
  const takeLogins = async (): Promise<void> => {
    const file = join(folder, 'jwks.json')
    const keysOf = { keys: [keyPair.publicKey.export({ format: 'jwk' })] }
    writeFileSync(file, JSON.stringify(keysOf))
    await restart(`login: { jwks: ${file} }`)
  }

  it('is not asked unless configured', async () => {
    const { message } = await begin({ auth: await jwt('user-1') })
    const { status, code } = await ask('session', message)
    assert.equal(`${status} ${code}`, '400 auth_unexpected')
  })

  it('is in the ticket as a pseudonym, by which all sessions of a person end', async () => {
    await takeLogins()
    const [one, two, other] = [await openAs('user-1'), await openAs('user-1'), await open()]
    const subject = server.session(idOf(one))?.subject ?? ''
    assert.match(subject, /^[\w-]{22}$/)
    assert.equal(server.session(idOf(two))?.subject, subject)
    assert.equal(server.session(idOf(other))?.subject, undefined)
    assert.equal(server.revokeSubject(subject), 2)
    assert.equal(await rotate(one), 'revoked')
    assert.ok(typeof (await rotate(other)) === 'object')
  })

  it('may be said later, and then stays', async () => {
    await takeLogins()
    const session = await open()
    assert.equal(await rotateAs(session, await jwt('user-1')), 'opened')
    const named = await openAs('user-1')
    assert.equal(await rotateAs(named, await jwt('user-2')), '401 auth_invalid')
    assert.equal(await rotateAs(named, await jwt('user-1')), 'opened')
    const still = server.session(idOf(session))?.subject
    assert.equal(still, server.session(idOf(named))?.subject)
  })

  it('is nobody by a proof that is not good; of two at once one wins', async () => {
    await takeLogins()
    const bad = await begin({ auth: Buffer.from('a.b.c') })
    assert.equal((await ask('session', bad.message)).code, 'auth_invalid')
    const session = await open()
    const auth = await jwt('user-1')
    const said = await Promise.all([rotateAs(session, auth), rotateAs(session, auth)])
    assert.deepEqual(said.sort(), ['409 gen_conflict', 'opened'])
  })
})

describe('revocation', () => {
  it('of a session: it cannot rotate, workers are told, and a restart does not revive it', async () => {
    const [mine, other] = [await open(), await open()]
    server.revokeSession(idOf(mine))
    assert.equal(await rotate(mine), 'revoked')
    assert.equal(server.session(idOf(mine))?.revoked, true)
    assert.ok(typeof (await rotate(other)) === 'object')
    const told = plane.fed.find(({ kind }) => kind === 'revoke')
    assert.ok(told?.kind === 'revoke' && told.session === idOf(mine))
    now += 10_000
    await restart()
    assert.equal(await rotate(mine), 'revoked')
    assert.equal(readFileSync(join(folder, 'session-feed.log')).includes(idOf(mine)), false)
    assert.ok(plane.fed.some((entry) => entry.kind === 'revoke' && entry.session === idOf(mine)))
  })

  it('of a group: its keys are destroyed, new sessions open under the next', async () => {
    const mine = await open()
    const [before] = tickets('active')
    assert.equal(server.revokeGroup(1), true)
    assert.equal(server.revokeGroup(9), false)
    plane.holdKeys()
    assert.equal(await rotate(mine), 'stek_unknown')
    assert.equal(tickets('active')[0]?.epoch, (before?.epoch ?? 0) + 1)
    await open()
  })

  it('is numbered without gaps, above all numbers of the start before', async () => {
    server.revokeSession('A'.repeat(22))
    server.revokeSubject(`${'B'.repeat(21)}A`)
    const before = server.feed(0).map(({ seq }) => seq)
    const [first = 0] = before
    assert.deepEqual(
      before,
      before.map((_, i) => first + i),
    )
    assert.deepEqual(server.feed(before.at(-2) ?? 0).length, 1)
    now += 1000
    await restart()
    const after = server.feed(0)
    assert.deepEqual(
      after.map(({ kind }) => kind),
      ['revoke', 'revoke-subject', 'checkpoint'],
    )
    assert.ok((after[0]?.seq ?? 0) > (before.at(-1) ?? 0))
  })
})
