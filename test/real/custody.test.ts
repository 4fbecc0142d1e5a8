import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import type { CustodyClient } from '../../src/apps/custody/custody-client.ts'
import { drill, drillKey, repair } from '../../src/apps/custody/drill.ts'
import type { ShareDriver } from '../../src/apps/custody/drive-change.ts'
import { octetsOf } from '../../src/ground/octets.ts'
import {
  CUSTODY_MESSAGE_BYTES_MAX,
  readCustodyAnswer,
  writeCustodyRequest,
} from '../../src/wire/custody-message.ts'
import {
  CLUSTER,
  type Credentials,
  type CustodyCluster,
  type NodeProcess,
  newAuthority,
  startCustodyCluster,
} from '../custody-cluster.ts'
import {
  CUSTODY_KEYS,
  type CustodyOperations,
  custodyKeyId,
  custodyOperations,
  underCustodyLoad,
} from '../custody-operations.ts'

const random = systemRandom()
const HOLDING = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] }

let cluster: CustodyCluster
let client: CustodyClient
let driver: ShareDriver
let operations: CustodyOperations

before(async () => {
  cluster = await startCustodyCluster(5)
  client = await cluster.client()
  driver = cluster.driver(client, 1_500)
  operations = await custodyOperations(cluster, client, HOLDING)
})
after(async () => await cluster.close())

const nodeAt = (id: string): NodeProcess => {
  const node = cluster.nodes.find((one) => one.id === id)
  assert.ok(node !== undefined)
  return node
}
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const underLoad = (meanwhile: () => Promise<void>) =>
  underCustodyLoad(operations, client, meanwhile)

describe('custody nodes as processes', () => {
  it('serve every operation while two of five are killed', { timeout: 120_000 }, async (t) => {
    try {
      const { done, failed } = await underLoad(async () => {
        await pause(1_500)
        await nodeAt('n2').kill('SIGKILL')
        await pause(1_500)
        await nodeAt('n4').kill('SIGKILL')
        await pause(4_000)
      })
      t.diagnostic(`done: ${JSON.stringify(Object.fromEntries(done))}`)
      assert.deepEqual(failed, [])
      assert.equal(done.size, operations.length)
      const away = (await drill(drillOptions())).filter(({ fault }) => fault === 'away')
      assert.deepEqual(new Set(away.map(({ node }) => node)), new Set(['n2', 'n4']))
    } finally {
      // The tests that follow need them.
      await Promise.all(['n2', 'n4'].map((id) => nodeAt(id).restart()))
    }
  })

  it('refresh, and replace a node, under load', { timeout: 240_000 }, async (t) => {
    await (await cluster.addNode('n6')).start()
    // Whoever uses keys knows the new node from now on.
    client = await cluster.client()
    driver = cluster.driver(client, 1_500)
    const without = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n4', 'n6'] }
    const generations = new Map<string, number>()
    const { done, failed } = await underLoad(async () => {
      for (const holding of [undefined, without, undefined]) {
        const changes = CUSTODY_KEYS.map(([use, name]) =>
          driver.reshare(custodyKeyId(use, name), holding),
        )
        for (const [i, { generation, waiting }] of (await Promise.all(changes)).entries()) {
          assert.deepEqual(waiting, [])
          generations.set(CUSTODY_KEYS[i]?.[1] ?? '', generation)
        }
        if (holding === without) await nodeAt('n5').kill('SIGKILL')
      }
    })
    t.diagnostic(`done: ${JSON.stringify(Object.fromEntries(done))}`)
    assert.deepEqual(failed, [])
    assert.equal(done.size, operations.length)
    assert.deepEqual(new Set(generations.values()), new Set([4]))
    const shares = await drill(drillOptions())
    assert.deepEqual(
      shares.filter(({ fault }) => fault !== undefined),
      [],
    )
    assert.equal(shares.length, 5 * CUSTODY_KEYS.length)
    assert.ok(shares.every(({ generation, node }) => generation === 4 && node !== 'n5'))
  })

  it('name a share with one octet changed on the disk, and repair it', async () => {
    for (const [use, name] of [CUSTODY_KEYS[0], CUSTODY_KEYS[3]]) {
      const keyId = custodyKeyId(use, name)
      const folder = join(nodeAt('n3').folder, 'shares/shares')
      const file = readdirSync(folder).find((one) =>
        one.startsWith(Buffer.from(keyId).toString('hex')),
      )
      assert.ok(file !== undefined)
      const bytes = readFileSync(join(folder, file))
      bytes[90] = (bytes[90] ?? 0) ^ 1
      writeFileSync(join(folder, file), bytes)
      const faults = (await drill(drillOptions())).filter(({ fault }) => fault !== undefined)
      assert.deepEqual(
        faults.map(({ node, fault, keyId: of }) => [node, fault, Buffer.from(of)]),
        [['n3', 'corrupt', Buffer.from(keyId)]],
      )
      const changed = await repair(driver, await drillKey(drillOptions(), keyId))
      assert.equal(changed?.generation, 5)
      const good = await drillKey(drillOptions(), keyId)
      assert.deepEqual(new Set(good.map(({ fault }) => fault)), new Set([undefined]))
    }
    for (const [, operation] of operations) await operation(client)
  })

  it('are one in a folder: a second start ends, and leaves the log of the first as it is', async () => {
    const { folder } = nodeAt('n2')
    const main = join(import.meta.dirname, '../../src/apps/cli/main.ts')
    const limen = async (...words: readonly string[]) => {
      const child = spawn(process.execPath, [main, ...words])
      let said = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (more) => (said += more))
      const [code] = await once(child, 'exit')
      return { code, said }
    }
    const { code, said } = await limen('custody-node', '-c', join(folder, 'node.yaml'))
    assert.deepEqual([code, said], [1, `limen: Another Limen uses ${join(folder, 'shares')}\n`])
    const log = join(folder, 'shares/audit/audit.jsonl')
    const verified = await limen('custody', 'audit', 'verify', log)
    assert.doesNotMatch(verified.said, /rewritten|hash|number/)
  })

  it('are helped by others when one hangs', async () => {
    const hanging = nodeAt('n1')
    const fresh = await cluster.client()
    hanging.signal('SIGSTOP')
    try {
      for (const [, operation] of operations) await operation(fresh)
    } finally {
      hanging.signal('SIGCONT')
    }
  })

  it('are named and left out when one lies', { timeout: 60_000 }, async () => {
    const { port, end } = await startFalseNode('n3')
    try {
      const nodes = cluster.nodes.map((node) => (node.id === 'n3' ? { ...node, port } : node))
      const misled = await cluster.client('server', { nodes })
      const liar = misled.links.nodes.find(({ id }) => id === 'n3')
      for (let i = 0; i < 20 && liar?.health.isExcluded === false; i++) {
        for (const [, operation] of operations) await operation(misled)
      }
      assert.equal(liar?.health.isExcluded, true)
      assert.ok(misled.links.nodes.every(({ id, health }) => id === 'n3' || !health.isExcluded))
    } finally {
      await end()
    }
  })
})

function drillOptions() {
  return { links: client.links, manifests: client.manifests, groups: cluster.groups, random }
}

async function startFalseNode(id: string) {
  const folder = join(cluster.folder, 'false')
  mkdirSync(folder)
  const { certificate, key: pem } = await cluster.issue(`limen://${CLUSTER}/server/s1`)
  writeFileSync(join(folder, 'certificate.pem'), certificate)
  writeFileSync(join(folder, 'key.pem'), pem, { mode: 0o600 })
  const program = join(import.meta.dirname, '../custody-false-node.ts')
  const { folder: of, port: real } = nodeAt(id)
  const child = spawn(process.execPath, [program, of, String(real), folder])
  child.stderr.resume()
  let printed = ''
  for await (const piece of child.stdout) {
    printed += piece
    if (printed.includes('\n')) break
  }
  const port = Number(/port (\d+)/.exec(printed)?.[1])
  assert.ok(port > 0, printed)
  return {
    port,
    async end() {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** All that comes back on a connection to a node until it is closed. */
async function untilClosed(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = []
  socket.on('data', (piece) => pieces.push(piece as Buffer))
  socket.on('error', () => undefined)
  // Not once(), which rejects when there is an error first.
  if (!socket.destroyed) await new Promise((resolve) => socket.once('close', resolve))
  return Buffer.concat(pieces)
}

function tlsTo({ port }: NodeProcess, credentials?: Credentials): TLSSocket {
  const { certificate: cert, key: pem } = credentials ?? {}
  return connectTls({
    ...{ host: '127.0.0.1', port, ca: cluster.authority },
    ...(cert === undefined || pem === undefined ? {} : { cert, key: pem }),
    checkServerIdentity: () => undefined,
  })
}

/** What a request of HTTP gets on such a connection. */
async function request(
  credentials: Credentials | undefined,
  body: Uint8Array,
  head = `POST /v1/op HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n`,
): Promise<Buffer> {
  const socket = tlsTo(nodeAt('n1'), credentials)
  socket.write(`${head}connection: close\r\n\r\n`)
  socket.write(body)
  return await untilClosed(socket)
}

function listRequest(time = Date.now()): Uint8Array {
  const requestId = randomBytes(16)
  const keyId = new Uint8Array(16)
  return writeCustodyRequest({
    ...{ operation: 'list', requestId, time, keyId, generation: 0, fields: new Map() },
  })
}

function outcomeOf(response: Buffer): string | undefined {
  const bodyAt = response.indexOf('\r\n\r\n') + 4
  assert.match(response.toString('latin1'), /^HTTP\/1\.1 200 OK\r\n/)
  return readCustodyAnswer(new Uint8Array(response.subarray(bodyAt)))?.outcome
}

describe('the door of a custody node', () => {
  const named = (role: string, of = CLUSTER) => `limen://${of}/${role}/s1`
  let good: Credentials
  before(async () => {
    good = await cluster.issue(named('server'))
  })

  it('says nothing to a stranger, and closes', { timeout: 30_000 }, async () => {
    const silent = createConnection(nodeAt('n1').port, '127.0.0.1')
    const talking = createConnection(nodeAt('n1').port, '127.0.0.1')
    talking.write('POST /v1/op HTTP/1.1\r\nhost: a\r\n\r\n')
    const [nothing, alert] = await Promise.all([untilClosed(silent), untilClosed(talking)])
    assert.equal(nothing.length, 0)
    // At most what TLS says when it is no TLS (RFC 8446, section 6).
    assert.ok(alert.length <= 7, alert.toString('hex'))
  })

  it('opens for no certificate but those of its cluster and roles', async () => {
    const others = await newAuthority()
    const refused: readonly (readonly [string, Credentials | undefined])[] = [
      ['none', undefined],
      ['expired', await cluster.issue(named('server'), -1)],
      ['another role', await cluster.issue(named('edge'))],
      ['another cluster', await cluster.issue(named('server', 'other'))],
      ['another authority', await others.issue(named('server'))],
      ['no name', await cluster.issue('limen://test/server')],
      ['a name that continues', await cluster.issue(`${named('server')}, URI:${named('node')}`)],
    ]
    for (const [name, credentials] of refused) {
      assert.equal((await request(credentials, listRequest())).length, 0, name)
    }
    assert.equal(outcomeOf(await request(good, listRequest())), 'done')
  })

  it('refuses a request that was there before, or of another time', async () => {
    const body = listRequest()
    assert.equal(outcomeOf(await request(good, body)), 'done')
    assert.equal(outcomeOf(await request(good, body)), 'replayed')
    assert.equal(outcomeOf(await request(good, listRequest(Date.now() - 60_000))), 'clock')
  })

  it('closes on what is too large, or no request of ours', async () => {
    const empty = new Uint8Array()
    const large = `POST /v1/op HTTP/1.1\r\nhost: a\r\ncontent-length: ${CUSTODY_MESSAGE_BYTES_MAX + 1}\r\n`
    assert.equal((await request(good, empty, large)).length, 0)
    for (const head of [
      'GET /v1/op HTTP/1.1\r\nhost: a\r\n',
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n',
      'POST /v1/op HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n',
      'nonsense\r\n',
    ]) {
      assert.equal((await request(good, empty, head)).length, 0, head)
    }
    assert.equal((await request(good, randomBytes(300))).length, 0)
  })

  it('is closed to keys that the access rules do not give', async () => {
    const viewer = await cluster.client('viewer')
    for (const [name, operation] of operations) {
      await assert.rejects(operation(viewer), { code: 'custody-refused' }, name)
    }
    await assert.rejects(client.encrypt({ name: 'nothing', version: 1 }, octetsOf('plain')), {
      code: 'custody-key-unknown',
    })
  })
})
