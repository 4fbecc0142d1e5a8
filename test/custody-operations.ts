/**
 * Every operation that custody nodes serve, with keys of its own, each compared with what it has to be; and all of them at once as a load.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import type { CustodyClient } from '../src/apps/custody/custody-client.ts'
import type { Holding } from '../src/apps/custody/drive-change.ts'
import { octetsOf } from '../src/ground/octets.ts'
import { type KeyUse, keyIdOf, writeKeyLabel } from '../src/keys/custody/key-label.ts'
import { sealToCustody } from '../src/keys/custody/threshold-keys.ts'
import type { CustodyCluster } from './custody-cluster.ts'

const random = systemRandom()
const MESSAGE = octetsOf('to be signed')
const INFO = octetsOf('info')
const AAD = octetsOf('aad')
const PLAIN = octetsOf('plain')
const key = (name: string) => ({ name, version: 1 })

/** By use and name; those that are made together first. */
export const CUSTODY_KEYS = [
  ['sign', 'ca'],
  ['open', 'box'],
  ['derive', 'objects'],
  ['encrypt', 'table'],
  ['sign-assembled', 'site'],
] as const

/** By name; rejects when it fails, or what comes out is wrong. */
export type CustodyOperations = readonly (readonly [
  name: string,
  act: (by: CustodyClient) => Promise<void>,
])[]

export const custodyKeyId = (use: KeyUse, name: string): Uint8Array =>
  keyIdOf(writeKeyLabel({ use, ...key(name) }))

/** Makes {@link CUSTODY_KEYS}. */
export async function custodyOperations(
  cluster: CustodyCluster,
  client: CustodyClient,
  holding: Holding,
): Promise<CustodyOperations> {
  const quick = cluster.driver(client, 0)
  const ca = await quick.make({ use: 'sign', ...key('ca') }, holding)
  const box = await quick.make({ use: 'open', ...key('box') }, holding)
  await quick.make({ use: 'derive', ...key('objects') }, holding)
  await quick.bring({ use: 'encrypt', ...key('table') }, random.bytes(32), holding)
  const site = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pkcs8 = site.privateKey.export({ format: 'der', type: 'pkcs8' })
  await quick.bring({ use: 'sign-assembled', ...key('site') }, pkcs8, holding)
  assert.ok(ca.publicKey !== undefined && box.publicKey !== undefined)
  const caKey = ed25519(ca.publicKey)
  const { ristretto255 } = cluster.groups
  const sealed = sealToCustody(ristretto255, box.publicKey, INFO, AAD, PLAIN, random)
  const derived = await client.derive(key('objects'), octetsOf('object 1'))
  const encrypted = await client.encrypt(key('table'), PLAIN, AAD)
  assert.equal(derived.length, 32)
  return [
    [
      'sign',
      async (by) => assert.ok(verify(null, MESSAGE, caKey, await by.sign(key('ca'), MESSAGE))),
    ],
    ['open', async (by) => assert.deepEqual(await by.open(key('box'), sealed, INFO, AAD), PLAIN)],
    [
      'derive',
      async (by) =>
        assert.deepEqual(await by.derive(key('objects'), octetsOf('object 1')), derived),
    ],
    [
      'encrypt',
      async (by) => {
        const again = await by.encrypt(key('table'), PLAIN, AAD)
        assert.notDeepEqual(again, encrypted)
        assert.deepEqual(await by.decrypt(key('table'), again, AAD), PLAIN)
      },
    ],
    [
      'decrypt',
      async (by) => assert.deepEqual(await by.decrypt(key('table'), encrypted, AAD), PLAIN),
    ],
    [
      'signAssembled',
      async (by) => {
        const signature = await by.signAssembled(key('site'), MESSAGE)
        assert.ok(verify('sha256', MESSAGE, site.publicKey, signature))
      },
    ],
  ]
}

/** All operations over and over, three at a time, while `meanwhile` goes on; what failed, and how many were done. */
export async function underCustodyLoad(
  operations: CustodyOperations,
  client: CustodyClient,
  meanwhile: () => Promise<void>,
): Promise<{ readonly done: ReadonlyMap<string, number>; readonly failed: readonly string[] }> {
  let isOver = false
  const done = new Map<string, number>()
  const failed: string[] = []
  const work = async (begin: number): Promise<void> => {
    for (let i = begin; !isOver; i++) {
      const [name, operation] = operations[i % operations.length] ?? ['', async () => {}]
      try {
        await operation(client)
        done.set(name, (done.get(name) ?? 0) + 1)
      } catch (error) {
        failed.push(`${name}: ${String(error)}`)
      }
    }
  }
  const workers = [0, 2, 4].map(work)
  try {
    await meanwhile()
  } finally {
    isOver = true
    await Promise.all(workers)
  }
  return { done, failed }
}

function ed25519(raw: Uint8Array): KeyObject {
  return createPublicKey({
    key: Buffer.from(raw),
    format: 'raw-public',
    asymmetricKeyType: 'ed25519',
  })
}
