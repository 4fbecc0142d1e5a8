import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import {
  type CataloguedKey,
  configured,
  deleted,
  newKey,
} from '../../keys/custody/catalogued-key.ts'
import { keyRecordToSign } from '../../keys/custody/key-record.ts'
import { type KeyCatalogue, openKeyCatalogue } from './key-catalogue.ts'

const { publicKey: identity, privateKey } = generateKeyPairSync('ed25519')
const KEY = newKey(
  ...(['card', 'derive', false] as const),
  { version: 1, createdAt: 1, mark: '0123456789abcdef', publicKey: new Uint8Array() },
  1,
)
const signed = (key: CataloguedKey): Uint8Array =>
  new Uint8Array(sign(null, keyRecordToSign(key), privateKey))

/** Deletion allowed, and so many changes more. */
function changed(key: CataloguedKey, times = 1): CataloguedKey {
  const change = configured(key, { deletionAllowed: true })
  if (change.kind === 'refused') assert.fail(change.why)
  return times > 1 ? changed(change.key, times - 1) : change.key
}

let folder = ''
let opened: KeyCatalogue[] = []
let errors: unknown[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-catalogue-'))
  errors = []
})
afterEach(() => {
  for (const one of opened) one.close()
  opened = []
  rmSync(folder, { recursive: true, force: true })
})

async function open(): Promise<KeyCatalogue> {
  // Never by itself: a test says when.
  const onError = (error: unknown): void => void errors.push(error)
  const catalogue = await openKeyCatalogue({ folder, identity, onError, pollMs: 2 ** 30 })
  opened.push(catalogue)
  return catalogue
}

describe('KeyCatalogue', () => {
  it('keeps keys over a restart, one file each', async () => {
    const one = await open()
    assert.equal(one.get('card'), undefined)
    assert.ok(await one.put(KEY, signed(KEY)))
    const next = changed(KEY)
    assert.ok(await one.put(next, signed(next)))
    assert.deepEqual(readdirSync(folder), ['card.2.json'])
    const other = await open()
    assert.deepEqual(other.get('card'), next)
    assert.deepEqual(other.names(), ['card'])
  })

  it('remembers that a key was deleted', async () => {
    const one = await open()
    const allowed = changed(KEY)
    await one.put(KEY, signed(KEY))
    await one.put(allowed, signed(allowed))
    const change = deleted(allowed)
    if (change.kind === 'refused') assert.fail(change.why)
    await one.put(change.key, signed(change.key))
    const other = await open()
    assert.deepEqual(other.names(), [])
    assert.equal(other.get('card')?.isDeleted, true)
  })

  it('lets one of two that change a key at once win, and tells the other', async () => {
    const one = await open()
    await one.put(KEY, signed(KEY))
    const other = await open()
    const next = changed(KEY)
    const results = await Promise.all([one.put(next, signed(next)), other.put(next, signed(next))])
    assert.deepEqual(results.sort(), [false, true])
    assert.deepEqual([one.get('card')?.serial, other.get('card')?.serial], [2, 2])
  })

  it('takes no change that others have gone past', async () => {
    const one = await open()
    await one.put(KEY, signed(KEY))
    const late = await open()
    for (const times of [1, 2]) {
      const next = changed(KEY, times)
      assert.ok(await one.put(next, signed(next)))
    }
    // Serial 2 is free again: it has been removed.
    const stale = changed(KEY)
    assert.equal(await late.put(stale, signed(stale)), false)
    assert.equal(late.get('card')?.serial, 3)
    assert.deepEqual(readdirSync(folder), ['card.3.json'])
  })

  it('sees what others wrote, and forgets no newer record for an older one', async () => {
    const one = await open()
    const other = await open()
    await one.put(KEY, signed(KEY))
    await other.look()
    assert.equal(other.get('card')?.serial, 1)
    const before = readFileSync(join(folder, 'card.1.json'))
    const next = changed(KEY)
    await one.put(next, signed(next))
    rmSync(join(folder, 'card.2.json'))
    writeFileSync(join(folder, 'card.1.json'), before)
    await one.look()
    assert.equal(one.get('card')?.serial, 2)
  })

  const damages: Readonly<Record<string, (text: string) => string>> = {
    'another minimum': (text) => text.replace('"minEncryption":0', '"minEncryption":1'),
    'another signature': (text) => text.replace(/[0-9a-f]{2}\n$/, 'zz\n'),
    'a signature by another key': (text) => {
      const other = generateKeyPairSync('ed25519').privateKey
      const signature = sign(null, keyRecordToSign(KEY), other).toString('hex')
      return text.replace(/[0-9a-f]{128}\n$/, `${signature}\n`)
    },
    'nothing in it': () => '',
  }
  for (const [name, damage] of Object.entries(damages)) {
    it(`starts with no record with ${name}, and takes none later`, async () => {
      const one = await open()
      await one.put(KEY, signed(KEY))
      const good = readFileSync(join(folder, 'card.1.json'), 'latin1')
      const running = await open()
      writeFileSync(join(folder, 'card.1.json'), damage(good))
      await assert.rejects(open(), { code: 'catalogue-damaged' })
      rmSync(join(folder, 'card.1.json'))
      writeFileSync(join(folder, 'card.2.json'), damage(good))
      await running.look()
      assert.equal(running.get('card')?.serial, 1)
      assert.deepEqual(
        errors.map((error) => (error as { code: string }).code),
        ['catalogue-damaged'],
      )
    })
  }

  it("takes no record of one key in another's place", async () => {
    const one = await open()
    await one.put(KEY, signed(KEY))
    writeFileSync(join(folder, 'other.1.json'), readFileSync(join(folder, 'card.1.json')))
    await assert.rejects(open(), { code: 'catalogue-damaged' })
  })

  it('clears what a killed process had begun to write, when it is old', async () => {
    const names = ['new', 'old'].map((_, i) => `.${'0'.repeat(35)}${i}.new`)
    for (const name of names) writeFileSync(join(folder, name), 'x')
    const past = Date.now() / 1000 - 7200
    utimesSync(join(folder, names[1] ?? ''), past, past)
    await open()
    assert.deepEqual(
      names.map((name) => existsSync(join(folder, name))),
      [true, false],
    )
  })

  it('says that a folder cannot be written to', async () => {
    const one = await open()
    rmSync(folder, { recursive: true })
    await assert.rejects(one.put(KEY, signed(KEY)), { code: 'catalogue-unwritable' })
  })
})
