/**
 * A whole Limen with a server for each tier, and a page to log in at, of which servers count who was served.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { TypedKey } from '../fixtures/fitted-typists.ts'
import { freePorts } from '../free-ports.ts'
import { type ConfigText, type LimenUnderTest, startLimen, until } from './fleet-under-test.ts'

/** Servers of tier 1, 2 and 3. */
export const TIER_SERVERS = ['open', 'strict', 'sandbox'] as const

/** `atMs`: milliseconds, of any origin; those of one call of {@link Visit.play} in order. */
export type HandEvent =
  | { readonly kind: 'down' | 'up'; readonly atMs: number; readonly key: string }
  | {
      readonly kind: 'move' | 'press' | 'release'
      readonly atMs: number
      readonly x: number
      readonly y: number
    }
  /** A field is gone to. */
  | { readonly kind: 'focus'; readonly atMs: number; readonly field: 'name' | 'secret' }

export interface Me {
  readonly known: boolean
  readonly tier: number
  readonly reasons: readonly string[]
}

export interface Visit {
  /** Loads the page and agrees to be looked at. @returns the server that served it */
  load(query?: string): Promise<string>
  /** Lets hands do that, on the page as it is; the first event is now. */
  play(events: readonly HandEvent[]): Promise<void>
  me(): Promise<Me>
  /** The page has done the work that tier 2 asks for. */
  hasPass(): Promise<boolean>
  leave(): Promise<void>
}

export interface PeopleSite {
  readonly origin: string
  readonly limen: LimenUnderTest
  /** How often each server has served pages to a visitor. */
  served(visitor: string): Readonly<Record<string, number>>
  close(): Promise<void>
}

const ROOT = join(import.meta.dirname, '../..')
const JUDGED_MS_MAX = 30_000
/** The fitted pair needs 10 to 12, and 14 to 20 (2026-11-22): one that is harder to tell apart than the median of docs/behavior.md, 7 and 11. */
const TIER2_WITHIN_PASSWORDS = 16
const TIER3_WITHIN_PASSWORDS = 28
/** Pages tell so often. */
export const EVERY_MS = 2000
/** Of the proof of work: a moment. */
const WORK = 1000
const html = (name: string) => `<!doctype html><html lang="en"><meta charset="utf-8">
<title>Log in</title><p id="server">${name}</p>
<label>Name <input id="name"></label> <label>Password <input id="secret" type="password"></label>
<script type="module">
import { openBehavior } from '/.well-known/limen/behavior.js'
document.addEventListener('contextmenu', (event) => event.preventDefault())
window.behavior = openBehavior()
</script></html>`

export async function startPeopleSite(): Promise<PeopleSite> {
  execFileSync(process.execPath, [join(ROOT, 'scripts/client-files.ts')], { stdio: 'pipe' })
  /** By visitor. */
  const served = new Map<string, Record<string, number>>()
  const servers: Server[] = []
  const endServers = () => {
    for (const one of servers) one.close().closeAllConnections()
  }
  const [port = 0] = await freePorts(1)
  try {
    for (const name of TIER_SERVERS) servers.push(await startSite(name, served))
    const limen = await startLimen(configOf(port, servers))
    return {
      ...{ origin: `https://localhost:${port}`, limen },
      served: (visitor) => served.get(visitor) ?? {},
      async close() {
        await limen.clean()
        endServers()
      },
    }
  } catch (error) {
    endServers()
    throw error
  }
}

/** Types the name and the password, so often. @param betweenMs from the name to the password, and behind it */
export function passwordsTyped(
  type: () => TypedKey[],
  count: number,
  betweenMs: number,
): HandEvent[] {
  let atMs = 0
  const press = (key: string, pressMs: number, releaseMs: number): HandEvent[] => [
    { kind: 'down', atMs: pressMs, key },
    { kind: 'up', atMs: releaseMs, key },
  ]
  return Array.from({ length: count }, () => {
    const startMs = atMs + betweenMs
    const typed = type()
      .flatMap(({ key, pressMs, releaseMs }) => press(key, startMs + pressMs, startMs + releaseMs))
      .sort((a, b) => a.atMs - b.atMs)
    const events: HandEvent[] = [
      { kind: 'focus', atMs, field: 'name' },
      ...press('a', atMs, atMs + 80),
      { kind: 'focus', atMs: startMs, field: 'secret' },
      ...typed,
    ]
    atMs = (typed.at(-1)?.atMs ?? startMs) + betweenMs
    return events
  }).flat()
}

/**
 * `other`, at the account of `alice`, is led to the second server and the third, and back to the first by a second factor.
 *
 * @param betweenMs from the name to the password, and behind it
 */
export async function isFoundOutAndClears(
  {
    comes,
    served,
  }: Pick<PeopleSite, 'served'> & { comes: (visitor: string, user: string) => Promise<Visit> },
  other: () => TypedKey[],
  betweenMs: number,
): Promise<void> {
  const visit = await comes('other', 'alice')
  let typed = 0
  /** Types two passwords and loads the page, again and again. */
  const typeUntil = async (server: string, within: number): Promise<void> => {
    while (typed < within) {
      await visit.play(passwordsTyped(other, 2, betweenMs))
      typed += 2
      if ((await visit.load()) === server) return
    }
    // What was told last is judged soon, not at once.
    await until(server, JUDGED_MS_MAX, async () => (await visit.load()) === server)
  }
  assert.equal(await visit.hasPass(), false)
  await typeUntil('strict', TIER2_WITHIN_PASSWORDS)
  // The second server serves whoever has done the work, which the page did by itself.
  assert.equal(await visit.hasPass(), true)
  const strict = typed
  await typeUntil('sandbox', TIER3_WITHIN_PASSWORDS)
  console.log(`tier 2 after ${strict} passwords, tier 3 after ${typed}`)
  const counts = served('other')
  assert.ok((counts['strict'] ?? 0) > 0 && (counts['sandbox'] ?? 0) > 0)
  assert.ok((await visit.me()).reasons.includes('password-differs'))
  await visit.load('user=alice;confirmed')
  await until('tier 1', JUDGED_MS_MAX, async () => (await visit.me()).tier === 1)
  await until('the first server', JUDGED_MS_MAX, async () => (await visit.load()) === 'open')
  await visit.leave()
}

/** The page of a visitor. */
export const pageOf = (origin: string, visitor: string, query: string): string =>
  `${origin}/?as=${visitor}${query === '' ? '' : `&${query}`}`

function configOf(port: number, servers: readonly Server[]): ConfigText {
  return {
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost', '127.0.0.1'] }],
    pools: TIER_SERVERS.map((name, i) => {
      const address = servers[i]?.address() as AddressInfo | undefined
      return { name, servers: [{ id: 'a', address: `127.0.0.1:${address?.port}` }] }
    }),
    routes: [{ pool: 'open', pools: { tier2: 'strict', tier3: 'sandbox' } }],
    behavior: { mode: 'enforce', thresholds: 'fixed', everyMs: EVERY_MS, work: WORK },
  }
}

async function startSite(
  name: string,
  served: Map<string, Record<string, number>>,
): Promise<Server> {
  const server = createServer(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://site.invalid')
    const user = searchParams.get('user')
    if (user !== null) response.setHeader('Limen-User', user)
    const visitor = searchParams.get('as')
    if (pathname === '/' && visitor !== null) {
      const counts = served.get(visitor) ?? {}
      served.set(visitor, { ...counts, [name]: (counts[name] ?? 0) + 1 })
    }
    response.setHeader('content-type', 'text/html').end(html(name))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}
