/**
 * A key service, a transport and an agent of one device in this process, each with real sockets and a state file, over a channel that a test
 * may disturb.
 *
 * @module
 */
import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryKeyChannel } from '../src/adapters/memory/key-channel.ts'
import { hpkeKeyPair } from '../src/adapters/node/hpke.ts'
import { systemRandom } from '../src/adapters/node/system-random.ts'
import { type Address, bindSockets } from '../src/apps/media/datagrams.ts'
import { DeviceAgent } from '../src/apps/media/device-agent.ts'
import { MediaKeyService } from '../src/apps/media/media-key-service.ts'
import { MediaTransport } from '../src/apps/media/media-transport.ts'
import type { RotationNews } from '../src/flows/rotate-media-key.ts'
import type { PartyChannel } from '../src/ports/key-channel.ts'
import { KEM } from '../src/wire/key-config.ts'

export const DEVICE = 'camera-1'
const TRANSPORT = 'transport-1'
const HOST = '127.0.0.1'

export interface MediaWorld {
  readonly folder: string
  readonly service: MediaKeyService
  transport: MediaTransport
  agent: DeviceAgent
  readonly news: RotationNews[]
  /** Devices that the transport said need another key. */
  readonly lost: string[]
  /** Octets on the way to a party: false loses them. */
  passes: (to: string, message: Uint8Array) => boolean
  /** What an agent in another process needs: hex. */
  readonly agentKeys: { readonly seed: string; readonly identity: string }
  /** The device's end of the channel: an agent of this process no longer hears anything. */
  deviceEnd(): PartyChannel
  /** Says to a party what was said before. */
  deliver(to: string, message: Uint8Array): void
  startAgent(): Promise<DeviceAgent>
  startTransport(port?: number): Promise<MediaTransport>
  close(): Promise<void>
}

export interface MediaWorldOptions {
  /** Where clean RTP goes. */
  readonly output: Address
  readonly rotateEveryMs?: number
  /** Where the agent sends, when that is not the transport itself. */
  readonly through?: Address
}

export async function startMediaWorld({
  output,
  rotateEveryMs = 0,
  through,
}: MediaWorldOptions): Promise<MediaWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'limen-media-'))
  const random = systemRandom()
  const keys = generateKeyPairSync('ed25519')
  const identity = keys.publicKey.export({ format: 'raw-public' })
  const seed = random.bytes(32)
  const pairs = {
    device: hpkeKeyPair(KEM.x25519, seed),
    transport: hpkeKeyPair(KEM.x25519, random.bytes(32)),
  }
  const channel = memoryKeyChannel()
  const news: RotationNews[] = []
  const lost: string[] = []
  const now = () => Date.now()
  let epoch = 0
  const service = new MediaKeyService({
    ...{ random, now, rotateEveryMs, devices: [DEVICE], transports: [TRANSPORT] },
    ...{ graceMs: 300, quarantine: true },
    channel: {
      send: (to, message) => {
        if (world.passes(to, message)) channel.service.send(to, message)
      },
      listen: (heard) => channel.service.listen(heard),
    },
    publicKeys: new Map([
      [DEVICE, pairs.device.publicKey],
      [TRANSPORT, pairs.transport.publicKey],
    ]),
    sign: (data) => sign(null, data, keys.privateKey),
    nextEpoch: () => ++epoch,
    told: (_device, one) => void news.push(one),
  })
  const startTransport = (port = 0) =>
    MediaTransport.start({
      ...{ transport: TRANSPORT, pair: pairs.transport, identity, now },
      ...{ channel: channel.party(TRANSPORT), listen: { host: HOST, port } },
      ...{ outputs: new Map([[DEVICE, output]]), stateFile: join(folder, 'transport.json') },
      lost: (device) => void lost.push(device),
    })
  const transport = await startTransport()
  const startAgent = async () =>
    DeviceAgent.start({
      ...{ device: DEVICE, pair: pairs.device, identity, now },
      ...{ channel: channel.party(DEVICE), listen: { host: HOST, port: await freePair() } },
      ...{ transport: through ?? { host: HOST, port: world.transport.port } },
      stateFile: join(folder, 'agent.json'),
    })
  const world: MediaWorld = {
    ...{ folder, service, transport, news, lost, startAgent, startTransport },
    agent: undefined as unknown as DeviceAgent,
    agentKeys: {
      seed: Buffer.from(seed).toString('hex'),
      identity: identity.toString('hex'),
    },
    deviceEnd: () => channel.party(DEVICE),
    passes: () => true,
    deliver: (to, message) => channel.service.send(to, message),
    async close() {
      service.close()
      // A test may have closed one of them.
      await Promise.allSettled([world.agent.close(), world.transport.close()])
      rmSync(folder, { recursive: true, force: true })
    },
  }
  world.agent = await startAgent()
  return world
}

/** The first of two ports next to each other, even, that were free a moment ago. */
export async function freePair(): Promise<number> {
  for (;;) {
    const [first] = await bindSockets([{ host: HOST, port: 0 }])
    const { port } = first.address()
    first.close()
    const pair = [port, port + 1].map((one) => ({ host: HOST, port: one }))
    const bound = port % 2 === 1 ? [] : await bindSockets(pair).catch(() => [])
    for (const socket of bound) socket.close()
    if (bound.length === 2) return port
  }
}
