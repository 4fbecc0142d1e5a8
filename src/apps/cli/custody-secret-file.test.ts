import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { readSecretFile } from './custody-secret-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-secret-file-'))
after(() => rmSync(folder, { recursive: true }))
const file = (name: string, bytes: Uint8Array): string => {
  writeFileSync(join(folder, name), bytes)
  return join(folder, name)
}

describe('readSecretFile()', () => {
  it('gives a secret that fits its use', () => {
    const secret = new Uint8Array(32).fill(7)
    assert.deepEqual(readSecretFile(file('good', secret), 'encrypt'), secret)
  })

  it('says in a line what is wrong with others', () => {
    const bad: readonly (readonly [string, RegExp])[] = [
      [join(folder, 'none'), /^There is no .*none$/],
      [folder, /is a folder$/],
      [join(file('a-file', new Uint8Array(1)), 'in-it'), /There is no|cannot be read: ENOTDIR/],
      [file('empty', new Uint8Array()), /of use mac: it is empty$/],
      [file('short', new Uint8Array(5)), /16 octets at least; these are 5$/],
      [file('large', new Uint8Array(65_537)), /too large for a secret/],
    ]
    for (const [path, message] of bad) {
      assert.throws(() => readSecretFile(path, 'mac'), { code: 'usage', message })
    }
  })
})
