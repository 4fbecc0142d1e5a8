/**
 * `examples/session-keys` as its README says: Limen with its configuration, the app behind it, a client in front.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Agent, fetch as plainFetch } from 'undici'
import { parse } from 'yaml'
import { type SessionClient, sessionFetch } from '../../src/apps/client/session-fetch.ts'
import { freePorts } from '../free-ports.ts'
import { type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const EXAMPLE = join(import.meta.dirname, '../../examples/session-keys')

interface Me {
  readonly session: string
  readonly generation: number
  readonly user: string | null
}

let limen: LimenUnderTest
let app: ChildProcess
let client: SessionClient
let appUrl = ''
let origin = ''
let ca = Buffer.alloc(0)

before(async () => {
  const [port = 0, appPort = 0] = await freePorts(2)
  const text = readFileSync(join(EXAMPLE, 'limen.yaml'), 'utf8')
    .replace('127.0.0.1:8443', `127.0.0.1:${port}`)
    .replace('127.0.0.1:3000', `127.0.0.1:${appPort}`)
  limen = await startLimen(parse(text))
  origin = `https://localhost:${port}`
  const caFile = join(limen.folder, 'data/local-ca/ca.pem')
  ca = readFileSync(caFile)
  app = spawn(process.execPath, [join(EXAMPLE, 'app.js')], {
    env: { ...process.env, PORT: String(appPort), LIMEN: origin, NODE_EXTRA_CA_CERTS: caFile },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  appUrl = `http://127.0.0.1:${appPort}`
  await until('the app to listen', 10_000, () =>
    fetch(appUrl).then(
      () => true,
      () => false,
    ),
  )
  client = sessionFetch({ origin, ca })
})
after(async () => {
  await client?.end()
  app?.kill()
  if (app !== undefined && app.exitCode === null) await once(app, 'close')
  await limen?.clean()
})

describe('examples/session-keys', () => {
  it('has an app of under 20 lines', () => {
    const lines = readFileSync(join(EXAMPLE, 'app.js'), 'utf8').trimEnd().split('\n')
    assert.ok(lines.length < 20, String(lines.length))
  })

  it('tells the app whose request it is, also after a rotation', async () => {
    const me = async () => (await (await client('/api/me')).json()) as Me
    const first = await me()
    assert.match(first.session, /^[\w-]{22}$/)
    assert.deepEqual([first.generation, first.user], [1, null])
    await client.rotate()
    assert.deepEqual(await me(), { ...first, generation: 2 })
    const page = await (await client('/')).text()
    assert.ok(page.includes(first.session))
  })

  it('lets nobody in past Limen, and nobody without a session key', async () => {
    assert.equal((await fetch(`${appUrl}/api/me`)).status, 401)
    const forged = { 'limen-assertion': 'eyJhbGciOiJub25lIn0.eyJzaWQiOiJ4In0.' }
    assert.equal((await fetch(`${appUrl}/api/me`, { headers: forged })).status, 401)
    const dispatcher = new Agent({ connect: { ca } })
    const stranger = await plainFetch(`${origin}/api/me`, { dispatcher })
    assert.equal(stranger.headers.get('sessionkey-error'), 'session_needed')
    await dispatcher.close()
  })
})
