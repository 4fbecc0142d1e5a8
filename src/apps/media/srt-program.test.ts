import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { SrtProgram } from './srt-program.ts'

/** A busy machine may take its time. */
const WAIT_MS = 20_000

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + WAIT_MS; !holds(); ) {
    if (Date.now() > end) assert.fail(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('SrtProgram', () => {
  let folder: string
  let complaints: string[]
  let programs: SrtProgram[]

  const program = (script: string) => {
    const command = join(folder, 'command')
    writeFileSync(command, `#!/bin/sh\n${script}\n`)
    chmodSync(command, 0o700)
    return started(command)
  }
  const started = (command: string) => {
    const one = new SrtProgram({
      ...{ device: 'camera-1', folder: join(folder, 'srt'), command },
      complain: (what) => void complaints.push(what),
    })
    programs.push(one)
    return one
  }
  const file = (epoch: number) => join(folder, 'srt', `camera-1-${epoch}.passphrase`)
  const said = () => {
    const path = join(folder, 'said')
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'limen-srt-program-'))
    complaints = []
    programs = []
  })
  afterEach(() => {
    for (const one of programs) one.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('gives the passphrase in a file of its owner, and starts the command', async () => {
    const one = program(`echo "$1 $2 $4 $(cat "$3")" >> ${folder}/said; exec sleep 100`)
    assert.equal(one.begin(5, Buffer.from('secret'), '127.0.0.1:9'), true)
    assert.equal(one.begin(5, Buffer.from('secret'), '127.0.0.1:9'), true)
    await until('the command', () => said().length > 0)
    assert.deepEqual(said(), ['camera-1 5 127.0.0.1:9 secret'])
    assert.equal(statSync(file(5)).mode & 0o777, 0o600)
    one.begin(6, Buffer.from('other'))
    await until('the next', () => said().length > 1)
    assert.equal(existsSync(file(5)), true)
    one.end(5)
    assert.deepEqual([existsSync(file(5)), existsSync(file(6))], [false, true])
  })

  it('ends the command of an epoch with it', async () => {
    const one = program(
      `trap 'echo ended >> ${folder}/said; exit' TERM; echo begun >> ${folder}/said; while :; do sleep 0.05; done`,
    )
    one.begin(5, Buffer.from('secret'))
    await until('a beginning', () => said().includes('begun'))
    one.end(5)
    await until('an end', () => said().includes('ended'))
    assert.deepEqual(said(), ['begun', 'ended'])
  })

  it('starts it again when it ends before', async () => {
    const one = program(`echo begun >> ${folder}/said`)
    one.begin(5, Buffer.from('secret'))
    await until('another time', () => said().length > 1)
  })

  it('removes what was left behind, and says what does not work', async () => {
    program('exit').begin(5, Buffer.from('secret'))
    assert.equal(existsSync(file(5)), true)
    const other = started(join(folder, 'none'))
    assert.equal(existsSync(file(5)), false)
    other.begin(6, Buffer.from('secret'))
    await until('a complaint', () => complaints.length > 0)
    assert.equal(complaints[0], 'camera-1: the SRT command cannot be started: ENOENT')
    assert.equal(complaints.join().includes('secret'), false)
  })
})
