import assert from 'node:assert/strict'
import { createDecipheriv, createHash, scryptSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { makePassphraseKey, openPassphraseKey } from './passphrase-key.ts'
import { systemRandom } from './system-random.ts'

const random = systemRandom()
const folder = mkdtempSync(join(tmpdir(), 'limen-passphrase-'))
const passphrase = Buffer.from('correct horse battery staple')
const path = join(folder, 'key')
const options = { path, passphrase, random }

describe('a wrapping key under a passphrase', () => {
  after(() => rmSync(folder, { recursive: true }))

  it('opens with it, over restarts, and is as documented', async () => {
    await assert.rejects(openPassphraseKey(options), { code: 'key-file-missing' })
    await makePassphraseKey(options)
    await assert.rejects(makePassphraseKey(options), { code: 'key-file-there' })
    const key = await openPassphraseKey(options)
    const data = random.bytes(32)
    const wrapped = await key.wrap(data)
    const again = await openPassphraseKey(options)
    assert.deepEqual(again.reference, key.reference)
    assert.deepEqual(await again.unwrap(wrapped), data)

    assert.equal(statSync(path).mode & 0o777, 0o600)
    const file = readFileSync(path)
    assert.equal(file.toString('hex', 0, 9), '4c574b310101110801')
    assert.deepEqual(new Uint8Array(file.subarray(16, 32)), key.reference)
    const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 }
    const sealing = scryptSync(passphrase, file.subarray(32, 48), 32, cost)
    const decipher = createDecipheriv('aes-256-gcm', sealing, file.subarray(48, 60))
    decipher.setAAD(file.subarray(0, 60)).setAuthTag(file.subarray(92, 108))
    const secret = Buffer.concat([decipher.update(file.subarray(60, 92)), decipher.final()])
    const inner = createDecipheriv('aes-256-gcm', secret, wrapped.subarray(1, 13))
    inner.setAAD(key.reference).setAuthTag(wrapped.subarray(45))
    assert.deepEqual(new Uint8Array(inner.update(wrapped.subarray(13, 45))), data)
    inner.final()
  })

  it('tells a wrong passphrase from a damaged file', async () => {
    const wrong = Buffer.from('correct horse battery stable')
    await assert.rejects(openPassphraseKey({ ...options, passphrase: wrong }), (error: Error) => {
      assert.equal((error as Error & { code: string }).code, 'passphrase-wrong')
      return !`${error.message}${error.stack}`.includes('horse')
    })
    const file = readFileSync(path)
    for (const at of [0, 6, 20, 40, 70, 100, 111]) {
      const changed = Buffer.from(file)
      changed[at] = (changed[at] ?? 0) ^ 1
      writeFileSync(path, changed)
      await assert.rejects(openPassphraseKey(options), { code: 'key-file-damaged' }, `octet ${at}`)
    }
    writeFileSync(path, file.subarray(1))
    await assert.rejects(openPassphraseKey(options), { code: 'key-file-damaged' })
    writeFileSync(path, file)
  })

  it('does not spend what a file asks for beyond its bounds, nor take a short passphrase', async () => {
    const file = readFileSync(path)
    for (const [at, value] of [
      [6, 31],
      [6, 1],
      [7, 255],
      [8, 5],
      [8, 0],
    ] as const) {
      const changed = Buffer.from(file)
      changed[at] = value
      changed.set(
        createHash('sha256').update(changed.subarray(0, 108)).digest().subarray(0, 4),
        108,
      )
      writeFileSync(path, changed)
      await assert.rejects(openPassphraseKey(options), { code: 'key-file-damaged' })
    }
    const short = { ...options, path: `${path}-2`, passphrase: Buffer.from('eleven char') }
    await assert.rejects(makePassphraseKey(short), { code: 'passphrase-short' })
  })
})
