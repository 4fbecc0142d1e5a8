import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { makeSealedKey } from '../../src/adapters/node/sealed-key.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { readPkcs11Uri } from '../../src/adapters/pkcs11/pkcs11-uri.ts'
import { makeTokenKey } from '../../src/adapters/pkcs11/wrapping-key.ts'
import type { CustodyClient } from '../../src/apps/custody/custody-client.ts'
import { giveShare } from '../../src/apps/custody/unseal-door.ts'
import { octetsOf } from '../../src/ground/octets.ts'
import { type CustodyCluster, type NodeProcess, startCustodyCluster } from '../custody-cluster.ts'
import { type SoftHsm, softHsm } from './soft-hsm.ts'

const random = systemRandom()
const KEY = { name: 'objects', version: 1 }
const OBJECT = octetsOf('object')
const PASSPHRASE = 'wrapping: { file: wrapping.key, passphraseFile: passphrase }'
const DOOR_MS_MAX = 60_000

let hsm: SoftHsm
let cluster: CustodyCluster
let client: CustodyClient
let token: NodeProcess
let sealed: NodeProcess
let shares: readonly Uint8Array[]
let derived: Uint8Array

/** One more node, its wrapping key from elsewhere; not started. */
async function nodeWith(id: string, wrapping: string): Promise<NodeProcess> {
  const node = await cluster.addNode(id)
  const file = join(node.folder, 'node.yaml')
  const text = readFileSync(file, 'utf8')
  assert.ok(text.includes(PASSPHRASE))
  writeFileSync(file, text.replace(PASSPHRASE, `wrapping: ${wrapping}`))
  return node
}

/** Two operators of three, when it asks for them. */
async function unseal(): Promise<void> {
  const door = join(sealed.folder, 'door.sock')
  const deadline = Date.now() + DOOR_MS_MAX
  while (!existsSync(door)) {
    assert.ok(Date.now() < deadline, 'the door has not come')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const said = []
  for (const share of shares.slice(1)) said.push((await giveShare(door, share)).kind)
  assert.deepEqual(said, ['sealed', 'unsealed'])
}

before(async () => {
  hsm = softHsm()
  const uri = readPkcs11Uri(hsm.uri('kek'))
  if (uri.kind === 'refused') assert.fail(uri.says)
  await makeTokenKey({ uri: uri.uri, random })
  cluster = await startCustodyCluster(1)
  token = await nodeWith('token', `{ pkcs11: "${hsm.uri('kek')}" }`)
  sealed = await nodeWith('sealed', '{ sealed: key.lcm, door: door.sock }')
  const [path, sharesPath] = [join(sealed.folder, 'key.lcm'), join(sealed.folder, 'shares.txt')]
  makeSealedKey({ path, sharesPath, shares: 3, threshold: 2, random })
  const lines = readFileSync(sharesPath, 'utf8').trim().split('\n')
  shares = lines.map((line) => Buffer.from(line))
  await Promise.all([token.start(), sealed.start(), unseal()])
  client = await cluster.client()
  const holding = { threshold: 2, nodes: ['n1', 'token', 'sealed'] }
  await cluster.driver(client, 0).make({ use: 'derive', ...KEY }, holding)
  derived = await client.derive(KEY, OBJECT)
})
after(async () => {
  await cluster.close()
  hsm.end()
})

/** Whether it serves with its own share: the third one is away. */
async function servesWithout(away: NodeProcess): Promise<void> {
  await away.kill('SIGKILL')
  const fresh = await cluster.client()
  assert.deepEqual(await fresh.derive(KEY, OBJECT), derived)
}

describe('a custody node', { timeout: 240_000 }, () => {
  it('opens its shares by a token, again after it was killed', async () => {
    await token.kill('SIGKILL')
    await token.restart()
    await servesWithout(sealed)
  })

  it('is sealed after it was killed, until operators have given their shares', async () => {
    const started = sealed.restart()
    await unseal()
    await started
    await servesWithout(token)
  })
})
