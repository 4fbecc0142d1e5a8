import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { type FakeDataPlane, fakeDataPlane } from '../../../../test/fake-data-plane.ts'
import { freePorts } from '../../../../test/free-ports.ts'
import { until } from '../../../../test/real/fleet-under-test.ts'
import { memoryForecastStore } from '../../../adapters/memory/forecast-store.ts'
import { openLog } from '../../../adapters/node/json-log.ts'
import { plainFiles } from '../../../adapters/node/secret-files.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { PLACE_KEYS_DEFAULTS } from '../../../flows/place-keys-ahead.ts'
import { readConfig } from '../config/read-config.ts'
import { addressOf, type Config } from '../config/schema.ts'
import { type KeyServer, openKeyServer } from '../key-server/key-server.ts'
import { noEdge } from '../no-edge.ts'
import { recordKeyInFile } from '../record-key.ts'
import { clusterPeer } from './client.ts'
import { KEY_SERVER_NAMES, readCredentials } from './credentials.ts'
import { type EdgeAgent, edgeAgent } from './edge-agent.ts'
import { issueEdge } from './issue-edge.ts'
import { edgesOf } from './open-cluster.ts'
import { type PlaceKeysRoom, placeKeys } from './place-keys.ts'

const random = systemRandom()
const log = openLog({ level: 'error', format: 'json', write: () => {} })
const WITHIN_MS = 8_000
const IDS = ['edge-1', 'edge-2', 'edge-3']

let folder = ''
let address = ''
let shift = 0
const clock = { now: () => Date.now() + shift }
let server: KeyServer
let config: Config
const NO_CUSTODY = { secrets: plainFiles, edgeAuthority: undefined }
const agents: EdgeAgent[] = []

const start = async (): Promise<void> => {
  const plane = noEdge()
  const openEdges = edgesOf({ config, custody: NO_CUSTODY, plane, clock, random, log })
  assert.ok(openEdges !== undefined)
  const recordKey = recordKeyInFile(config.data, random)
  const options = { config, recordKey, plane, clock, random, log, openEdges, hosts: () => [] }
  const opened = await openKeyServer(options)
  assert.ok(opened !== undefined)
  server = opened
}
const configure = (forecast: string, more = ''): void => {
  const text = `
forecast: { ${forecast} }
sessions:
  enabled: true
  groups: [{ id: 1 }, { id: 2, hosts: [b.test] }]
  cluster: { address: "${address}" }
  ${more}
`
  const outcome = readConfig({ file: join(folder, 'limen.yaml'), text, folder }, {})
  assert.ok(outcome.kind === 'read', JSON.stringify(outcome))
  config = outcome.config
}
const restart = async (forecast: string, more = ''): Promise<void> => {
  for (const agent of agents.splice(0)) agent.close()
  await server.close()
  shift += 2_000
  configure(forecast, more)
  await start()
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-place-'))
  const [port = 0] = await freePorts(1)
  address = `127.0.0.1:${port}`
  configure('mode: act')
  const file = join(folder, 'limen.yaml')
  writeFileSync(file, `sessions: { enabled: true, cluster: { address: "${address}" } }\n`)
  for (const edge of IDS) {
    await issueEdge({
      file,
      edge,
      folder: join(folder, edge),
      environment: { LIMEN_CUSTODY__MODE: 'off' },
    })
  }
  await start()
})
after(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})
afterEach(() => {
  for (const agent of agents.splice(0)) agent.close()
})

const connect = async (
  id: string,
  serves?: number[],
): Promise<{ plane: FakeDataPlane; agent: EdgeAgent }> => {
  const plane = fakeDataPlane()
  const agent = edgeAgent({
    server: { address, http: '127.0.0.1:1', credentials: '' },
    sessions: { onFeedSilent: 'closed', onReplayError: 'open', ticketS: 900, serves },
    ...{ credentials: readCredentials(join(folder, id)), plane, clock, random, log },
  })
  agents.push(agent)
  assert.equal(await agent.ready(WITHIN_MS), true)
  await until('its first report', WITHIN_MS, () => isListed(id))
  return { plane, agent }
}
const isListed = (id: string): boolean =>
  server.edges().some((one) => one.id === id && one.state === 'connected')
const groupsGiven = ({ keysGiven }: FakeDataPlane): number[] => [
  ...new Set((keysGiven.at(-1)?.keys ?? []).map(({ stekId }) => stekId >>> 24)),
]
const placed = (): string[] =>
  (server.placements()?.placements ?? []).map(
    ({ edge, group, state, reason }) => `${edge} ${group} ${state} ${reason}`,
  )
/** Sessions of the other group are at this edge, whose tickets are good for so long. */
const usedFor = (plane: FakeDataPlane, seconds: number): void => {
  const usedUntil = Math.floor(clock.now() / 1000) + seconds
  plane.setTraffic({ firstRequests: { 2: { found: 9, missed: 0, late: 0, usedUntil } } })
}

describe('keys placed ahead', () => {
  it('are at the other edges when one says that it drains, and waited for as all others', async () => {
    const one = await connect('edge-1')
    const two = await connect('edge-2', [1])
    assert.deepEqual(groupsGiven(two.plane), [1])
    usedFor(one.plane, 600)
    one.agent.announceDrain()
    await until('the key', WITHIN_MS, () => groupsGiven(two.plane).includes(2))
    await until('to be held', WITHIN_MS, () => placed().join() === 'edge-2 2 held drain')
    const [, edge] = server.edges()
    assert.deepEqual([edge?.serves, edge?.placed, edge?.keys], [[1], [2], edge?.held])
    assert.ok((server.edges()[0]?.drainsAt ?? 0) > 0)
    assert.deepEqual(server.figures().placed, [{ edge: 'edge-2', group: 2 }])
    two.plane.isSlowWithKeys = true
    const before = two.plane.keysGiven.length
    server.rotate('tickets', 2)
    await until('the next key', WITHIN_MS, () => two.plane.keysGiven.length > before)
    const states = () =>
      server
        .view()
        .groups.find(({ group }) => group === 2)
        ?.epochs.map(({ state, heldBy, workers }) => `${state} ${heldBy} of ${workers}`)
    await until('the first to hold it', WITHIN_MS, () => states()?.[1] === 'pending 1 of 2')
    two.plane.holdKeys()
    await until('its use', WITHIN_MS, () => states()?.join() === 'accept 2 of 2,active 2 of 2')
  })

  it('stay over a restart of the key server, and go when no session is under them', async () => {
    await restart('mode: act')
    const one = await connect('edge-1')
    const two = await connect('edge-2', [1])
    usedFor(one.plane, 600)
    usedFor(two.plane, 600)
    one.agent.announceDrain()
    await until('the key', WITHIN_MS, () => groupsGiven(two.plane).includes(2))
    const before = two.plane.keysGiven.length
    await server.close()
    await start()
    await until('the edge', WITHIN_MS, () => isListed('edge-2'))
    await until('its keys', WITHIN_MS, () => two.plane.keysGiven.length > before)
    for (const given of two.plane.keysGiven.slice(before)) {
      assert.ok(given.keys.some(({ stekId }) => stekId >>> 24 === 2))
    }
    await until('the report', WITHIN_MS, () => placed().join().startsWith('edge-2 2 held'))
    shift += 3_700_000
    await until('it to go', WITHIN_MS, () => groupsGiven(two.plane).join() === '1')
    assert.deepEqual(placed(), [])
  })

  it('are only shown by default', async () => {
    await restart('')
    const one = await connect('edge-1')
    const two = await connect('edge-2', [1])
    usedFor(one.plane, 600)
    one.agent.announceDrain()
    await until('to be shown', WITHIN_MS, () => placed().join() === 'edge-2 2 shown drain')
    assert.equal(server.placements()?.mode, 'observe')
    assert.deepEqual([groupsGiven(two.plane), server.figures().placed], [[1], []])
  })

  it('are none where no forecasts are', async () => {
    await restart('enabled: false')
    const { agent } = await connect('edge-1')
    agent.announceDrain()
    assert.equal(server.placements(), undefined)
    assert.equal(server.drainEdge('edge-1', 0), 'off')
  })

  it('are never of a group that the key server does not let an edge have, whatever that one says', async () => {
    const limits = IDS.map((id, i) => `{ id: ${id}, address: "127.0.0.1:${i + 1}" SERVES }`)
    const list = limits.map((one) =>
      one.replace(' SERVES', one.includes('edge-2') ? ', serves: [1]' : ''),
    )
    await restart('mode: act', `edges: [${list.join(', ')}]`)
    const one = await connect('edge-1')
    const two = await connect('edge-2', [1])
    const three = await connect('edge-3', [1])
    usedFor(one.plane, 600)
    usedFor(two.plane, 600)
    one.agent.announceDrain()
    await until('the key', WITHIN_MS, () => groupsGiven(three.plane).includes(2))
    assert.deepEqual(placed(), [placed()[0]])
    assert.match(placed()[0] ?? '', /^edge-3 2/)
    two.agent.close()
    const credentials = readCredentials(join(folder, 'edge-2'))
    const peer = clusterPeer(addressOf(address), KEY_SERVER_NAMES.files, credentials)
    try {
      let heard = ''
      const stop = peer.listen(
        '/v1/feed?since=0&run=abcdefgh&serves=1&placed=2',
        (text) => {
          heard += text
        },
        () => {},
      )
      await until('to be heard', WITHIN_MS, () => heard.includes('keys'))
      const edge = server.edges().find(({ id }) => id === 'edge-2')
      assert.deepEqual([edge?.serves, edge?.placed], [[1], []])
      const say = async (path: string, body: unknown): Promise<number> =>
        (await peer.ask({ method: 'POST', path, body }, WITHIN_MS)).status
      const report = { run: 'abcdefgh', draining: false, groups: [] }
      const path = '/v1/edges/edge-2/first-requests'
      assert.equal(await say(path, report), 200)
      assert.equal(await say(path, { ...report, run: 'other-run' }), 409)
      assert.equal(await say(path, { ...report, groups: [{}] }), 400)
      assert.equal(await say('/v1/edges/edge-1/first-requests', report), 404)
      stop()
    } finally {
      peer.close()
    }
  })

  it('are for a drain that is announced by hand, too, until it is taken back or the edge is started again', async () => {
    await restart('mode: act')
    const one = await connect('edge-1')
    await connect('edge-2', [1])
    assert.equal(server.drainEdge('nobody', 0), false)
    const drainsAt = () => server.edges().find(({ id }) => id === 'edge-1')?.drainsAt ?? 0
    assert.equal(server.drainEdge('edge-1', 60), true)
    assert.ok(Math.abs(drainsAt() - clock.now() - 60_000) < WITHIN_MS)
    server.drainEdge('edge-1', undefined)
    assert.equal(drainsAt(), 0)
    server.drainEdge('edge-1', 60)
    one.agent.close()
    await until('to be gone', WITHIN_MS, () => !isListed('edge-1'))
    await connect('edge-1')
    assert.equal(drainsAt(), 0)
  })
})

describe('placeKeys()', () => {
  const room = (fit: PlaceKeysRoom['fit'], atMs: () => number): PlaceKeysRoom => ({
    ...{ mode: 'act', placement: PLACE_KEYS_DEFAULTS, ticketS: 900, groups: [1, 2], fit },
    ...{ clock: { now: atMs }, log, refresh: () => {} },
    edges: () => [
      {
        ...{ edge: 'a', run: 'run-of-a', isListening: true },
        ...{ serves: new Set([1]), mayServe: undefined, holdsAll: () => false },
      },
    ],
  })

  it('has forecasts fitted as they are due, and goes on when that fails, without trying at once', async () => {
    // Where a step of five minutes begins.
    let at = 6_000_000 * 300_000
    const jobs: number[] = []
    const placing = placeKeys(
      room(
        async ({ history }) => {
          jobs.push(history.length)
          throw new Error('no thread')
        },
        () => at,
      ),
    )
    try {
      const counts = { missed: 0, late: 0, usedUntil: 0 }
      for (let found = 0; found <= 700; found++) {
        placing.reported('a', {
          ...{ run: 'run-of-a', draining: false },
          groups: [
            { ...counts, group: 2, found },
            { ...counts, group: 77, found },
          ],
        })
        at += 30_000
      }
      await until('to be fitted', WITHIN_MS, () => jobs.length > 0)
      // 700 half minutes, in steps of five minutes.
      assert.ok((jobs[0] ?? 0) >= 60 && (jobs[0] ?? 0) <= 70, String(jobs[0]))
      at += 60_000
      await until('another look', WITHIN_MS, () => placing.placedAt('a').has(2))
      assert.equal(jobs.length, 1)
      assert.deepEqual([...placing.placedAt('a')], [2], 'nothing of a group that there is not')
      assert.equal(placing.view().placements[0]?.state, 'sent')
    } finally {
      await placing.close()
    }
  })

  it('knows after a restart what edges counted before, and waits a minute for those to return', async () => {
    let at = 6_000_000 * 300_000
    const store = memoryForecastStore()
    const nobodyFits: PlaceKeysRoom['fit'] = () => new Promise(() => {})
    const open = async (listening: readonly string[]) =>
      placeKeys({
        ...room(nobodyFits, () => at),
        ...{ store, kept: await store.loadDemand() },
        edges: () =>
          listening.map((edge) => ({
            ...{ edge, run: `run-of-${edge}`, isListening: true },
            ...{ serves: new Set([1]), mayServe: undefined, holdsAll: () => false },
          })),
      })
    const counts = { missed: 0, late: 0, usedUntil: 0 }
    const before = await open(['a', 'b'])
    for (const found of [0, 9]) {
      const groups = [{ ...counts, group: 2, found }]
      before.reported('a', { run: 'run-of-a', draining: false, groups })
      before.reported('b', { run: 'run-of-b', draining: false, groups: [] })
      at += 5_000
    }
    await before.close()
    const after = await open(['b'])
    try {
      const firstRequests = ({ view }: typeof after) =>
        view().firstRequests.map(({ edge, found, sessions }) => [edge, found, sessions])
      assert.deepEqual(firstRequests(after), [['a', 9, 9]])
      // Two looks of a second: what was at a is not expected at b.
      await new Promise((resolve) => setTimeout(resolve, 2_200))
      assert.equal(after.placedAt('b').size, 0)
      at += 61_000
      await until('a to count as gone', WITHIN_MS, () => after.placedAt('b').has(2))
      assert.equal(after.view().placements.find(({ edge }) => edge === 'b')?.reason, 'drain')
    } finally {
      await after.close()
    }
    const again = await open(['b'])
    again.listens('b', 'run-of-b', [2])
    assert.deepEqual(
      [...again.placedAt('b')],
      [2],
      'known from before, and heard for the first time',
    )
    await again.close()
  })
})
