/**
 * `limen up` as a process: its signals, its exit codes, its reload while it serves.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type LimenProcess, startLimen } from './limen-process.ts'

const LIMEN = join(import.meta.dirname, '../../bin/limen')
const CONFIG = `listeners: [{ name: plain, address: SITE }]
pools: [{ name: site, servers: [{ id: a, address: UPSTREAM }] }]
routes: [{ pool: site }]
workers: 1
timeouts: { drainMs: 2000 }
admin: { address: ADMIN }
metrics: { address: METRICS }
`
const using = async (use: (limen: LimenProcess) => Promise<void>): Promise<void> => {
  const limen = await startLimen([LIMEN], CONFIG)
  try {
    await use(limen)
  } finally {
    await limen.clean()
  }
}
const eventually = async (limen: LimenProcess, pattern: RegExp): Promise<void> => {
  const deadline = Date.now() + 5000
  while (!pattern.test(limen.printed())) {
    assert.ok(Date.now() < deadline, `never printed ${pattern}:\n${limen.printed()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
/** Half a request, which holds a connection open. */
const halfRequest = (url: string) => {
  const half = request(url, { method: 'POST', headers: { 'content-length': '10' } })
  half.on('error', () => {})
  half.write('half')
  return half
}

describe('limen up', () => {
  it('serves, and prints where for a person and logs for a machine', () =>
    using(async (limen) => {
      assert.equal(await (await fetch(limen.siteUrl)).text(), 'hello')
      await eventually(limen, /is up\./)
      assert.match(limen.printed(), new RegExp(`plain +${limen.siteUrl}`))
      assert.match(limen.printed(), /token +data\/admin-token/)
      assert.match(limen.printed(), /^\{"level":"info".*"text":"Limen serves"\}$/m)
      const token = readFileSync(join(limen.folder, 'data/admin-token'), 'utf8').trim()
      assert.equal(limen.printed().includes(token), false)
    }))

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} drains and exits 0`, () =>
      using(async (limen) => {
        await fetch(limen.siteUrl)
        limen.signal(signal)
        assert.equal(await limen.ended, 0)
        assert.match(limen.printed(), /"text":"Stopped"/)
      }))
  }

  it('a second signal exits at once, with the number of the signal', () =>
    using(async (limen) => {
      const half = halfRequest(limen.siteUrl)
      await new Promise((resolve) =>
        half.once('socket', (socket) => socket.once('connect', resolve)),
      )
      limen.signal('SIGTERM')
      await eventually(limen, /"text":"Draining"/)
      // Sooner than a second it would count as the same key press, which npm passes on.
      await new Promise((resolve) => setTimeout(resolve, 1100))
      limen.signal('SIGTERM')
      assert.equal(await limen.ended, 128 + 15)
      half.destroy()
    }))

  it('SIGHUP reloads; a bad file is refused with its line and the old one stays', () =>
    using(async (limen) => {
      const file = join(limen.folder, 'limen.yaml')
      const good = readFileSync(file, 'utf8')
      limen.signal('SIGHUP')
      await eventually(limen, /"by":"SIGHUP","text":"Configuration reloaded"/)
      writeFileSync(file, `${good}colour: red\n`)
      await eventually(limen, /limen\.yaml:8:1: colour: unknown key/)
      assert.equal(await (await fetch(limen.siteUrl)).text(), 'hello')
      writeFileSync(file, `${good}admission: { mode: shadow }\n`)
      await eventually(limen, /"by":"file","text":"Configuration reloaded"/)
    }))

  it('says which address is taken, and exits 1', () =>
    using(async (limen) => {
      const cwd = limen.folder
      const env = { ...process.env, LIMEN_DATA: join(cwd, 'other') }
      const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) =>
        execFile(LIMEN, ['up', '-c', 'limen.yaml'], { cwd, env }, (error, _out, err) =>
          resolve({ code: error?.code, err }),
        ),
      )
      assert.equal(code, 1)
      assert.match(err, /^limen: Cannot listen on 127\.0\.0\.1:\d+/m)
    }))
})
