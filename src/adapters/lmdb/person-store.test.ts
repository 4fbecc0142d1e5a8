import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { personStoreContract, samplePerson } from '../../ports/person-store.contract.ts'
import type { PersonStore } from '../../ports/person-store.ts'
import { seededRandom } from '../../ports/profile-store.contract.ts'
import { aesPersonSeal } from '../node/person-seal.ts'
import { aesRecordSeal } from '../node/record-seal.ts'
import { openEnvironment } from './environment.ts'
import { lmdbPersonStore } from './person-store.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-people-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const place = (): string => join(folder, String(count++))

const open = async (
  path: string,
  key = 1,
  onUnreadable: (id: string) => void = () => {},
): Promise<PersonStore> => {
  const master = createSecretKey(Buffer.alloc(32, key))
  const random = seededRandom(count + key)
  return lmdbPersonStore({
    records: await openEnvironment(join(path, 'records')),
    keys: await openEnvironment(join(path, 'keys')),
    seal: aesPersonSeal(master, random),
    stateSeal: aesRecordSeal(master, 'people', random),
    onUnreadable,
  })
}

personStoreContract('lmdb', () => open(place()))

describe('lmdbPersonStore()', () => {
  it('still knows who it knew after a restart, under the same record key', async () => {
    const path = place()
    const before = await open(path)
    await before.save(samplePerson(1))
    await before.save(samplePerson(1))
    await before.close()
    const store = await open(path)
    assert.deepEqual(await store.load(samplePerson(1).id), { person: samplePerson(1), revision: 2 })
    await store.close()
    const unreadable: string[] = []
    const other = await open(path, 2, (id) => unreadable.push(id))
    assert.equal(await other.load(samplePerson(1).id), undefined)
    assert.deepEqual(unreadable, [samplePerson(1).id])
    await other.close()
  })

  it('writes nothing of a person to the disk that was not sealed', async () => {
    const path = place()
    const store = await open(path)
    await store.save(samplePerson(1))
    await store.close()
    for (const part of ['records', 'keys']) {
      const bytes = readFileSync(join(path, part, 'data.mdb'))
      for (const text of ['desktop', 'createdAt', 'confirmed'])
        assert.equal(bytes.indexOf(text), -1)
    }
  })

  it('opens nothing of an erased person, a copy of the records from before included', async () => {
    const path = place()
    const store = await open(path)
    await store.save(samplePerson(1))
    await store.save(samplePerson(2))
    await store.close()
    const copy = place()
    cpSync(join(path, 'records'), join(copy, 'records'), { recursive: true })
    const erasing = await open(path)
    await erasing.erase(samplePerson(1).id)
    await erasing.close()
    cpSync(join(path, 'keys'), join(copy, 'keys'), { recursive: true })
    const restored = await open(copy)
    assert.equal(await restored.load(samplePerson(1).id), undefined)
    assert.deepEqual((await restored.load(samplePerson(2).id))?.person, samplePerson(2))
    // Who comes again gets another key: the old record stays noise.
    assert.equal(await restored.save(samplePerson(1)), 2)
    await restored.close()
  })
})
