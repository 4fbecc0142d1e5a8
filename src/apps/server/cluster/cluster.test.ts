import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { type FakeDataPlane, fakeDataPlane } from '../../../../test/fake-data-plane.ts'
import { freePorts } from '../../../../test/free-ports.ts'
import { until } from '../../../../test/real/fleet-under-test.ts'
import { openLog } from '../../../adapters/node/json-log.ts'
import { plainFiles } from '../../../adapters/node/secret-files.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { replayScopeContract } from '../../../ports/replay-scope.contract.ts'
import { readConfig } from '../config/read-config.ts'
import type { Config } from '../config/schema.ts'
import { type KeyServer, openKeyServer } from '../key-server/key-server.ts'
import { noEdge } from '../no-edge.ts'
import { recordKeyInFile } from '../record-key.ts'
import { type EdgeCredentials, readCredentials } from './credentials.ts'
import { type EdgeAgent, edgeAgent } from './edge-agent.ts'
import { issueEdge } from './issue-edge.ts'
import { type ClusterListener, listenForCluster } from './listener.ts'
import { edgesOf } from './open-cluster.ts'
import { type OwnerScope, ownerScope } from './owner-scope.ts'
import { watchCredentials } from './watch-credentials.ts'

const random = systemRandom()
/** No nodes beside these tests. */
const ENVIRONMENT = { LIMEN_CUSTODY__MODE: 'off' }
const NO_CUSTODY = { secrets: plainFiles, edgeAuthority: undefined }
const logged: string[] = []
const log = openLog({ level: 'info', format: 'json', write: (line) => void logged.push(line) })
const WITHIN_MS = 8_000

let folder = ''
let file = ''
let address = ''
let config: Config
let credentials: readonly EdgeCredentials[] = []
let shift = 0
const clock = { now: () => Date.now() + shift }
let server: KeyServer
const agents: EdgeAgent[] = []

/** What the workers beside the key server are told, and what they find. */
let beside: FakeDataPlane

const start = async (): Promise<void> => {
  beside = fakeDataPlane()
  const plane = { ...noEdge(), suspect: beside.suspect, onSuspected: beside.onSuspected }
  const openEdges = edgesOf({ config, custody: NO_CUSTODY, plane, clock, random, log })
  assert.ok(openEdges !== undefined)
  const opened = await openKeyServer({
    config,
    recordKey: recordKeyInFile(config.data, random),
    plane,
    clock,
    random,
    log,
    openEdges,
    hosts: () => [],
  })
  assert.ok(opened !== undefined)
  server = opened
}
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-cluster-'))
  const [port = 0] = await freePorts(1)
  address = `127.0.0.1:${port}`
  file = join(folder, 'limen.yaml')
  writeFileSync(file, `sessions: { enabled: true, cluster: { address: "${address}" } }\n`)
  const outcome = readConfig({ file, text: readFileSync(file, 'utf8'), folder }, {})
  assert.ok(outcome.kind === 'read', JSON.stringify(outcome))
  config = outcome.config
  for (const edge of ['edge-1', 'edge-2']) {
    await issueEdge({ file, edge, folder: join(folder, edge), environment: ENVIRONMENT })
  }
  credentials = ['edge-1', 'edge-2'].map((id) => readCredentials(join(folder, id)))
  await start()
})
after(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})
afterEach(() => {
  for (const agent of agents.splice(0)) agent.close()
  logged.length = 0
})

const connect = async (
  which = 0,
  serves?: number[],
): Promise<{ plane: FakeDataPlane; agent: EdgeAgent }> => {
  const plane = fakeDataPlane()
  const one = credentials[which]
  assert.ok(one !== undefined)
  const agent = edgeAgent({
    server: { address, http: '127.0.0.1:1', credentials: '' },
    sessions: { onFeedSilent: 'closed', onReplayError: 'open', ticketS: 900, serves },
    ...{ credentials: one, plane, clock, random, log },
  })
  agents.push(agent)
  assert.equal(await agent.ready(WITHIN_MS), true)
  return { plane, agent }
}
/** The key server with two groups; until the next that starts it otherwise. */
const useGroups = async (more = ''): Promise<void> => {
  await server.close()
  shift += 2_000
  const text = `sessions: { enabled: true, cluster: { address: "${address}" }, groups: [{ id: 1 }, { id: 2, hosts: [b.test] }], ${more} }\n`
  const outcome = readConfig({ file, text, folder }, {})
  assert.ok(outcome.kind === 'read', JSON.stringify(outcome))
  config = outcome.config
  await start()
}
const groupsGiven = ({ keysGiven }: FakeDataPlane): number[] => [
  ...new Set((keysGiven.at(-1)?.keys ?? []).map(({ stekId }) => stekId >>> 24)),
]
const epochs = () => server.view().groups.flatMap((group) => group.epochs)
const heldBy = (state: string) =>
  epochs()
    .filter((one) => one.state === state)
    .map((one) => `${one.heldBy} of ${one.workers}`)
    .join()
const isInOrder = ({ fed }: FakeDataPlane): boolean =>
  fed.every(({ seq }, i) => i === 0 || seq === (fed[i - 1]?.seq ?? 0) + 1)

describe('limen cluster issue', () => {
  it('writes files for the owner alone, and knows its own folder', async () => {
    const to = join(folder, 'edge-1')
    assert.equal(statSync(to).mode & 0o777, 0o700)
    for (const name of ['key.pem', 'token']) {
      assert.equal(statSync(join(to, name)).mode & 0o777, 0o600)
    }
    await issueEdge({ file, edge: 'edge-1', folder: to, environment: ENVIRONMENT })
    credentials = [readCredentials(to), ...credentials.slice(1)]
    const other = issueEdge({ file, edge: 'edge-2', folder: to, environment: ENVIRONMENT })
    await assert.rejects(other, { code: 'usage' })
    for (const edge of ['keys', 'Edge', 'a.b', '', '-a', 'x'.repeat(33)]) {
      const refused = issueEdge({ file, edge, folder: join(folder, 'x'), environment: ENVIRONMENT })
      await assert.rejects(refused, { code: 'usage' }, edge)
    }
  })
})

describe('an edge of a key server elsewhere', () => {
  it('holds the keys it is given, with policies of its own', async () => {
    const { plane } = await connect()
    const given = plane.keysGiven.at(-1)
    assert.ok((given?.keys.length ?? 0) > 0)
    assert.equal(given?.keys[0]?.key.length, 32)
    assert.equal(given?.assertion?.privateKey.length, 48)
    assert.deepEqual([given?.onFeedSilent, given?.onReplayError], ['closed', 'open'])
    assert.deepEqual(given?.groups, [{ group: 1, hosts: [] }])
    await until('to be held', WITHIN_MS, () => heldBy('active') === '1 of 1')
  })

  it('is waited for before a new key is used', async () => {
    const { plane } = await connect()
    await until('to be held', WITHIN_MS, () => heldBy('active') === '1 of 1')
    plane.isSlowWithKeys = true
    const before = plane.keysGiven.length
    server.rotate('tickets')
    await until('the next key', WITHIN_MS, () => plane.keysGiven.length > before)
    assert.equal(heldBy('pending'), '0 of 1')
    plane.holdKeys()
    await until('its use', WITHIN_MS, () => heldBy('pending') === '')
    assert.equal(heldBy('active'), '1 of 1')
  })

  it('holds nobody up for ever, and counts again when it holds the key', async () => {
    const [{ plane }] = [await connect(), await connect(1)]
    await until('to be held', WITHIN_MS, () => heldBy('active') === '2 of 2')
    plane.isSlowWithKeys = true
    server.rotate('tickets')
    await until('the others to hold it', WITHIN_MS, () => heldBy('pending') === '1 of 2')
    shift += 1.3 * 3600 * 1000
    await until('to go on without it', WITHIN_MS, () => /^1 of 1/.test(heldBy('active')))
    assert.ok(logged.some((line) => line.includes('goes on without it')))
    plane.isSlowWithKeys = false
    await until('it again', WITHIN_MS, () => {
      plane.holdKeys()
      return heldBy('active') === '2 of 2'
    })
  })

  it('hears revocations in order, over a restart of the key server too', async () => {
    const { plane } = await connect()
    const session = 'A'.repeat(22)
    server.revokeSession(session)
    const revoked = () => plane.fed.filter(({ kind }) => kind === 'revoke').length
    await until('the revocation', WITHIN_MS, () => revoked() > 0)
    await server.close()
    shift += 2_000
    await start()
    server.revokeSession('B'.repeat(22))
    await until('the next', WITHIN_MS, () =>
      plane.fed.some((entry) => entry.kind === 'revoke' && entry.session.startsWith('B')),
    )
    assert.ok(isInOrder(plane))
    await until('to be held again', WITHIN_MS, () => heldBy('active') === '1 of 1')
  })

  it('is told what it missed while it was away', async () => {
    const first = await connect()
    first.agent.close()
    server.revokeSession('C'.repeat(22))
    const { plane } = await connect()
    await until('what it missed', WITHIN_MS, () =>
      plane.fed.some((entry) => entry.kind === 'revoke' && entry.session.startsWith('C')),
    )
    assert.ok(isInOrder(plane))
  })

  it('hears whom others suspect, edges and the workers beside the key server, and not itself', async () => {
    const [one, other] = [await connect(), await connect(1)]
    const found = { session: 'D'.repeat(22), generation: 3, tier: 2 }
    const worse = { session: 'E'.repeat(22), generation: 1, tier: 3 }
    one.plane.meetSuspicion(found)
    one.plane.meetSuspicion(worse)
    await until('the other to hear', WITHIN_MS, () => other.plane.suspected.length === 2)
    assert.deepEqual(other.plane.suspected, [found, worse])
    assert.deepEqual(beside.suspected, [found, worse])
    assert.deepEqual(one.plane.suspected, [])
    const here = { session: 'F'.repeat(22), generation: 9, tier: 2 }
    beside.meetSuspicion(here)
    for (const { plane } of [one, other]) {
      await until(
        'an edge to hear',
        WITHIN_MS,
        () => plane.suspected.at(-1)?.session === here.session,
      )
    }
    // The chain of the feed goes on over them.
    server.revokeSession('G'.repeat(22))
    for (const { plane } of [one, other]) {
      const isRevoked = () =>
        plane.fed.some((entry) => entry.kind === 'revoke' && entry.session.startsWith('G'))
      await until('the revocation', WITHIN_MS, isRevoked)
      await until('a checkpoint', WITHIN_MS, () => plane.fed.at(-1)?.kind === 'checkpoint')
    }
    assert.ok(!logged.some((line) => line.includes('not of what was heard')))
  })

  it('is given the keys of the groups it serves, and waited for by those only', async () => {
    await useGroups()
    const { plane, agent } = await connect(0, [1])
    const groupsOf = () => groupsGiven(plane)
    assert.deepEqual(groupsOf(), [1])
    const holders = (group: number) =>
      server
        .view()
        .groups.find((one) => one.group === group)
        ?.epochs.at(-1)?.workers
    await until('to be held', WITHIN_MS, () => {
      const [one] = server.edges()
      return one !== undefined && one.keys > 0 && one.held === one.keys
    })
    assert.deepEqual([holders(1), holders(2)], [1, 0])
    assert.deepEqual(server.edges()[0]?.serves, [1])
    // A ticket of the other group is shown: its key is asked for once, and held then.
    const missing = ((2 << 24) | 1) >>> 0
    for (let i = 0; i < 5; i++) plane.missKey(missing)
    await until('the key that was missed', WITHIN_MS, () => groupsOf().includes(2))
    assert.deepEqual(agent.misses(), { fetched: 1, unknown: 0, failed: 0 })
    const key = (given = plane.keysGiven.at(-1)) =>
      given?.keys.find(({ stekId }) => stekId === missing)?.key
    assert.equal(key()?.length, 32)
    for (let i = 0; i < 5; i++) plane.missKey(missing)
    plane.missKey(missing + 77)
    await until('the other to be unknown', WITHIN_MS, () => agent.misses().unknown === 1)
    plane.missKey(missing + 77)
    assert.deepEqual(agent.misses(), { fetched: 1, unknown: 1, failed: 0 })
    // Revoked, it is gone from here too.
    server.revokeGroup(2)
    await until('the key to be gone', WITHIN_MS, () => key() === undefined)
  })

  it('gets a key that was missed though all keys are given anew meanwhile', async () => {
    await useGroups()
    const newest = server
      .view()
      .groups.find(({ group }) => group === 2)
      ?.epochs.at(-1)?.epoch
    const missing = ((2 << 24) | (newest ?? 0)) >>> 0
    // Whichever of the two answers is here first.
    for (const laterMs of [-6, -5, -4, -3, -2, -1, 0, 1, 2, 4]) {
      const { plane, agent } = await connect(0, [1])
      const given = plane.keysGiven.length
      if (laterMs >= 0) plane.missKey(missing)
      else server.revokeGroup(1)
      await new Promise((resolve) => setTimeout(resolve, Math.abs(laterMs)))
      if (laterMs >= 0) server.revokeGroup(1)
      else plane.missKey(missing)
      const isHeld = (): boolean => {
        const since = plane.keysGiven.slice(given)
        const had = since.some(({ keys }) => keys.some(({ stekId }) => stekId === missing))
        const has = groupsGiven(plane).includes(2)
        // A worker that has lost it asks when it is met again; one that never had it has asked already.
        if (had && !has) plane.missKey(missing)
        return has && since.length > 1
      }
      await until('both', WITHIN_MS, isHeld)
      agent.close()
    }
  })

  it('gets no key of a group that the key server does not let it serve', async () => {
    await useGroups('edges: [{ id: edge-1, address: "127.0.0.1:1", serves: [1] }]')
    const { plane, agent } = await connect(0, [1, 2])
    assert.deepEqual(groupsGiven(plane), [1])
    plane.missKey(((2 << 24) | 1) >>> 0)
    await until('a refusal', WITHIN_MS, () => agent.misses().unknown === 1)
  })

  it('goes on under a renewed certificate, without a pause or a new process', async () => {
    const folderOf = join(folder, 'edge-1')
    const [current] = credentials
    assert.ok(current !== undefined)
    const { plane, agent } = await connect()
    const shown = () => server.edges().find(({ id }) => id === 'edge-1')
    await until('to be there', WITHIN_MS, () => shown()?.state === 'connected')
    const before = shown()
    let inForce = current
    const stop = watchCredentials({
      ...{ folder: folderOf, log, everyMs: 10, current: () => inForce },
      onRenewed(next) {
        inForce = next
        agent.renew(next)
      },
    })
    try {
      await issueEdge({ file, edge: 'edge-1', folder: folderOf, environment: ENVIRONMENT })
      await until('another connection', WITHIN_MS, () => {
        const now = shown()
        return now?.state === 'connected' && now.connectedAt > (before?.connectedAt ?? 0)
      })
    } finally {
      stop()
    }
    assert.equal(shown()?.run, before?.run)
    assert.ok(logged.some((line) => line.includes('The certificate was renewed')))
    assert.ok(!logged.some((line) => line.includes('The key server is away')))
    server.revokeSession('D'.repeat(22))
    await until('what comes then', WITHIN_MS, () =>
      plane.fed.some((entry) => entry.kind === 'revoke' && entry.session.startsWith('D')),
    )
    assert.ok(isInOrder(plane))
  })

  it('takes nothing that another identity signed: neither feed nor keys', async () => {
    const [one] = credentials
    assert.ok(one !== undefined)
    const plane = fakeDataPlane()
    const agent = edgeAgent({
      server: { address, http: '127.0.0.1:1', credentials: '' },
      sessions: { onFeedSilent: 'closed', onReplayError: 'open', ticketS: 900 },
      ...{
        credentials: { ...one, identity: new Uint8Array(32).fill(9) },
        plane,
        clock,
        random,
        log,
      },
    })
    agents.push(agent)
    await until('a refusal', WITHIN_MS, () =>
      logged.some((line) => line.includes('A checkpoint of the feed is not of what was heard')),
    )
    assert.equal(plane.keysGiven.length, 0)
  })
})

describe('ownerScope()', () => {
  let scopes: OwnerScope[] = []
  const listeners: ClusterListener[] = []
  let edges: { id: string; address: string }[] = []
  const listen = async (which: number): Promise<void> => {
    const scope = scopes[which]
    const one = credentials[which]
    assert.ok(scope !== undefined && one !== undefined)
    listeners[which] = await listenForCluster({
      address: { host: '127.0.0.1', port: Number(edges[which]?.address.split(':')[1]) },
      key: 'sessions.edges',
      certificate: async () => one,
      lookMs: 1_000,
      allowed: edges.map(({ id }) => id),
      log,
      handle: (request, response) => scope.handle(request, response),
    })
  }
  before(async () => {
    const ports = await freePorts(2)
    edges = credentials.map(({ id }, i) => ({ id, address: `127.0.0.1:${ports[i]}` }))
    scopes = credentials.map((one) =>
      ownerScope({ edges, credentials: one, clock, timeoutMs: WITHIN_MS }),
    )
    await listen(0)
    await listen(1)
  })
  after(async () => {
    for (const scope of scopes) scope.close()
    for (const listener of listeners) await listener.close()
  })

  replayScopeContract('ownerScope()', () => [scopes[0] as OwnerScope, scopes[1] as OwnerScope])

  it('fails while the owner is away, and only for what that one owns', async () => {
    await listeners[1]?.close()
    const said = new Set<string>()
    for (let i = 0; i < 20; i++) {
      const session = Buffer.from(`session-${i}`.padEnd(16)).toString('base64url')
      said.add((await scopes[0]?.meet(session, 'nonce-000000', 0)) ?? '')
    }
    assert.deepEqual([...said].sort(), ['failed', 'fresh'])
    await listen(1)
  })
})
