import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, sign, X509Certificate } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { memoryCluster } from '../../../../test/custody-nodes.ts'
import { type FakeDataPlane, fakeDataPlane } from '../../../../test/fake-data-plane.ts'
import { freePorts } from '../../../../test/free-ports.ts'
import { until } from '../../../../test/real/fleet-under-test.ts'
import { openLog } from '../../../adapters/node/json-log.ts'
import { plainFiles } from '../../../adapters/node/secret-files.ts'
import { systemClock } from '../../../adapters/node/system-clock.ts'
import { systemRandom } from '../../../adapters/node/system-random.ts'
import { custodyAuthority } from '../../custody/custody-authority.ts'
import { readConfig } from '../config/read-config.ts'
import { addressOf, type Config } from '../config/schema.ts'
import { edgeTokenOf, type KeyServer, openKeyServer } from '../key-server/key-server.ts'
import { noEdge } from '../no-edge.ts'
import { recordKeyInFile } from '../record-key.ts'
import { clusterPeer } from './client.ts'
import {
  type EdgeCredentials,
  KEY_SERVER_NAMES,
  readCredentials,
  writeCredentials,
} from './credentials.ts'
import { authorityInCustody, type EdgeAuthority, fileAuthority } from './edge-authority.ts'
import { type Cluster, edgesOf, joinCluster } from './open-cluster.ts'
import { keyToCertify } from './renew-certificate.ts'

const [clock, random] = [systemClock, systemRandom()]
const SEED = 20261121
const WITHIN_MS = 30_000
/** The least that a configuration may say. */
const CERTIFICATE_S = 10
const EDGES_KEY = { name: 'limen/edges', version: 1 }
const logged: string[] = []
const log = openLog({ level: 'info', format: 'json', write: (line) => void logged.push(line) })

let folder = ''
let config: Config
let inCustody: EdgeAuthority
/** What a Limen with custody has. */
const custody = { secrets: plainFiles, edgeAuthority: () => authority() }
let authority: () => ReturnType<typeof custodyAuthority>
let server: KeyServer | undefined
const clusters: Cluster[] = []

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-edge-authority-'))
  const [port = 0] = await freePorts(1)
  const cluster = { address: `127.0.0.1:${port}`, certificateS: CERTIFICATE_S }
  const text = JSON.stringify({ sessions: { enabled: true, cluster } })
  const outcome = readConfig({ file: join(folder, 'limen.yaml'), text, folder }, {})
  assert.ok(outcome.kind === 'read', JSON.stringify(outcome))
  config = outcome.config
  const { client, driver, nodes } = await memoryCluster(5)
  const ids = nodes.map(({ id }) => id)
  await driver.make({ ...EDGES_KEY, use: 'sign' }, { threshold: 3, nodes: ids })
  const path = join(folder, 'edge-authority.pem')
  authority = () =>
    custodyAuthority({ key: EDGES_KEY, name: 'Limen edges', path, clock, random }, client)
  const files = { data: config.data, secrets: plainFiles, clock, random }
  inCustody = authorityInCustody(files, await authority(), CERTIFICATE_S * 1000)
})
after(async () => {
  for (const cluster of clusters) await cluster.close()
  await server?.close()
  rmSync(folder, { recursive: true })
})

async function startServer(): Promise<KeyServer> {
  const recordKey = recordKeyInFile(config.data, random)
  const openEdges = edgesOf({ config, custody, plane: noEdge(), clock, random, log })
  const options = { config, recordKey, plane: noEdge(), clock, random, log, hosts: () => [] }
  const opened = await openKeyServer({ ...options, ...(openEdges && { openEdges }) })
  assert.ok(opened !== undefined)
  server = opened
  return opened
}

/** As `limen cluster issue` does. */
async function enrol(id: string, by: EdgeAuthority, identity: Uint8Array): Promise<string> {
  const to = join(folder, id)
  const token = edgeTokenOf(recordKeyInFile(config.data, random))
  writeCredentials(to, await by.issue(id), { identity, token })
  return to
}

/** As `limen up` does at an edge. */
async function join_(credentials: string): Promise<{ plane: FakeDataPlane; cluster: Cluster }> {
  const plane = fakeDataPlane()
  const sessions = {
    server: { address: config.sessions.cluster?.address, http: '127.0.0.1:1', credentials },
  }
  const outcome = readConfig(
    { file: join(folder, 'edge.yaml'), text: JSON.stringify({ ...EDGE, sessions }), folder },
    {},
  )
  assert.ok(outcome.kind === 'read', JSON.stringify(outcome))
  const cluster = await joinCluster({ config: outcome.config, plane, clock, random, log })
  clusters.push(cluster)
  return { plane, cluster }
}
const EDGE = {
  listeners: [{ name: 'web', address: '127.0.0.1:8080' }],
  pools: [{ name: 'site', servers: [{ id: 'a', address: '127.0.0.1:1' }] }],
  routes: [{ pool: 'site' }],
}

/** What OpenSSL says of a leaf under an authority. */
function verified({ certPem, caPem }: Pick<EdgeCredentials, 'certPem' | 'caPem'>): string {
  writeFileSync(join(folder, 'verify-leaf.pem'), certPem)
  writeFileSync(join(folder, 'verify-ca.pem'), caPem)
  const args = ['verify', '-x509_strict', '-CAfile', 'verify-ca.pem', 'verify-leaf.pem']
  return execFileSync('openssl', args, { cwd: folder, encoding: 'utf8' })
}

describe('authorityInCustody()', () => {
  it('signs by three of five nodes what OpenSSL verifies, for as long as is said', async () => {
    for (const one of [await inCustody.keyServer(), await inCustody.issue('edge-9')]) {
      assert.match(verified(one), /verify-leaf\.pem: OK/)
      const leaf = new X509Certificate(one.certPem)
      const leftS = (leaf.validToDate.getTime() - Date.now()) / 1000
      assert.ok(leftS > 0 && leftS <= CERTIFICATE_S, String(leftS))
      assert.equal(new X509Certificate(one.caPem).publicKey.asymmetricKeyType, 'ed25519')
    }
    const shown = await inCustody.keyServer()
    assert.equal(new X509Certificate(shown.certPem).subjectAltName, 'DNS:keys.custody.limen')
    // There was no CA before: none is made.
    assert.equal(existsSync(join(config.data, 'cluster-ca')), false)
    assert.equal(shown.before, undefined)
  })
})

const { publicKey, privateKey } = generateKeyPairSync('ed25519')
const raw = new Uint8Array(publicKey.export({ format: 'raw-public' }))
/** A request for a certificate. */
function asked(edge: string, by = privateKey): Buffer {
  const proof = sign(null, Buffer.from(`limen/edge-certificate\0${edge}`), by)
  const words = { publicKey: Buffer.from(raw).toString('base64url') }
  return Buffer.from(JSON.stringify({ ...words, proof: proof.toString('base64url') }))
}

describe('keyToCertify()', () => {
  it('takes a key of who asks, and has it', () => {
    assert.deepEqual(keyToCertify('edge-1', asked('edge-1')), raw)
    assert.equal(keyToCertify('edge-2', asked('edge-1')), undefined)
    const other = generateKeyPairSync('ed25519').privateKey
    assert.equal(keyToCertify('edge-1', asked('edge-1', other)), undefined)
  })

  it('takes nothing else, and never throws', () => {
    const good = asked('edge-1')
    const changed = fc
      .tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([i, by]) => good.map((octet, k) => (k === i ? octet ^ by : octet)))
    const parts = fc.record({ publicKey: fc.string(), proof: fc.string() })
    const any = fc.oneof(
      changed,
      fc.uint8Array(),
      fc
        .oneof(
          fc.json(),
          parts.map((one) => JSON.stringify(one)),
        )
        .map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(any, (body) => {
        const found = keyToCertify('edge-1', body)
        // The last characters of base64url have bits that say nothing.
        return found === undefined || Buffer.compare(found, raw) === 0
      }),
      { seed: SEED, numRuns: 500 },
    )
  })
})

describe('edges of a key server with custody', { timeout: 180_000 }, () => {
  it('renew their certificates, over and over, and drop nothing', async () => {
    const opened = await startServer()
    const identity = identityOf(opened)
    const to = await enrol('edge-1', inCustody, identity)
    const issued = readCredentials(to)
    assert.equal(issued.by, 'custody')
    const { plane } = await join_(to)
    const edge = () => opened.edges().find(({ id }) => id === 'edge-1')
    const run = edge()?.run
    // Longer than its life: what it began with is gone.
    const begun = Date.now()
    const told = (): number => plane.fed.filter(({ kind }) => kind === 'revoke').length
    let sent = 0
    while (Date.now() < begun + 1.3 * CERTIFICATE_S * 1000) {
      opened.revokeSession(Buffer.alloc(16, ++sent).toString('base64url'))
      await until('each revocation', WITHIN_MS, () => told() === sent)
      await new Promise((resolve) => setTimeout(resolve, 250))
    }
    assert.ok(plane.fed.every(({ seq }, i) => i === 0 || seq === (plane.fed[i - 1]?.seq ?? 0) + 1))
    assert.equal(edge()?.run, run)
    const now = readCredentials(to)
    assert.ok(now.issuedAt > issued.issuedAt && now.notAfter > Date.now())
    assert.match(verified(now), /verify-leaf\.pem: OK/)
    assert.equal(readFileSync(join(to, 'cert.pem'), 'utf8'), issued.certPem)
    const said = logged.filter((line) => /away|not renewed|cannot be/.test(line))
    assert.deepEqual(said, [])
  })

  it('are cut off when their certificate ends, and may renew their own alone', async () => {
    const opened = server ?? (await startServer())
    const to = await enrol('edge-2', inCustody, identityOf(opened))
    const credentials = readCredentials(to)
    const address = addressOf(config.sessions.cluster?.address ?? '')
    const peer = clusterPeer(address, KEY_SERVER_NAMES.custody, credentials)
    try {
      const asking = (edge: string) => ({
        ...({ method: 'POST', path: `/v1/edges/${edge}/certificate` } as const),
        body: JSON.parse(asked(edge).toString()) as unknown,
      })
      const statuses: number[] = []
      for (const edge of ['edge-1', 'edge-2', 'edge-2']) {
        statuses.push((await peer.ask(asking(edge), WITHIN_MS)).status)
      }
      assert.deepEqual(statuses, [404, 200, 429])
      let endedAt = 0
      const path = `/v1/feed?since=0&run=${'a'.repeat(16)}`
      peer.listen(
        path,
        () => {},
        () => {
          endedAt = Date.now()
        },
      )
      await until('its end', WITHIN_MS, () => endedAt > 0)
      assert.ok(endedAt >= credentials.notAfter - 1000, 'it was cut off too early')
      await until('the last second', WITHIN_MS, () => Date.now() > credentials.notAfter + 1000)
      await assert.rejects(peer.ask({ method: 'GET', path: '/v1/stek' }, WITHIN_MS))
    } finally {
      peer.close()
    }
  })

  it('are let in with a certificate of before custody, and renew it at once', async () => {
    await server?.close()
    const files = { data: config.data, secrets: plainFiles, clock, random }
    const old = fileAuthority(files)
    await old.keyServer()
    const opened = await startServer()
    const to = await enrol('edge-3', old, identityOf(opened))
    assert.equal(readCredentials(to).by, 'files')
    const { plane } = await join_(to)
    assert.ok((plane.keysGiven.at(-1)?.keys.length ?? 0) > 0)
    const isConnected = () =>
      opened.edges().find(({ id }) => id === 'edge-3')?.state === 'connected'
    // It may be between its old connection and the new one already.
    await until('its connection', WITHIN_MS, isConnected)
    await until('a certificate by custody', WITHIN_MS, () => readCredentials(to).by === 'custody')
    await until('its use', WITHIN_MS, () =>
      logged.some((line) => line.includes('renewed') && line.includes('edge-3')),
    )
    // After a restart, too.
    const again = await join_(to)
    assert.ok((again.plane.keysGiven.at(-1)?.keys.length ?? 0) > 0)
  })
})

function identityOf(opened: KeyServer): Uint8Array {
  return Buffer.from(opened.view().identity, 'base64')
}
