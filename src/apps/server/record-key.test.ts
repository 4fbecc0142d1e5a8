import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { type DeriveKey, recordKeyInCustody, recordKeyInFile } from './record-key.ts'

const random = systemRandom()
let data = ''
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'limen-record-key-'))
})
afterEach(() => rmSync(data, { recursive: true }))

/** As custody does: a function of its key and what it is asked for. */
const deriving =
  (key: string): DeriveKey =>
  async (of) =>
    new Uint8Array(createHmac('sha256', key).update(of).digest())
const derive = deriving('custody')
const at = (name: string): string => join(data, name)

describe('recordKeyInCustody()', () => {
  it('makes a key that only the same custody opens again', async () => {
    const made = await recordKeyInCustody(data, derive, random)
    assert.equal(existsSync(at('record.key')), false)
    assert.equal(statSync(at('record.sealed')).mode & 0o777, 0o600)
    assert.equal(readFileSync(at('record.sealed')).includes(made.export()), false)
    const again = await recordKeyInCustody(data, derive, random)
    assert.ok(again.equals(made))
    const bad = { code: 'record-key-bad' }
    await assert.rejects(recordKeyInCustody(data, deriving('another'), random), bad)
  })

  it('takes over the key of a file, and destroys the file', async () => {
    const before = recordKeyInFile(data, random)
    const after = await recordKeyInCustody(data, derive, random)
    assert.ok(after.equals(before))
    assert.equal(existsSync(at('record.key')), false)
    assert.throws(() => recordKeyInFile(data, random), { code: 'custody-off' })
  })

  it('takes over what a crash has left: both files, of the same key', async () => {
    const before = recordKeyInFile(data, random)
    const file = readFileSync(at('record.key'))
    await recordKeyInCustody(data, derive, random)
    writeFileSync(at('record.key'), file)
    assert.ok((await recordKeyInCustody(data, derive, random)).equals(before))
    assert.equal(existsSync(at('record.key')), false)
    writeFileSync(at('record.key'), Buffer.alloc(32, 1))
    const bad = { code: 'record-key-bad', message: /not the same/ }
    await assert.rejects(recordKeyInCustody(data, derive, random), bad)
    assert.equal(existsSync(at('record.key')), true)
  })

  it('keeps the file when custody is away', async () => {
    recordKeyInFile(data, random)
    const away = new Error('away')
    await assert.rejects(
      recordKeyInCustody(data, () => Promise.reject(away), random),
      away,
    )
    assert.equal(existsSync(at('record.key')), true)
    assert.equal(existsSync(at('record.sealed')), false)
  })

  it('opens nothing with an octet changed, or cut short', async () => {
    await recordKeyInCustody(data, derive, random)
    const whole = readFileSync(at('record.sealed'))
    for (let i = 0; i < whole.length; i++) {
      const changed = Buffer.from(whole)
      changed[i] = (changed[i] ?? 0) ^ 1
      writeFileSync(at('record.sealed'), changed)
      const bad = { code: 'record-key-bad' }
      await assert.rejects(recordKeyInCustody(data, derive, random), bad, String(i))
    }
    writeFileSync(at('record.sealed'), whole.subarray(1))
    await assert.rejects(recordKeyInCustody(data, derive, random), /damaged/)
  })
})
