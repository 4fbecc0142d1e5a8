import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import {
  AUDIT_FILE,
  CHECKPOINTS_FILE,
  openCustodyAudit,
} from '../../adapters/node/custody-audit.ts'

const LIMEN = join(import.meta.dirname, '../../../bin/limen')
const folder = mkdtempSync(join(tmpdir(), 'limen-audit-verify-'))
const log = join(folder, AUDIT_FILE)
const checkpoints = join(folder, CHECKPOINTS_FILE)
after(() => rmSync(folder, { recursive: true }))
before(async () => {
  const { privateKey: key } = generateKeyPairSync('ed25519')
  const node = new Uint8Array(16).fill(0xab)
  const audit = openCustodyAudit({ folder, node, key, clock: { now: () => Date.now() } })
  const entry = { caller: 'edge/e1', key: 'ca', operation: 'sign', result: 'done' }
  for (let i = 0; i < 9; i++) audit.append(entry)
  await audit.close()
})

/** Exit code and what was said, of the real command. */
const run = (...args: string[]): Promise<{ code: number; text: string }> =>
  new Promise((resolve) => {
    execFile(LIMEN, ['custody', 'audit', 'verify', ...args], (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), text: stdout + stderr })
    })
  })
/** The log in a folder without checkpoints, changed. */
const changed = (change: (lines: string[]) => string[]): string => {
  const path = join(mkdtempSync(join(folder, 'changed-')), AUDIT_FILE)
  const lines = readFileSync(log, 'latin1').split('\n').slice(0, -1)
  writeFileSync(
    path,
    change(lines)
      .map((line) => `${line}\n`)
      .join(''),
  )
  return path
}

describe('limen custody audit verify', () => {
  it('says that a log is whole, and which key signed it', async () => {
    const { code, text } = await run(log)
    assert.equal(code, 0, text)
    assert.match(
      text,
      /^Log of node (?:ab){16}: 10 lines, 10 of them signed by [0-9a-f]{64}\nIt is what the node wrote\n$/,
    )
    const json = JSON.parse((await run(log, '-o', 'json')).text)
    assert.deepEqual(
      [json.intact, json.lines, json.signed, json.findings, json.checkpoints],
      [true, 10, 10, [], 1],
    )
    assert.equal((await run(log, '--key', json.publicKey)).code, 0)
  })

  it('names lines, by checkpoints that are elsewhere', async () => {
    const cut = changed((lines) => lines.slice(0, 7))
    const { code, text } = await run(cut, '--checkpoints', checkpoints)
    assert.equal(code, 1)
    assert.match(text, /Line 8: 10 lines were signed, 7 are left \(truncated\)\n(?:.*\n)?It is NOT/)
    const edited = changed((lines) =>
      lines.map((line, i) => (i === 4 ? line.replace('e1', 'e2') : line)),
    )
    const json = JSON.parse((await run(edited, '--checkpoints', checkpoints, '-o', 'json')).text)
    assert.deepEqual([json.findings[0].fault, json.findings[0].line, json.signed], ['hash', 5, 10])
  })

  it('tells a torn line from tampering, and a file of checkpoints that is none', async () => {
    const torn = changed((lines) => lines)
    appendFileSync(torn, '{"at":1')
    const { code, text } = await run(torn, '--checkpoints', checkpoints)
    assert.equal(code, 0, text)
    assert.match(text, /7 bytes of one that a crash has torn\nIt is what/)
    const none = await run(log, '--checkpoints', log)
    assert.equal(none.code, 1)
    assert.match(none.text, /10 lines are none/)
  })

  it('does not take an empty log for a whole one', async () => {
    const { code, text } = await run(changed(() => []))
    assert.equal(code, 1)
    assert.match(text, /Line 1: is not there.*\(line\)\nIt is NOT/)
  })

  it('says what it cannot read', async () => {
    const absent = await run(join(folder, 'absent'))
    assert.equal(absent.code, 1)
    assert.match(absent.text, /Cannot read .*absent: ENOENT/)
    assert.equal((await run(log, '--key', 'x')).code, 2)
    assert.equal((await run(log, '-o', 'xml')).code, 2)
  })
})
