import assert from 'node:assert/strict'
import { createSecretKey } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { LimenError } from '../../ground/limen-error.ts'
import { aesRecordSeal } from './record-seal.ts'
import { readOrMakeSecret, SECRET_BYTES_MAX, sealedFiles } from './secret-files.ts'
import { systemRandom } from './system-random.ts'

const random = systemRandom()
const SEED = 20261121
const BAD = { code: 'secret-file-bad' }
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'limen-secret-files-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const at = (name: string): string => join(folder, name)
const filesOf = (octet = 1) =>
  sealedFiles(folder, aesRecordSeal(createSecretKey(Buffer.alloc(32, octet)), 'secrets', random))
const SECRET = Buffer.from('sixteen octets!!')

describe('sealedFiles()', () => {
  it('keep a secret so that only the same key opens it, for the owner alone', () => {
    filesOf().write(at('a.key'), SECRET)
    assert.equal(existsSync(at('a.key')), false)
    assert.equal(statSync(at('a.key.sealed')).mode & 0o777, 0o600)
    assert.equal(readFileSync(at('a.key.sealed')).includes(SECRET), false)
    assert.deepEqual(filesOf().read(at('a.key')), SECRET)
    assert.throws(() => filesOf(2).read(at('a.key')), BAD)
    assert.equal(filesOf().read(at('b.key')), undefined)
  })

  it('do not open one under the name of another, in this folder or below', () => {
    filesOf().write(at('one/ca.key'), SECRET)
    const sealed = readFileSync(at('one/ca.key.sealed'))
    for (const name of ['ca.key', 'two.key', 'one/leaf.key']) {
      writeFileSync(at(`${name}.sealed`), sealed)
      assert.throws(() => filesOf().read(at(name)), BAD, name)
    }
  })

  it('open nothing that was changed, cut short, made longer, or made up', () => {
    const files = filesOf()
    files.write(at('a.key'), SECRET)
    const whole = readFileSync(at('a.key.sealed'))
    const changed = fc
      .tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }))
      .map(([i, by]) => whole.map((octet, k) => (k === i ? octet ^ by : octet)))
    const cut = fc.nat(whole.length - 1).map((end) => whole.subarray(0, end))
    const longer = fc.uint8Array({ minLength: 1 }).map((more) => Buffer.concat([whole, more]))
    const any = fc.oneof(changed, cut, longer, fc.uint8Array({ maxLength: 200 }))
    fc.assert(
      fc.property(any, (bytes) => {
        writeFileSync(at('a.key.sealed'), bytes)
        try {
          files.read(at('a.key'))
        } catch (error) {
          return error instanceof LimenError && error.code === BAD.code
        }
        return false
      }),
      { seed: SEED },
    )
  })

  it('refuse what is too long, before it is opened and before it is written', () => {
    const most = Buffer.alloc(SECRET_BYTES_MAX, 7)
    filesOf().write(at('a.key'), most)
    assert.deepEqual(filesOf().read(at('a.key')), most)
    assert.throws(
      () => filesOf().write(at('a.key'), Buffer.alloc(SECRET_BYTES_MAX + 1)),
      RangeError,
    )
    writeFileSync(at('b.key'), Buffer.alloc(SECRET_BYTES_MAX + 1))
    assert.throws(() => filesOf().takeOver(at('b.key')), BAD)
    assert.equal(existsSync(at('b.key')), true)
  })
})

describe('takeOver()', () => {
  it('seals what lies there as it is, and destroys it', () => {
    writeFileSync(at('a.key'), SECRET)
    filesOf().takeOver(at('a.key'))
    assert.equal(existsSync(at('a.key')), false)
    assert.deepEqual(filesOf().read(at('a.key')), SECRET)
    filesOf().takeOver(at('a.key'))
    assert.deepEqual(filesOf().read(at('a.key')), SECRET)
  })

  it('goes on from what a crash has left: both, of the same secret; else neither is touched', () => {
    filesOf().write(at('a.key'), SECRET)
    writeFileSync(at('a.key'), SECRET)
    filesOf().takeOver(at('a.key'))
    assert.equal(existsSync(at('a.key')), false)
    for (const other of [Buffer.alloc(16, 9), Buffer.alloc(0), SECRET.subarray(1)]) {
      writeFileSync(at('a.key'), other)
      assert.throws(() => filesOf().takeOver(at('a.key')), /not the same/)
      assert.deepEqual(readFileSync(at('a.key')), Buffer.from(other))
      assert.deepEqual(filesOf().read(at('a.key')), SECRET)
    }
  })
})

describe('readOrMakeSecret()', () => {
  it('makes it once', () => {
    const files = filesOf()
    const made = readOrMakeSecret(files, at('a.key'), () => random.bytes(16))
    assert.equal(made.length, 16)
    const again = readOrMakeSecret(files, at('a.key'), () => assert.fail('it is there'))
    assert.deepEqual(again, made)
  })
})
