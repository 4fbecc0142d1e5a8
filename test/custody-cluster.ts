/**
 * A cluster of custody nodes as processes, in a folder of its own: its certificates, its identity, and what callers need.
 *
 * @module
 */
// x509 resolves its parts through reflect-metadata and throws without it.
import 'reflect-metadata'
import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync, KeyObject, sign, webcrypto } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as x509 from '@peculiar/x509'
import { hpkeKeyPair } from '../src/adapters/node/hpke.ts'
import { makePassphraseKey } from '../src/adapters/node/passphrase-key.ts'
import { type SodiumGroups, sodiumGroups } from '../src/adapters/node/sodium-groups.ts'
import { systemClock } from '../src/adapters/node/system-clock.ts'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import { nodeIdOf } from '../src/apps/custody/caller.ts'
import {
  type CustodyClient,
  type CustodyClientOptions,
  openCustodyClient,
} from '../src/apps/custody/custody-client.ts'
import { ShareDriver } from '../src/apps/custody/drive-change.ts'
import type { NodeAddress } from '../src/apps/custody/node-links.ts'
import { toBeSigned } from '../src/apps/custody/node-world.ts'
import { joinOctets } from '../src/ground/octets.ts'
import { writeNodeCard } from '../src/wire/custody-plan.ts'
import { KEM } from '../src/wire/key-config.ts'
import { freePort } from './free-ports.ts'

const MAIN = join(import.meta.dirname, '../src/apps/cli/main.ts')
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const READY_MS_MAX = 60_000
/** Of tests on a machine that is busy with others. */
const OPERATION_MS = 60_000
const DAY_MS = 86_400_000
const random = systemRandom()

export interface Credentials {
  readonly certificate: string
  readonly key: string
}

/** Certificates of one cluster. */
export interface Authority {
  /** PEM. */
  readonly authority: string
  /** @param name e.g. `limen://test/server/s1` @param days from now that it is good for; below 0: it has expired */
  issue(name: string, days?: number): Promise<Credentials>
}

export interface NodeProcess extends NodeAddress {
  readonly folder: string
  /** Resolves when it listens. */
  start(): Promise<void>
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Starts it unless it runs. */
  restart(): Promise<void>
  /** Without waiting for anything. */
  signal(name: NodeJS.Signals): void
}

export interface CustodyCluster extends Authority {
  readonly folder: string
  readonly identity: KeyObject
  /** Its private key; PEM. */
  readonly identityKey: string
  readonly groups: SodiumGroups
  readonly nodes: readonly NodeProcess[]
  /** Ed25519 by the cluster's identity. */
  sign(octets: Uint8Array): Promise<Uint8Array>
  /** Another node, not started. */
  addNode(id: string): Promise<NodeProcess>
  client(role?: string, options?: Partial<CustodyClientOptions>): Promise<CustodyClient>
  driver(client: CustodyClient, graceMs?: number): ShareDriver
  /** Ends all, and removes the folder. */
  close(): Promise<void>
}

export const CLUSTER = 'test'

export async function newAuthority(): Promise<Authority> {
  const crypto = webcrypto as Crypto
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const from = Date.now() - DAY_MS
  const root = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...{ serialNumber: '01', name: 'CN=Custody test CA', keys, signingAlgorithm: ALGORITHM },
      ...{ notBefore: new Date(from), notAfter: new Date(from + 30 * DAY_MS) },
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    },
    crypto,
  )
  return {
    authority: root.toString('pem'),
    async issue(name, days = 7) {
      const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
      const leaf = await x509.X509CertificateGenerator.create(
        {
          serialNumber: Buffer.from(random.bytes(8)).toString('hex').replace(/^./, '4'),
          ...{ subject: 'CN=custody', issuer: root.subject, publicKey: own.publicKey },
          ...{ signingKey: keys.privateKey, signingAlgorithm: ALGORITHM },
          notBefore: new Date(from - 10 * DAY_MS),
          notAfter: new Date(Date.now() + days * DAY_MS),
          extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'url', value: name }])],
        },
        crypto,
      )
      const key = KeyObject.from(own.privateKey).export({ format: 'pem', type: 'pkcs8' })
      return { certificate: leaf.toString('pem'), key: key.toString() }
    },
  }
}

/** Nodes n1, n2 ..., started. */
export async function startCustodyCluster(count: number): Promise<CustodyCluster> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-custody-'))
  const authority = await newAuthority()
  const pair = generateKeyPairSync('ed25519')
  const groups = await sodiumGroups()
  const nodes: NodeProcess[] = []
  const signed = (octets: Uint8Array) => new Uint8Array(sign(null, octets, pair.privateKey))
  const clients: CustodyClient[] = []
  const cluster: CustodyCluster = {
    ...authority,
    ...{ folder, groups, nodes, identity: pair.publicKey },
    identityKey: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    sign: async (octets) => signed(octets),
    async addNode(id) {
      const node = await newNode(cluster, id)
      nodes.push(node)
      return node
    },
    async client(role = 'server', options = {}) {
      const client = openCustodyClient({
        ...{ cluster: CLUSTER, identity: pair.publicKey, nodes, groups, random },
        ...(await authority.issue(`limen://${CLUSTER}/${role}/s1`)),
        ...{ authority: authority.authority, clock: systemClock, operationMs: OPERATION_MS },
        ...options,
      })
      clients.push(client)
      return client
    },
    driver: ({ links, manifests }, graceMs = 1_000) =>
      new ShareDriver({
        ...{ links, manifests, groups, random, graceMs },
        sign: async (octets) => signed(octets),
      }),
    async close() {
      await Promise.all(clients.map((client) => client.close()))
      await Promise.all(nodes.map((node) => node.kill('SIGKILL')))
      rmSync(folder, { recursive: true, force: true })
    },
  }
  for (let i = 1; i <= count; i++) await cluster.addNode(`n${i}`)
  await Promise.all(nodes.map((node) => node.start()))
  return cluster
}

async function newNode(cluster: CustodyCluster, id: string): Promise<NodeProcess> {
  const folder = join(cluster.folder, id)
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const write = (name: string, content: string | Uint8Array) =>
    writeFileSync(join(folder, name), content, { mode: 0o600 })
  const { certificate, key } = await cluster.issue(`limen://${CLUSTER}/node/${id}`)
  const seed = random.bytes(32)
  const signing = generateKeyPairSync('ed25519')
  write('certificate.pem', certificate)
  write('key.pem', key)
  write('authority.pem', cluster.authority)
  write('identity.pem', cluster.identity.export({ format: 'pem', type: 'spki' }).toString())
  write('sealing.key', seed)
  write('signing.pem', signing.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())
  const passphrase = Buffer.from('correct horse battery staple')
  write('passphrase', passphrase)
  await makePassphraseKey({ path: join(folder, 'wrapping.key'), passphrase, random })
  write('node.yaml', nodeYaml(id, port))
  const card = writeNodeCard({
    node: nodeIdOf(CLUSTER, id),
    sealingKey: hpkeKeyPair(KEM.x25519, seed).publicKey,
    signingKey: signing.publicKey.export({ format: 'raw-public' }),
  })
  let child: ChildProcess | undefined
  const node: NodeProcess = {
    ...{ id, host: '127.0.0.1', port, folder },
    card: joinOctets(card, await cluster.sign(toBeSigned('card', card))),
    async start() {
      child = spawn(process.execPath, [MAIN, 'custody-node', '-c', join(folder, 'node.yaml')], {
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      await listening(child, id)
    },
    async restart() {
      if (child === undefined) await node.start()
    },
    signal: (name) => void child?.kill(name),
    async kill(signal = 'SIGTERM') {
      const ending = child
      child = undefined
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
      const ended = once(ending, 'exit')
      ending.kill(signal)
      await ended
    },
  }
  return node
}

/** What role `api` may is as docs/custody-api.md says. */
function nodeYaml(id: string, port: number): string {
  return `cluster: ${CLUSTER}
id: ${id}
listen: 127.0.0.1:${port}
folder: shares
certificate: certificate.pem
key: key.pem
authority: authority.pem
identity: identity.pem
sealingKey: sealing.key
signingKey: signing.pem
wrapping: { file: wrapping.key, passphraseFile: passphrase }
roles: [server, custodian, viewer, api]
access:
  - { caller: { role: api }, key: "transit/**", operations: [sign, open, derive, encrypt, decrypt, mac, deliver] }
  - { caller: { role: api }, key: "*", operations: [list, state, prove, figures, checkpoint] }
  - { caller: { role: api }, key: "*", operations: [deal, take, prepare, compare, commit, abort, destroy, delete] }
  - { caller: { role: viewer }, key: "*", operations: [state] }
  - { caller: { role: server }, key: "**", operations: ["*"] }
  - { caller: { role: custodian }, key: "**", operations: ["*"] }
`
}

async function listening(child: ChildProcess, id: string): Promise<void> {
  let printed = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${id}: ${printed}`)), READY_MS_MAX)
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (more: string) => {
        printed += more
        if (!printed.includes(' port ')) return
        clearTimeout(timer)
        resolve()
      })
    }
    child.once('exit', () => reject(new Error(`${id} has ended: ${printed}`)))
  })
}
