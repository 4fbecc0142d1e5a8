import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { sealKey } from './custody-seal-command.ts'

it('sealKey() writes shares into a folder that is there, and makes none', () => {
  const folder = mkdtempSync(join(tmpdir(), 'limen-seal-key-'))
  try {
    const key = join(folder, 'key')
    const sharing = { shares: '3', threshold: '2' }
    const nowhere = { ...sharing, sharesTo: join(folder, 'none/shares') }
    assert.throws(() => sealKey(key, nowhere, assert.fail), { code: 'usage' })
    assert.deepEqual(readdirSync(folder), [])
    sealKey(key, { ...sharing, sharesTo: join(folder, 'shares') }, () => undefined)
    assert.ok(existsSync(key))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
