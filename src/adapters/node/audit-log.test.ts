import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { type AuditLog, openAuditLog } from './audit-log.ts'

const folder = mkdtempSync(join(tmpdir(), 'limen-audit-'))
after(() => rmSync(folder, { recursive: true }))
let count = 0
const withLog = (use: (log: AuditLog, path: string) => void, path = join(folder, `${count++}`)) => {
  const log = openAuditLog(path, { now: () => 7 })
  use(log, path)
  log.close()
}
const write = (log: AuditLog, ...subjects: string[]) => {
  for (const subject of subjects) log.append({ who: 'ops', action: 'test', subject, detail: {} })
}
const subjects = (log: AuditLog) => log.read(99).entries.map(({ subject }) => subject)

describe('openAuditLog()', () => {
  it('gives back what was written, the newest first', () =>
    withLog((log) => {
      write(log, 'a', 'b', 'c')
      assert.deepEqual(subjects(log), ['c', 'b', 'a'])
      assert.deepEqual(log.read(1).entries.length, 1)
      assert.equal(log.read(1).intact, true)
    }))

  it('goes on with the chain after a restart', () =>
    withLog((first, path) => {
      write(first, 'a')
      withLog((second) => {
        write(second, 'b')
        assert.deepEqual([subjects(second), second.read(9).intact], [['b', 'a'], true])
      }, path)
    }))

  const edits: readonly (readonly [string, (lines: readonly string[]) => readonly string[]])[] = [
    ['changed', ([a = '', ...rest]) => [a.replace('ops', 'eve'), ...rest]],
    ['taken out', ([a = '', , c = '']) => [a, c]],
    ['put in', ([a = '', ...rest]) => [a, a, ...rest]],
    ['swapped', ([a = '', b = '', c = '']) => [b, a, c]],
  ]
  for (const [what, edit] of edits) {
    it(`sees that a line was ${what}`, () =>
      withLog((log, path) => {
        write(log, 'a', 'b', 'c')
        const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
        writeFileSync(path, `${edit(lines).join('\n')}\n`)
        assert.equal(log.read(9).intact, false)
      }))
  }

  it('a line torn by a crash does not swallow the next', () =>
    withLog((first, path) => {
      write(first, 'a')
      appendFileSync(path, '{"at":1,"who"')
      withLog((second) => {
        write(second, 'b')
        assert.deepEqual([subjects(second), second.read(9).intact], [['b', 'a'], false])
      }, path)
    }))
})
