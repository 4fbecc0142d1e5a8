/**
 * A site of video sources: Mosquitto with TLS and its access list, the key service in this process (so that a test may know a key that
 * somebody steals), agents and a transport as processes of their own.
 *
 * @module
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { askKeyService } from '../../src/adapters/node/key-service-client.ts'
import { systemRandom } from '../../src/adapters/node/system-random.ts'
import { type RunningKeyService, startKeyService } from '../../src/apps/media/start-key-service.ts'
import { freePair } from '../media-world.ts'

export const HOST = '127.0.0.1'
const LIMEN = join(import.meta.dirname, '../../src/apps/cli/main.ts')
/** A busy machine may take its time. */
const WAIT_MS = 60_000

export interface Started {
  readonly child: ChildProcess
  said(): string
  /** What it said at its end. */
  stop(signal?: NodeJS.Signals): Promise<string>
}

export interface DeviceView {
  readonly party: string
  readonly state: string
  readonly epoch: number | null
  readonly step: string | null
  readonly isPresent: boolean
  readonly happened: readonly { readonly what: string; readonly reason?: string }[]
}

export interface DeviceSite {
  readonly folder: string
  readonly brokerUrl: string
  /** Of the key service. */
  readonly keysUrl: string
  keys: RunningKeyService
  /** Master keys in the order in which they were drawn, salts beside them. */
  readonly drawn: { readonly key: Buffer; readonly salt: Buffer }[]
  broker: Started
  startBroker(): Promise<Started>
  startKeys(): Promise<RunningKeyService>
  /** Runs `limen devices ...`. */
  devices(...args: string[]): Promise<string>
  show(party: string): Promise<DeviceView>
  /** How often the audit log says so. */
  audit(action: string, subject: string): number
  /** When that was last written down, milliseconds since 1970. */
  auditedAt(action: string, subject: string): number
  startAgent(device: string, listenPort: number, transportPort: number): Promise<Started>
  /** Beside an encoder of SRT, which `command` starts. */
  startSrtAgent(device: string, command: string): Promise<Started>
  startTransport(
    port: number,
    outputs: readonly string[],
    ...more: readonly string[]
  ): Promise<Started>
  close(): Promise<void>
}

export async function until(what: string, holds: () => boolean | Promise<boolean>, ms = WAIT_MS) {
  for (const end = Date.now() + ms; !(await holds()); ) {
    if (Date.now() > end) assert.fail(`not in time: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export async function startDeviceSite({
  rotateEveryMs = 0,
  graceMs = 300,
} = {}): Promise<DeviceSite> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-device-site-'))
  const brokerPort = await freeTcpPort()
  const keysPort = await freeTcpPort()
  const brokerUrl = `mqtts://${HOST}:${brokerPort}`
  const running = new Set<Started>()
  const random = systemRandom()
  const drawn: DeviceSite['drawn'] = []
  const recorded = {
    ...random,
    bytes(length: number) {
      const bytes = random.bytes(length)
      const [last] = drawn.slice(-1)
      if (length === 16) drawn.push({ key: Buffer.from(bytes), salt: Buffer.alloc(12) })
      // A salt is drawn right after its key.
      if (length === 12) last?.salt.set(bytes)
      return bytes
    },
  }
  const keysFolder = join(folder, 'keys')
  const startKeys = () =>
    startKeyService({
      ...{
        folder: keysFolder,
        opener: { kind: 'file' },
        listen: { host: HOST, port: keysPort },
        hosts: [HOST],
      },
      ...{ broker: brokerUrl, mqttVersion: 5, rotateEveryMs, graceMs, quarantine: true },
      ...{ random: recorded, complain: () => {} },
    })
  const url = `https://${HOST}:${keysPort}`
  const start = (name: string, program: string, args: readonly string[]) => {
    const one = startProcess(name, program, args)
    running.add(one)
    one.child.once('exit', () => running.delete(one))
    return one
  }
  const startBroker = async () => {
    const broker = start('mosquitto', programOf('mosquitto'), [
      ...['-c', join(keysFolder, 'broker', 'mosquitto.conf')],
    ])
    await until('a broker', () => canConnect(brokerPort))
    return broker
  }
  const devices = async (...args: string[]) => {
    const where = ['--url', url, '--folder', keysFolder]
    const asked = start('devices', process.execPath, [LIMEN, 'devices', ...args, ...where])
    const [code] = await once(asked.child, 'close')
    assert.equal(code, 0, asked.said())
    return asked.said()
  }
  const startParty = async (kind: 'agent' | 'media', party: string, args: readonly string[]) => {
    const own = join(folder, party)
    const code = join(folder, `${party}.code`)
    if (site.keys.service !== undefined && (await stateOf(party)) === undefined) {
      writeFileSync(
        code,
        await devices('enrol', party, ...(kind === 'media' ? ['--transport'] : [])),
      )
    }
    const enrols = ['--folder', own, '--service', url, '--code-file', code]
    const one = start(kind, process.execPath, [LIMEN, kind, ...enrols, ...args])
    await until(`${party} to begin`, () => {
      assert.equal(one.child.exitCode, null, one.said())
      return one.said().includes(' at ')
    })
    return one
  }
  const ask = (path: string) => {
    const token = readFileSync(join(keysFolder, 'token'), 'utf8')
    const ca = readFileSync(join(keysFolder, 'ca.pem'), 'utf8')
    return askKeyService({ url, ca, token }, 'GET', path)
  }
  const stateOf = async (party: string) => {
    const { devices: all } = (await ask('/v1/devices')) as { devices: readonly DeviceView[] }
    return all.find((one) => one.party === party)
  }
  const keys = await startKeys()
  const site: DeviceSite = {
    ...{ folder, brokerUrl, keysUrl: url, keys, drawn, startBroker, startKeys, devices },
    broker: await startBroker(),
    show: async (party) => (await ask(`/v1/devices/${party}`)) as DeviceView,
    audit(action, subject) {
      const text = readFileSync(join(keysFolder, 'audit.log'), 'utf8')
      return text.split(`"action":"${action}","subject":"${subject}"`).length - 1
    },
    auditedAt(action, subject) {
      const lines = readFileSync(join(keysFolder, 'audit.log'), 'utf8').split('\n')
      const line = lines.findLast((one) =>
        one.includes(`"action":"${action}","subject":"${subject}"`),
      )
      return JSON.parse(line ?? '{}').at
    },
    startAgent: (device, listenPort, transportPort) =>
      startParty('agent', device, [
        ...['--listen', `${HOST}:${listenPort}`, '--transport', `${HOST}:${transportPort}`],
      ]),
    startSrtAgent: (device, command) => startParty('agent', device, ['--srt-command', command]),
    startTransport: (port, outputs, ...more) =>
      startParty('media', 'transport-1', [
        ...[...more, '--listen', `${HOST}:${port}`],
        ...outputs.flatMap((one) => ['--output', one]),
      ]),
    async close() {
      for (const one of [...running]) await one.stop('SIGKILL')
      await site.keys.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return site
}

export function startProcess(
  name: string,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Started {
  const child = spawn(program, [...args], {
    ...{ stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } },
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (more: string) => {
      text = (text + more).slice(-100_000)
    })
  }
  child.once('error', (error) => {
    text += `${name}: ${error.message}`
  })
  const ended = once(child, 'close')
  return {
    child,
    said: () => text,
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      await ended
      return text
    },
  }
}

/** Servers live where a user's PATH often does not look. */
export function programOf(name: string): string {
  const { PATH = '' } = process.env
  process.env['PATH'] = [...new Set([...PATH.split(delimiter), '/usr/sbin'])].join(delimiter)
  return name
}

/** Where RTP of a test goes: the first of a free pair. */
export const freeMediaPort = freePair

async function canConnect(port: number): Promise<boolean> {
  const { connect } = await import('node:net')
  const socket = connect(port, HOST)
  const result = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false)
  socket.destroy()
  return result
}

async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
