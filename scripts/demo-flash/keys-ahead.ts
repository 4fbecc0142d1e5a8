/**
 * Keys ahead of a flash crowd: what the first edge cannot take goes to a second one, which serves no tenant of its own and is to have
 * their keys by then. Twice in the same run: Limen with `forecast.mode: act` (the one of the demonstration, which is its own key server), and
 * another, with an edge of its own, that only shows what it would place.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { rememberSessions } from '../../bench/elastic-history.ts'
import { type Besides, ended, FIRST_PORT, type StartHere } from '../../bench/elastic-run.ts'
import type { PlayedCrowd } from '../../bench/flash-crowd.ts'
import { untilListening } from '../../bench/proxies.ts'
import type { PlacementsView } from '../../src/apps/server/key-server/key-views.ts'
import type { SessionCrowd, SessionMoves } from './session-crowd.ts'

export interface KeysAhead extends Besides {
  /** What was placed since the look before. */
  news(): Promise<readonly string[]>
  /** After the crowd. */
  moves(): Readonly<Record<SideName, SessionMoves>>
}

type SideName = 'placed' | 'without'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const LIMEN = join(ROOT, 'bin/limen')
const EDGE = 'edge-2'
/** What all tenants share, and what the second edge serves: nobody asks for it here. */
const COMMON = 1
const TENANTS = 24
const groups = Array.from({ length: TENANTS }, (_, i) => COMMON + 1 + i)
const hostOf = (group: number): string => `tenant-${group - COMMON}.test`
/** What the first edge takes, as a share of the peak, and how many sessions a second go on to the other for what is above it. */
const TAKES = 0.6
const SESSIONS_PER_SHARE = 25
/** Steps of where sessions come are as long as five minutes of the crowd. */
const DEMAND_STEPS = 5
/** As long as a server takes to start; and an hour of the crowd. */
const LEAD_S = 20
const KEEP_S = 60
const SITE_PORT = FIRST_PORT + 13
/** What a session asks for takes no time. */
const SITE_SLOTS = 64
const SITE_MS = 1

/** Five nodes of its own for each would take seconds to start, in which the crowd of the days before goes on. */
const NO_CUSTODY = { mode: 'off' }

/** Ports of a side, from one: the edge at the key server, key server for edges (HTTP, TLS), admin, metrics; then those of its edge. */
const PORTS: Readonly<Record<SideName, number>> = {
  placed: FIRST_PORT + 70,
  without: FIRST_PORT + 80,
}
const firstPort = (side: SideName): number => (side === 'placed' ? FIRST_PORT : PORTS.without)
const secondPort = (side: SideName): number => PORTS[side] + 5
const address = (port: number): string => `127.0.0.1:${port}`

export function keysAhead(place: {
  readonly crowd: PlayedCrowd
  readonly folder: string
  readonly stepS: number
}): KeysAhead {
  const { crowd, folder, stepS } = place
  const told = new Set<number>()
  const control = join(folder, 'without.yaml')
  const result = join(folder, 'moves.json')
  return {
    config: { ...siteConfig(), ...sessionConfig('placed'), custody: NO_CUSTODY },
    async prepare(file, startHere) {
      const site = join(ROOT, 'bench/balance-server.ts')
      startHere([process.execPath, site, ...[SITE_PORT, SITE_SLOTS, SITE_MS, 0].map(String)])
      writeFileSync(control, JSON.stringify(controlConfig(folder)))
      startHere([process.execPath, join(ROOT, 'bench/elastic-limen.ts'), control, String(stepS)])
      await prepareEdge(folder, 'without', control)
      await untilListening(firstPort('without'))
      await startEdge(folder, 'without', startHere)
      await prepareEdge(folder, 'placed', file)
      const rates = perDemandStep(crowd.before.map((share) => sessionsAt(share) / TENANTS))
      await rememberSessions(file, EDGE, groups, rates, DEMAND_STEPS * stepS)
    },
    begin: (startHere) => startEdge(folder, 'placed', startHere),
    async play(startHere) {
      const crowdOfSessions: SessionCrowd = {
        sides: (['placed', 'without'] as const).map((name) => ({
          ...{ name, first: firstPort(name), second: secondPort(name) },
        })),
        hosts: groups.map(hostOf),
        stepS,
        rates: crowd.played.map(sessionsAt),
      }
      const script = join(ROOT, 'scripts/demo-flash/session-crowd.ts')
      await ended(startHere([process.execPath, script, JSON.stringify(crowdOfSessions), result]))
    },
    async news() {
      const from = `http://${address(FIRST_PORT + 1)}/v1/keys/placements`
      const response = await fetch(from).catch(() => undefined)
      if (response?.ok !== true) return []
      const { placements } = (await response.json()) as PlacementsView
      const held = placements.filter(({ group, state }) => state === 'held' && !told.has(group))
      for (const { group } of held) told.add(group)
      const [one] = held
      if (one === undefined) return []
      const whose = held.length === 1 ? 'a tenant' : `${held.length} tenants`
      return [`${EDGE} holds the keys of ${whose}: ${one.why} each`]
    },
    moves: () => JSON.parse(readFileSync(result, 'utf8')) as Record<SideName, SessionMoves>,
  }
}

/** Sessions per second that go on at the second edge. */
function sessionsAt(share: number): number {
  return SESSIONS_PER_SHARE * Math.max(0, share - TAKES)
}

/** The mean of each. The last ends now. */
function perDemandStep(perStep: readonly number[]): readonly number[] {
  const from = perStep.length % DEMAND_STEPS
  return Array.from({ length: Math.floor(perStep.length / DEMAND_STEPS) }, (_, i) => {
    const begin = from + i * DEMAND_STEPS
    const part = perStep.slice(begin, begin + DEMAND_STEPS)
    return part.reduce((sum, rate) => sum + rate, 0) / DEMAND_STEPS
  })
}

function siteConfig() {
  const session = { replay: 'edge', bodyDigest: false }
  return {
    pools: [{ name: 'site', servers: [{ id: 'a', address: address(SITE_PORT) }] }],
    routes: [{ path: '/session', pool: 'site', sessionKey: 'required', session }],
  }
}

function sessionConfig(side: SideName): object {
  const port = PORTS[side]
  return {
    sessions: {
      enabled: true,
      hosts: groups.map(hostOf),
      groups: [{ id: COMMON }, ...groups.map((id) => ({ id, hosts: [hostOf(id)] }))],
      // All clients have one address here.
      openPerSecondMax: 10_000,
      listen: address(port + 1),
      cluster: {
        address: address(port + 2),
        placement: { leadS: LEAD_S, keepS: KEEP_S },
      },
    },
  }
}

function controlConfig(folder: string): object {
  const port = PORTS.without
  return {
    ...{ ...siteConfig(), ...sessionConfig('without') },
    ...{ data: join(folder, 'without-data'), workers: 1, log: { level: 'warn' } },
    listeners: [{ name: 'web', address: address(port) }],
    forecast: { mode: 'observe' },
    admin: { address: address(port + 3) },
    metrics: { address: address(port + 4) },
    custody: NO_CUSTODY,
  }
}

/** A folder from its key server, which is `file`'s, and its configuration. */
async function prepareEdge(folder: string, side: SideName, file: string): Promise<void> {
  const port = PORTS[side]
  const credentials = join(folder, `${side}-edge`)
  await promisify(execFile)(LIMEN, ['cluster', 'issue', EDGE, '-c', file, '--to', credentials])
  const config = {
    ...siteConfig(),
    ...{ data: join(folder, `${side}-edge-data`), workers: 1, log: { level: 'warn' } },
    listeners: [{ name: 'web', address: address(secondPort(side)) }],
    sessions: {
      server: { http: address(port + 1), address: address(port + 2), credentials },
      serves: [COMMON],
    },
    admin: { address: address(port + 6) },
    metrics: { address: address(port + 7) },
    custody: NO_CUSTODY,
  }
  writeFileSync(edgeFile(folder, side), JSON.stringify(config))
}

const edgeFile = (folder: string, side: SideName): string => join(folder, `${side}-edge.yaml`)

async function startEdge(folder: string, side: SideName, startHere: StartHere): Promise<void> {
  startHere([LIMEN, 'up', '-c', edgeFile(folder, side)])
  await untilListening(secondPort(side))
}
