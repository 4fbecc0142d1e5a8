import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readClusterConfig } from '../../src/apps/custody/cluster-config.ts'
import { openCluster } from '../../src/apps/custody/open-cluster.ts'
import { octetsOf } from '../../src/ground/octets.ts'
import { freePort } from '../free-ports.ts'
import { killed, untilItListens } from './custody-node-process.ts'

const MAIN = join(import.meta.dirname, '../../src/apps/cli/main.ts')
const IDS = ['n1', 'n2', 'n3', 'n4', 'n5']
/** Of a machine that is busy with others. */
const STEP_MS = 120_000
const MESSAGE = octetsOf('message')

let folder = ''
let ports: readonly number[] = []
const running = new Map<string, ChildProcess>()

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'limen-pdesk-'))
  const found: number[] = []
  for (const _ of [...IDS, 'n6']) found.push(await freePort())
  ports = found
})
after(async () => {
  await Promise.all([...running.keys()].map(end))
  rmSync(folder, { recursive: true })
})

async function limen(...words: readonly string[]) {
  const child = spawn(process.execPath, [MAIN, 'custody', ...words])
  let [out, progress] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (more: string) => (out += more))
  child.stderr.setEncoding('utf8').on('data', (more: string) => (progress += more))
  const [code] = (await once(child, 'close')) as [number]
  return { code, out, progress }
}

async function json<T>(...words: readonly string[]): Promise<T> {
  const { code, out, progress } = await limen(...words, '-o', 'json')
  assert.equal(code, 0, `${words.join(' ')}: ${out}${progress}`)
  return JSON.parse(out) as T
}

/** As {@link json}, of a command that says which node it has not seen. */
async function jsonWithout<T>(id: string, ...words: readonly string[]): Promise<T> {
  const { code, out, progress } = await limen(...words, '-o', 'json')
  assert.equal(code, 1, `${words.join(' ')}: ${out}${progress}`)
  assert.match(progress, new RegExp(`Not looked at, they do not answer: ${id} \\(away\\)\n`))
  return JSON.parse(out) as T
}

async function start(cluster: string, id: string): Promise<void> {
  const config = join(folder, cluster, 'nodes', id, 'node.yaml')
  const child = spawn(process.execPath, [MAIN, 'custody-node', '-c', config])
  running.set(id, child)
  await untilItListens(child, id)
}

async function end(id: string): Promise<void> {
  const child = running.get(id)
  running.delete(id)
  await killed(child)
}

function init(cluster: string, ids: readonly string[], ...more: readonly string[]) {
  const nodes = ids.flatMap((id, i) => [
    '--node',
    `${id}=127.0.0.1:${ports[i]}@zone-${(i % 5) + 1}`,
  ])
  return limen('init', join(folder, cluster), '--cluster', 'desk', ...nodes, ...more)
}

const at = (cluster: string): readonly string[] => ['-c', join(folder, cluster, 'custody.yaml')]

/** What an application does with the keys. */
async function used(cluster: string) {
  const config = readClusterConfig(join(folder, cluster, 'custody.yaml'))
  const role = (file: string) => join(folder, cluster, file)
  const app = await openCluster({
    ...config,
    certificate: role('server.pem'),
    key: role('server.key'),
  })
  try {
    const { client } = app
    const derived = await client.derive({ name: 'objects', version: 1 }, MESSAGE)
    const mark = await client.mac({ name: 'marks', version: 1 }, MESSAGE)
    return { derived, mark }
  } finally {
    await app.close()
  }
}

interface Status {
  readonly isWhole: boolean
  readonly nodes: readonly { readonly id: string; readonly isAway: boolean }[]
  readonly keys: readonly {
    readonly keyId: string
    readonly name: string
    readonly generation: number
    readonly holders: readonly string[]
    readonly isSafe: boolean
  }[]
}
interface Drill {
  readonly shares: number
  readonly good: number
  readonly faults: readonly {
    readonly node: string
    readonly fault: string
    readonly name: string
  }[]
}

describe('limen custody', { timeout: 10 * STEP_MS }, () => {
  let before: Awaited<ReturnType<typeof used>>

  it('makes a cluster that is used', async () => {
    const made = await init('first', [...IDS, 'n6'], '--operators', '3', '--operators-needed', '2')
    assert.equal(made.code, 0, made.progress)
    assert.match(made.out, /Hand out the 3 lines/)
    assert.equal((await init('first', IDS)).code, 1)
    for (const id of IDS) await start('first', id)
    const five = ['--nodes', IDS.join(',')]
    for (const key of ['sign/ca', 'derive/objects']) {
      await json('keys', 'make', key, ...five, ...at('first'))
    }
    const secret = join(folder, 'secret')
    writeFileSync(secret, Buffer.alloc(32, 7))
    await json('keys', 'bring', 'mac/marks', secret, ...five, ...at('first'))
    before = await used('first')
    const status = await limen('status', ...at('first'), '-o', 'json')
    // A node is not there: it says so.
    assert.equal(status.code, 1)
    const { nodes, keys } = JSON.parse(status.out) as Status
    assert.deepEqual(
      nodes.filter(({ isAway }) => isAway).map(({ id }) => id),
      ['n6'],
    )
    assert.deepEqual(keys.map(({ name }) => name).sort(), [
      'derive/objects@1',
      'mac/marks@1',
      'sign/ca@1',
    ])
    assert.ok(keys.every(({ isSafe }) => isSafe))
  })

  it('refuses what it cannot do, with its own exit codes', async () => {
    assert.equal((await limen('keys', 'make', 'mac/marks', ...at('first'))).code, 2)
    assert.equal((await limen('keys', 'make', 'nothing', ...at('first'))).code, 2)
    assert.equal((await limen('status', '-c', join(folder, 'none.yaml'))).code, 3)
    const there = await limen('keys', 'make', 'sign/ca', '--nodes', IDS.join(','), ...at('first'))
    assert.equal(there.code, 1)
    assert.match(there.progress, /is there already/)
    // n1 and n6 are in one zone.
    const two = ['--nodes', 'n1,n6,n2', '--threshold', '2']
    const unsafe = await limen('keys', 'make', 'sign/other', ...two, ...at('first'))
    assert.equal(unsafe.code, 1)
    assert.match(unsafe.progress, /one domain would have the key/)
  })

  it('names a share with one octet changed, and repairs it', async () => {
    const shares = join(folder, 'first/nodes/n3/shares/shares')
    const [file = ''] = readdirSync(shares)
    const bytes = readFileSync(join(shares, file))
    bytes[90] = (bytes[90] ?? 0) ^ 1
    writeFileSync(join(shares, file), bytes)
    const found = await limen('drill', ...at('first'), '-o', 'json')
    assert.equal(found.code, 1)
    assert.match(found.progress, /3 of 3 keys drilled/)
    const { shares: all, good, faults } = JSON.parse(found.out) as Drill
    assert.deepEqual([all, good], [15, 14])
    assert.deepEqual(
      faults.map(({ node, fault }) => [node, fault]),
      [['n3', 'corrupt']],
    )
    // n6 has not been started.
    await jsonWithout('n6', 'drill', '--repair', ...at('first'))
    assert.deepEqual((await jsonWithout<Drill>('n6', 'drill', ...at('first'))).faults, [])
    assert.deepEqual(await used('first'), before)
  })

  it('replaces a node that is gone', async () => {
    await end('n5')
    await start('first', 'n6')
    await json('replace', 'n5', 'n6', ...at('first'))
    const listed = await jsonWithout<Status['keys']>('n5', 'keys', 'list', ...at('first'))
    for (const { holders } of listed) assert.deepEqual(holders, ['n1', 'n2', 'n3', 'n4', 'n6'])
    assert.deepEqual(await used('first'), before)
  })

  it('shows a plan, and moves nothing until it is told to', async () => {
    await start('first', 'n5')
    const generations = async () =>
      (await json<Status['keys']>('keys', 'list', ...at('first'))).map((key) => key.generation)
    const earlier = await generations()
    const plan = await limen('plan', ...at('first'))
    assert.equal(plan.code, 0, plan.progress)
    assert.match(plan.out, /NODE +DOMAIN +SHARES +LOAD\n/)
    assert.deepEqual(await generations(), earlier)
  })

  it('restores a cluster of which all nodes are lost', async () => {
    const backup = join(folder, 'backup')
    await json('backup', backup, ...at('first'))
    for (const id of [...IDS, 'n6']) await end(id)
    const lines = readFileSync(join(folder, 'first/operator-shares.txt'), 'latin1').split('\n')
    const shares = join(folder, 'two-shares')
    writeFileSync(shares, lines.slice(1, 3).join('\n'))
    const one = join(folder, 'one-share')
    writeFileSync(one, `${lines[0]}\n`)
    rmSync(join(folder, 'first'), { recursive: true })
    const tooFew = await init('again', IDS, '--from', backup, '--shares', one)
    assert.equal(tooFew.code, 1)
    assert.match(tooFew.progress, /1 more of the operators' shares are needed/)
    const made = await init('again', IDS, '--from', backup, '--shares', shares)
    assert.equal(made.code, 0, made.progress)
    for (const id of IDS) await start('again', id)
    await json('restore', backup, '--shares', shares, '--check', ...at('again'))
    assert.deepEqual((await json<Status>('status', ...at('again'))).keys, [])
    await json('restore', backup, '--shares', shares, ...at('again'))
    assert.deepEqual(await used('again'), before)
    const { isWhole, keys } = await json<Status>('status', ...at('again'))
    assert.ok(isWhole && keys.length === 3 && keys.every(({ name }) => name !== ''))
    assert.deepEqual((await json<Drill>('drill', ...at('again'))).faults, [])
  })

  it('is drilled by the operations API, which names a bad share and repairs it', async () => {
    const own = join(folder, 'again')
    const yaml = readFileSync(join(own, 'custody.yaml'), 'utf8')
    const config = join(own, 'api.yaml')
    const api = `id: api1
listen: 127.0.0.1:${await freePort()}
folder: api
server: { certificate: server.pem, key: server.key }
signingKey: nodes/n1/signing.pem
access: [{ caller: { role: app }, key: "**", operations: ["*"] }]
drill: { everyS: 1, repair: true }
`
    writeFileSync(config, `${yaml}${api}`)
    const shares = join(own, 'nodes/n2/shares/shares')
    const [file = ''] = readdirSync(shares)
    const bytes = readFileSync(join(shares, file))
    bytes[90] = (bytes[90] ?? 0) ^ 1
    writeFileSync(join(shares, file), bytes)
    const child = spawn(process.execPath, [MAIN, 'custody', 'api', '-c', config])
    running.set('api', child)
    let told = ''
    child.stdout.resume()
    child.stderr.setEncoding('utf8').on('data', (more: string) => {
      told += more
    })
    for (let i = 0; i < STEP_MS / 100 && !told.includes('good again'); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    const [keyId = ''] = file.split('.')
    assert.ok(told.includes(`the share of key ${keyId} at n2 is bad: corrupt\n`), told)
    assert.ok(told.includes(`the share of key ${keyId} at n2 is good again\n`), told)
    await end('api')
    assert.deepEqual((await json<Drill>('drill', ...at('again'))).faults, [])
    assert.deepEqual(await used('again'), before)
  })
})
