/**
 * The agent beside an encoder: takes RTP and RTCP on loopback, sends SRTP to the transport, and does what the key service orders. It sends
 * nothing in clear, nothing without a key, and under no nonce twice, whenever it is killed: after a start it asks for a new epoch.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:dgram'
import { type SendRefusal, SrtpSender } from '../../adapters/media/srtp-sender.ts'
import type { HpkeKeyPair } from '../../adapters/node/hpke.ts'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import type { PartyChannel } from '../../ports/key-channel.ts'
import { writeMediaKeyAnswer } from '../../wire/media-key-answer.ts'
import type { MediaKeyOrder } from '../../wire/media-key-message.ts'
import { type Address, bindSockets } from './datagrams.ts'
import { KeyInbox } from './key-inbox.ts'
import { type MediaState, readMediaState, writeMediaState } from './media-state.ts'
import { StateFile } from './state-file.ts'

export interface DeviceAgentOptions {
  readonly device: string
  readonly pair: HpkeKeyPair
  /** The key service's identity: 32 octets of Ed25519. */
  readonly identity: Uint8Array
  readonly channel: PartyChannel
  /** Where RTP comes in; RTCP one port above, so 0 is none. On loopback: it is not protected yet. */
  readonly listen: Address
  readonly transport: Address
  readonly stateFile: string
  /** Milliseconds since 1970. */
  now(): number
}

export interface AgentCounts {
  sent: number
  /** By why packets were not sent. */
  readonly refused: Readonly<Record<SendRefusal, number>>
}

/** How often positions are kept: at 2000 packets a second a third of the half turn that a rollover counter may be behind. */
const KEEP_MS = 5_000
/** Without a key the agent asks that often; the service takes the same question once. */
const ASK_MS = 1_000
/** Packets in a row that cannot be sent before another epoch is asked for: copies on the way are fewer. */
const USED_MAX = 20
const BOOT_BYTES = 16
/** As many as the service knows. */
const EPOCHS_MAX = 16

export class DeviceAgent {
  readonly #options: DeviceAgentOptions
  readonly #inputs: readonly Socket[]
  readonly #output: Socket
  readonly #sender: SrtpSender
  readonly #inbox: KeyInbox
  readonly #state: StateFile
  readonly #notAfter = new Map<number, number>()
  readonly #timers: readonly NodeJS.Timeout[]
  readonly #refused = { inactive: 0, malformed: 0, used: 0, streams: 0, spent: 0 }
  #sent = 0
  #last: bigint
  /** Nothing at or below it is ever sent under again. */
  #epoch: number
  #isAsking = true
  #boot = newBoot()
  #usedInARow = 0

  /** @throws LimenError `media.listen`, `media.state` */
  static async start(options: DeviceAgentOptions): Promise<DeviceAgent> {
    const { listen, transport, stateFile } = options
    const state = readMediaState(readPrivateFile(stateFile)?.toString('utf8'), stateFile)
    const [rtp, rtcp, output] = await bindSockets([
      listen,
      { host: listen.host, port: listen.port + 1 },
      { host: anyOf(transport.host), port: 0 },
    ])
    return new DeviceAgent(options, state, [rtp, rtcp], output)
  }

  private constructor(
    options: DeviceAgentOptions,
    { last, epoch, streams }: MediaState,
    inputs: readonly Socket[],
    output: Socket,
  ) {
    this.#options = options
    this.#inputs = inputs
    this.#output = output
    const { device, stateFile, channel, pair, identity, now } = options
    this.#last = last
    this.#epoch = epoch
    this.#sender = new SrtpSender(streams.get(device))
    this.#state = new StateFile(stateFile, () =>
      writeMediaState({
        ...{ last: this.#last, epoch: this.#epoch },
        streams: new Map([[device, this.#sender.positions()]]),
      }),
    )
    this.#inbox = new KeyInbox({
      ...{ party: device, pair, identity, channel, last, now },
      keep: (sequence, order) => this.#keep(sequence, order),
      carryOut: (order) => this.#carryOut(order),
    })
    for (const input of inputs) input.on('message', (packet) => this.#send(packet))
    this.#timers = [
      setInterval(() => void this.#state.save(), KEEP_MS),
      setInterval(() => this.#tick(), ASK_MS),
    ]
    this.#ask()
  }

  /** Where RTP comes in. */
  get port(): number {
    return this.#inputs[0]?.address().port ?? 0
  }

  get epoch(): number | undefined {
    return this.#sender.epoch
  }

  counts(): AgentCounts {
    return { sent: this.#sent, refused: { ...this.#refused } }
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    for (const socket of [...this.#inputs, this.#output]) socket.close()
    await this.#inbox.close()
    await this.#state.save()
  }

  #send(packet: Buffer): void {
    const sealed = this.#sender.protect(packet)
    if (typeof sealed !== 'string') {
      this.#usedInARow = 0
      this.#sent++
      const { host, port } = this.#options.transport
      this.#output.send(sealed, port, host)
      return
    }
    this.#refused[sealed]++
    const helps = sealed === 'used' || sealed === 'streams' || sealed === 'spent'
    if (helps && ++this.#usedInARow === USED_MAX) this.#askAnew()
  }

  #keep(sequence: bigint, order: MediaKeyOrder): Promise<boolean> {
    this.#last = sequence
    // Before the first packet under it: what crashes after this never sends under it again.
    if (order.kind === 'activate' && order.epoch !== this.#sender.epoch) {
      if (order.epoch > this.#epoch) this.#epoch = order.epoch
    }
    return this.#state.save()
  }

  #carryOut(order: MediaKeyOrder): boolean {
    const { epoch } = order
    if (order.kind === 'install') {
      const isKnown = this.#notAfter.has(epoch)
      if (isKnown || epoch <= this.#epoch || this.#notAfter.size >= EPOCHS_MAX) return false
      this.#sender.install(epoch, order)
      this.#notAfter.set(epoch, order.notAfter)
      return true
    }
    if (order.kind === 'activate') {
      if (!this.#sender.activate(epoch)) return false
      this.#isAsking = false
      this.#usedInARow = 0
      return true
    }
    if (order.kind === 'retire') this.#retire(epoch)
    else for (const one of [...this.#notAfter.keys()]) this.#retire(one)
    return true
  }

  #retire(epoch: number): void {
    this.#sender.retire(epoch)
    this.#notAfter.delete(epoch)
  }

  #tick(): void {
    const now = this.#options.now()
    for (const [epoch, notAfter] of this.#notAfter) {
      if (now <= notAfter) continue
      if (epoch === this.#sender.epoch) this.#askAnew()
      this.#retire(epoch)
    }
    if (this.#isAsking) this.#ask()
  }

  #askAnew(): void {
    this.#boot = newBoot()
    this.#isAsking = true
    this.#ask()
  }

  #ask(): void {
    this.#options.channel.send(writeMediaKeyAnswer({ kind: 'hello', boot: this.#boot }))
  }
}

function newBoot(): string {
  return randomBytes(BOOT_BYTES).toString('base64url')
}

function anyOf(host: string): string {
  return host.includes(':') ? '::' : '0.0.0.0'
}
