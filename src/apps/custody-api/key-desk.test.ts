import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type KeyCatalogue, openKeyCatalogue } from '../../adapters/node/key-catalogue.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { type CataloguedKey, latestOf } from '../../keys/custody/catalogued-key.ts'
import { writeKeyLabel } from '../../keys/custody/key-label.ts'
import type { Changed } from '../custody/drive-change.ts'
import { KeyDesk, type KeyMaker } from './key-desk.ts'
import type { Outcome } from './outcome.ts'

const { publicKey: identity, privateKey } = generateKeyPairSync('ed25519')
const PUBLIC_KEY = new Uint8Array(32).fill(9)

let folder = ''
let catalogue: KeyCatalogue
/** Labels of what was made or brought, and the secrets as they were then. */
let labels: string[] = []
/** Versions whose shares are to be deleted. */
let forgotten: number[] = []
let secrets: { readonly brought: Uint8Array; readonly now: Uint8Array }[] = []
let isDown = false
/** Called in the middle of every change. */
let meanwhile: () => Promise<unknown> = async () => undefined
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-desk-'))
  catalogue = await openKeyCatalogue({ folder, identity })
  labels = []
  forgotten = []
  secrets = []
  isDown = false
  meanwhile = async () => undefined
})
afterEach(() => {
  catalogue.close()
  rmSync(folder, { recursive: true })
})

/** Takes what nodes would be given. */
const maker: KeyMaker = {
  deletions: {
    announce: (versions) => void forgotten.push(...versions.map(({ version }) => version)),
    withdraw: (versions) => void forgotten.splice(-versions.length),
    run: async () => undefined,
  },
  driver: {
    async make(label) {
      return await changed(Buffer.from(writeKeyLabel(label)).toString('latin1'))
    },
    async bring(label, secret) {
      secrets.push({ brought: Uint8Array.from(secret), now: secret })
      return await changed(Buffer.from(writeKeyLabel(label)).toString('latin1'))
    },
  },
  holding: { threshold: 2, nodes: ['n1', 'n2', 'n3'] },
  sign: async (octets) => new Uint8Array(sign(null, octets, privateKey)),
}

async function changed(label: string): Promise<Changed> {
  await meanwhile()
  if (isDown) {
    throw new LimenError('custody-change', why, { side: 'upstream', retry: true })
  }
  labels.push(label)
  return { keyId: new Uint8Array(16), generation: 1, publicKey: PUBLIC_KEY, waiting: [] }
}

const told: string[] = []
let why = 'n3 is away'
const desk = (isMaker = true): KeyDesk =>
  new KeyDesk({
    ...{ catalogue, random: systemRandom(), clock: systemClock },
    maker: isMaker ? maker : undefined,
    tell: (text) => told.push(text),
  })

function madeOf<T>(outcome: Outcome<T>): T {
  return outcome.kind === 'done' ? outcome.value : assert.fail(outcome.why)
}

const statusOf = (outcome: Outcome<unknown>): number =>
  outcome.kind === 'refused' ? outcome.status : 200
const versionsOf = (key: CataloguedKey | undefined): number[] =>
  key?.versions.map(({ version }) => version) ?? []

describe('KeyDesk', () => {
  it('makes keys together where they can be, with what everybody may know of them', async () => {
    const { key, isNew } = madeOf(await desk().make('a', 'ristretto255-hpke', true))
    assert.deepEqual([isNew, key.isDerived, key.versions[0]?.publicKey], [true, true, PUBLIC_KEY])
    const derive = madeOf(await desk().make('b', 'derive', false)).key
    assert.equal(derive.versions[0]?.publicKey.length, 0)
    assert.deepEqual([labels.length, secrets.length], [2, 0])
    assert.match(labels[0] ?? '', /transit\/a\/[0-9a-f]{16}$/)
  })

  it('deals what has to be assembled, and keeps nothing of it', async () => {
    for (const type of ['aes256-gcm96', 'hmac', 'ecdsa-p256', 'rsa-2048'] as const) {
      const { key } = madeOf(await desk().make(type, type, false))
      const { brought, now } = secrets.at(-1) ?? assert.fail()
      assert.ok(now.every((octet) => octet === 0))
      assert.ok(brought.some((octet) => octet !== 0))
      const shown = key.versions[0]?.publicKey ?? assert.fail()
      if (type === 'aes256-gcm96' || type === 'hmac') {
        assert.deepEqual([brought.length, shown.length], [32, 0])
        continue
      }
      const secret = createPrivateKey({ key: Buffer.from(brought), format: 'der', type: 'pkcs8' })
      const wanted = createPublicKey(secret).export({ format: 'der', type: 'spki' })
      assert.deepEqual(shown, new Uint8Array(wanted))
    }
  })

  it('leaves a key that is there as it is', async () => {
    await desk().make('a', 'derive', false)
    const { key, isNew } = madeOf(await desk().make('a', 'hmac', false))
    assert.deepEqual([isNew, key.type, labels.length], [false, 'derive', 1])
  })

  it('changes a key once at a time, in the order asked', async () => {
    const one = desk()
    const made = one.make('a', 'derive', false)
    const rotations = await Promise.all([made, one.rotate('a'), one.rotate('a')])
    assert.deepEqual(rotations.map(statusOf), [200, 200, 200])
    assert.deepEqual(versionsOf(one.find('a')), [1, 2, 3])
    assert.equal(new Set(labels).size, 3)
  })

  it('lets what others have written in the meantime stand', async () => {
    const one = desk()
    await one.make('a', 'derive', false)
    const other = await openKeyCatalogue({ folder, identity })
    let isFirst = true
    meanwhile = async () => {
      if (!isFirst) return
      isFirst = false
      const elsewhere = new KeyDesk({
        ...{ catalogue: other, random: systemRandom(), clock: systemClock, maker },
        tell: assert.fail,
      })
      await elsewhere.configure('a', { deletionAllowed: true })
    }
    assert.equal(statusOf(await one.rotate('a')), 409)
    assert.deepEqual([versionsOf(one.find('a')), one.find('a')?.deletionAllowed], [[1], true])
    assert.equal(latestOf(madeOf(await one.rotate('a'))), 2)
    other.close()
  })

  it('changes nothing when the nodes do not', async () => {
    const one = desk()
    await one.make('a', 'derive', false)
    isDown = true
    assert.deepEqual(
      [statusOf(await one.rotate('a')), statusOf(await one.make('b', 'hmac', false))],
      [503, 503],
    )
    assert.deepEqual([versionsOf(one.find('a')), one.find('b')], [[1], undefined])
    assert.deepEqual(told.splice(0), ['n3 is away', 'n3 is away'])
    why = 'Shares of key 00 cannot be changed: deal has failed at n1 (refused), n2 (refused)'
    assert.deepEqual(await one.rotate('a'), {
      ...{ kind: 'refused', status: 500 },
      why: 'this coordinator may not do that at the nodes',
    })
    assert.deepEqual(told, [why])
    assert.ok(secrets.every(({ now }) => now.every((octet) => octet === 0)))
    isDown = false
    assert.equal(latestOf(madeOf(await one.rotate('a'))), 2)
  })

  it('makes a deleted key anew, with nothing of the old one', async () => {
    const one = desk()
    await one.make('a', 'derive', false)
    assert.equal(statusOf(await one.delete('a')), 400)
    await one.configure('a', { deletionAllowed: true })
    await one.rotate('a')
    assert.deepEqual(forgotten, [])
    await one.delete('a')
    assert.deepEqual(forgotten, [1, 2])
    assert.deepEqual([one.find('a'), one.names()], [undefined, []])
    assert.equal(statusOf(await one.rotate('a')), 400)
    const { key } = madeOf(await one.make('a', 'hmac', false))
    assert.deepEqual([key.type, versionsOf(key), key.deletionAllowed], ['hmac', [1], false])
    assert.equal(key.serial, 5)
    assert.notEqual(labels[0]?.slice(-16), labels[2]?.slice(-16))
  })

  it('takes no more changes at once than it can do', async () => {
    const one = desk()
    const names = Array.from({ length: 9 }, (_, i) => `k${i}`)
    const made = await Promise.all(names.map((name) => one.make(name, 'derive', false)))
    assert.deepEqual(made.map(statusOf), [...Array(8).fill(200), 503])
    assert.equal(statusOf(await one.make('k8', 'derive', false)), 200)
  })

  it('changes nothing without the identity of the cluster', async () => {
    await desk().make('a', 'derive', false)
    const reader = desk(false)
    assert.deepEqual(versionsOf(reader.find('a')), [1])
    for (const asked of [reader.make('b', 'derive', false), reader.rotate('a')]) {
      assert.equal(statusOf(await asked), 403)
    }
  })
})
