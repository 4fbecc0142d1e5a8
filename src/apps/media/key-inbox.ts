/**
 * A device's or a transport's end of LMK1: opens each message, has the order carried out, answers. One message after the other: each is
 * kept as taken before it is acted upon, so that a restart takes nothing twice.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import type { HpkeKeyPair } from '../../adapters/node/hpke.ts'
import {
  mediaAckKey,
  mediaAckMac,
  openMediaKeyMessage,
} from '../../adapters/node/media-key-seal.ts'
import type { PartyChannel } from '../../ports/key-channel.ts'
import {
  type MediaKeyRefusal,
  type MediaKeyState,
  writeMediaKeyAnswer,
} from '../../wire/media-key-answer.ts'
import type { MediaKeyOrder } from '../../wire/media-key-message.ts'

export type InstallOrder = Extract<MediaKeyOrder, { readonly kind: 'install' }>

export interface KeyInboxOptions {
  readonly party: string
  readonly pair: HpkeKeyPair
  /** The key service's identity: 32 octets of Ed25519. */
  readonly identity: Uint8Array
  readonly channel: PartyChannel
  /** Sequence number of the last message taken before this start. */
  readonly last: bigint
  /** Milliseconds since 1970. */
  now(): number
  /** Keeps that a message was taken, and what its order changes; false when that fails. Never rejects. */
  keep(sequence: bigint, order: MediaKeyOrder): Promise<boolean>
  /** False: not with this epoch. Key and salt are zeroed afterwards. */
  carryOut(order: MediaKeyOrder): boolean
}

interface KnownEpoch {
  /** Authenticates answers, also when the epoch is retired. */
  readonly ackKey: KeyObject
  /** Of its INSTALL. */
  readonly sequence: bigint
}

/** Epochs that can be answered about: at a transport of 10 000 devices six each. */
const EPOCHS_MAX = 65_536
/** Messages that wait for the disk; the service says again what gets lost. */
const WAITING_MAX = 10_000
const STATES = {
  install: 'installed',
  activate: 'active',
  retire: 'retired',
  panic: 'stopped',
} as const

export class KeyInbox {
  readonly #options: KeyInboxOptions
  readonly #epochs = new Map<number, KnownEpoch>()
  #last: bigint
  #waiting = 0
  #isClosed = false
  #turn: Promise<void> = Promise.resolve()
  /** By why they were not taken. */
  readonly refused = new Map<MediaKeyRefusal, number>()

  constructor(options: KeyInboxOptions) {
    this.#options = options
    this.#last = options.last
    options.channel.listen((message) => {
      if (this.#isClosed || this.#waiting >= WAITING_MAX) return
      this.#waiting++
      this.#turn = this.#turn.then(async () => {
        await this.#take(message)
        this.#waiting--
      })
    })
  }

  /** Takes no more; resolves when what came before is done. */
  close(): Promise<void> {
    this.#isClosed = true
    return this.#turn
  }

  /** Tells the service that there was a packet under this epoch. */
  seen(epoch: number): void {
    const known = this.#epochs.get(epoch)
    if (known !== undefined) this.#acknowledge(known, known.sequence, epoch, 'seen')
  }

  async #take(message: Uint8Array): Promise<void> {
    const { party, pair, identity, now, keep } = this.#options
    const opened = openMediaKeyMessage(message, {
      ...{ party, pair, identity, last: this.#last, now: now() },
    })
    if (opened.kind === 'refused') {
      this.#refuse(opened.code, opened.sequence)
      return
    }
    const { order, sequence } = opened
    this.#last = sequence
    const isKept = await keep(sequence, order)
    const isDone = isKept && this.#carryOut(order, sequence)
    if (order.kind === 'install') {
      order.key.fill(0)
      order.salt.fill(0)
    }
    const { epoch } = order
    const known = this.#epochs.get(epoch)
    if (!isKept) this.#refuse('store', sequence)
    else if (!isDone || known === undefined) this.#refuse('epoch', sequence)
    else this.#acknowledge(known, sequence, epoch, STATES[order.kind])
  }

  /** INSTALL of the same again is answered again; another key for an epoch is not taken. */
  #carryOut(order: MediaKeyOrder, sequence: bigint): boolean {
    if (order.kind !== 'install') return this.#options.carryOut(order)
    const { epoch } = order
    const ackKey = mediaAckKey(order.key, this.#options.party)
    const known = this.#epochs.get(epoch)
    if (known !== undefined) return known.ackKey.equals(ackKey)
    if (!this.#options.carryOut(order)) return false
    this.#epochs.set(epoch, { ackKey, sequence })
    const [oldest] = this.#epochs.keys()
    if (this.#epochs.size > EPOCHS_MAX && oldest !== undefined) this.#epochs.delete(oldest)
    return true
  }

  #acknowledge(
    { ackKey }: KnownEpoch,
    sequence: bigint,
    epoch: number,
    state: MediaKeyState,
  ): void {
    const mac = mediaAckMac(ackKey, sequence, epoch, state)
    this.#options.channel.send(writeMediaKeyAnswer({ kind: 'ack', sequence, epoch, state, mac }))
  }

  #refuse(code: MediaKeyRefusal, sequence: bigint): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1)
    this.#options.channel.send(writeMediaKeyAnswer({ kind: 'nack', sequence, code }))
  }
}
