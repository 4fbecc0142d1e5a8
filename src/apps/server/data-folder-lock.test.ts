import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { lockDataFolder } from './data-folder-lock.ts'

const root = mkdtempSync(join(tmpdir(), 'limen-data-lock-'))
after(() => rmSync(root, { recursive: true }))
const MODULE = JSON.stringify(import.meta.resolve('./data-folder-lock.ts'))
const program = (folder: string) => `const { lockDataFolder } = await import(${MODULE})
await lockDataFolder(${JSON.stringify(folder)})
console.log('held')
setInterval(() => {}, 1000)`

describe('lockDataFolder()', () => {
  for (const [what, name] of [
    ['a folder', 'data'],
    ['one with a path longer than that of a socket may be', 'd'.repeat(200)],
  ] as const) {
    it(`lets one Limen into ${what}, and the next after a kill`, async () => {
      const folder = join(root, name)
      const child = spawn(process.execPath, ['--input-type=module', '-e', program(folder)])
      await once(child.stdout, 'data')
      await assert.rejects(lockDataFolder(folder), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'folder-in-use')
        assert.ok(error.message.includes(`the data folder ${folder}`))
        return true
      })
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      const unlock = await lockDataFolder(folder)
      await assert.rejects(lockDataFolder(folder), { code: 'folder-in-use' })
      unlock()
      await new Promise((done) => setImmediate(done))
      assert.equal(existsSync(join(folder, 'lock.sock')), false)
      const again = await lockDataFolder(folder)
      again()
    })
  }
})
