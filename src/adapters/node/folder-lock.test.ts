import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { lockFolder } from './folder-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-folder-lock-'))
after(() => rmSync(folder, { recursive: true }))
const PROGRAM = `const { lockFolder } = await import(${JSON.stringify(import.meta.resolve('./folder-lock.ts'))})
await lockFolder(${JSON.stringify(folder)})
console.log('held')
setInterval(() => {}, 1000)`

describe('lockFolder()', () => {
  it('lets one in, and the next when that one lets go', async () => {
    const unlock = await lockFolder(folder)
    await assert.rejects(lockFolder(folder), { code: 'folder-in-use' })
    unlock()
    const again = await lockFolder(folder)
    again()
  })

  it('lets in after one that was killed', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM])
    await once(child.stdout, 'data')
    await assert.rejects(lockFolder(folder), { code: 'folder-in-use' })
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
    assert.equal(existsSync(join(folder, 'lock.sock')), true)
    // All find a socket that nobody answers on; nobody takes away that of the first.
    const tried = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)))
    const held = tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    assert.equal(held.length, 1)
    await assert.rejects(lockFolder(folder), { code: 'folder-in-use' })
    assert.deepEqual(readdirSync(folder), ['lock.sock'])
    held[0]?.()
  })
})
