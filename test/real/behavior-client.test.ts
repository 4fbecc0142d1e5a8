/**
 * A client that is generated from `/openapi.json` of a running Limen (oazapfts), checked by the compiler, and run against it over the
 * paths of behavior. And that what `PUT /anomalydetection/configure` has answered is still so when Limen is killed right after.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { freePorts } from '../free-ports.ts'
import { askAdmin, type LimenUnderTest, startLimen } from './fleet-under-test.ts'

const MODULES = join(import.meta.dirname, '..', '..', 'node_modules')
/** While a process runs, kept connections that end are seen to end. */
const run = promisify(execFile)
const RUN = { timeout: 120_000 }

/** What somebody writes who has the client. Lines that the types must refuse are marked. */
const PROGRAM = `
import assert from 'node:assert/strict'
import * as limen from './client.ts'

limen.defaults.baseUrl = process.argv[2] ?? ''
limen.defaults.headers = { authorization: \`Bearer \${process.argv[3] ?? ''}\` }

const created = await limen.postProfilesByUserId('4711', { label: '', frozen: false })
if (created.status !== 201) throw new Error(String(created.status))
const first: string = created.headers.get('etag') ?? ''
assert.equal(created.data.revision, 1)
assert.equal((await limen.postProfilesByUserId('4711', { label: '', frozen: false })).status, 409)

const read = await limen.getProfilesByUserId('4711')
if (read.status !== 200) throw new Error(String(read.status))
assert.equal(read.headers.get('etag'), first)
assert.equal(read.data.person, created.data.person)
assert.deepEqual(read.data.live, [])

const change = { label: 'good', frozen: true } as const
assert.equal((await limen.patchProfilesByUserId('4711', change)).status, 428)
const changed = await limen.patchProfilesByUserId('4711', change, { ifMatch: first })
if (changed.status !== 200) throw new Error(String(changed.status))
assert.deepEqual([changed.data.label, changed.data.frozen, changed.data.revision], ['good', true, 2])
const late = await limen.patchProfilesByUserId('4711', change, { ifMatch: first })
assert.equal(late.status, 412)

assert.equal((await limen.deleteProfilesByUserId('4711')).status, 204)
assert.equal((await limen.getProfilesByUserId('4711')).status, 404)

const before = await limen.getAnomalydetectionConfigure()
if (before.status !== 200) throw new Error(String(before.status))
const { version, dryRun: _, ...tuning } = before.data
assert.equal(version, 0)
const next = { ...tuning, tier2: 4 }
const dry = await limen.putAnomalydetectionConfigure(next, { dryRun: 'true' })
if (dry.status !== 200) throw new Error(String(dry.status))
assert.deepEqual([dry.data.version, dry.data.dryRun], [0, { now: [0, 0, 0], tried: [0, 0, 0] }])
const put = await limen.putAnomalydetectionConfigure(next)
if (put.status !== 200) throw new Error(String(put.status))
assert.deepEqual([put.data.version, put.data.tier2, put.headers.get('etag')], [1, 4, '"1"'])
assert.equal((await limen.putAnomalydetectionConfigure({ ...next, tier3: 3 })).status, 400)
// @ts-expect-error no such mode
assert.equal((await limen.putAnomalydetectionConfigure({ ...next, mode: 'nonsense' })).status, 400)

const health = await limen.getHealthAnomalydetection()
assert.equal(health.status, 200)
assert.equal(health.data.status, 'ok')
// @ts-expect-error no such figure
assert.equal(health.data.nonsense, undefined)
console.log('all of it')
`

const CHECKED = {
  compilerOptions: {
    ...{ target: 'es2024', lib: ['es2024', 'dom'], module: 'nodenext', strict: true },
    ...{ noEmit: true, allowImportingTsExtensions: true, skipLibCheck: true, types: ['node'] },
  },
  files: ['client.ts', 'program.ts'],
}

describe('the API of behavior', () => {
  const folder = mkdtempSync(join(tmpdir(), 'limen-client-'))
  const data = join(folder, 'data')
  let config = {}
  let limen: LimenUnderTest

  before(async () => {
    const [port = 0] = await freePorts(1)
    config = {
      ...{ data, workers: 1 },
      listeners: [{ name: 'web', address: `127.0.0.1:${port}` }],
      pools: [{ name: 'site', servers: [{ id: 'a', address: '127.0.0.1:9' }] }],
      routes: [{ pool: 'site' }],
      behavior: { mode: 'observe' },
    }
    limen = await startLimen(config)
  })
  after(async () => {
    await limen?.clean()
    rmSync(folder, { recursive: true, force: true })
  })

  it('is one that a generated client speaks', async () => {
    const document = join(folder, 'openapi.json')
    writeFileSync(document, await (await fetch(`${limen.adminUrl}/openapi.json`)).text())
    symlinkSync(MODULES, join(folder, 'node_modules'))
    await run(join(MODULES, '.bin', 'oazapfts'), [document, join(folder, 'client.ts')], RUN)
    writeFileSync(join(folder, 'program.ts'), PROGRAM)
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(CHECKED))
    await run(join(MODULES, '.bin', 'tsc'), ['-p', folder], RUN)
    const token = readFileSync(join(data, 'admin-token'), 'utf8').trim()
    const program = join(folder, 'program.ts')
    const { stdout } = await run(process.execPath, [program, limen.adminUrl, token], RUN)
    assert.equal(stdout, 'all of it\n')
  })

  it('keeps what a PUT has answered when Limen is killed', async () => {
    for (const tier2 of [2, 4.5, 1.25]) {
      const path = '/anomalydetection/configure'
      const { version, ...tuning } = (await (await askAdmin(limen, data, 'GET', path)).json()) as {
        version: number
        tier2: number
      }
      await askAdmin(limen, data, 'PUT', path, { ...tuning, tier2 })
      limen.signal('SIGKILL')
      await limen.clean()
      limen = await startLimen(config)
      const kept = (await (await askAdmin(limen, data, 'GET', path)).json()) as object
      assert.deepEqual(kept, { ...tuning, tier2, version: version + 1 })
    }
  })
})
