/**
 * What npm would publish: packed, installed into an empty folder, and used there.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'
import { startLimen } from './limen-process.ts'

const ROOT = join(import.meta.dirname, '../..')
/** What git ignores, and git's own: not to be copied. */
const NOT_SOURCES = ['.git', 'data', 'dist', 'node_modules'].map((name) => join(ROOT, name))
const folder = mkdtempSync(join(tmpdir(), 'limen-pack-'))
const app = join(folder, 'app')
after(() => rmSync(folder, { recursive: true }))

/** The Node that runs this test is the one to find in PATH, as it would be on a user's machine. */
const { PATH = '', ...environment } = process.env
const env = { ...environment, PATH: [dirname(process.execPath), PATH].join(delimiter) }
const run = async (cwd: string, program: string, ...args: string[]): Promise<string> =>
  (await promisify(execFile)(program, args, { cwd, env, maxBuffer: 2 ** 26 })).stdout

before(async () => {
  // Packing builds anew; Limens of other tests, which run beside this one, are serving what is built here.
  const copy = join(folder, 'copy')
  cpSync(ROOT, copy, { recursive: true, filter: (path) => !NOT_SOURCES.includes(path) })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  await run(copy, 'npm', 'pack', '--silent', '--pack-destination', folder)
  const [packed = ''] = readdirSync(folder).filter((name) => name.endsWith('.tgz'))
  mkdirSync(app)
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true, "type": "module" }')
  await run(app, 'npm', 'install', '--no-audit', '--no-fund', join(folder, packed))
})

describe('the packed package', () => {
  it('holds what is needed and nothing else', () => {
    const installed = join(app, 'node_modules/limen')
    assert.deepEqual(readdirSync(installed).sort(), [
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'limen.schema.json'],
      'package.json',
    ])
    const files = readdirSync(join(installed, 'dist'), { recursive: true, encoding: 'utf8' })
    assert.deepEqual(
      files.filter((name) => /\.test\.|\.contract\.|(?<!\.d)\.tsx?$/.test(name)),
      [],
    )
    // Without it OpenSSL would make two tickets, and nobody would say so.
    assert.ok(files.includes(join('apps', 'server', 'edge-worker.cnf')))
  })

  it('runs: npx limen --version', async () => {
    assert.match(await run(app, 'npx', '--no-install', 'limen', '--version'), /^\d+\.\d+\.\d+\n$/)
  })

  it('knows a good configuration', async () => {
    const text = `listeners: [{ name: plain, address: 127.0.0.1:8080 }]
pools: [{ name: site, servers: [{ id: a, address: 127.0.0.1:9101 }] }]
routes: [{ pool: site }]
`
    writeFileSync(join(app, 'limen.yaml'), text)
    const out = await run(app, 'npx', '--no-install', 'limen', 'check', '-c', 'limen.yaml')
    assert.equal(out, 'limen.yaml is good\n')
  })

  it('serves: limen up, and ends well', async () => {
    const config = `listeners: [{ name: plain, address: SITE }]
pools: [{ name: site, servers: [{ id: a, address: UPSTREAM }] }]
routes: [{ pool: site }]
workers: 1
admin: { address: ADMIN }
metrics: { address: METRICS }
`
    const main = join(app, 'node_modules/limen/dist/apps/cli/main.js')
    const limen = await startLimen([process.execPath, main], config)
    try {
      assert.equal(await (await fetch(limen.siteUrl)).text(), 'hello')
      assert.match(await (await fetch(limen.adminUrl)).text(), /assets\//, 'the console is in it')
      limen.signal('SIGTERM')
      assert.equal(await limen.ended, 0)
    } finally {
      await limen.clean()
    }
  })

  it('has clients of session keys, with types', async () => {
    const program = `import { sessionFetch, SessionError } from 'limen/client'
import type { LimenSession } from 'limen/browser'
const shop = sessionFetch({ origin: 'http://127.0.0.1:1' })
const rotate: LimenSession['rotate'] = shop.rotate
// @ts-expect-error: types are there, so this is known to be wrong
const wrong: string = shop.rotate
const error = await rotate().catch((reason: unknown) => reason)
console.log(error instanceof SessionError ? error.code : error, typeof wrong)
`
    writeFileSync(join(app, 'client.ts'), program)
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024']
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    await run(app, process.execPath, tsc, ...options, '--skipLibCheck', 'client.ts')
    assert.equal(await run(app, process.execPath, 'client.ts'), 'unreachable function\n')
    const built = readdirSync(join(app, 'node_modules/limen/dist/browser')).sort()
    assert.deepEqual(built, ['behavior.js', 'limen.js', 'start.js', 'worker.js'])
  })

  it('has the forecaster as a library, with types', async () => {
    const program = `import { forecastAhead, openForecaster, addToForecaster, type Outlook } from 'limen/forecast'
const state = openForecaster()
for (let minute = 0; minute < 200; minute++) addToForecaster(state, 60 * minute, 7)
const { values, high }: Outlook = forecastAhead(state, 5)
// @ts-expect-error: types are there, so this is known to be wrong
const wrong: string = values
console.log(values.map(Math.round).join(), high.every((line) => line < 10), typeof wrong)
`
    writeFileSync(join(app, 'forecast.ts'), program)
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024']
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    await run(app, process.execPath, tsc, ...options, '--skipLibCheck', 'forecast.ts')
    assert.equal(await run(app, process.execPath, 'forecast.ts'), '7,7,7,7,7 true object\n')
  })

  it('is imported, with types', async () => {
    const program = `import { ClientHelloReader, ja4, type Ja4 } from 'limen'
const outcome = new ClientHelloReader().feed(new Uint8Array([0]), 0)
const none: Ja4 | undefined = outcome.kind === 'hello' ? ja4(outcome.hello, 't') : undefined
// @ts-expect-error: types are there, so this is known to be wrong
const wrong: number = outcome.kind
console.log(outcome.kind, none, typeof wrong)
`
    writeFileSync(join(app, 'use.ts'), program)
    const options = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2024']
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
    await run(app, process.execPath, tsc, ...options, '--types', '', 'use.ts')
    assert.equal(await run(app, process.execPath, 'use.ts'), 'error undefined string\n')
  })
})
