import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { type FolderOpener, openSealedFolder } from './sealed-folder.ts'

const SECRET = Buffer.from('a secret of 24 octets ..')
const random = systemRandom()
/** As custody does: the same for the same, and another for each cluster. */
const custody = (cluster: string): FolderOpener => ({
  kind: 'custody',
  derive: async (of) => new Uint8Array(createHash('sha256').update(cluster).update(of).digest()),
})

describe('openSealedFolder()', () => {
  let folder: string
  const at = (name: string) => join(folder, name)
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'limen-sealed-'))
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  it('keeps what is secret sealed, by a key in a file', async () => {
    const one = await openSealedFolder(folder, { kind: 'file' }, random)
    assert.equal(one.read('x'), undefined)
    one.write('x', SECRET)
    assert.equal(readFileSync(at('x.sealed')).includes(SECRET), false)
    assert.equal(statSync(at('x.sealed')).mode & 0o777, 0o600)
    const again = await openSealedFolder(folder, { kind: 'file' }, random)
    assert.deepEqual(again.read('x'), SECRET)
    // What was changed, or is another's.
    writeFileSync(at('y.sealed'), readFileSync(at('x.sealed')))
    assert.throws(() => again.read('y'), { code: 'folder-key' })
  })

  it('takes over what lies there open, and not another in its place', async () => {
    writeFileSync(at('x'), SECRET)
    const one = await openSealedFolder(folder, { kind: 'file' }, random)
    assert.deepEqual(one.read('x'), SECRET)
    assert.equal(existsSync(at('x')), false)
    writeFileSync(at('x'), SECRET)
    assert.deepEqual(one.read('x'), SECRET)
    writeFileSync(at('x'), 'planted')
    assert.throws(() => one.read('x'), { code: 'folder-key' })
  })

  it('custody takes a key over from a file, and then nothing opens without it', async () => {
    const before = await openSealedFolder(folder, { kind: 'file' }, random)
    before.write('x', SECRET)
    const key = readFileSync(at('folder.key'))
    const one = await openSealedFolder(folder, custody('a'), random)
    assert.deepEqual(one.read('x'), SECRET)
    assert.equal(existsSync(at('folder.key')), false)
    assert.equal(readFileSync(at('folder.sealed')).includes(key), false)
    const again = await openSealedFolder(folder, custody('a'), random)
    assert.deepEqual(again.read('x'), SECRET)
    for (const other of [custody('b'), { kind: 'file' } as const]) {
      await assert.rejects(openSealedFolder(folder, other, random), { code: 'folder-key' })
    }
    writeFileSync(at('folder.sealed'), readFileSync(at('folder.sealed')).subarray(1))
    await assert.rejects(openSealedFolder(folder, custody('a'), random), { code: 'folder-key' })
  })

  it('says what is wrong with the name of a token, and not what it is', async () => {
    const opener = { kind: 'token', uri: 'pkcs11:token=a;object=b?pin-value=12345' } as const
    await assert.rejects(openSealedFolder(folder, opener, random), (error: Error) => {
      assert.equal(error.message.includes('12345'), false)
      return true
    })
  })
})
