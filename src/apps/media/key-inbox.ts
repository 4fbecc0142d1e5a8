/**
 * A device's or a transport's end of LMK1: opens each message, has the order carried out, answers. One message after the other: each is
 * kept as taken before it is acted upon, so that a restart takes nothing twice. What waits for the disk is kept together: a transport gets
 * thousands at a start.
 *
 * @module
 */
import type { KeyObject } from 'node:crypto'
import type { HpkeKeyPair } from '../../adapters/node/hpke.ts'
import {
  type MediaKeyOpened,
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
  /** Keeps that messages up to this one were taken, and what its order changes: of orders that are kept together the last alone, so only ACTIVATE may change anything. False when that fails. Never rejects. */
  keep(sequence: bigint, order: MediaKeyOrder): Promise<boolean>
  /** False: not with this epoch. Key and salt are zeroed afterwards. */
  carryOut(order: MediaKeyOrder): boolean
}

type Opened = Extract<MediaKeyOpened, { readonly kind: 'opened' }>

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
/** Kept together. Each takes a third of a millisecond to open, and media waits for them. */
const BATCH_MAX = 64
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
  readonly #waiting: Uint8Array[] = []
  #isClosed = false
  #turn: Promise<void> = Promise.resolve()
  /** By why they were not taken. */
  readonly refused = new Map<MediaKeyRefusal, number>()

  constructor(options: KeyInboxOptions) {
    this.#options = options
    this.#last = options.last
    options.channel.listen((message) => {
      if (this.#isClosed || this.#waiting.length >= WAITING_MAX) return
      this.#waiting.push(message)
      this.#turn = this.#turn.then(() => this.#take())
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

  /** One batch. */
  async #take(): Promise<void> {
    const batch = this.#open()
    const last = batch.at(-1)
    if (last === undefined) return
    const isKept = await this.#options.keep(last.sequence, last.order)
    for (const { order, sequence } of batch) {
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
  }

  /** What waits. ACTIVATE is kept alone: what it changes must not be the case before the orders ahead of it are carried out. */
  #open(): Opened[] {
    const { party, pair, identity, now } = this.#options
    const batch: Opened[] = []
    const messages = this.#waiting.splice(0, BATCH_MAX)
    for (const [i, message] of messages.entries()) {
      const opened = openMediaKeyMessage(message, {
        ...{ party, pair, identity, last: this.#last, now: now() },
      })
      if (opened.kind === 'refused') {
        this.#refuse(opened.code, opened.sequence)
        continue
      }
      const isAlone = opened.order.kind === 'activate'
      if (isAlone && batch.length > 0) {
        this.#waiting.unshift(...messages.slice(i))
        return batch
      }
      this.#last = opened.sequence
      batch.push(opened)
      if (!isAlone) continue
      this.#waiting.unshift(...messages.slice(i + 1))
      return batch
    }
    return batch
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
