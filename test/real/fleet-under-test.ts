/**
 * A Limen as an operator runs it, for a test: `bin/limen up -c` in a folder of its own, on free ports, with
 * upstream servers that are processes too. All of it can be signalled, killed, reconfigured.
 *
 * @module
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../free-ports.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const ORIGIN = join(import.meta.dirname, 'origin-process.ts')
const READY_MS_MAX = 30_000

/** A configuration as it is written: JSON is YAML. */
export type ConfigText = Readonly<Record<string, unknown>>

export interface Worker {
  readonly id: number
  readonly pid: number
  readonly state: string
  readonly restarts: number
  readonly connections: number
  readonly rssBytes: number
}

export interface Upstream {
  readonly id: string
  readonly state: string
  readonly inFlight: number
  readonly requests: number
  readonly failures: number
}

export interface Traffic {
  readonly connectionsTotal: number
  readonly handshakesFull: number
  readonly handshakesResumed: number
  readonly responses: readonly number[]
  readonly bytesOut: number
  readonly retries: number
  readonly refusals: Readonly<Record<string, number>>
}

export interface LimenUnderTest {
  readonly pid: number
  readonly folder: string
  readonly adminUrl: string
  printed(): string
  configure(config: ConfigText | string): void
  /** Writes the configuration, sends SIGHUP, waits until it is in force. */
  reload(config: ConfigText): Promise<void>
  workers(): Promise<readonly Worker[]>
  upstreams(): Promise<readonly Upstream[]>
  traffic(): Promise<Traffic>
  changeServer(id: string, change: { draining?: boolean; weight?: number }): Promise<void>
  signal(name: NodeJS.Signals): void
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  /** Ends whatever is left, and removes the folder. */
  clean(): Promise<void>
}

/** Asks the admin API as the operator whose token lies in `data`. Rejects when the answer is no success. */
export async function askAdmin(
  { adminUrl }: Pick<LimenUnderTest, 'adminUrl'>,
  data: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  const token = readFileSync(join(data, 'admin-token'), 'utf8').trim()
  const type = body === undefined ? {} : { 'content-type': 'application/json' }
  const response = await fetch(`${adminUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...type },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
  return response
}

const TURN_MS = 50
/** Of a timer's turn no more is counted: for the rest of it nothing ran here. */
const TURN_MS_MAX = 5 * TURN_MS

/**
 * Waits for something to become true; fails with `what` when it does not in time. It looks less often as it waits
 * longer, to a tenth of what has passed: the admin API lets an address ask 600 times a minute. Time in which nothing
 * at all ran here does not count.
 */
export async function until(
  what: string,
  withinMs: number,
  isTrue: () => boolean | Promise<boolean>,
): Promise<void> {
  let passedMs = 0
  let lookedAt = performance.now()
  const pass = (): void => {
    const now = performance.now()
    passedMs += Math.min(now - lookedAt, TURN_MS_MAX)
    lookedAt = now
  }
  const turns = setInterval(pass, TURN_MS)
  try {
    while (!(await isTrue())) {
      pass()
      if (passedMs > withinMs) throw new Error(`Not within ${withinMs} ms: ${what}`)
      const pauseMs = Math.min(Math.max(15, passedMs / 10), 250)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  } finally {
    clearInterval(turns)
  }
}

/** Starts Limen with `config`, to which data, admin and metrics are added. Resolves when it is ready. */
export async function startLimen(
  config: ConfigText,
  command: 'up' | 'keys' = 'up',
): Promise<LimenUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-fleet-'))
  const [admin = 0, metrics = 0] = await freePorts(2)
  const adminUrl = `http://127.0.0.1:${admin}`
  const file = join(folder, 'limen.yaml')
  const configure = (next: ConfigText | string): void => {
    const whole = {
      data: join(folder, 'data'),
      workers: 2,
      admin: { address: `127.0.0.1:${admin}`, openToLoopback: 'analyst' },
      metrics: { address: `127.0.0.1:${metrics}` },
      // No nodes beside it; of commands that read the file, neither.
      custody: { mode: 'off' },
    }
    const text =
      typeof next === 'string' ? next : JSON.stringify({ ...whole, ...next }, undefined, 2)
    writeFileSync(file, text)
  }
  configure(config)
  const child = spawn(join(ROOT, 'bin', 'limen'), [command, '-c', file], { cwd: folder })
  const printed = collect(child)
  const ended = once(child, 'close').then(([code, signal]) => (signal ?? code) as number | string)
  const read = async <T>(path: string): Promise<T> => {
    const response = await fetch(`${adminUrl}${path}`)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }
  const reloads = () => printed().split('"by":"SIGHUP","text":"Configuration reloaded"').length
  const limen: LimenUnderTest = {
    pid: child.pid ?? 0,
    folder,
    adminUrl,
    printed,
    configure,
    async reload(next) {
      const before = reloads()
      configure(next)
      child.kill('SIGHUP')
      await until(`a reload:\n${printed().slice(-2000)}`, 10_000, () => reloads() > before)
    },
    workers: () => read('/v1/workers'),
    upstreams: () => read('/v1/upstreams'),
    traffic: () => read('/v1/traffic'),
    async changeServer(id, change) {
      const token = readFileSync(join(folder, 'data', 'admin-token'), 'utf8').trim()
      const response = await fetch(`${adminUrl}/v1/upstreams/site/${id}`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(change),
      })
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
    },
    signal: (name) => child.kill(name),
    ended,
    async clean() {
      if (child.exitCode === null && child.signalCode === null) {
        const left = await limen.workers().catch(() => [])
        child.kill('SIGKILL')
        for (const { pid } of left) killIfThere(pid)
      }
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
  const deadline = Date.now() + READY_MS_MAX
  while (!(await answers(`${adminUrl}/readyz`))) {
    if (child.exitCode === null && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      continue
    }
    await limen.clean()
    throw new Error(`limen is not ready:\n${printed()}`)
  }
  return limen
}

export interface Origin {
  readonly id: string
  readonly port: number
  /** Names of POST requests it got, also before it was killed. */
  posts(): readonly string[]
  requests(): Promise<number>
  kill(): Promise<void>
  /** On the same port. */
  restart(): Promise<void>
  clean(): Promise<void>
}

/** @param ways a field that all its answers have, and how many ms each takes */
export async function startOrigin(id: string, ...ways: readonly string[]): Promise<Origin> {
  const [port = 0] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'limen-origin-'))
  const log = join(folder, 'posts')
  writeFileSync(log, '')
  let child = await spawnOrigin(id, port, log, ways)
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  return {
    id,
    port,
    posts: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
    requests: async () => Number(await (await fetch(`http://127.0.0.1:${port}/requests`)).text()),
    kill,
    async restart() {
      await kill()
      child = await spawnOrigin(id, port, log, ways)
    },
    async clean() {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export async function startOrigins(...ids: string[]): Promise<Origin[]> {
  return Promise.all(ids.map((id) => startOrigin(id)))
}

async function spawnOrigin(
  id: string,
  port: number,
  log: string,
  ways: readonly string[],
): Promise<ChildProcess> {
  const child = spawn(process.execPath, [ORIGIN, id, String(port), log, ...ways], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

/** A self-signed certificate for `names` (P-256), written to two files; again to replace them. */
export function makeCertificate(certificate: Certificate, names: readonly string[]): Certificate {
  const { certFile, keyFile } = certificate
  const subject = `/CN=${names[0]?.replace('*', 'any')}`
  const alternatives = names.map((name) => `${/^[\d.]+$/.test(name) ? 'IP' : 'DNS'}:${name}`)
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  execFileSync(
    'openssl',
    [
      ...[...request, '-days', '30', '-subj', subject],
      ...['-addext', `subjectAltName=${alternatives.join(',')}`],
      ...['-keyout', keyFile, '-out', certFile],
    ],
    { stdio: 'pipe' },
  )
  return certificate
}

/** Whether a process of this id exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

/** Everything a process prints. */
function collect(child: ChildProcess): () => string {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (more: string) => {
      text += more
    })
  }
  return () => text
}
