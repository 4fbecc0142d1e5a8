import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import {
  AUDIT_START,
  CHAIN_START,
  readAuditLine,
  writeAuditLine,
} from '../../keys/custody/audit-chain.ts'
import { type AuditCheckpoint, readCheckpoint } from '../../keys/custody/audit-checkpoint.ts'
import { type AuditReport, verifyAudit } from '../../keys/custody/verify-audit.ts'
import {
  AUDIT_FILE,
  CHECKPOINTS_FILE,
  type CustodyAuditOptions,
  isCheckpointSigned,
  openCustodyAudit,
} from './custody-audit.ts'

const NOW = 1_790_000_000_000
const HOUR_MS = 3_600_000
const node = new Uint8Array(16).fill(1)
const peer = new Uint8Array(16).fill(2)
const key = generateKeyPairSync('ed25519').privateKey
const peerKey = generateKeyPairSync('ed25519').privateKey
const entry = { caller: 'edge/e1', key: 'ca', operation: 'sign', result: 'done' }

let folder: string
let now: number
let sent: AuditCheckpoint[]
const inFreshFolder = (): void => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'limen-audit-'))
    now = NOW
    sent = []
  })
  afterEach(() => rmSync(folder, { recursive: true }))
}

const open = (change: Partial<CustodyAuditOptions> = {}) =>
  openCustodyAudit({
    ...{ folder, node, key, clock: { now: () => now } },
    onCheckpoint: (one) => void sent.push(one),
    ...change,
  })
const path = () => join(folder, AUDIT_FILE)
const linesOf = (file: string): string[] =>
  readFileSync(join(folder, file), 'latin1').split('\n').slice(0, -1)
const kept = () => linesOf(CHECKPOINTS_FILE).flatMap((line) => readCheckpoint(line) ?? [])

interface Verified extends AuditReport {
  /** `fault line`. */
  readonly found: readonly string[]
}
function verify(lines: readonly string[], checkpoints = kept(), at = now): Verified {
  const verifier = verifyAudit({ checkpoints, isSigned: isCheckpointSigned, now: at })
  for (const line of lines) verifier.take(line)
  const report = verifier.end(0)
  return { ...report, found: report.findings.map(({ fault, line }) => `${fault} ${line}`) }
}
/** A log of so many entries and the start, signed after 65 of 64 or more and at the end. */
async function written(entries: number): Promise<string[]> {
  const audit = open()
  for (let i = 1; i <= entries; i++) {
    audit.append({ ...entry, detail: { i } })
    now += 10
    if (i === 64) await audit.checkpoint()
  }
  await audit.close()
  return linesOf(AUDIT_FILE)
}
/** Lines as if somebody had written them from line `from` on, with hashes that fit. */
function rechained(lines: readonly string[], from: number): string[] {
  let hash = from === 1 ? CHAIN_START : (readAuditLine(lines[from - 2] ?? '')?.hash ?? CHAIN_START)
  return lines.map((line, i) => {
    const read = readAuditLine(line)
    if (i < from - 1 || read === undefined) return line
    const made = writeAuditLine({ ...read.entry, n: i + 1 }, hash)
    hash = made.hash
    return made.line
  })
}
const replaced = (lines: readonly string[], line: number, by: string): string[] =>
  lines.map((old, i) => (i === line - 1 ? by : old))
const edited = (lines: readonly string[], line: number): string[] =>
  replaced(lines, line, (lines[line - 1] ?? '').replace('edge/e1', 'edge/e2'))

async function signed(): Promise<void> {
  const deadline = performance.now() + 20_000
  while (sent.length === 0) {
    assert.ok(performance.now() < deadline, 'no checkpoint')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('openCustodyAudit()', () => {
  inFreshFolder()

  it('writes a chain that holds, over restarts, and signs it', async () => {
    const lines = await written(100)
    assert.equal(lines.length, 101)
    const report = verify(lines)
    assert.deepEqual([report.found, report.lines, report.signed], [[], 101, 101])
    assert.equal(report.node, '01'.repeat(16))
    const again = open()
    assert.equal(again.head().count, 102)
    again.append(entry)
    await again.close()
    const after = verify(linesOf(AUDIT_FILE), kept(), now + HOUR_MS)
    assert.deepEqual([after.found, after.signed, after.adopted], [[], 103, []])
  })

  it('signs after 64 entries by itself, and tells what it signed', async () => {
    const audit = open()
    for (let i = 1; i < 64; i++) audit.append(entry)
    await signed()
    assert.deepEqual(sent, kept())
    assert.equal(sent[0]?.count, 64)
    assert.equal(await audit.checkpoint(), sent[0])
    await audit.close()
    assert.equal(sent.length, 1)
    assert.throws(() => audit.append(entry), RangeError)
  })

  it('signs ten seconds after the first entry that is not signed', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const audit = open()
    t.mock.timers.tick(5000)
    audit.append(entry)
    t.mock.timers.tick(4999)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(kept(), [])
    t.mock.timers.tick(1)
    t.mock.timers.reset()
    await signed()
    assert.equal(sent[0]?.count, 2)
    await audit.close()
  })

  it('cuts off a torn line, says so, and adopts what it had not signed', async () => {
    const audit = open()
    audit.append(entry)
    await audit.checkpoint()
    audit.append(entry)
    // Killed: nothing signs, and half a line is there.
    appendFileSync(path(), '{"at":17')
    const torn = verifyAudit({ checkpoints: kept(), isSigned: isCheckpointSigned, now })
    for (const line of linesOf(AUDIT_FILE)) torn.take(line)
    const report = torn.end(8)
    assert.deepEqual([report.findings, report.tornBytes, report.signed], [[], 8, 2])
    const again = open()
    await again.close()
    const lines = linesOf(AUDIT_FILE)
    assert.deepEqual(readAuditLine(lines[3] ?? '')?.entry.detail?.['tornBytes'], 8)
    const after = verify(lines)
    assert.deepEqual([after.found, after.adopted], [[], [{ line: 4, entries: 1 }]])
    await audit.close()
  })

  it('does not go on with a log that is not what it signed, and leaves it as it is', async () => {
    const lines = await written(3)
    const damages = [
      lines.slice(0, -1),
      [],
      [...lines.slice(0, -1), 'x'],
      rechained(edited(lines, 4), 4),
    ]
    for (const damage of damages) {
      const bytes = damage.map((line) => `${line}\n`).join('')
      writeFileSync(path(), bytes)
      assert.throws(() => open(), { code: 'audit-damaged' })
      assert.equal(readFileSync(path(), 'latin1'), bytes)
    }
  })

  it('keeps what peers signed, if they did', async () => {
    await written(2)
    const [own] = kept()
    const theirs = await signedBy(peer)
    const audit = open()
    assert.ok(own !== undefined)
    assert.equal(audit.keepCheckpointOf(theirs.publicKey, theirs), true)
    assert.equal(audit.keepCheckpointOf(theirs.publicKey, theirs), false, 'again')
    assert.equal(audit.keepCheckpointOf(own.publicKey, own), false, 'its own')
    const newer = { ...theirs, count: theirs.count + 1 }
    assert.equal(audit.keepCheckpointOf(theirs.publicKey, newer), false, 'changed')
    assert.equal(audit.keepCheckpointOf(own.publicKey, newer), false, 'another key')
    await audit.close()
    assert.deepEqual(
      kept().filter((one) => one.node.every((octet) => octet === 2)),
      [theirs],
    )
    assert.deepEqual(verify(linesOf(AUDIT_FILE)).found, [])
  })

  /** What another node signs of its own log. */
  async function signedBy(other: Uint8Array): Promise<AuditCheckpoint> {
    const own = mkdtempSync(join(tmpdir(), 'limen-audit-peer-'))
    const audit = open({ folder: own, node: other, key: peerKey, onCheckpoint: () => undefined })
    const made = await audit.checkpoint()
    await audit.close()
    rmSync(own, { recursive: true })
    return made
  }
})

describe('verifyAudit()', () => {
  inFreshFolder()

  it('names a line that was edited, with its own hash made anew or not', async () => {
    const lines = await written(100)
    assert.deepEqual(verify(edited(lines, 30)).found, ['hash 30'])
    const read = readAuditLine(edited(lines, 30)[29] ?? '')
    const previous = readAuditLine(lines[28] ?? '')?.hash ?? CHAIN_START
    assert.ok(read !== undefined)
    const own = writeAuditLine(read.entry, previous).line
    assert.deepEqual(verify(replaced(lines, 30, own)).found, ['hash 31'])
    assert.deepEqual(verify(replaced(lines, 30, 'x')).found, ['line 30', 'hash 31'])
  })

  it('names between which signatures a log was written anew', async () => {
    const lines = await written(100)
    assert.deepEqual(verify(rechained(edited(lines, 30), 30)).found, [
      'rewritten 1',
      'rewritten 66',
    ])
    assert.deepEqual(verify(rechained(edited(lines, 80), 80)).found, ['rewritten 66'])
    const without = rechained(lines.toSpliced(79, 1), 80)
    assert.deepEqual(verify(without).found, ['truncated 101'])
  })

  it('names where lines are missing, moved or twice', async () => {
    const lines = await written(100)
    assert.deepEqual(verify(lines.toSpliced(29, 1)).found, [
      ...['number 30', 'rewritten 1', 'truncated 101'],
    ])
    const [a = '', b = ''] = lines.slice(29, 31)
    assert.deepEqual(verify(lines.toSpliced(29, 2, b, a)).found, [
      ...['number 30', 'number 31', 'number 32'],
    ])
    assert.ok(verify(lines.toSpliced(29, 0, a)).found.includes('number 31'))
    assert.deepEqual(verify(lines.slice(1)).found.slice(0, 2), ['number 1', 'line 1'])
  })

  it('names what was cut off, also when only a peer kept the checkpoint', async () => {
    const lines = await written(100)
    assert.deepEqual(verify(lines.slice(0, 90)).found, ['truncated 91'])
    const [early, late] = kept()
    assert.ok(early !== undefined && late !== undefined)
    assert.deepEqual(verify(lines.slice(0, 65), [early]).found, [])
    assert.deepEqual(verify(lines.slice(0, 65), [early, late]).found, ['truncated 66'])
    assert.deepEqual(verify([], kept()).found, ['truncated 1'])
  })

  it('names what a stranger added, once the node would have signed it', async () => {
    const lines = await written(10)
    const stranger = { ...entry, n: 12, at: now }
    const last = readAuditLine(lines.at(-1) ?? '')?.hash ?? CHAIN_START
    const added = [...lines, writeAuditLine(stranger, last).line]
    assert.deepEqual(verify(added).found, [])
    assert.deepEqual(verify(added, kept(), now + 31_000).found, ['unsigned 12'])
    assert.deepEqual(verify(added, kept(), now - 31_000).found, ['unsigned 12'])
    // With a start of its own, and its own key.
    const detail = { node: '01'.repeat(16), publicKey: '00'.repeat(32), unsigned: 0 }
    const start = { ...stranger, operation: AUDIT_START, detail }
    assert.deepEqual(verify([...lines, writeAuditLine(start, last).line]).found, ['signature 12'])
    const other = { ...start, detail: { ...detail, node: '02'.repeat(16) } }
    assert.deepEqual(verify([...lines, writeAuditLine(other, last).line]).found, [
      ...['line 12', 'signature 12'],
    ])
  })

  it('takes no checkpoint that the node did not sign', async () => {
    const lines = await written(10)
    const [one] = kept()
    assert.ok(one !== undefined)
    const signature = new Uint8Array(one.signature)
    signature[5] = (signature[5] ?? 0) ^ 1
    assert.deepEqual(verify(lines, [{ ...one, signature }]).found, ['signature 11'])
    assert.deepEqual(verify(lines, [{ ...one, publicKey: peer }]).found, ['signature 11'])
    // One that says there were more lines, and is signed by nobody, proves nothing.
    assert.deepEqual(verify(lines, [one, { ...one, count: 99 }]).found, [])
    const checkpoints = [one]
    const publicKey = new Uint8Array(32)
    const verifier = verifyAudit({ checkpoints, publicKey, isSigned: isCheckpointSigned, now })
    for (const line of lines) verifier.take(line)
    const faults = verifier.end(0).findings.map(({ fault, line }) => `${fault} ${line}`)
    assert.deepEqual(faults, ['signature 1', 'signature 11'])
  })
})
