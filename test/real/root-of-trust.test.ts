import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readCheckpoint } from '../../src/keys/custody/audit-checkpoint.ts'
import { freePort } from '../free-ports.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
/** Of a start, on a machine that is busy with others. */
const READY_MS_MAX = 120_000
const IDS = ['n1', 'n2', 'n3', 'n4', 'n5']

const root = mkdtempSync(join(tmpdir(), 'limen-root-'))
const upstream = createServer((_request, response) => response.end('hello'))
let upstreamPort = 0
const running = new Set<ChildProcess>()

before(async () => {
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  upstreamPort = (upstream.address() as AddressInfo).port
})
after(async () => {
  for (const child of running) child.kill('SIGKILL')
  upstream.close()
  upstream.closeAllConnections()
  rmSync(root, { recursive: true })
})

interface Limen {
  readonly folder: string
  readonly siteUrl: string
  readonly adminUrl: string
  printed(): string
  signal(name: NodeJS.Signals): void
  readonly ended: Promise<number>
}

/** In `root`, with what is there already; does not wait for it. */
async function spawnLimen(name: string, custody: string): Promise<Limen> {
  const folder = join(root, name)
  const [site, admin] = [await freePort(), await freePort()]
  const text = `listeners: [{ name: web, address: 127.0.0.1:${site} }]
pools: [{ name: site, servers: [{ id: a, address: 127.0.0.1:${upstreamPort} }] }]
routes: [{ pool: site }]
workers: 1
sessions: { enabled: true, listen: 127.0.0.1:0 }
timeouts: { drainMs: 500 }
admin: { address: 127.0.0.1:${admin}, openToLoopback: analyst }
metrics: { address: 127.0.0.1:0 }
custody: ${custody}
`
  mkdirSync(folder, { recursive: true })
  // One that runs reads its own again when it changes.
  const file = `limen-${admin}.yaml`
  writeFileSync(join(folder, file), text)
  const child = spawn(LIMEN, ['up', '-c', file], { cwd: folder })
  running.add(child)
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      printed += more
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => {
    running.delete(child)
    return signal === null ? (code as number) : -1
  })
  return {
    folder,
    siteUrl: `http://127.0.0.1:${site}/`,
    adminUrl: `http://127.0.0.1:${admin}/`,
    printed: () => printed,
    signal: (signal) => child.kill(signal),
    ended,
  }
}

async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + READY_MS_MAX
  while (!(await look())) {
    assert.ok(Date.now() < deadline, `${what} has not come`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function ready(limen: Limen): Promise<Limen> {
  let isOver = false
  limen.ended.then(() => {
    isOver = true
  })
  await until('a start', async () => {
    assert.ok(!isOver, limen.printed())
    return await fetch(`${limen.adminUrl}readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  })
  return limen
}

/** Files of secrets that are as they are. */
const plainSecrets = ({ folder }: Limen): readonly string[] =>
  readdirSync(join(folder, 'data')).filter((name) => /\.keys?$/.test(name) && !isSealedInside(name))
/** Their name does not say so. */
const isSealedInside = (name: string): boolean => /^(session|signals)/.test(name)

const startLimen = async (name: string, custody = '{}') => ready(await spawnLimen(name, custody))

async function stop(limen: Limen): Promise<void> {
  limen.signal('SIGINT')
  assert.equal(await limen.ended, 0, limen.printed())
}

/** Of what it has started as nodes so far, by node, the latest last. */
function nodePids(limen: Limen): Map<string, number[]> {
  const pids = new Map<string, number[]>()
  for (const line of limen.printed().split('\n')) {
    if (!line.includes('A custody node serves')) continue
    const { node, pid } = JSON.parse(line) as { node: string; pid: number }
    pids.set(node, [...(pids.get(node) ?? []), pid])
  }
  return pids
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const decisions = async ({ adminUrl }: Limen) => {
  const response = await fetch(`${adminUrl}v1/decisions?limit=1000`)
  assert.equal(response.status, 200)
  return ((await response.json()) as { id: string }[]).map(({ id }) => id)
}

/** A decision that is kept: its id. */
async function decide(limen: Limen): Promise<string> {
  const known = new Set(await decisions(limen))
  const response = await fetch(limen.siteUrl, { headers: { connection: 'close' } })
  assert.equal(await response.text(), 'hello')
  let made: string | undefined
  await until('a decision', async () => {
    made = (await decisions(limen)).find((id) => !known.has(id))
    return made !== undefined
  })
  return made ?? ''
}

describe('limen up with custody of its own', { timeout: 600_000 }, () => {
  let kept = ''

  it('makes five nodes at the first start, and shares for operators in one file', async () => {
    const limen = await startLimen('first')
    const file = join(limen.folder, 'data/custody/operator-shares.txt')
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.match(readFileSync(file, 'utf8'), /^(?:limen-share-1 [0-9A-Z-]+\n){5}$/)
    assert.match(limen.printed(), /Operators' shares of custody are still here/)
    assert.match(limen.printed(), /shares {3}data\/custody\/operator-shares\.txt/)
    const pids = [...nodePids(limen)]
    assert.deepEqual(pids.map(([id]) => id).sort(), IDS)
    // The key that seals the folder is not in it.
    assert.deepEqual(plainSecrets(limen), [])
    assert.equal(statSync(join(limen.folder, 'data/record.sealed')).size, 85)
    kept = await decide(limen)
    await stop(limen)
    assert.deepEqual(
      pids.filter(([, [pid = 0]]) => lives(pid)),
      [],
    )
  })

  it('opens what it kept when it starts again, and goes on when two nodes are killed', async () => {
    const limen = await startLimen('first')
    assert.ok((await decisions(limen)).includes(kept))
    const second = spawnLimen('first', '{}')
    assert.notEqual(await (await second).ended, 0)
    assert.match((await second).printed(), /Another Limen uses/)
    const before = nodePids(limen)
    for (const id of ['n2', 'n5']) process.kill(before.get(id)?.[0] ?? 0, 'SIGKILL')
    await decide(limen)
    await until('two nodes', () => {
      const now = nodePids(limen)
      return ['n2', 'n5'].every((id) => now.get(id)?.length === 2)
    })
    await until('checkpoints at the others', () => {
      const lines = readFileSync(
        join(limen.folder, 'data/custody/n1/audit/checkpoints.jsonl'),
        'utf8',
      )
      const signers = lines.split('\n').flatMap((line) => readCheckpoint(line) ?? [])
      return (
        new Set(signers.map(({ node }) => Buffer.from(node).toString('hex'))).size === IDS.length
      )
    })
    await stop(limen)
  })

  it('takes its nodes along when it is killed, and starts with three of five', async () => {
    const limen = await startLimen('first')
    const pids = [...nodePids(limen).values()].flat()
    limen.signal('SIGKILL')
    await limen.ended
    await until('the end of all nodes', () => !pids.some(lives))
    for (const id of ['n1', 'n3']) {
      writeFileSync(join(limen.folder, 'data/custody', id, 'keystore'), 'nonsense')
    }
    const again = await startLimen('first')
    assert.ok((await decisions(again)).includes(kept))
    assert.match(again.printed(), /"node":"n1","why":"[a-z-]+: /)
    await stop(again)
  })

  it('does not open from copies of two nodes, or of all without the root', async () => {
    const data = join(root, 'second/data')
    await stop(await startLimen('second'))
    const copyWithout = (to: string, gone: readonly string[]): void => {
      cpSync(data, join(root, to, 'data'), { recursive: true })
      for (const name of gone) rmSync(join(root, to, 'data/custody', name), { recursive: true })
    }
    copyWithout('no-root', ['root.key', 'operator-shares.txt'])
    const noRoot = await spawnLimen('no-root', '{}')
    assert.notEqual(await noRoot.ended, 0)
    assert.match(noRoot.printed(), /There is no root\.key/)
    copyWithout('two-nodes', ['n1', 'n2', 'n3'])
    const twoNodes = await spawnLimen('two-nodes', '{ waitS: 20 }')
    assert.notEqual(await twoNodes.ended, 0)
    assert.match(twoNodes.printed(), /Key limen\/record version 1 cannot be used now/)
    copyWithout('other-root', [])
    writeFileSync(join(root, 'other-root/data/custody/root.key'), Buffer.alloc(32, 7))
    const otherRoot = await spawnLimen('other-root', '{ waitS: 15 }')
    assert.notEqual(await otherRoot.ended, 0)
    assert.match(otherRoot.printed(), /0 of 5 custody nodes have started/)
  })

  it('takes over a folder of before, and does not give it back', async () => {
    const old = await startLimen('old', '{ mode: off }')
    const made = await decide(old)
    await stop(old)
    const names = ['record.key', 'affinity.key', 'ticket.keys', 'profile.key']
    const secrets = names.map((name) => readFileSync(join(old.folder, 'data', name)))
    assert.deepEqual([...plainSecrets(old)].sort(), names.sort())
    const limen = await startLimen('old')
    assert.ok((await decisions(limen)).includes(made))
    await stop(limen)
    assert.deepEqual(plainSecrets(old), [])
    for (const name of readdirSync(join(old.folder, 'data'), { recursive: true }).map(String)) {
      const path = join(old.folder, 'data', name)
      const bytes = statSync(path).isFile() ? readFileSync(path) : Buffer.alloc(0)
      for (const secret of secrets) assert.equal(bytes.includes(secret), false, name)
    }
    for (const name of names.filter((one) => one !== 'record.key')) {
      assert.ok(existsSync(join(old.folder, 'data', `${name}.sealed`)), name)
    }
    const off = await spawnLimen('old', '{ mode: off }')
    assert.notEqual(await off.ended, 0)
    assert.match(off.printed(), /sealed by custody, and custody\.mode is off/)
  })

  it('waits for shares of operators when only they open it', async () => {
    const custody = '{ unseal: operators, operators: { shares: 3, threshold: 2 } }'
    const first = await startLimen('sealed', custody)
    const made = await decide(first)
    const folder = join(first.folder, 'data/custody')
    const shares = readFileSync(join(folder, 'operator-shares.txt'), 'utf8').trim().split('\n')
    await stop(first)
    assert.equal(existsSync(join(folder, 'root.key')), false)
    rmSync(join(folder, 'operator-shares.txt'))
    const limen = await spawnLimen('sealed', custody)
    await until('the door', () => limen.printed().includes('Custody is sealed'))
    const give = async (line = ''): Promise<string> => {
      const child = spawn(LIMEN, ['custody', 'unseal', join(folder, 'unseal.sock')])
      child.stdin.end(`${line}\n`)
      let said = ''
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding('utf8').on('data', (more: string) => {
          said += more
        })
      }
      await once(child, 'close')
      return said
    }
    const [one = '', two = ''] = shares
    assert.match(await give(one), /1 more/)
    assert.match(await give(one), /Refused: dup-x/)
    const wrong = two.replace(/.$/, (digit) => (digit === '0' ? '4' : '0'))
    assert.match(await give(wrong), /Refused: /)
    assert.match(await give(two), /unsealed/)
    await ready(limen)
    assert.ok((await decisions(limen)).includes(made))
    await stop(limen)
    assert.doesNotMatch(limen.printed(), /limen-share-1/)
  })
})
