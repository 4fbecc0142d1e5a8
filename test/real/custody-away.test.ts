/**
 * What the commands about a cluster say while nodes are away or hang: nothing passes for fine that was not looked at, no backup for whole, no key for new.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { freePorts } from '../free-ports.ts'

const MAIN = join(import.meta.dirname, '../../src/apps/cli/main.ts')
const FIRST = ['n1', 'n2', 'n3']
const SECOND = ['n4', 'n5', 'n6']
const IDS = [...FIRST, ...SECOND]
/** Of a machine that is busy with others. */
const STEP_MS = 120_000
/** Keys of the first nodes: one after the other they would take 3 s each while these hang. */
const MORE = 12

let folder = ''

import { killed, untilItListens } from './custody-node-process.ts'

const running = new Map<string, ChildProcess>()
const at = () => ['-c', join(folder, 'site/custody.yaml')]

async function limen(...words: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, 'custody', ...words])
  let [out, told] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (more: string) => (out += more))
  child.stderr.setEncoding('utf8').on('data', (more: string) => (told += more))
  const [code] = (await once(child, 'close')) as [number]
  return { code, out, told, all: `${words.join(' ')}: ${code}\n${out}${told}` }
}

async function start(id: string): Promise<void> {
  const config = join(folder, 'site/nodes', id, 'node.yaml')
  const child = spawn(process.execPath, [MAIN, 'custody-node', '-c', config])
  running.set(id, child)
  await untilItListens(child, id)
}

async function end(id: string): Promise<void> {
  const child = running.get(id)
  running.delete(id)
  await killed(child)
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-away-'))
  const ports = await freePorts(IDS.length)
  const nodes = IDS.flatMap((id, i) => ['--node', `${id}=127.0.0.1:${ports[i]}`])
  const operators = ['--operators', '3', '--operators-needed', '2', '--threshold', '2']
  const made = await limen(
    'init',
    join(folder, 'site'),
    '--cluster',
    'away',
    ...nodes,
    ...operators,
  )
  assert.equal(made.code, 0, made.all)
  await Promise.all(IDS.map(start))
  const make = async (name: string, holders: readonly string[]) => {
    const key = await limen('keys', 'make', name, '--nodes', holders.join(','), ...at())
    assert.equal(key.code, 0, key.all)
  }
  await make('sign/split', FIRST)
  await make('derive/here', SECOND)
})
after(async () => {
  await Promise.all([...running.keys()].map(end))
  rmSync(folder, { recursive: true })
})

describe('limen custody, with nodes away', { timeout: 6 * STEP_MS }, () => {
  const sharesFile = () => join(folder, 'site/operator-shares.txt')
  const backup = () => join(folder, 'whole')
  const restore = (...words: readonly string[]) =>
    limen('restore', backup(), ...words, '--shares', sharesFile(), ...at())

  it('knows no key that never was', async () => {
    for (const words of [['drill'], ['refresh'], ['reshare'], ['keys', 'delete']]) {
      const unknown = await limen(...words, 'sign/nokey', ...at())
      assert.equal(unknown.code, 2, unknown.all)
      assert.match(unknown.told, /There is no key sign\/nokey/)
    }
    const bad = await limen('keys', 'make', 'sign/split@0', ...at())
    assert.equal(bad.code, 2, bad.all)
  })

  it('brings a key back that was deleted, by its name, and its name with it', async () => {
    const made = await limen('backup', backup(), ...at())
    assert.equal(made.code, 0, made.all)
    const gone = await limen('keys', 'delete', 'sign/split', '--apply', '--in', '0', ...at())
    assert.equal(gone.code, 0, gone.all)
    const all = await restore()
    assert.equal(all.code, 0, all.all)
    assert.match(all.out, /deleted .*sign\/split@1 +since the backup: name it/)
    assert.match(all.out, /there .*derive\/here@1/)
    assert.equal((await restore('sign/nokey')).code, 2)
    const one = await restore('sign/split', '--nodes', 'n1,n2,n4')
    assert.equal(one.code, 0, one.all)
    assert.match(one.out, /restored .*sign\/split@1/)
    const status = await limen('status', ...at())
    assert.equal(status.code, 0, status.all)
    assert.match(status.out, /6 nodes, 2 keys/)
    const listed = await limen('keys', 'list', ...at())
    assert.match(listed.out, /sign\/split@1 .* 2 of 3 .* n1,n2,n4$/m)
    // To where it was.
    const back = await limen('reshare', 'sign/split', '--nodes', FIRST.join(','), ...at())
    assert.equal(back.code, 0, back.all)
  })

  it('brings no key to nodes that would break the rule of domains', async () => {
    const yaml = readFileSync(at()[1] ?? '', 'utf8')
    const one = join(folder, 'site/one-domain.yaml')
    writeFileSync(one, yaml.replaceAll(/domain: "n\d"/g, 'domain: "cellar"'))
    const words = ['restore', backup(), '--shares', sharesFile(), '-c', one]
    const refused = await limen(...words)
    assert.equal(refused.code, 1, refused.all)
    assert.match(refused.told, /one domain would have the key/)
    const tried = await limen(...words, '--check')
    assert.equal(tried.code, 0, tried.all)
  })

  it('waits once for nodes that hang, however many keys they hold', async () => {
    const names = Array.from({ length: MORE }, (_, i) => `sign ${i + 1} split\n`)
    writeFileSync(join(folder, 'site/names'), `sign 1 split\nderive 1 here\n${names.join('')}`)
    for (const id of FIRST) running.get(id)?.kill('SIGSTOP')
    const begun = performance.now()
    const status = await limen('status', ...at())
    const tookMs = performance.now() - begun
    for (const id of FIRST) running.get(id)?.kill('SIGCONT')
    writeFileSync(join(folder, 'site/names'), 'sign 1 split\nderive 1 here\n')
    assert.equal(status.code, 1, status.all)
    // 5 s for their lists, and a start; 3 s for each key it would be else.
    assert.ok(tookMs < 20_000, `${tookMs} ms`)
  })

  it('says what it has not looked at, and ends with 1', async () => {
    for (const id of FIRST) await end(id)
    const away = /they do not answer: n1 \(away\), n2 \(away\), n3 \(away\)/
    for (const words of [['drill'], ['refresh'], ['plan'], ['keys', 'list'], ['status']]) {
      const said = await limen(...words, ...at())
      assert.equal(said.code, 1, said.all)
      assert.match(said.told, away, said.all)
      assert.match(said.told, /No node that answers has a share of sign\/split@1/, said.all)
    }
    const { out } = await limen('status', ...at())
    assert.match(out, /6 nodes, 2 keys/)
    assert.match(out, /1 keys CANNOT be used, too few holders are there: sign\/split@1/)
    assert.match((await limen('keys', 'list', ...at())).out, /sign\/split@1 .*nobody answers/)
    for (const words of [['drill'], ['keys', 'delete']]) {
      const one = await limen(...words, 'sign/split', ...at())
      assert.equal(one.code, 1, one.all)
      assert.match(one.told, /No node that answers has sign\/split, and n1, n2, n3 did not answer/)
    }
  })

  it('makes no backup that lacks keys, unless it is told to, and then says so', async () => {
    const file = join(folder, 'lacking')
    const refused = await limen('backup', file, ...at())
    assert.equal(refused.code, 1, refused.all)
    assert.match(refused.told, /n1 \(away\), n2 \(away\), n3 \(away\) do not answer/)
    assert.ok(!existsSync(file))
    const without = FIRST.flatMap((id) => ['--without', id])
    const made = await limen('backup', file, ...without, ...at())
    // A key is known to be missing.
    assert.equal(made.code, 1, made.all)
    assert.match(made.out, /1 keys are in .*It is NOT all: without .*sign\/split@1/)
    assert.equal((await limen('backup', `${file}2`, '--without', 'n9', ...at())).code, 2)
  })

  it('makes no second key of a name', async () => {
    for (const name of ['sign/split', 'sign/other']) {
      const second = await limen('keys', 'make', name, '--nodes', SECOND.join(','), ...at())
      assert.equal(second.code, 1, second.all)
      assert.match(second.told, /with nodes that do not answer: n1, n2, n3/)
    }
  })

  it('makes no empty backup of a cluster that is away', async () => {
    for (const id of SECOND) await end(id)
    const refused = await limen('backup', join(folder, 'empty'), ...at())
    assert.equal(refused.code, 1, refused.all)
    assert.match(refused.told, /n6 \(away\) do not answer/)
    assert.ok(!existsSync(join(folder, 'empty')))
  })
})
