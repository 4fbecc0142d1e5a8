/**
 * What is remembered of tiers outlives Limen, killed without a word: who was in tier 3 is served by the third server from the first request
 * on, a new session of the same user begins there, why is still known, and of who was erased nothing is.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { freePorts } from '../free-ports.ts'
import { robotBatches, TOLD_WITHIN_MS } from './behavior-tiers-site.ts'
import { Visitor } from './behavior-visitor.ts'
import { askAdmin, type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

const data = mkdtempSync(join(tmpdir(), 'limen-behavior-restart-'))
const sites: Server[] = []
let limen: LimenUnderTest

after(async () => {
  await limen?.clean()
  for (const site of sites) site.close().closeAllConnections()
  rmSync(data, { recursive: true, force: true })
})

/** Says which server it is; logs in whoever asks. */
async function startSite(name: string): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const user = new URL(url, 'http://site.invalid').searchParams.get('user')
    if (user !== null) response.setHeader('Limen-User', user)
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ name }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  sites.push(server)
  return server
}

interface Person {
  readonly person: string
  readonly tier: number
  readonly reasons: readonly string[]
}

interface Timeline {
  readonly points: readonly unknown[]
  readonly turns: readonly { readonly tier: number; readonly reasons: readonly string[] }[]
}

async function ask<T>(path: string): Promise<T> {
  return (await (await askAdmin(limen, data, 'GET', path)).json()) as T
}

const people = () => ask<Person[]>('/v1/behavior/people')

describe('tiers over a kill', () => {
  it('goes on where it was, and of who is erased nothing is left', async () => {
    const [port = 0] = await freePorts(1)
    const poolOf = async (name: string) => {
      const address = (await startSite(name)).address() as AddressInfo
      return { name, servers: [{ id: 'a', address: `127.0.0.1:${address.port}` }] }
    }
    const config = {
      data,
      listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
      certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
      pools: [await poolOf('open'), await poolOf('sandbox')],
      routes: [{ pool: 'open', pools: { tier3: 'sandbox' } }],
      behavior: { mode: 'enforce', thresholds: 'fixed', everyMs: 2000 },
    }
    const file = join(data, 'person-tiers')
    /** All of before is in the file when it is another than it was. */
    const written = async (since: number) => {
      await until('the tiers are kept', TOLD_WITHIN_MS, () => writtenAt(file) > since)
    }
    limen = await startLimen(config)
    /** A visitor who has logged in. */
    const logIn = async (user: string): Promise<Visitor> => {
      const visitor = new Visitor(port)
      await visitor.consent()
      await visitor.ask('GET', `/?user=${user}`)
      await until(`${user} is known`, TOLD_WITHIN_MS, async () => (await visitor.me()).known)
      return visitor
    }
    const robotAs = async (user: string): Promise<Visitor> => {
      const robot = await logIn(user)
      for (const batch of robotBatches()) await robot.tell(batch)
      await until('tier 3', TOLD_WITHIN_MS, async () => (await robot.me()).tier === 3)
      return robot
    }
    const erased = await robotAs('carol')
    assert.equal((await people()).length, 1)
    await askAdmin(limen, data, 'DELETE', '/profiles/carol')
    assert.deepEqual(await people(), [])
    const robot = await robotAs('alice')
    await written(Date.now())
    const [before] = await people()
    assert.ok(before !== undefined)
    const path = `/v1/behavior/people/${before.person}`
    const { turns } = await ask<Timeline>(path)
    assert.equal(turns.at(-1)?.tier, 3)
    assert.notDeepEqual(turns.at(-1)?.reasons, [])
    robot.close()

    limen.signal('SIGKILL')
    await limen.ended
    await limen.clean()
    limen = await startLimen(config)
    // Whoever comes with the same cookie is known by it at once, before anything is told.
    const again = new Visitor(port)
    again.cookie = robot.cookie
    assert.equal(await again.server(), 'sandbox')
    assert.deepEqual((await people()).map(shortOf), [shortOf(before)])
    assert.deepEqual((await ask<Timeline>(path)).turns, turns)
    // Another session of the user, and one of another user.
    for (const [user, server] of [
      ['alice', 'sandbox'],
      ['bob', 'open'],
    ]) {
      const visitor = await logIn(`${user}`)
      const isServed = async () => (await visitor.server()) === server
      await until(`${user}: ${server}`, TOLD_WITHIN_MS, isServed)
      visitor.close()
    }
    // Sealed: neither who it is nor why can be read off the disk.
    const sealed = readFileSync(file)
    for (const secret of [before.person, 'typing-', 'tier']) assert.ok(!sealed.includes(secret))

    // Of who was erased neither the tier is left nor why, though the cookie comes again.
    const unknown = new Visitor(port)
    unknown.cookie = erased.cookie
    assert.equal(await unknown.server(), 'open')
    assert.equal((await people()).length, 2)
    for (const one of [erased, unknown]) one.close()
    again.close()
  })
})

const shortOf = ({ person, tier, reasons }: Person) => ({ person, tier, reasons })

function writtenAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
