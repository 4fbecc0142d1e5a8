/**
 * Session keys of a live `limen up` with two workers: opened and rotated over HTTPS through the edge by a client on
 * WebCrypto, with what goes wrong on the way; workers killed, Limen restarted, keys replaced under load.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  abilitiesHere,
  beginHandshake,
  chooseKey,
  type Handshake,
  type Session,
} from '../../src/apps/browser/session-handshake.ts'
import type { KeysView } from '../../src/apps/server/key-server/key-views.ts'
import type { SessionView } from '../../src/apps/server/key-server/session-table.ts'
import type { NumberedEntry } from '../../src/keys/session/revocations.ts'
import { KEY_CONFIG_LABEL, type PublicKeyConfig, readKeyConfig } from '../../src/wire/key-config.ts'
import { SUITE, type Suite } from '../../src/wire/key-message.ts'
import { freePorts } from '../free-ports.ts'
import { type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import { type ConfigText, type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
const WELL_KNOWN = '/.well-known/limen'

let site: EdgeOrigin
let limen: LimenUnderTest
let port = 0
let config: ConfigText
let data = ''
let agent: Agent

before(async () => {
  site = await startEdgeOrigin()
  ;[port = 0] = await freePorts(1)
  config = {
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost'] }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }] }],
    routes: [{ pool: 'site' }],
    sessions: { enabled: true },
  }
  limen = await startLimen(config)
  data = join(limen.folder, 'data')
  agent = trusting()
})
after(async () => {
  agent.destroy()
  await limen.clean()
  await site.close()
})

const trusting = (): Agent =>
  new Agent({ ca: readFileSync(join(data, 'local-ca/ca.pem')), keepAlive: true, maxSockets: 8 })

interface Answer {
  readonly status: number
  readonly fields: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}
const send = (
  method: string,
  path: string,
  body: Uint8Array = Buffer.alloc(0),
  fields: Readonly<Record<string, string>> = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const url = `https://localhost:${port}${WELL_KNOWN}/${path}`
    const type = method === 'POST' ? { 'content-type': 'application/limen-lsk' } : {}
    const headers = { ...type, 'content-length': String(body.length), ...fields }
    const sent = request(url, { method, agent, headers, servername: 'localhost' }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
      answer.on('end', () => {
        const { statusCode: status = 0, headers: got } = answer
        resolve({ status, fields: got, body: Buffer.concat(pieces) })
      })
    })
    sent.on('error', reject).end(body)
  })
const codeOf = ({ status, fields, body }: Answer): string => {
  if (status === 200) return 'opened'
  const problem = JSON.parse(body.toString()) as { type: string; status: number }
  const code = fields['sessionkey-error']
  assert.deepEqual([problem.type, problem.status], [`urn:limen:err:${code}`, status])
  return `${status} ${code}`
}
const read = async <T>(path: string): Promise<T> =>
  (await (await fetch(`${limen.adminUrl}${path}`)).json()) as T
const command = (...args: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const whole = [...args, '-c', join(limen.folder, 'limen.yaml')]
    const env = { ...process.env, LIMEN_TOKEN_FILE: join(data, 'admin-token') }
    execFile(LIMEN, whole, { env }, (error, out, err) => {
      if (error === null) resolve(out)
      else reject(new Error(`${args.join(' ')}: ${err}`))
    })
  })

const configuration = async () => {
  const answer = await send('GET', 'keys')
  assert.equal(answer.status, 200)
  const read = readKeyConfig(answer.body)
  assert.ok(read !== undefined)
  return { answer, ...read }
}
/** The preferred key and suite of what can be done here, or of `suite`. */
const choice = async (suite?: Suite): Promise<{ key: PublicKeyConfig; suite: Suite }> => {
  const { keys } = await configuration()
  if (suite !== undefined) {
    const key = keys.find((each) => each.kem !== 0x647a && each.suites.includes(suite))
    assert.ok(key !== undefined)
    return { key, suite }
  }
  const chosen = chooseKey(keys, await abilitiesHere(), Date.now() / 1000)
  assert.ok(chosen !== undefined)
  return chosen
}
const originHere = (): string => `https://localhost:${port}`
const begin = async (previous?: Session, suite?: Suite, origin = originHere()) =>
  await beginHandshake({
    ...(await choice(suite)),
    ...{ origin, now: Date.now() },
    ...(previous === undefined ? {} : { previous }),
  })
const follow = (handshake: Handshake, previous: Session): Promise<Answer> =>
  send('POST', 'rotate', handshake.message, { sessionkey: previous.ticket })
const open = async (suite?: Suite): Promise<Session> => {
  const handshake = await begin(undefined, suite)
  const answer = await send('POST', 'session', handshake.message)
  assert.equal(codeOf(answer), 'opened')
  return await handshake.finish(answer.body)
}
const rotate = async (session: Session): Promise<Session> => {
  const handshake = await begin(session)
  const answer = await follow(handshake, session)
  assert.equal(codeOf(answer), 'opened')
  return await handshake.finish(answer.body)
}
const idOf = ({ sessionId }: Session): string => Buffer.from(sessionId).toString('base64url')
const active = async () => {
  const { groups } = await read<KeysView>('/v1/keys')
  const found = groups[0]?.epochs.find(({ state }) => state === 'active')
  assert.ok(found !== undefined)
  return found
}
const heldByAll = async (): Promise<boolean> => {
  const { groups } = await read<KeysView>('/v1/keys')
  return groups.every(({ epochs }) => epochs.every(({ heldBy }) => heldBy === 2))
}

describe('a client of the key server', () => {
  it('finds keys that the identity has signed', async () => {
    const { identity } = await read<KeysView>('/v1/keys')
    const { answer, signed, signature } = await configuration()
    assert.equal(answer.fields['content-type'], 'application/limen-keys')
    assert.equal(answer.fields['cache-control'], 'max-age=3600')
    const raw = Buffer.from(identity, 'base64')
    const key = await crypto.subtle.importKey('raw', raw, 'Ed25519', false, ['verify'])
    const text = new Uint8Array([...Buffer.from(KEY_CONFIG_LABEL), ...signed])
    assert.ok(await crypto.subtle.verify('Ed25519', key, new Uint8Array(signature), text))
    assert.match(
      await command('keys', 'list'),
      new RegExp(`^identity ${identity.replace(/\+/g, '\\+')}`),
    )
  })

  for (const [name, suite] of Object.entries(SUITE) as [string, Suite][]) {
    it(`opens a session and rotates its key (${name})`, async () => {
      const first = await open(suite)
      const second = await rotate(first)
      assert.deepEqual(second.sessionId, first.sessionId)
      assert.equal(second.generation, 2)
      const shown = await read<SessionView>(`/v1/sessions/${idOf(first)}`)
      assert.deepEqual([shown.generation, shown.origin, shown.revoked], [2, originHere(), false])
    })
  }

  it('has a lost reply again, and the key is the same', async () => {
    const first = await open()
    const handshake = await begin(first)
    const once = await follow(handshake, first)
    const again = await follow(handshake, first)
    assert.deepEqual(again.body, once.body)
    const second = await handshake.finish(again.body)
    assert.equal((await rotate(second)).generation, 3)
  })

  it('is told when another tab was first', async () => {
    const first = await open()
    const tabs = await Promise.all([begin(first), begin(first)])
    const answers = await Promise.all(tabs.map((tab) => follow(tab, first)))
    assert.deepEqual(answers.map(codeOf).sort(), ['409 gen_conflict', 'opened'])
  })

  it('is refused with a megabyte of garbage, and the next is served', async () => {
    const garbage = new Uint8Array(2 ** 20).fill(0x4c)
    assert.equal(codeOf(await send('POST', 'session', garbage)), '413 too_large')
    assert.equal(codeOf(await send('POST', 'rotate', garbage)), '413 too_large')
    const first = await open()
    const padded = { sessionkey: `:${'A'.repeat(8000)}:` }
    const { message } = await begin(first)
    assert.equal(codeOf(await send('POST', 'rotate', message, padded)), '401 ticket_malformed')
  })

  it('is refused for another origin or host, or without a type', async () => {
    const elsewhere = await begin(undefined, undefined, 'https://evil.test')
    assert.equal(codeOf(await send('POST', 'session', elsewhere.message)), '400 not_for_us')
    const host = { host: 'evil.test' }
    assert.equal(codeOf(await send('POST', 'session', elsewhere.message, host)), '421 host_unknown')
    const { message } = await begin()
    const origin = { origin: 'https://evil.test' }
    assert.equal(codeOf(await send('POST', 'session', message, origin)), '403 foreign_origin')
    const type = { 'content-type': 'text/plain' }
    assert.equal(codeOf(await send('POST', 'session', message, type)), '415 bad_type')
  })

  it('cannot say itself of what tier it is', async () => {
    const handshake = await begin()
    const said = { 'limen-tier': '3', 'limen-edge': 'A'.repeat(43) }
    const answer = await send('POST', 'session', handshake.message, said)
    const session = await handshake.finish(answer.body)
    const { tier } = await read<SessionView>(`/v1/sessions/${idOf(session)}`)
    assert.equal(tier, 1)
  })

  it('is not in the way of other paths', async () => {
    const other = await fetchSite()
    assert.equal(other.status, 200)
  })
})

const fetchSite = (): Promise<Answer> => send('GET', '../../')

describe('an operator', () => {
  it('lists, shows and revokes sessions; a revoked one cannot rotate', async () => {
    const session = await open()
    assert.match(await command('sessions', 'list'), new RegExp(`^${idOf(session)} .* good`, 'm'))
    assert.match(await command('sessions', 'show', idOf(session)), /^generation {2}1, since/m)
    assert.match(await command('sessions', 'revoke', idOf(session)), /^Revoked/)
    assert.equal(codeOf(await follow(await begin(session), session)), '401 revoked')
    const { entries } = JSON.parse(await (await authorized('/v1/audit')).text()) as {
      entries: readonly { action: string; subject: string }[]
    }
    assert.deepEqual([entries[0]?.action, entries[0]?.subject], ['session.revoke', idOf(session)])
    const feed = (await (await authorized('/v1/feed')).text()).trim().split('\n')
    const seen = feed.map((line) => JSON.parse(line) as NumberedEntry)
    assert.ok(seen.some((entry) => entry.kind === 'revoke' && entry.session === idOf(session)))
    // Checkpoints that are over are left out, and whoever comes next says where it goes on from.
    for (const [i, { seq, from = seq }] of seen.entries()) {
      if (i > 0) assert.equal(from, (seen[i - 1]?.seq ?? 0) + 1)
    }
  })

  it('ends all sessions of a group', async () => {
    const session = await open()
    await command('keys', 'revoke', '1')
    assert.equal(codeOf(await follow(await begin(session), session)), '401 stek_unknown')
    await until('a key in force', 5000, heldByAll)
    await open()
  })
})

const authorized = (path: string): Promise<Response> =>
  fetch(`${limen.adminUrl}${path}`, {
    headers: { authorization: `Bearer ${readFileSync(join(data, 'admin-token'), 'utf8').trim()}` },
  })

describe('keys in the workers', () => {
  it('are acknowledged by both', async () => {
    await until('both to hold it', 5000, heldByAll)
    const { heldBy, workers } = await active()
    assert.deepEqual([heldBy, workers], [2, 2])
  })

  it('are with a new worker when one is killed', async () => {
    const session = await open()
    const [victim] = await limen.workers()
    assert.ok(victim !== undefined)
    process.kill(victim.pid, 'SIGKILL')
    await until('another in its place', 10_000, async () => {
      const now = await limen.workers()
      const isNew = now.every(({ pid, state }) => pid !== victim.pid && state === 'serving')
      return isNew && (await heldByAll())
    })
    agent.destroy()
    agent = trusting()
    assert.equal((await rotate(session)).generation, 2)
  })

  it('are replaced under load, and no session is lost', async (t) => {
    let stopping = false
    let rotations = 0
    const live = async (): Promise<void> => {
      let session = await open(SUITE.x25519)
      while (!stopping) {
        session = await rotate(session)
        rotations++
      }
    }
    const clients = Promise.all(Array.from({ length: 4 }, live))
    const before = (await active()).epoch
    for (let i = 1; i <= 5; i++) {
      await command('keys', 'rotate', '--why', 'test')
      await until(`epoch ${before + i}`, 5000, async () => (await active()).epoch === before + i)
    }
    stopping = true
    await clients
    t.diagnostic(`${rotations} rotations of sessions during 5 of ticket keys`)
    assert.ok(rotations > 10)
  })

  it('outlive a restart: sessions go on, revoked ones do not', async () => {
    const [session, revoked] = [await open(), await open()]
    const { identity } = await read<KeysView>('/v1/keys')
    await command('sessions', 'revoke', idOf(revoked))
    limen.signal('SIGTERM')
    assert.equal(await limen.ended, 0)
    const old = limen
    limen = await startLimen({ ...config, data })
    agent.destroy()
    agent = trusting()
    try {
      assert.equal((await read<KeysView>('/v1/keys')).identity, identity)
      assert.equal((await rotate(session)).generation, 2)
      assert.equal(codeOf(await follow(await begin(revoked), revoked)), '401 revoked')
    } finally {
      await limen.clean()
      limen = old
    }
  })
})
