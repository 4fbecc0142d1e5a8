/**
 * Session keys in a real Firefox, through a real `limen up`: there is no way to steer it from here, so that a page of the
 * site goes through the protocol by itself and tells what came of it.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WebSocketServer } from 'ws'
import { freePorts } from '../free-ports.ts'
import { type LimenUnderTest, startLimen } from './fleet-under-test.ts'

const ROOT = join(import.meta.dirname, '../..')
/** It starts in 5 s here, with a profile that is new. */
const REPORT_MS_MAX = 90_000
const END_MS_MAX = 10_000

/** What the page tells, and what it came with. */
interface Report {
  readonly step: string
  readonly said: Readonly<Record<string, unknown>>
}
interface Claims {
  readonly sid: string
  readonly gen: number
  readonly level: string
}

/** Firefox asks nobody, and tells nobody. */
const PREFERENCES = {
  'app.update.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
  'extensions.update.enabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
}

/** The first page: what a site's own script does. Its own requests go past the service worker by being signed already. */
const FIRST = `
import { startSession } from '/.well-known/limen/limen.js'
const tell = (step, said) => fetch('/report', { method: 'POST', body: JSON.stringify({ step, said }) })
const who = async (response) => [response.status, await response.json()]
try {
  const limen = startSession()
  const opened = await who(await limen.fetch('/who?a=1'))
  const posted = await who(await limen.fetch('/body', { method: 'POST', body: 'x'.repeat(70000) }))
  const generation = await limen.rotate()
  const rotated = await who(await limen.fetch('/who'))
  const byWorker = await who(await fetch('/who'))
  const socket = new WebSocket(await limen.webSocketUrl('/ws?room=1'))
  const echo = await new Promise((resolve, reject) => {
    socket.onopen = () => socket.send('hello')
    socket.onmessage = ({ data }) => resolve(data)
    socket.onerror = () => reject(new Error('the WebSocket was refused'))
  })
  const keys = await new Promise((resolve, reject) => {
    const asked = indexedDB.open('limen')
    asked.onerror = () => reject(asked.error)
    asked.onsuccess = () => {
      const got = asked.result.transaction('session').objectStore('session').get('state')
      got.onsuccess = () => resolve(got.result.session.requestKey.extractable)
    }
  })
  await tell('first', { opened, posted, generation, rotated, byWorker, echo, extractable: keys,
    controlled: navigator.serviceWorker.controller !== null })
  location.href = '/second'
} catch (error) {
  await tell('failed', { error: String(error) })
}`
const SECOND = `
const image = document.querySelector('img')
await new Promise((resolve) => { image.complete ? resolve() : image.onload = image.onerror = resolve })
await fetch('/report', { method: 'POST', body: JSON.stringify({
  step: 'second', said: { place: location.pathname, picture: image.naturalWidth } }) })`
const PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="7"/>'

const page = (script: string): string =>
  `<!doctype html><meta charset="utf-8"><title>Site</title><img src="/mark.svg" alt=""><script type="module" src="/${script}"></script>`

let site: Server
let limen: LimenUnderTest
let firefox: ChildProcess | undefined
let folder = ''
let printed = ''
const reports: Report[] = []
/** Path and claims of all that reached the site. */
const visits: { readonly path: string; readonly claims: Claims | undefined }[] = []
let onReport = (): void => {}

before(async () => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/client-files.ts')], { stdio: 'inherit' })
  site = createServer((request, response) => {
    void answer(request).then(([type, body]) => {
      response.setHeader('content-type', type).end(body)
    })
  })
  const sockets = new WebSocketServer({ server: site, path: '/ws' })
  sockets.on('connection', (socket) => {
    socket.on('message', (data) => socket.send(String(data)))
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  const { port: sitePort } = site.address() as AddressInfo
  const [port = 0] = await freePorts(1)
  limen = await startLimen({
    listeners: [{ name: 'web', address: `127.0.0.1:${port}`, tls: {} }],
    certificates: [{ localCa: ['localhost'] }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${sitePort}` }] }],
    routes: [{ pool: 'site', sessionKey: 'required' }],
    sessions: { enabled: true },
  })
  folder = mkdtempSync(join(tmpdir(), 'limen-firefox-'))
  const profile = makeProfile(join(limen.folder, 'data/local-ca/ca.pem'))
  const env = { ...process.env, HOME: folder, MOZ_HEADLESS: '1', MOZ_CRASHREPORTER_DISABLE: '1' }
  firefox = spawn(
    'firefox-esr',
    ['--headless', '--no-remote', '--profile', profile, `https://localhost:${port}/`],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  for (const stream of [firefox.stdout, firefox.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      printed = (printed + text).slice(-4000)
    })
  }
  await new Promise<void>((resolve) => {
    const late = setTimeout(resolve, REPORT_MS_MAX)
    onReport = () => {
      if (reports.some(({ step }) => step !== 'first')) {
        clearTimeout(late)
        resolve()
      }
    }
  })
})

after(async () => {
  if (firefox !== undefined && firefox.exitCode === null && firefox.signalCode === null) {
    const ended = once(firefox, 'close')
    firefox.kill('SIGTERM')
    const late = setTimeout(() => firefox?.kill('SIGKILL'), END_MS_MAX)
    await ended
    clearTimeout(late)
  }
  await limen?.clean()
  site?.closeAllConnections()
  site?.close()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** That trusts our certificate authority, in its own store: a service worker is not installed past a warning. */
function makeProfile(caFile: string): string {
  const profile = join(folder, 'profile')
  mkdirSync(profile)
  const store = `sql:${profile}`
  const certutil = (...parameters: readonly string[]) =>
    execFileSync('certutil', parameters, { stdio: 'pipe' })
  certutil('-N', '-d', store, '--empty-password')
  certutil('-A', '-d', store, '-n', 'limen', '-t', 'C,,', '-i', caFile)
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`,
  )
  writeFileSync(join(profile, 'user.js'), lines.join(''))
  return profile
}

async function answer(request: IncomingMessage): Promise<readonly [type: string, body: string]> {
  const { pathname } = new URL(request.url ?? '/', 'http://site.invalid')
  const claims = claimsOf(request)
  visits.push({ path: pathname, claims })
  const pieces: Buffer[] = []
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
  const body = Buffer.concat(pieces)
  switch (pathname) {
    case '/first.js':
      return ['text/javascript', FIRST]
    case '/second.js':
      return ['text/javascript', SECOND]
    case '/mark.svg':
      return ['image/svg+xml', PICTURE]
    case '/who':
      return ['application/json', JSON.stringify(claims ?? {})]
    case '/body':
      return ['application/json', JSON.stringify({ bytes: body.length })]
    case '/report':
      reports.push(JSON.parse(body.toString()) as Report)
      onReport()
      return ['application/json', '{}']
    default:
      return ['text/html', page(pathname === '/second' ? 'second.js' : 'first.js')]
  }
}

function claimsOf({ headers }: IncomingMessage): Claims | undefined {
  const { 'limen-assertion': assertion } = headers
  const [, payload] = typeof assertion === 'string' ? assertion.split('.') : []
  if (payload === undefined) return undefined
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims
}

const said = (step: string): Report['said'] => {
  const report = reports.find((one) => one.step === step)
  const heard = `${JSON.stringify(reports)}\n${JSON.stringify(visits)}\n${printed}`
  assert.ok(report, `Firefox did not tell of ${step}: ${heard}\n${limen.printed().slice(-2000)}`)
  return report.said
}

describe('Firefox', () => {
  it('is let in, and comes back with the page that it asked for', () => {
    assert.deepEqual(
      reports.map(({ step }) => step),
      ['first', 'second'],
      JSON.stringify(reports) + printed,
    )
    assert.equal(visits[0]?.path, '/')
  })

  it('opens a session and signs what it asks for, bodies too', () => {
    const { opened, posted } = said('first')
    const [status, { sid, level }] = opened as [number, Claims]
    assert.deepEqual([status, level], [200, 'proof'])
    assert.match(sid, /^[\w-]{22}$/)
    assert.deepEqual(posted, [200, { bytes: 70_000 }])
  })

  it('rotates, and page and service worker go on under the same session', () => {
    const { opened, generation, rotated, byWorker } = said('first')
    const [, { sid, gen }] = opened as [number, Claims]
    assert.equal(generation, gen + 1)
    for (const [status, claims] of [rotated, byWorker] as [number, Claims][]) {
      assert.deepEqual([status, claims.sid, claims.gen], [200, sid, generation])
    }
  })

  it('keeps keys that no script can read', () => {
    const { extractable } = said('first')
    assert.equal(extractable, false)
  })

  it('opens a WebSocket', () => {
    const { echo } = said('first')
    assert.equal(echo, 'hello')
  })

  it('navigates and loads a picture through the service worker', () => {
    const { controlled } = said('first')
    assert.equal(controlled, true)
    assert.deepEqual(said('second'), { place: '/second', picture: 7 })
    const second = visits.find(({ path }) => path === '/second')
    assert.equal(second?.claims?.level, 'proof')
  })

  it('sent nothing that was not under its session', () => {
    assert.ok(visits.every(({ claims }) => claims?.level === 'proof'))
    assert.equal(new Set(visits.map(({ claims }) => claims?.sid)).size, 1)
  })
})
