/**
 * A transport with many devices, and the agent of the first of them, in a process of its own: what `bench/srtp.ts` measures. Its parent says the
 * keys once and asks what they have cost.
 *
 * @module
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryKeyChannel } from '../src/adapters/memory/key-channel.ts'
import { hpkeKeyPair } from '../src/adapters/node/hpke.ts'
import { sealMediaKeyOrder } from '../src/adapters/node/media-key-seal.ts'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import { DeviceAgent } from '../src/apps/media/device-agent.ts'
import { MediaTransport } from '../src/apps/media/media-transport.ts'
import { KEM } from '../src/wire/key-config.ts'
import { readMediaKeyAnswer } from '../src/wire/media-key-answer.ts'
import type { MediaKeyOrder } from '../src/wire/media-key-message.ts'

/** From the parent, once: each key is 16 octets and 12 of salt, hex; epochs are 1, 2, ... */
export interface BenchStart {
  readonly keys: readonly string[]
  readonly host: string
  readonly agentPort: number
  readonly outputPort: number
}

export interface BenchStarted {
  readonly port: number
  /** From the first order to the last answer, seconds. */
  readonly keysS: number
  /** Resident, before there was a transport. */
  readonly baseBytes: number
}

export interface BenchCost {
  /** Microseconds so far. */
  readonly cpuUs: number
  /** Resident, after a collection. */
  readonly rssBytes: number
  /** Devices whose packets were taken. */
  readonly streams: number
}

const TRANSPORT = 'transport'
const nameOf = (i: number) => `camera-${i}`
const now = () => Date.now()
const random = systemRandom()

process.once('message', (start: BenchStart) => {
  const baseBytes = residentBytes()
  void begin(start).then(({ transport, keysS }) => {
    const { keys } = start
    process.on('message', () => {
      const { user, system } = process.cpuUsage()
      const streams = keys.filter((_, i) => (transport.figures(nameOf(i))?.streams.length ?? 0) > 0)
      const cost = { cpuUs: user + system, rssBytes: residentBytes(), streams: streams.length }
      process.send?.(cost satisfies BenchCost)
    })
    process.send?.({ port: transport.port, keysS, baseBytes } satisfies BenchStarted)
  })
})

function residentBytes(): number {
  globalThis.gc?.()
  return process.memoryUsage.rss()
}

async function begin({ keys, host, agentPort, outputPort }: BenchStart) {
  const folder = mkdtempSync(join(tmpdir(), 'limen-bench-srtp-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  process.once('disconnect', () => process.exit())
  const signing = generateKeyPairSync('ed25519')
  const identity = signing.publicKey.export({ format: 'raw-public' })
  const pair = hpkeKeyPair(KEM.x25519, random.bytes(32))
  const channel = memoryKeyChannel()
  let open = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  channel.service.listen((_from, answer) => {
    if (readMediaKeyAnswer(answer)?.kind === 'ack' && --open === 0) resolve()
  })
  const common = { pair, identity, now }
  const output = { host, port: outputPort }
  const transport = await MediaTransport.start({
    ...{ ...common, transport: TRANSPORT, channel: channel.party(TRANSPORT) },
    ...{ listen: { host, port: 0 }, stateFile: join(folder, 'transport.json') },
    outputs: new Map(keys.map((_, i) => [nameOf(i), output])),
    lost: () => undefined,
  })
  await DeviceAgent.start({
    ...{ ...common, device: nameOf(0), channel: channel.party(nameOf(0)) },
    ...{ listen: { host, port: agentPort }, transport: { host, port: transport.port } },
    stateFile: join(folder, 'agent.json'),
  })
  let sequence = 0n
  const from = performance.now()
  const order = (to: string, said: MediaKeyOrder) => {
    open++
    const options = {
      party: to,
      publicKey: pair.publicKey,
      sequence: ++sequence,
      now: now(),
      random,
    }
    const sealed = sealMediaKeyOrder(said, {
      ...options,
      sign: (data) => sign(null, data, signing.privateKey),
    })
    channel.service.send(to, sealed)
  }
  for (const [i, hex] of keys.entries()) {
    const bytes = Buffer.from(hex, 'hex')
    const [key, salt] = [bytes.subarray(0, 16), bytes.subarray(16)]
    const device = nameOf(i)
    const install = { kind: 'install', key, salt, device, notAfter: now() + 3_600_000 } as const
    order(TRANSPORT, { ...install, epoch: i + 1 })
    if (i > 0) continue
    order(device, { ...install, epoch: 1 })
    order(device, { kind: 'activate', epoch: 1 })
  }
  await promise
  return { transport, keysS: (performance.now() - from) / 1000 }
}
