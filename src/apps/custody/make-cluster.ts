/**
 * A new cluster in a folder: its authority, its identity, the shares of its operators, a folder for each node to be taken to its machine, and
 * `custody.yaml` for who looks after it. Or the cluster of a backup again, of the same identity, with new nodes.
 *
 * @module
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  type ClusterAuthority,
  makeClusterAuthority,
} from '../../adapters/node/cluster-authority.ts'
import { hpkeKeyPair } from '../../adapters/node/hpke.ts'
import { makePassphraseKey } from '../../adapters/node/passphrase-key.ts'
import { writePrivateFile } from '../../adapters/node/private-file.ts'
import type { Clock } from '../../ground/clock.ts'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import { writeNodeCard } from '../../wire/custody-plan.ts'
import { KEM } from '../../wire/key-config.ts'
import { NODE_ROLE, nodeIdOf } from './caller.ts'
import { toBeSigned } from './node-world.ts'
import { makeRecoveryKey } from './recovery-key.ts'

export interface MakeClusterOptions {
  /** Must not have any part of a cluster. */
  readonly folder: string
  readonly cluster: string
  readonly nodes: readonly NewNode[]
  /** Of nodes, to use a key. */
  readonly threshold: number
  readonly clock: Clock
  readonly random: Random
  /** A new identity with a recovery key for so many operators, or the one of a backup. */
  readonly from:
    | { readonly kind: 'new'; readonly operators: number; readonly operatorsNeeded: number }
    | {
        readonly kind: 'backup'
        /** Ed25519, 32 octets; the caller zeroes it. */
        readonly identity: Uint8Array
        readonly recovery: Uint8Array
        readonly operators: Uint8Array
      }
}

export interface NewNode {
  readonly id: string
  /** `host:port` */
  readonly address: string
  readonly domain: string
}

export const SHARES_FILE = 'operator-shares.txt'
const SEED_BYTES = 32
const PASSPHRASE_BYTES = 24
/** What a custodian asks of nodes: to look after shares, not to use keys. */
const CARE =
  'deal, take, prepare, compare, commit, abort, destroy, delete, prove, list, state, figures, checkpoint'
/** What an application asks of them: to use keys, not to change where they are, or whether. */
const USE = 'sign, open, derive, encrypt, decrypt, mac, deliver, state, figures, checkpoint'

/** All that is made in the folder. */
const PARTS = [
  ...['recovery', 'operators', SHARES_FILE, 'identity.key', 'identity.pem'],
  ...['authority.key', 'authority.pem', 'custodian.key', 'custodian.pem'],
  ...['server.key', 'server.pem', 'nodes', 'cards', 'custody.yaml'],
]

/** All of it or nothing, unless the process is ended in between. @throws LimenError `cluster-there`, `cluster-parts` */
export async function makeCluster(options: MakeClusterOptions): Promise<void> {
  const { folder } = options
  if (existsSync(join(folder, 'custody.yaml'))) {
    const text = `There is a cluster in ${folder} already`
    throw new LimenError('cluster-there', text, { side: 'operator', retry: false })
  }
  const there = PARTS.filter((part) => existsSync(join(folder, part)))
  if (there.length > 0) {
    const text = `${folder} has parts of a cluster that was not made to its end, which nobody can use: remove ${there.join(', ')} in it, or name another folder`
    throw new LimenError('cluster-parts', text, { side: 'operator', retry: false })
  }
  try {
    await makeParts(options)
  } catch (error) {
    for (const part of PARTS) rmSync(join(folder, part), { recursive: true, force: true })
    throw error
  }
}

async function makeParts(options: MakeClusterOptions): Promise<void> {
  const { folder, cluster, clock, random, from, nodes } = options
  const write = (name: string, content: Uint8Array | string): void =>
    writePrivateFile(join(folder, name), content)
  const identityKey =
    from.kind === 'new' ? generateKeyPairSync('ed25519').privateKey : privateOf(from.identity)
  if (from.kind === 'new') {
    const { operators: shares, operatorsNeeded: threshold } = from
    const paths = {
      operatorsPath: join(folder, 'operators'),
      sharesPath: join(folder, SHARES_FILE),
    }
    write('recovery', await makeRecoveryKey({ ...paths, shares, threshold, identityKey, random }))
  } else {
    write('recovery', from.recovery)
    write('operators', from.operators)
  }
  write('identity.key', pemOf(identityKey))
  const identity = createPublicKey(identityKey).export({ format: 'pem', type: 'spki' })
  write('identity.pem', identity)
  const authority = await makeClusterAuthority(cluster, clock, random)
  write('authority.key', authority.key)
  write('authority.pem', authority.certificate)
  for (const [role, id] of [
    ['custodian', 'custodian'],
    ['server', 'server'],
  ] as const) {
    const { certificate, key } = await authority.issue(`limen://${cluster}/${role}/${id}`)
    write(`${role}.pem`, certificate)
    write(`${role}.key`, key)
  }
  for (const node of nodes) {
    const card = await makeNode(options, node, authority, identityKey)
    write(join('cards', node.id), card)
  }
  // Last: a folder with it is whole.
  write('custody.yaml', clusterYaml(options))
}

/** The folder of one node; its card. */
async function makeNode(
  { folder, cluster, random }: MakeClusterOptions,
  { id, address }: NewNode,
  authority: ClusterAuthority,
  identityKey: KeyObject,
): Promise<Uint8Array> {
  const own = join(folder, 'nodes', id)
  const write = (name: string, content: Uint8Array | string): void =>
    writePrivateFile(join(own, name), content)
  const { certificate, key } = await authority.issue(`limen://${cluster}/${NODE_ROLE}/${id}`)
  const signing = generateKeyPairSync('ed25519')
  const seed = random.bytes(SEED_BYTES)
  const sealingKey = hpkeKeyPair(KEM.x25519, seed).publicKey
  write('certificate.pem', certificate)
  write('key.pem', key)
  write('authority.pem', authority.certificate)
  write('identity.pem', readFileSync(join(folder, 'identity.pem')))
  write('sealing.key', seed)
  seed.fill(0)
  write('signing.pem', pemOf(signing.privateKey))
  const passphrase = Buffer.from(toHex(random.bytes(PASSPHRASE_BYTES)))
  write('passphrase', passphrase)
  await makePassphraseKey({ path: join(own, 'wrapping.key'), passphrase, random })
  passphrase.fill(0)
  write('node.yaml', nodeYaml(cluster, id, address))
  const signingKey = signing.publicKey.export({ format: 'raw-public' })
  const card = writeNodeCard({ node: nodeIdOf(cluster, id), sealingKey, signingKey })
  return joinOctets(card, new Uint8Array(sign(null, toBeSigned('card', card), identityKey)))
}

function privateOf(raw: Uint8Array): KeyObject {
  return createPrivateKey({
    ...{ key: Buffer.from(raw), format: 'raw-private', asymmetricKeyType: 'ed25519' },
  })
}

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString()
}

function nodeYaml(cluster: string, id: string, address: string): string {
  return `cluster: ${cluster}
id: ${id}
listen: "${address}"
folder: shares
certificate: certificate.pem
key: key.pem
authority: authority.pem
identity: identity.pem
sealingKey: sealing.key
signingKey: signing.pem
wrapping: { file: wrapping.key, passphraseFile: passphrase }
roles: [server, custodian]
access:
  - { caller: { role: custodian }, key: "**", operations: [${CARE}] }
  - { caller: { role: server }, key: "**", operations: [${USE}] }
`
}

function clusterYaml({ cluster, nodes, threshold }: MakeClusterOptions): string {
  const lines = nodes.map(
    ({ id, address, domain }) =>
      `  - { id: ${id}, address: "${address}", card: cards/${id}, domain: "${domain}" }\n`,
  )
  return `cluster: ${cluster}
certificate: custodian.pem
key: custodian.key
authority: authority.pem
identity: identity.pem
identityKey: identity.key
recovery: { key: recovery, operators: operators }
threshold: ${threshold}
nodes:
${lines.join('')}`
}
