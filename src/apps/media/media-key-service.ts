/**
 * The key service of video sources: one rotation per device (`flows/rotate-media-key.ts`), by schedule, by hand and when a device begins
 * anew, over whatever channel there is.
 *
 * @module
 */

import {
  isMediaAckMac,
  mediaAckKey,
  mediaAckMac,
  sealMediaKeyOrder,
} from '../../adapters/node/media-key-seal.ts'
import { type AckCheck, RotateMediaKey, type RotationNews } from '../../flows/rotate-media-key.ts'
import type { Random } from '../../ground/random.ts'
import type { RotationReason, RotationStep } from '../../keys/device/key-rotation.ts'
import type { KeyChannel } from '../../ports/key-channel.ts'
import { readMediaKeyAnswer } from '../../wire/media-key-answer.ts'
import type { MediaKeyOrder } from '../../wire/media-key-message.ts'

export interface MediaKeyServiceOptions {
  readonly channel: KeyChannel
  /** X25519 keys by party, 32 octets each that can be sealed to: devices and transports. May grow, as may `transports`. */
  readonly publicKeys: ReadonlyMap<string, Uint8Array>
  /** At the start; {@link MediaKeyService.add} for more. */
  readonly devices: readonly string[]
  /** That every device may reach: each has all keys. */
  readonly transports: readonly string[]
  readonly random: Random
  /** Milliseconds since 1970. */
  now(): number
  /** Ed25519 by the identity that parties know. */
  sign(data: Uint8Array): Uint8Array
  /** Ascending; a device takes none again, nor a lower one. */
  nextEpoch(device: string): number
  /** 0: only when asked. */
  readonly rotateEveryMs: number
  readonly graceMs: number
  readonly quarantine: boolean
  told(device: string, news: RotationNews): void
}

/** Should nobody retire a key: a day. */
const KEY_AGE_MS = 86_400_000
/** What transports may still answer about: 10 000 devices with six each. */
const EPOCHS_MAX = 65_536
/** Waits of a rotation begin at 300 ms. */
const TICK_MS = 50

export class MediaKeyService {
  readonly #options: MediaKeyServiceOptions
  readonly #rotations: Map<string, RotateMediaKey>
  readonly #changedAt = new Map<string, number>()
  readonly #timer: NodeJS.Timeout
  readonly #byEpoch = new Map<number, RotateMediaKey>()
  #sequence: bigint

  constructor(options: MediaKeyServiceOptions) {
    this.#options = options
    const { devices, channel, now } = options
    this.#sequence = BigInt(now()) << 16n
    this.#rotations = new Map(devices.map((device) => [device, this.#rotationOf(device)]))
    channel.listen((from, answer) => this.#heard(from, answer))
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  /** One more, or one that was stopped; it gets a key when it asks. */
  add(device: string): void {
    const known = this.#rotations.get(device)
    if (known === undefined) this.#rotations.set(device, this.#rotationOf(device))
    else known.resume()
  }

  /** Has transports drop these epochs, whatever is known of them here: of before a restart, or of a device that is out. */
  drop(epochs: readonly number[]): void {
    const { transports, channel } = this.#options
    for (const epoch of epochs) {
      for (const to of transports) {
        const sealed = this.#seal({ kind: 'retire', epoch }, to)
        if (sealed !== undefined) channel.send(to, sealed)
      }
    }
  }

  rotate(device: string, reason: Exclude<RotationReason, 'boot'>): void {
    this.#rotations.get(device)?.want(reason)
  }

  /** The epoch in force. */
  epoch(device: string): number | undefined {
    return this.#rotations.get(device)?.epoch
  }

  step(device: string): RotationStep | undefined {
    return this.#rotations.get(device)?.step
  }

  /** Stops a device until it is {@link add}ed again. */
  panic(device: string): void {
    this.#rotations.get(device)?.panic()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** A device answers for itself; a transport for any device: the epoch says which. */
  #heard(from: string, bytes: Uint8Array): void {
    const own = this.#rotations.get(from)
    if (own !== undefined) {
      own.heard(from, bytes)
      return
    }
    const answer = readMediaKeyAnswer(bytes)
    if (answer?.kind === 'ack') this.#byEpoch.get(answer.epoch)?.heard(from, bytes)
    // Began anew: it has no device's keys any more.
    if (answer?.kind === 'hello') for (const one of this.#rotations.values()) one.heard(from, bytes)
    if (answer?.kind === 'nack')
      this.#options.told(from, { kind: 'refused', from, code: answer.code })
  }

  #nextEpoch(device: string): number {
    const rotation = this.#rotations.get(device)
    const epoch = this.#options.nextEpoch(device)
    if (rotation !== undefined) this.#byEpoch.set(epoch, rotation)
    const [oldest] = this.#byEpoch.keys()
    if (this.#byEpoch.size > EPOCHS_MAX && oldest !== undefined) this.#byEpoch.delete(oldest)
    return epoch
  }

  #tick(): void {
    const { now, rotateEveryMs } = this.#options
    const at = now()
    for (const [device, rotation] of this.#rotations) {
      if (at >= rotation.dueAt) rotation.due()
      const changedAt = this.#changedAt.get(device)
      const isOld = changedAt !== undefined && at - changedAt >= rotateEveryMs
      if (rotateEveryMs > 0 && isOld && rotation.step === 'idle') rotation.want('time')
    }
  }

  #rotationOf(device: string): RotateMediaKey {
    const { channel, transports, random, now, graceMs, quarantine } = this.#options
    return new RotateMediaKey({
      ...{ device, channel, transports, random, now, graceMs, quarantine },
      nextEpoch: () => this.#nextEpoch(device),
      keyAgeMs: KEY_AGE_MS,
      seal: (order, party) => this.#seal(order, party),
      ackCheck,
      told: (news) => {
        if (news.kind === 'changed') this.#changedAt.set(device, now())
        this.#options.told(device, news)
      },
    })
  }

  #seal(order: MediaKeyOrder, party: string): Uint8Array | undefined {
    const { publicKeys, random, sign, now } = this.#options
    const publicKey = publicKeys.get(party)
    if (publicKey === undefined) return undefined
    const sequence = ++this.#sequence
    return sealMediaKeyOrder(order, { party, publicKey, sequence, now: now(), random, sign })
  }
}

/** The master key is zeroed when the epoch is everywhere; answers come later, too. */
function ackCheck(masterKey: Uint8Array, parties: readonly string[]): AckCheck {
  const keys = new Map(parties.map((party) => [party, mediaAckKey(masterKey, party)]))
  return (party, sequence, epoch, state, mac) => {
    const key = keys.get(party)
    return key !== undefined && isMediaAckMac(mac, mediaAckMac(key, sequence, epoch, state))
  }
}
