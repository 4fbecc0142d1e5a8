/**
 * Keys are deleted at nodes that are processes: by the command, and by the operations API; one node is away meanwhile, and files of before are
 * put back.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { CustodyClient } from '../../src/apps/custody/custody-client.ts'
import { CLUSTER, type CustodyCluster, startCustodyCluster } from '../custody-cluster.ts'
import {
  CUSTODY_KEYS,
  type CustodyOperations,
  custodyKeyId,
  custodyOperations,
  underCustodyLoad,
} from '../custody-operations.ts'
import { newTransitApi } from '../transit-under-test.ts'
import { until } from './fleet-under-test.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
const HOLDING = { threshold: 3, nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] }
/** Nodes that were away are asked again each minute. */
const AGAIN_MS = 150_000
const TOKEN = 'hvs.all-0123456789abcdef'

let cluster: CustodyCluster
let client: CustodyClient
let operations: CustodyOperations
let file = ''
before(async () => {
  cluster = await startCustodyCluster(5)
  client = await cluster.client()
  operations = await custodyOperations(cluster, client, HOLDING)
  file = await custodyYaml()
})
after(async () => await cluster.close())

/** The cluster, as the commands read it. */
async function custodyYaml(): Promise<string> {
  const folder = join(cluster.folder, 'commands')
  mkdirSync(folder)
  const write = (name: string, content: string | Uint8Array): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return name
  }
  const own = await cluster.issue(`limen://${CLUSTER}/custodian/c1`)
  const config = {
    ...{ cluster: CLUSTER, threshold: 3, authority: write('authority.pem', cluster.authority) },
    ...{ certificate: write('own.pem', own.certificate), key: write('own.key', own.key) },
    identity: write('identity.pem', cluster.identity.export({ format: 'pem', type: 'spki' })),
    identityKey: write('identity.key', cluster.identityKey),
    nodes: cluster.nodes.map(({ id, host, port, card }) => ({
      ...{ id, address: `${host}:${port}`, card: write(`${id}.card`, card) },
    })),
  }
  write('custody.yaml', JSON.stringify(config))
  return join(folder, 'custody.yaml')
}

async function limen(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(LIMEN, ['custody', 'keys', ...args, '-c', file])
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, out, err }
}

const nodeAt = (id: string) => cluster.nodes.find((one) => one.id === id) ?? assert.fail(id)
const hex = (keyId: Uint8Array): string => Buffer.from(keyId).toString('hex')
const sharesIn = (id: string): string => join(nodeAt(id).folder, 'shares/shares')
/** Names of files at all nodes that hold a share, not a deletion. */
const shareFiles = (keyId?: string): string[] =>
  cluster.nodes.flatMap(({ id }) =>
    readdirSync(sharesIn(id))
      .filter((name) => /\.[pc]$/.test(name) && name.startsWith(keyId ?? ''))
      .map((name) => `${id}/${name}`),
  )

describe('limen custody keys delete', { timeout: 300_000 }, () => {
  const caId = hex(custodyKeyId('sign', 'ca'))

  it('says what it would do, and does nothing without --apply', async () => {
    const { code, out } = await limen('delete', 'sign/ca')
    assert.equal(code, 0)
    assert.match(out, /generation 1 at n1, n2, n3, n4, n5.*would be gone for good: --apply/)
    assert.equal(shareFiles(caId).length, 5)
    assert.equal((await limen('delete', 'sign/nothing')).code, 2)
    assert.equal((await limen('delete', 'sign/nothing', '--apply', '--in', '0')).code, 1)
  })

  it('gives time to end it, which keeps the key', async () => {
    const child = spawn(LIMEN, ['custody', 'keys', 'delete', 'sign/ca', '--apply', '-c', file])
    for await (const text of child.stderr.setEncoding('utf8')) {
      if (/deleted in 10 s: end this command to keep it/.test(String(text))) break
    }
    child.kill('SIGINT')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
    assert.equal(shareFiles(caId).length, 5)
  })

  it('takes the shares away at the nodes that are there, and later at the others', async () => {
    const old = join(cluster.folder, 'old-shares')
    cpSync(sharesIn('n1'), old, { recursive: true })
    await nodeAt('n5').kill('SIGKILL')
    const others = operations.filter(([name]) => name !== 'sign')
    const { failed } = await underCustodyLoad(others, client, async () => {
      const first = await limen('delete', 'sign/ca', '--apply', '--in', '0')
      assert.equal(first.code, 1)
      assert.match(first.out, /is deleted, but NOT YET at n5/)
    })
    assert.deepEqual(failed, [])
    assert.deepEqual(
      shareFiles(caId).map((name) => name.slice(0, 2)),
      ['n5'],
    )
    await nodeAt('n5').restart()
    const again = await limen('delete', 'sign/ca', '--apply', '--in', '0', '-o', 'json')
    assert.equal(again.code, 0, again.err)
    assert.deepEqual((JSON.parse(again.out) as { waiting: string[] }).waiting, [])
    assert.deepEqual(shareFiles(caId), [])
    const [, sign] = operations.find(([name]) => name === 'sign') ?? assert.fail()
    await assert.rejects(sign(await cluster.client()), { code: 'custody-key-unknown' })
    // A node with its shares of before, as from a copy of its disk.
    await nodeAt('n1').kill()
    for (const name of readdirSync(old).filter((one) => one.startsWith(caId))) {
      cpSync(join(old, name), join(sharesIn('n1'), name))
    }
    assert.equal(shareFiles(caId).length, 1)
    await nodeAt('n1').restart()
    assert.deepEqual(shareFiles(caId), [])
    assert.equal(shareFiles().length, 5 * (CUSTODY_KEYS.length - 1))
    const audit = readFileSync(join(nodeAt('n2').folder, 'shares/audit/audit.jsonl'), 'utf8')
    const lines = audit.split('\n').filter((line) => line.includes('"operation":"delete"'))
    assert.ok(lines.length >= 2 && lines.every((line) => line.includes('custodian/c1')))
  })
})

describe('deleting by the operations API', { timeout: 400_000 }, () => {
  it('takes the shares away, also at a node that was away', async () => {
    const api = await newTransitApi(cluster, { id: 'api', tokens: { all: TOKEN }, makesKeys: true })
    try {
      await api.start()
      const before = shareFiles().length
      for (const [method, path, body] of [
        ['POST', 'transit/keys/gone', { type: 'aes256-gcm96' }],
        ['POST', 'transit/keys/gone/rotate', {}],
        ['POST', 'transit/keys/gone/config', { deletion_allowed: true }],
      ] as const) {
        const { status } = await api.ask(method, `/v1/${path}`, body)
        assert.ok(status === 200 || status === 204, `${path}: ${status}`)
      }
      assert.equal(shareFiles().length, before + 10)
      await nodeAt('n3').kill('SIGKILL')
      assert.equal((await api.ask('DELETE', '/v1/transit/keys/gone')).status, 204)
      await until('the shares at four', AGAIN_MS, () => shareFiles().length === before + 2)
      await until('the complaint', AGAIN_MS, () => /wait to be deleted: n3/.test(api.printed()))
      // What is left to do outlives the coordinator.
      await api.kill('SIGKILL')
      await nodeAt('n3').restart()
      await api.start()
      await until('the shares at the fifth', AGAIN_MS, () => shareFiles().length === before)
    } finally {
      await api.kill()
    }
  })
})
