/**
 * Session keys checked by a live `limen up` with two workers: opened at its key server, shown on many connections, revoked,
 * and not to be shown twice to either worker.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  abilitiesHere,
  beginHandshake,
  chooseKey,
  type Session,
} from '../../src/apps/browser/session-handshake.ts'
import { proofFields } from '../../src/apps/browser/sign-request.ts'
import { readKeyConfig } from '../../src/wire/key-config.ts'
import { freePorts } from '../free-ports.ts'
import { type Echoed, type EdgeOrigin, startEdgeOrigin } from './edge-origin.ts'
import { type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
const WELL_KNOWN = '/.well-known/limen'
/** All to one of two workers: once in 2^15. */
const CONNECTIONS = 16

let site: EdgeOrigin
let limen: LimenUnderTest
let port = 0
let data = ''
let agent: Agent

before(async () => {
  site = await startEdgeOrigin()
  ;[port = 0] = await freePorts(1)
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost'] }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${site.port}` }] }],
    routes: [{ pool: 'site', sessionKey: 'required', session: { bearer: true } }],
    sessions: { enabled: true, bearer: true },
  })
  data = join(limen.folder, 'data')
  agent = new Agent({ ca: readFileSync(join(data, 'local-ca/ca.pem')), keepAlive: true })
})
after(async () => {
  agent.destroy()
  await limen.clean()
  await site.close()
})

interface Answer {
  readonly status: number
  readonly fields: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}
interface Sending {
  readonly method?: string
  readonly path?: string
  readonly fields?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** On a connection of its own. */
  readonly isAlone?: boolean
}
const send = ({ method = 'GET', path = '/echo', fields = {}, body, isAlone }: Sending) =>
  new Promise<Answer>((resolve, reject) => {
    const headers = { ...fields, ...(body && { 'content-length': String(body.length) }) }
    const { ca } = agent.options
    const by = isAlone === true ? new Agent({ ca, maxCachedSessions: 0 }) : agent
    const url = `https://localhost:${port}${path}`
    const sent = request(url, { method, headers, agent: by }, (answer) => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
      answer.on('end', () => {
        if (by !== agent) by.destroy()
        const { statusCode: status = 0, headers: got } = answer
        resolve({ status, fields: got, body: Buffer.concat(pieces) })
      })
    })
    sent.on('error', reject).end(body)
  })
const codeOf = ({ status, fields }: Answer): string =>
  `${status} ${fields['sessionkey-error'] ?? ''}`.trim()
const now = (): number => Date.now() / 1000
const sign = (session: Session, { method = 'GET', path = '/echo' }: Sending = {}) =>
  proofFields(session, { method, url: new URL(`https://localhost:${port}${path}`) }, now())
const askAs = async (session: Session, sending: Sending = {}): Promise<Answer> =>
  send({ ...sending, fields: await sign(session, sending) })

const handshake = async (previous?: Session) => {
  const read = readKeyConfig((await send({ path: `${WELL_KNOWN}/keys` })).body)
  const chosen = chooseKey(read?.keys ?? [], await abilitiesHere(), now())
  assert.ok(chosen !== undefined)
  const begun = await beginHandshake({
    ...{ ...chosen, origin: `https://localhost:${port}`, now: Date.now() },
    ...(previous === undefined ? {} : { previous }),
  })
  const answer = await send({
    method: 'POST',
    path: `${WELL_KNOWN}/${previous === undefined ? 'session' : 'rotate'}`,
    fields: {
      'content-type': 'application/limen-lsk',
      ...(previous === undefined ? {} : { sessionkey: previous.ticket }),
    },
    body: begun.message,
  })
  assert.equal(answer.status, 200, answer.body.toString())
  return { answer, session: await begun.finish(answer.body) }
}
const open = async (): Promise<Session> => (await handshake()).session
const idOf = ({ sessionId }: Session): string => Buffer.from(sessionId).toString('base64url')
const revoke = (session: Session): Promise<string> =>
  new Promise((resolve, reject) => {
    const config = join(limen.folder, 'limen.yaml')
    const env = { ...process.env, LIMEN_TOKEN_FILE: join(data, 'admin-token') }
    // An id may begin with a dash.
    const args = ['sessions', 'revoke', '-c', config, '--', idOf(session)]
    execFile(LIMEN, args, { env }, (error, out, err) => {
      if (error === null) resolve(out)
      else reject(new Error(err))
    })
  })

describe('a live Limen with two workers', () => {
  it('serves who opened a session, and tells the server who it is by a key it publishes', async () => {
    const session = await open()
    assert.equal(codeOf(await send({})), '401 session_needed')
    const answer = await askAs(session)
    assert.equal(codeOf(answer), '200')
    const { headers } = JSON.parse(answer.body.toString()) as Echoed
    const [header = '', claims = '', signature = ''] =
      headers['limen-assertion']?.[0]?.split('.') ?? []
    const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
    const jwks = await send({ path: `${WELL_KNOWN}/jwks.json` })
    const { keys } = JSON.parse(jwks.body.toString()) as { keys: { kid: string }[] }
    const key = createPublicKey({
      key: keys.find((one) => one.kid === kid) as never,
      format: 'jwk',
    })
    const signed = Buffer.from(`${header}.${claims}`)
    assert.ok(verify(null, signed, key, Buffer.from(signature, 'base64url')))
    const { sid, aud } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
      sid: string
      aud: string
    }
    assert.deepEqual([sid, aud], [idOf(session), 'localhost'])
  })

  it('takes an unsafe request once, of many at once and at both workers', async () => {
    const session = await open()
    for (let round = 0; round < 3; round++) {
      const sending = { method: 'DELETE', isAlone: true }
      const fields = await sign(session, sending)
      const answers = await Promise.all(
        Array.from({ length: CONNECTIONS }, () => send({ ...sending, fields })),
      )
      const codes = answers.map(codeOf).sort()
      assert.deepEqual(codes, ['200', ...Array(CONNECTIONS - 1).fill('401 replay')])
    }
  })

  it('takes a safe request once more at the other worker at most, until that one has heard', async () => {
    const session = await open()
    const fields = await sign(session)
    const again = async () =>
      (
        await Promise.all(
          Array.from({ length: CONNECTIONS }, () => send({ fields, isAlone: true })),
        )
      ).map(codeOf)
    assert.equal(codeOf(await send({ fields })), '200')
    const passed = (codes: readonly string[]) => codes.filter((code) => code === '200').length
    assert.ok(passed(await again()) <= 1)
    assert.deepEqual(await again(), Array(CONNECTIONS).fill('401 replay'))
  })

  it('remembers unsafe requests when a worker dies', async () => {
    const session = await open()
    const fields = await sign(session, { method: 'DELETE' })
    const sending = { method: 'DELETE', fields, isAlone: true }
    assert.equal(codeOf(await send(sending)), '200')
    for (const { pid } of await limen.workers()) process.kill(pid, 'SIGKILL')
    await until('new workers', 10_000, async () =>
      (await limen.workers()).every((one) => one.state === 'serving' && one.restarts > 0),
    )
    assert.equal(codeOf(await send(sending)), '401 replay')
    assert.equal(codeOf(await askAs(session, { isAlone: true })), '200')
  })

  it('refuses a session that is revoked, at both workers', async () => {
    const session = await open()
    assert.equal(codeOf(await askAs(session)), '200')
    assert.match(await revoke(session), /^Revoked/)
    const codes = async () =>
      Promise.all(
        Array.from({ length: CONNECTIONS }, async () =>
          codeOf(await askAs(session, { isAlone: true })),
        ),
      )
    await until('the word to be out', 5_000, async () =>
      (await codes()).every((code) => code === '401 revoked'),
    )
  })

  it('serves a session on after it rotated', async () => {
    const session = await open()
    const { session: next } = await handshake(session)
    assert.equal(next.generation, session.generation + 1)
    assert.equal(codeOf(await askAs(next)), '200')
    assert.equal(codeOf(await askAs(session)), '200', 'requests under way have time to arrive')
  })

  it('takes the cookie that the key server set', async () => {
    const { answer } = await handshake()
    const set = [answer.fields['set-cookie'] ?? ''].flat()
    const cookie = set.find((one) => one.startsWith('__Host-limen='))?.split(';')[0] ?? ''
    const passed = await send({ fields: { cookie } })
    assert.equal(codeOf(passed), '200')
    assert.equal((JSON.parse(passed.body.toString()) as Echoed).headers['cookie'], undefined)
  })

  it('counts what it refuses', async () => {
    await until('the refusals to be counted', 5_000, async () => {
      const { refusals } = await limen.traffic()
      return ['session_needed', 'replay', 'revoked'].every((code) => (refusals[code] ?? 0) > 0)
    })
  })
})
