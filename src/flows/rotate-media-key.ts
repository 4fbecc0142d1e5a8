/**
 * Keys of one device's media, from wish to retirement: draws them, has them sealed for device and transports, carries out what
 * `keys/device/key-rotation.ts` orders, and believes answers only with their MACs. Orders go over a channel that may lose them.
 *
 * @module
 */
import type { Random } from '../ground/random.ts'
import {
  KeyRotation,
  type KeyRotationOptions,
  type RotationAction,
  type RotationReason,
  type RotationStep,
} from '../keys/device/key-rotation.ts'
import type { KeyChannel } from '../ports/key-channel.ts'
import {
  type MediaKeyAck,
  type MediaKeyRefusal,
  type MediaKeyState,
  readMediaKeyAnswer,
} from '../wire/media-key-answer.ts'
import type { MediaKeyOrder } from '../wire/media-key-message.ts'

/** What becomes of a rotation, for a log and counters. */
export type RotationNews =
  | Exclude<RotationAction, { readonly kind: 'order' }>
  /** A party would not take an order: unauthenticated, a hint. */
  | { readonly kind: 'refused'; readonly from: string; readonly code: MediaKeyRefusal }
  /** An answer that is none, or whose MAC is wrong. */
  | { readonly kind: 'forged'; readonly from: string }

/** Whether an answer of that party about the epoch is authentic. */
export type AckCheck = (
  party: string,
  sequence: bigint,
  epoch: number,
  state: MediaKeyState,
  mac: Uint8Array,
) => boolean

export interface RotateMediaKeyOptions extends KeyRotationOptions {
  readonly channel: Pick<KeyChannel, 'send'>
  readonly random: Random
  /** Seals and signs, with a sequence number that grows from call to call. Undefined: to that party nothing can be sealed. */
  seal(order: MediaKeyOrder, party: string): Uint8Array | undefined
  /** Copies what it needs of the master key: that is zeroed. */
  ackCheck(masterKey: Uint8Array, parties: readonly string[]): AckCheck
  /** How long a key may be used at most, should nobody retire it. */
  readonly keyAgeMs: number
  /** Milliseconds since 1970. */
  now(): number
  told(news: RotationNews): void
}

interface Epoch {
  readonly key: Uint8Array
  readonly salt: Uint8Array
  readonly notAfter: number
  readonly isAck: AckCheck
}

const KEY_BYTES = 16
const SALT_BYTES = 12
/** What parties hold and may still answer about: one in force, one in flight, failed ones. */
const EPOCHS_MAX = 16
/** The state that answers an order. */
const STATES = {
  install: 'installed',
  activate: 'active',
  retire: 'retired',
  panic: 'stopped',
} as const

export class RotateMediaKey {
  readonly #options: RotateMediaKeyOptions
  readonly #rotation: KeyRotation
  readonly #epochs = new Map<number, Epoch>()
  /** Of each party's last start. */
  readonly #boots = new Map<string, string>()

  constructor(options: RotateMediaKeyOptions) {
    this.#options = options
    this.#rotation = new KeyRotation(options)
  }

  get step(): RotationStep {
    return this.#rotation.step
  }

  get epoch(): number | undefined {
    return this.#rotation.epoch
  }

  /** Milliseconds since 1970: {@link due} is to be called then. */
  get dueAt(): number {
    return this.#rotation.dueAt
  }

  want(reason: Exclude<RotationReason, 'boot'>): void {
    this.#carryOut(this.#rotation.want(reason, this.#options.now()))
  }

  /** Lifts a stop. */
  resume(): void {
    this.#rotation.resume()
  }

  /** At once, without waiting for an answer. */
  panic(): void {
    this.#carryOut(this.#rotation.panic())
  }

  due(): void {
    this.#carryOut(this.#rotation.due(this.#options.now()))
  }

  /** @param from as the channel knows it */
  heard(from: string, bytes: Uint8Array): void {
    const { told, device, transports } = this.#options
    const answer = readMediaKeyAnswer(bytes)
    if (answer?.kind === 'hello') {
      // A channel may say it twice.
      const isParty = from === device || transports.includes(from)
      if (!isParty || answer.boot === this.#boots.get(from)) return
      this.#boots.set(from, answer.boot)
      this.#carryOut(this.#rotation.began(from, this.#options.now()))
    } else if (answer?.kind === 'nack') told({ kind: 'refused', from, code: answer.code })
    else if (answer === undefined || !this.#isAcked(from, answer)) told({ kind: 'forged', from })
  }

  /** False: it is not authentic. */
  #isAcked(from: string, answer: MediaKeyAck): boolean {
    const { sequence, epoch, state, mac } = answer
    const isAuthentic = this.#epochs.get(epoch)?.isAck(from, sequence, epoch, state, mac) ?? false
    if (!isAuthentic) return false
    const now = this.#options.now()
    if (state === 'seen') this.#carryOut(this.#rotation.seen(epoch, now))
    else if (state === this.#awaited()) this.#carryOut(this.#rotation.acked(from, epoch, now))
    return true
  }

  #awaited(): MediaKeyState | undefined {
    const { step } = this.#rotation
    if (step === 'transports' || step === 'device') return STATES.install
    if (step === 'activate') return STATES.activate
    return step === 'retire' ? STATES.retire : undefined
  }

  #carryOut(actions: readonly RotationAction[]): void {
    for (const action of actions) {
      if (action.kind !== 'order') {
        // Who asked and got nothing may ask again.
        if (action.kind === 'failed') this.#boots.clear()
        // Everybody has it, and nobody is told an earlier one.
        if (action.kind === 'changed') for (const epoch of this.#epochs.values()) forgetKey(epoch)
        this.#options.told(action)
        continue
      }
      const { order, epoch, to } = action
      const said = order === 'install' ? this.#install(epoch) : { kind: order, epoch }
      const sealed = this.#options.seal(said, to)
      // As if it did not answer: it holds up nobody but this device.
      if (sealed !== undefined) this.#options.channel.send(to, sealed)
    }
  }

  #install(epoch: number): MediaKeyOrder {
    const { device } = this.#options
    const known = this.#epochs.get(epoch) ?? this.#draw(epoch)
    const { key, salt, notAfter } = known
    return { kind: 'install', epoch, key, salt, notAfter, device }
  }

  #draw(epoch: number): Epoch {
    const { random, ackCheck, now, keyAgeMs, transports, device } = this.#options
    const key = random.bytes(KEY_BYTES)
    const drawn: Epoch = {
      ...{ key, salt: random.bytes(SALT_BYTES) },
      ...{ notAfter: now() + keyAgeMs, isAck: ackCheck(key, [...transports, device]) },
    }
    this.#epochs.set(epoch, drawn)
    const [oldest] = this.#epochs
    if (this.#epochs.size > EPOCHS_MAX && oldest !== undefined) {
      forgetKey(oldest[1])
      this.#epochs.delete(oldest[0])
    }
    return drawn
  }
}

function forgetKey({ key, salt }: Epoch): void {
  key.fill(0)
  salt.fill(0)
}
