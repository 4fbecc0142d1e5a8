/**
 * The relay of one SRT source: a listener for who calls, a caller to the receivers. Datagrams go on unchanged, both ways; SRT is encrypted from end
 * to end, and stays so. Who calls must have wrapped the keys of its media under the passphrase of the newest epoch. Looks at headers and
 * times, and ends connections of a source that is not what it was: by SHUTDOWN to both ends, and their epoch is worth nothing here any more.
 *
 * Not here: rendezvous, groups of connections, whose passphrase comes next.
 *
 * @module
 */
import type { RemoteInfo, Socket } from 'node:dgram'
import { opensWith, srtPassphrase } from '../../adapters/media/srt-passphrase.ts'
import { SrtWatch } from '../../behavior/device/srt-watch.ts'
import type { StreamVerdict } from '../../behavior/device/stream-watch.ts'
import { readSrtHandshake } from '../../wire/srt-handshake.ts'
import { readSrtKeyMaterial } from '../../wire/srt-key-material.ts'
import {
  readSrtPacket,
  SRT_EXTENSION,
  type SrtControlPacket,
  type SrtDataPacket,
  type SrtPacket,
  writeSrtShutdown,
} from '../../wire/srt-packet.ts'
import { type Address, bindSockets } from './datagrams.ts'
import type { InstallOrder } from './key-inbox.ts'
import { type SrtCall, SrtCalls } from './srt-calls.ts'
import { SrtEpochs } from './srt-epochs.ts'
import { noSrtDrops, type SrtFigures } from './srt-figures.ts'
import { SrtHandshakeRate } from './srt-handshake-rate.ts'
import { SrtReports, type SrtReportsOptions } from './srt-reports.ts'

export interface SrtRelayOptions extends SrtReportsOptions {
  readonly listen: Address
  /** Epochs take turns: with two, a new connection is there before the old one ends. */
  readonly receivers: readonly Address[]
  /** Of arrivals, milliseconds; does not jump. */
  clockMs(): number
  /** A receiver needs the passphrase of an epoch now; it is zeroed later. */
  begin(epoch: number, passphrase: Uint8Array, receiver: Address): boolean
  /** An epoch is over. */
  end(epoch: number): void
  /** The first data under an epoch. */
  seen(epoch: number): void
  /** Another passphrase is due; why. Again every {@link TELL_MS}, while there is none. */
  anomalous(why: string): void
}

interface Connection {
  readonly call: SrtCall
  /** Socket id of the receiver. */
  readonly target: number
  atMs: number
  /** Who sends data: SRT's live mode is one way. */
  source: 'caller' | 'receiver' | undefined
  keyBits: number
}

/** Twice libsrt's own (SRTO_PEERIDLETIMEO, 5 s). */
const IDLE_MS = 10_000
const SWEEP_MS = 1_000
/** The old one, the new one, and what an encoder leaves behind that begins anew. */
const CONNECTIONS_MAX = 16
/** The service takes one in ten seconds. */
const TELL_MS = 10_000

export class SrtRelay {
  readonly #options: SrtRelayOptions
  readonly #input: Socket
  readonly #outputs: readonly Socket[]
  readonly #watch: SrtWatch
  readonly #reports: SrtReports
  readonly #rate = new SrtHandshakeRate()
  readonly #calls = new SrtCalls()
  readonly #epochs: SrtEpochs
  readonly #byCaller = new Map<number, Connection>()
  readonly #byTarget = new Map<number, Connection>()
  readonly #timer: NodeJS.Timeout
  readonly #dropped = noSrtDrops()
  readonly #counts = { data: 0, sentAgain: 0, keyChanges: 0, cut: 0 }
  #isPaused = false
  #told: { readonly why: string; atMs: number } | undefined

  /** @throws LimenError `media.listen` */
  static async start(options: SrtRelayOptions): Promise<SrtRelay> {
    const { listen, receivers } = options
    const outputs = receivers.map(({ host }) => ({ host: anyOf(host), port: 0 }))
    const [input, ...others] = await bindSockets([listen, ...outputs])
    return new SrtRelay(options, input, others)
  }

  private constructor(options: SrtRelayOptions, input: Socket, outputs: readonly Socket[]) {
    this.#options = options
    this.#input = input
    this.#outputs = outputs
    this.#epochs = new SrtEpochs(outputs.length)
    this.#watch = new SrtWatch(options.baseline)
    this.#reports = new SrtReports(options, this.#watch)
    input.on('message', (packet, from) => this.#fromCaller(packet, from))
    for (const [slot, output] of outputs.entries()) {
      output.on('message', (packet, from) => this.#fromReceiver(packet, from, slot))
    }
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS)
  }

  get port(): number {
    return this.#input.address().port
  }

  /** Takes nothing, from anybody; or again. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused
  }

  figures(): SrtFigures {
    const { size: connections } = this.#byCaller
    return {
      epoch: this.#epochs.newest(),
      connections,
      ...this.#counts,
      dropped: { ...this.#dropped },
    }
  }

  /** New connections are of this epoch from now on. False: too many epochs, or the receiver cannot be told. */
  install(order: InstallOrder): boolean {
    const { epoch } = order
    if (!this.#epochs.canAdd(epoch)) return false
    const passphrase = srtPassphrase(order, this.#options.device)
    const slot = this.#epochs.freeSlot()
    const receiver = this.#options.receivers[slot]
    if (receiver === undefined || !this.#options.begin(epoch, passphrase, receiver)) {
      passphrase.fill(0)
      return false
    }
    this.#epochs.add(epoch, passphrase, slot)
    this.#told = undefined
    return true
  }

  /** Ends its connections. */
  retire(epoch: number): void {
    if (this.#epochs.get(epoch) === undefined) return
    this.#cut((one) => one.call.epoch === epoch)
    this.#epochs.remove(epoch)
    this.#options.end(epoch)
  }

  close(): void {
    clearInterval(this.#timer)
    for (const epoch of this.#epochs.all()) this.retire(epoch)
    for (const socket of [this.#input, ...this.#outputs]) socket.close()
  }

  #fromCaller(bytes: Buffer, from: RemoteInfo): void {
    const packet = this.#read(bytes)
    if (packet === undefined) return
    if (packet.target === 0) {
      this.#meetCall(bytes, packet, from)
      return
    }
    const connection = this.#byTarget.get(packet.target)
    const { address, port } = connection?.call ?? {}
    if (connection === undefined || address !== from.address || port !== from.port) {
      this.#dropped.unknown++
      return
    }
    this.#pass(connection, 'caller', packet, bytes)
  }

  #fromReceiver(bytes: Buffer, from: RemoteInfo, slot: number): void {
    const { host, port } = this.#options.receivers[slot] ?? {}
    if (from.address !== host || from.port !== port) {
      this.#dropped.unknown++
      return
    }
    const packet = this.#read(bytes)
    if (packet === undefined) return
    const connection = this.#byCaller.get(packet.target)
    if (connection === undefined) this.#meetAnswer(bytes, packet, slot)
    else if (connection.call.slot !== slot) this.#dropped.unknown++
    else this.#pass(connection, 'receiver', packet, bytes)
  }

  #read(bytes: Buffer): SrtPacket | undefined {
    if (this.#isPaused) return undefined
    const read = readSrtPacket(bytes)
    if (read.kind === 'read') return read.packet
    this.#dropped.malformed++
    return undefined
  }

  #pass(connection: Connection, from: 'caller' | 'receiver', packet: SrtPacket, bytes: Buffer) {
    const atMs = this.#options.clockMs()
    connection.atMs = atMs
    if (packet.kind === 'data' && !this.#meetData(connection, from, packet, atMs)) return
    const { call } = connection
    if (from === 'caller') this.#toReceiver(call.slot, bytes)
    else this.#input.send(bytes, call.port, call.address)
    if (packet.kind === 'data') return
    if (packet.type === 'shutdown') this.#end(connection)
    if (packet.type !== 'user' || packet.subtype !== SRT_EXTENSION.kmReq) return
    const keys = readSrtKeyMaterial(packet.body)?.keys
    if (keys !== undefined) this.#watch.announce(call.socket, keys)
  }

  /** False: it goes no further. */
  #meetData(
    connection: Connection,
    from: 'caller' | 'receiver',
    packet: SrtDataPacket,
    atMs: number,
  ): boolean {
    connection.source ??= from
    if (connection.source !== from) {
      this.#dropped.unknown++
      return false
    }
    const { call } = connection
    const verdict = this.#watch.meet(call.socket, packet, atMs)
    this.#judge(verdict, call.epoch)
    if (verdict?.rotate === true) return false
    this.#counts.data++
    if (packet.isRetransmitted) this.#counts.sentAgain++
    else if (packet.keyBits !== connection.keyBits) {
      if (connection.keyBits !== 0) this.#counts.keyChanges++
      connection.keyBits = packet.keyBits
    }
    const epoch = this.#epochs.get(call.epoch)
    if (epoch?.isSeen === false) {
      epoch.isSeen = true
      this.#options.seen(call.epoch)
    }
    return true
  }

  #meetCall(bytes: Buffer, packet: SrtPacket, from: RemoteInfo): void {
    const isHandshake = packet.kind === 'control' && packet.type === 'handshake'
    const handshake = isHandshake ? readSrtHandshake(packet.body) : undefined
    if (handshake === undefined) {
      this.#dropped.handshake++
      return
    }
    const { address, port } = from
    const nowMs = this.#options.clockMs()
    if (!this.#rate.admits(address, nowMs)) {
      this.#dropped.rate++
      return
    }
    const known = this.#byCaller.get(handshake.socket)
    if (known !== undefined) {
      // The answer was lost: the same again.
      const { call } = known
      const isSame = call.address === address && call.port === port && call.isSame(bytes)
      if (isSame) this.#toReceiver(call.slot, bytes)
      else this.#dropped.handshake++
      return
    }
    const epoch = this.#epochs.newest()
    const slot = this.#epochs.get(epoch)?.slot
    if (epoch === undefined || slot === undefined) {
      this.#dropped.locked++
      return
    }
    const step = this.#calls.meet(bytes, handshake, { address, port, epoch, slot, nowMs })
    if (step.kind === 'dropped') this.#dropped.handshake++
    else if (step.kind === 'pass') this.#toReceiver(step.call.slot, bytes)
    else void this.#check(step.call, Buffer.from(bytes))
  }

  /** Once for each caller: whether it has the passphrase. */
  async #check(call: SrtCall, conclusion: Buffer): Promise<void> {
    const { keyMaterial, epoch, address, slot } = call
    const passphrase = this.#epochs.get(epoch)?.passphrase
    const isOpen =
      keyMaterial !== undefined &&
      passphrase !== undefined &&
      (await opensWith(keyMaterial, passphrase))
    if (!isOpen) {
      this.#dropped.passphrase++
      this.#calls.remove(call)
      return
    }
    if (this.#epochs.newest() !== epoch) {
      this.#dropped.locked++
      return
    }
    call.isOpen = true
    this.#rate.know(address)
    this.#toReceiver(slot, conclusion)
  }

  /** No more octets than were asked with, until a connection is there. */
  #meetAnswer(bytes: Buffer, packet: SrtPacket, slot: number): void {
    const call = this.#calls.of(packet.target)
    const isHandshake = packet.kind === 'control' && packet.type === 'handshake'
    if (call === undefined || call.slot !== slot || !isHandshake) {
      this.#dropped.unknown++
      return
    }
    if (!call.owes(bytes.length)) {
      this.#dropped.larger++
      return
    }
    if (!this.#isAnswered(call, packet)) return
    this.#input.send(bytes, call.port, call.address)
  }

  /** False: this answer is not to be had. */
  #isAnswered(call: SrtCall, packet: SrtControlPacket): boolean {
    const answer = readSrtHandshake(packet.body)
    if (answer === undefined) {
      this.#dropped.malformed++
      return false
    }
    if (answer.phase === 'refusal') this.#calls.remove(call)
    if (answer.phase !== 'conclusion') return true
    const { handshake } = call
    const isFree = this.#byCaller.size < CONNECTIONS_MAX && !this.#byTarget.has(answer.socket)
    if (!call.isOpen || handshake === undefined || !isFree || answer.socket === 0) {
      this.#dropped.full++
      return false
    }
    this.#calls.remove(call)
    const nowMs = this.#options.clockMs()
    const connection: Connection = {
      ...{ call, target: answer.socket, atMs: nowMs, source: undefined, keyBits: 0 },
    }
    this.#byCaller.set(call.socket, connection)
    this.#byTarget.set(answer.socket, connection)
    const keys = call.keyMaterial?.keys ?? 0
    this.#judge(this.#watch.begin(call.socket, call.epoch, handshake, keys, nowMs), call.epoch)
    return this.#byCaller.has(call.socket)
  }

  #judge(verdict: StreamVerdict | undefined, epoch: number): void {
    if (verdict === undefined) return
    const { rotate, reasons } = verdict
    if (rotate) this.#lock(epoch, reasons.map(({ what }) => what).join(', '))
    this.#reports.meet(verdict)
  }

  /** Up to this one, nobody connects under them any more. */
  #lock(last: number, why: string): void {
    this.#epochs.lock(last)
    this.#cut((one) => one.call.epoch <= last)
    this.#told = { why, atMs: this.#options.clockMs() }
    this.#options.anomalous(why)
  }

  #cut(isMeant: (connection: Connection) => boolean): void {
    for (const connection of [...this.#byCaller.values()].filter(isMeant)) {
      const { call, target } = connection
      this.#input.send(writeSrtShutdown(call.socket), call.port, call.address)
      this.#toReceiver(call.slot, writeSrtShutdown(target))
      this.#counts.cut++
      this.#end(connection)
    }
  }

  #end({ call, target }: Connection): void {
    this.#byCaller.delete(call.socket)
    this.#byTarget.delete(target)
    this.#watch.end(call.socket)
  }

  #toReceiver(slot: number, bytes: Uint8Array): void {
    const receiver = this.#options.receivers[slot]
    if (receiver !== undefined) this.#outputs[slot]?.send(bytes, receiver.port, receiver.host)
  }

  #sweep(): void {
    const nowMs = this.#options.clockMs()
    this.#calls.sweep(nowMs)
    for (const connection of [...this.#byCaller.values()]) {
      if (nowMs - connection.atMs > IDLE_MS) this.#end(connection)
    }
    const told = this.#told
    const isWaiting = told !== undefined && this.#epochs.newest() === undefined
    if (!isWaiting || nowMs - told.atMs < TELL_MS) return
    told.atMs = nowMs
    this.#options.anomalous(told.why)
  }
}

function anyOf(host: string): string {
  return host.includes(':') ? '::' : '0.0.0.0'
}
