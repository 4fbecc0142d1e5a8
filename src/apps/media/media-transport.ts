/**
 * The transport of video sources: one UDP port for thousands of devices. Takes SRTP under the epochs that the key service installed, hands
 * clean RTP and RTCP on by UDP, counts. What is not authentic goes no further than a counter.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { RemoteInfo, Socket } from 'node:dgram'
import { type ReceiveRefusal, SrtpReceiver } from '../../adapters/media/srtp-receiver.ts'
import type { HpkeKeyPair } from '../../adapters/node/hpke.ts'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import type { PartyChannel } from '../../ports/key-channel.ts'
import { u32 } from '../../wire/big-endian.ts'
import { writeMediaKeyAnswer } from '../../wire/media-key-answer.ts'
import type { MediaKeyOrder } from '../../wire/media-key-message.ts'
import { readRtcp } from '../../wire/rtcp-packet.ts'
import { isRtcp } from '../../wire/rtp-packet.ts'
import { type Address, bindSockets } from './datagrams.ts'
import { type InstallOrder, KeyInbox } from './key-inbox.ts'
import { type MediaState, readMediaState, writeMediaState } from './media-state.ts'
import { StateFile } from './state-file.ts'
import { StreamCounts, type StreamFigures } from './stream-counts.ts'

export interface MediaTransportOptions {
  /** Its name at the key service. */
  readonly transport: string
  readonly pair: HpkeKeyPair
  /** The key service's identity: 32 octets of Ed25519. */
  readonly identity: Uint8Array
  readonly channel: PartyChannel
  readonly listen: Address
  /** Where each device's RTP goes, RTCP one port above. */
  readonly outputs: ReadonlyMap<string, Address>
  readonly stateFile: string
  /** Milliseconds since 1970. */
  now(): number
  /** A device sends under epochs that are not known, {@link UNKNOWN_MAX} packets in a row: it needs another key. */
  lost(device: string): void
  /** There is a key for a device that has no output here. */
  unrouted?(device: string): void
  /** Looks at what devices send. */
  readonly watch?: TransportWatch
  /** Devices that have no output here: they send SRT. */
  readonly srt?: EpochTaker
}

export interface EpochTaker {
  /** False: not with this epoch. Undefined: not of this device. */
  install(order: InstallOrder): boolean | undefined
  retire(epoch: number): void
}

export interface TransportWatch {
  /** Clean RTP. @param isLate under an earlier key than the newest */
  meet(device: string, packet: Uint8Array, isLate: boolean): void
  /** SRTP that is not authentic, or came before. */
  refuse(device: string, why: 'auth' | 'replay', packet: Uint8Array): void
  /** It sends under another key. */
  renew(device: string): void
}

export interface DeviceFigures {
  readonly epoch: number | undefined
  readonly streams: readonly StreamFigures[]
  /** By why packets were dropped; `unknown` by the address they came from. */
  readonly dropped: Readonly<Record<ReceiveRefusal, number>>
}

interface Device {
  readonly name: string
  readonly output: Address
  readonly streams: Map<number, StreamCounts>
  readonly dropped: Record<ReceiveRefusal, number>
  /** The newest that a packet was taken under. */
  epoch: number | undefined
  unknownInARow: number
  /** Where its last authentic packet came from. */
  from: string
}

/** LMK/1. */
const UNKNOWN_MAX = 20
/** Of all devices: 10 000 with six each. */
const EPOCHS_MAX = 65_536
/** Streams that are counted, per device; more are counted with the last. */
const STREAMS_MAX = 16
const KEEP_MS = 5_000
const SWEEP_MS = 1_000
const BOOT_BYTES = 16

export class MediaTransport {
  readonly #options: MediaTransportOptions
  readonly #input: Socket
  readonly #output: Socket
  readonly #receiver = new SrtpReceiver<Device>()
  readonly #inbox: KeyInbox
  readonly #state: StateFile
  readonly #devices: ReadonlyMap<string, Device>
  /** By address and port: whose packets of unknown epochs are. */
  readonly #byAddress = new Map<string, Device>()
  readonly #notAfter = new Map<number, number>()
  readonly #timers: readonly NodeJS.Timeout[]
  readonly #dropped = noDrops()
  #isPaused = false
  #paused = 0
  readonly #boot = randomBytes(BOOT_BYTES).toString('base64url')
  #last: bigint

  /** @throws LimenError `media.listen`, `media.state` */
  static async start(options: MediaTransportOptions): Promise<MediaTransport> {
    const { listen, stateFile } = options
    const state = readMediaState(readPrivateFile(stateFile)?.toString('utf8'), stateFile)
    const [input, output] = await bindSockets([listen, { host: listen.host, port: 0 }])
    return new MediaTransport(options, state, input, output)
  }

  private constructor(
    options: MediaTransportOptions,
    { last, streams }: MediaState,
    input: Socket,
    output: Socket,
  ) {
    this.#options = options
    this.#input = input
    this.#output = output
    const { transport: party, pair, identity, channel, outputs, stateFile, now } = options
    this.#devices = new Map([...outputs].map(([name, to]) => [name, newDevice(name, to)]))
    this.#last = last
    for (const [name, device] of this.#devices) {
      this.#receiver.resume(device, streams.get(name) ?? [])
    }
    this.#state = new StateFile(stateFile, () => this.#stateText())
    this.#inbox = new KeyInbox({
      ...{ party, pair, identity, channel, last, now },
      keep: (sequence) => {
        this.#last = sequence
        return this.#state.save()
      },
      carryOut: (order) => this.#carryOut(order),
    })
    input.on('message', (packet, from) => this.#receive(packet, from))
    this.#timers = [
      setInterval(() => void this.#state.save(), KEEP_MS),
      setInterval(() => this.#sweep(), SWEEP_MS),
    ]
    this.#ask()
  }

  get port(): number {
    return this.#input.address().port
  }

  /** Packets that came while {@link pause} was on. */
  get paused(): number {
    return this.#paused
  }

  /** Something came under an epoch that {@link EpochTaker} has. */
  seen(epoch: number): void {
    this.#inbox.seen(epoch)
  }

  /** Takes nothing, from anybody; or again. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
  }

  /** Packets that are nobody's, by why they were dropped. */
  dropped(): Readonly<Record<ReceiveRefusal, number>> {
    return { ...this.#dropped }
  }

  figures(device: string): DeviceFigures | undefined {
    const known = this.#devices.get(device)
    if (known === undefined) return undefined
    const streams = [...known.streams.values()].map((counts) => counts.figures())
    return { epoch: known.epoch, streams, dropped: { ...known.dropped } }
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#input.close()
    this.#output.close()
    await this.#inbox.close()
    await this.#state.save()
  }

  #receive(packet: Buffer, from: RemoteInfo): void {
    if (this.#isPaused) {
      this.#paused++
      return
    }
    const out = this.#receiver.unprotect(packet)
    if (out.kind === 'dropped') {
      this.#drop(out.why, out.device, from)
      const { why, device } = out
      const isTelling = why === 'auth' || why === 'replay'
      if (isTelling && device !== undefined && !isRtcp(packet)) {
        this.#options.watch?.refuse(device.name, why, packet)
      }
      return
    }
    const { device, packet: clean, epoch, isLate } = out
    if (epoch !== device.epoch && !isLate) this.#meetEpoch(device, epoch, from)
    device.unknownInARow = 0
    const { host, port } = device.output
    const isControl = isRtcp(clean)
    this.#output.send(clean, isControl ? port + 1 : port, host)
    if (isControl) countReport(device, clean)
    else {
      streamOf(device, u32(clean, 8))?.meet(clean, isLate)
      this.#options.watch?.meet(device.name, clean, isLate)
    }
  }

  #meetEpoch(device: Device, epoch: number, { address, port }: RemoteInfo): void {
    device.epoch = epoch
    this.#byAddress.delete(device.from)
    device.from = `${address} ${port}`
    this.#byAddress.set(device.from, device)
    this.#inbox.seen(epoch)
    this.#options.watch?.renew(device.name)
  }

  #drop(why: ReceiveRefusal, named: Device | undefined, { address, port }: RemoteInfo): void {
    const device = why === 'unknown' ? this.#byAddress.get(`${address} ${port}`) : named
    if (device === undefined) {
      this.#dropped[why]++
      return
    }
    device.dropped[why]++
    if (why === 'unknown' && ++device.unknownInARow === UNKNOWN_MAX) this.#options.lost(device.name)
  }

  #carryOut(order: MediaKeyOrder): boolean {
    const { epoch } = order
    if (order.kind === 'install') {
      const device = this.#devices.get(order.device)
      const isPossible = !this.#notAfter.has(epoch) && this.#receiver.epochs < EPOCHS_MAX
      if (!isPossible) return false
      if (device !== undefined) this.#receiver.install(epoch, device, order)
      else {
        const isTaken = this.#options.srt?.install(order)
        if (isTaken === false) return false
        // For other transports: its rotation is not to wait for this one in vain.
        if (isTaken === undefined) {
          this.#options.unrouted?.(order.device)
          return true
        }
      }
      this.#notAfter.set(epoch, order.notAfter)
      return true
    }
    if (order.kind !== 'retire') return false
    this.#retire(epoch)
    return true
  }

  #retire(epoch: number): void {
    this.#receiver.retire(epoch)
    this.#options.srt?.retire(epoch)
    this.#notAfter.delete(epoch)
  }

  #sweep(): void {
    const now = this.#options.now()
    for (const [epoch, notAfter] of this.#notAfter) if (now > notAfter) this.#retire(epoch)
    if (this.#notAfter.size === 0) this.#ask()
  }

  /** The service takes the same question once. */
  #ask(): void {
    this.#options.channel.send(writeMediaKeyAnswer({ kind: 'hello', boot: this.#boot }))
  }

  #stateText(): string {
    const streams = [...this.#devices].map(
      ([name, device]) => [name, this.#receiver.positions(device)] as const,
    )
    const seen = streams.filter(([, positions]) => positions.length > 0)
    return writeMediaState({ last: this.#last, epoch: 0, streams: new Map(seen) })
  }
}

function newDevice(name: string, output: Address): Device {
  return {
    ...{ name, output, streams: new Map(), dropped: noDrops() },
    ...{ epoch: undefined, unknownInARow: 0, from: '' },
  }
}

function noDrops(): Record<ReceiveRefusal, number> {
  return { malformed: 0, unknown: 0, replay: 0, auth: 0, streams: 0 }
}

function streamOf({ streams }: Device, ssrc: number): StreamCounts | undefined {
  const known = streams.get(ssrc)
  if (known !== undefined || streams.size >= STREAMS_MAX) return known
  const made = new StreamCounts(ssrc)
  streams.set(ssrc, made)
  return made
}

function countReport(device: Device, packet: Uint8Array): void {
  const read = readRtcp(packet)
  if (read.kind === 'malformed') return
  for (const report of read.compound.reports) device.streams.get(report.ssrc)?.report(report)
}
