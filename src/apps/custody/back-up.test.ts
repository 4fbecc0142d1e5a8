import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type MemoryCluster, memoryCluster } from '../../../test/custody-nodes.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { toHex } from '../../ground/hex.ts'
import { octetsOf } from '../../ground/octets.ts'
import { type KeyLabel, keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { backUp } from './back-up.ts'
import { ed25519PublicKey } from './node-world.ts'
import { checkRecoveryKey, linesOf, makeRecoveryKey, recover } from './recovery-key.ts'
import { openBackup, type RestoreOptions, restoreKeys } from './restore.ts'

const random = systemRandom()
const HOLDING = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] }
const LABELS: readonly KeyLabel[] = [
  { use: 'sign', name: 'ca', version: 1 },
  { use: 'derive', name: 'objects', version: 1 },
  { use: 'mac', name: 'marks', version: 1 },
]
const MESSAGE = octetsOf('message')
const CLUSTER = 'memory'

let folder = ''
let identityKey: KeyObject
let cluster: MemoryCluster
let recovery: Uint8Array
let backup: Uint8Array
let publicKey: Uint8Array
let derived: Uint8Array
let mark: Uint8Array

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-pdesk-'))
  identityKey = generateKeyPairSync('ed25519').privateKey
  cluster = await memoryCluster(5, identityKey)
  const [ca, objects, marks] = LABELS as [KeyLabel, KeyLabel, KeyLabel]
  publicKey = (await cluster.driver.make(ca, HOLDING)).publicKey ?? new Uint8Array()
  await cluster.driver.make(objects, HOLDING)
  await cluster.driver.bring(marks, random.bytes(32), HOLDING)
  derived = await cluster.client.derive(objects, MESSAGE)
  mark = await cluster.client.mac(marks, MESSAGE)
  recovery = await makeRecoveryKey({
    ...{ operatorsPath: join(folder, 'operators'), sharesPath: join(folder, 'shares') },
    ...{ shares: 5, threshold: 3, identityKey, random },
  })
  backup = await backedUp()
})
after(() => rmSync(folder, { recursive: true }))

async function backedUp(without: readonly string[] = []): Promise<Uint8Array> {
  const { bytes, keys } = await madeBackup(without)
  assert.equal(keys, LABELS.length)
  return bytes
}
async function madeBackup(without: readonly string[]) {
  const { links, manifests } = cluster.client
  return await backUp(
    {
      ...{ cluster: CLUSTER, links, manifests, random, sign: signed, without },
      recovery: { bytes: recovery, value: checkRecoveryKey(recovery, cluster.identity) },
      operators: new Uint8Array(readFileSync(join(folder, 'operators'))),
      labels: new Map(
        LABELS.map(writeKeyLabel).map((label) => [toHex(keyIdOf(label)), label] as const),
      ),
    },
    1_700_000_000_000,
  )
}
const signed = async (octets: Uint8Array) => new Uint8Array(sign(null, octets, identityKey))
const shares = (count: number) => linesOf(readFileSync(join(folder, 'shares'))).slice(0, count)

/** With what three operators bring: nothing of the cluster there was. */
async function restored(
  bytes: Uint8Array,
  to?: MemoryCluster,
  only?: readonly string[],
  holding = HOLDING,
) {
  const { keys, identity, recovery: found, operators } = openBackup(bytes)
  const recovered = await recover(checkRecoveryKey(found), operators, shares(3), random)
  const raw = { key: Buffer.from(recovered.identity), asymmetricKeyType: 'ed25519' } as const
  const own = createPrivateKey({ ...raw, format: 'raw-private' })
  const options: RestoreOptions = {
    ...{ cluster: CLUSTER, identity, groups: cluster.groups, random, recovered },
    clock: { now: () => Date.now() },
    sign: async (octets) => new Uint8Array(sign(null, octets, own)),
    only: only && new Set(only),
    to: to && { links: to.client.links, holding },
  }
  return await restoreKeys(options, keys)
}

describe('a backup of a cluster', () => {
  it('is brought to other nodes by three of five operators', { timeout: 60_000 }, async () => {
    const other = await memoryCluster(5, identityKey)
    const outcomes = (await restored(backup, other)).map(({ outcome }) => outcome)
    assert.deepEqual(outcomes, ['restored', 'restored', 'restored'])
    const { client } = other
    const signature = await client.sign({ name: 'ca', version: 1 }, MESSAGE)
    assert.ok(verify(null, MESSAGE, ed25519PublicKey(publicKey), signature))
    assert.deepEqual(await client.derive({ name: 'objects', version: 1 }, MESSAGE), derived)
    assert.deepEqual(await client.mac({ name: 'marks', version: 1 }, MESSAGE), mark)
    // Again: nothing is replaced.
    const again = (await restored(backup, other)).map(({ outcome }) => outcome)
    assert.deepEqual(again, ['there', 'there', 'there'])
  })

  it('is made while two of five nodes are away, and by operators tried out', async () => {
    cluster.between = async ({ id }, _request, pass) =>
      id === 'n2' || id === 'n5' ? 'away' : await pass()
    // No key is with these two alone, which nobody but who made them knows.
    const made = await backedUp(['n2', 'n5'])
    cluster.between = (_to, _request, pass) => pass()
    assert.deepEqual(
      (await restored(made)).map(({ outcome, label }) => [outcome, toHex(label)]).sort(),
      LABELS.map((label) => ['good', toHex(writeKeyLabel(label))]).sort(),
    )
  })

  it('fails, and names the nodes, when keys may be with nodes that do not answer alone', async () => {
    const all = cluster.nodes.map(({ id }) => id)
    const ways: readonly (readonly [away: readonly string[], without: readonly string[]])[] = [
      [['n2', 'n5'], []],
      [['n2', 'n5'], ['n2']],
      [all, []],
    ]
    for (const [away, without] of ways) {
      cluster.between = async ({ id }, _request, pass) =>
        away.includes(id) ? 'away' : await pass()
      await assert.rejects(backedUp(without), {
        code: 'custody-backup',
        message: new RegExp(away.map((id) => `${id} \\(away\\)`).join(', ')),
      })
    }
    // One in the middle of its list is no better than one that is away.
    let asked = 0
    cluster.between = async ({ id }, { operation }, pass) =>
      id === 'n2' || (id === 'n5' && operation === 'list' && asked++ > 0) ? 'away' : await pass()
    await assert.rejects(backedUp(), {
      code: 'custody-backup',
      message: /n2 \(away\), n5 \(away\)/,
    })
    // With one alone no key can be.
    cluster.between = async ({ id }, _request, pass) => (id === 'n2' ? 'away' : await pass())
    assert.ok((await backedUp()).length > 0)
    cluster.between = (_to, _request, pass) => pass()
  })

  it('is made without nodes when it is told to, and says which keys are not in it', async () => {
    const two = { threshold: 2, nodes: ['n1', 'n2', 'n3'] }
    const few: KeyLabel = { use: 'sign', name: 'few', version: 1 }
    const { keyId } = await cluster.driver.make(few, two)
    cluster.between = async ({ id }, _request, pass) =>
      id === 'n2' || id === 'n3' ? 'away' : await pass()
    const { keys, missing, silent } = await madeBackup(['n2', 'n3'])
    assert.equal(keys, LABELS.length)
    assert.deepEqual(missing.map(toHex), [toHex(keyId)])
    assert.deepEqual(
      silent.map(({ id }) => id),
      ['n2', 'n3'],
    )
    // No word of n3: its keys are not to be left out.
    cluster.between = async ({ id }, { operation }, pass) =>
      id === 'n2' || (id === 'n3' && operation !== 'list') ? 'away' : await pass()
    await assert.rejects(madeBackup([]), /1 keys cannot be backed up\n.*: too few holders/)
    cluster.between = (_to, _request, pass) => pass()
    await cluster.driver.delete(keyId)
  })

  it('names every key that it cannot take', async () => {
    cluster.between = async ({ id }, { operation }, pass) =>
      operation === 'deal' && id !== 'n1' ? 'away' : await pass()
    await assert.rejects(backedUp(), (error: Error) => {
      assert.match(error.message, /^3 keys cannot be backed up\n/)
      for (const name of ['sign/ca@1', 'derive/objects@1', 'mac/marks@1']) {
        assert.match(error.message, new RegExp(`${name}: deal has failed at`))
      }
      return true
    })
    cluster.between = (_to, _request, pass) => pass()
  })

  it('is brought back key by key: one that fails keeps none of the others back', async () => {
    const other = await memoryCluster(5, identityKey)
    const bad = keyIdOf(writeKeyLabel(LABELS[0] as KeyLabel))
    other.between = async (_to, { operation, keyId }, pass) =>
      operation === 'take' && toHex(keyId) === toHex(bad) ? 'away' : await pass()
    const first = await restored(backup, other)
    assert.deepEqual(
      first.map(({ keyId, outcome }) => [toHex(keyId) === toHex(bad), outcome]).sort(),
      [
        [false, 'restored'],
        [false, 'restored'],
        [true, 'failed'],
      ],
    )
    const { why } = first.find(({ outcome }) => outcome === 'failed') ?? assert.fail()
    assert.match(why ?? '', /take has failed at .*n1 /)
    other.between = (_to, _request, pass) => pass()
    assert.deepEqual((await restored(backup, other)).map(({ outcome }) => outcome).sort(), [
      'restored',
      'there',
      'there',
    ])
  })

  it('leaves deleted keys deleted, and brings one back that is named', {
    timeout: 60_000,
  }, async () => {
    const other = await memoryCluster(5, identityKey)
    await restored(backup, other)
    const ids = LABELS.map(writeKeyLabel).map(keyIdOf)
    for (const keyId of ids) {
      // Far above what the backup has.
      await other.driver.reshare(keyId)
      await other.driver.delete(keyId)
    }
    const outcomes = async (...only: readonly Uint8Array[]) =>
      (await restored(backup, other, only.length === 0 ? undefined : only.map(toHex))).map(
        ({ outcome }) => outcome,
      )
    assert.deepEqual(await outcomes(), ['deleted', 'deleted', 'deleted'])
    assert.deepEqual(await outcomes(...ids), ['restored', 'restored', 'restored'])
    const { client } = other
    const signature = await client.sign({ name: 'ca', version: 1 }, MESSAGE)
    assert.ok(verify(null, MESSAGE, ed25519PublicKey(publicKey), signature))
    assert.deepEqual(await client.derive({ name: 'objects', version: 1 }, MESSAGE), derived)
    assert.deepEqual(await client.mac({ name: 'marks', version: 1 }, MESSAGE), mark)
    assert.deepEqual(await outcomes(...ids), ['there', 'there', 'there'])
    // And they are keys like others.
    for (const keyId of ids) assert.deepEqual((await other.driver.reshare(keyId)).waiting, [])
    assert.deepEqual(await client.mac({ name: 'marks', version: 1 }, MESSAGE), mark)
  })

  it('replaces no key that was made anew under the name of one it has', async () => {
    const other = await memoryCluster(5, identityKey)
    const [ca] = LABELS as [KeyLabel]
    const made = await other.driver.make(ca, HOLDING)
    const found = await restored(backup, other)
    assert.deepEqual(found.map(({ outcome }) => outcome).sort(), ['other', 'restored', 'restored'])
    assert.deepEqual(await other.client.publicKey(ca), made.publicKey)
  })

  it('makes no second key of a name at nodes that others do not see', async () => {
    const other = await memoryCluster(6, identityKey)
    const [ca] = LABELS as [KeyLabel]
    await other.driver.make(ca, { threshold: 2, nodes: ['n1', 'n2', 'n3'] })
    other.between = async ({ id }, _request, pass) =>
      ['n1', 'n2', 'n3'].includes(id) ? 'away' : await pass()
    const holding = { threshold: 2, nodes: ['n4', 'n5', 'n6'] }
    for (const { outcome, why } of await restored(backup, other, undefined, holding)) {
      assert.equal(outcome, 'failed')
      assert.match(why ?? '', /with nodes that do not answer: n1, n2, n3$/)
    }
  })

  it('is refused when an octet of it was changed, or it is of another identity', async () => {
    const changed = backup.slice()
    changed[changed.length - 100] = (changed[changed.length - 100] ?? 0) ^ 1
    assert.throws(() => openBackup(changed), { code: 'backup-damaged' })
    assert.throws(() => openBackup(backup.subarray(0, 500)), { code: 'backup-damaged' })
    const other = generateKeyPairSync('ed25519').publicKey
    assert.throws(() => checkRecoveryKey(recovery, other), { code: 'backup-damaged' })
  })

  it('opens for too few operators, or a wrong line, not at all', async () => {
    const value = checkRecoveryKey(recovery)
    const operators = new Uint8Array(readFileSync(join(folder, 'operators')))
    const two = shares(2)
    await assert.rejects(recover(value, operators, two, random), {
      code: 'operator-shares',
      message: "1 more of the operators' shares are needed",
    })
    const [first = new Uint8Array(), second = new Uint8Array()] = shares(2)
    const lines = [first, first, second, octetsOf('limen-share-1 0000')]
    await assert.rejects(recover(value, operators, lines, random), {
      message: /Line 4 of the operators' shares is not good: format/,
    })
  })
})
