/**
 * Changing the key of one device without losing a packet: make before break (`docs/wire/device-keys.md`). What to order next, as
 * answers, packets and time come in; who seals the orders and carries them is `flows/rotate-media-key.ts`.
 *
 *   idle -> transports -> device -> activate -> seen -> grace -> retire -> idle
 *
 * One rotation is in flight. What is wanted before the new epoch is in force is answered by it, what is wanted after by one more; a party
 * that began anew has lost what it was given, and the rotation begins again.
 *
 * @module
 */

/** Why a key is changed; `boot`: the device began anew and has none. */
export type RotationReason = 'boot' | 'time' | 'hand' | 'anomaly'

export type RotationStep =
  | 'idle'
  | 'transports'
  | 'device'
  | 'activate'
  | 'seen'
  | 'grace'
  | 'retire'

export type RotationAction =
  | {
      readonly kind: 'order'
      readonly order: 'install' | 'activate' | 'retire' | 'panic'
      /** A transport by its name, or the device. */
      readonly to: string
      readonly epoch: number
    }
  /** Packets under the new epoch are taken. */
  | {
      readonly kind: 'changed'
      readonly epoch: number
      readonly reason: RotationReason
      readonly tookMs: number
    }
  /** Nobody answers. The old epoch stays, or nothing more is taken from the device (`quarantined`). */
  | {
      readonly kind: 'failed'
      readonly step: RotationStep
      readonly silent: readonly string[]
      readonly reason: RotationReason
      readonly quarantined: boolean
    }

export interface KeyRotationOptions {
  readonly device: string
  /** One at least. */
  readonly transports: readonly string[]
  /** A number that was not used before at these transports. */
  nextEpoch(): number
  /** A device that does not follow when its key has to change at once gets nothing through any more. */
  readonly quarantine: boolean
  /** How long packets of the old epoch may still come, 300 to 2000 ms. */
  readonly graceMs: number
}

/** LMK/1: then the same again, with another sequence number. */
const RETRY_MS = [500, 1000, 2000, 4000] as const
/** Of one device, when one rotation after the other fails; parties forget them by themselves (`notAfter`). */
const EPOCHS_MAX = 16
/** A device said that it sends under the new epoch, but nothing comes: its encoder pauses. */
const SEEN_MS = 10_000

interface Held {
  readonly to: string
  readonly epoch: number
}

export class KeyRotation {
  readonly #options: KeyRotationOptions
  #step: RotationStep = 'idle'
  /** In force. */
  #epoch: number | undefined
  #next = 0
  /** Who has installed what, and not yet retired it. */
  #held: readonly Held[] = []
  /** Who was ordered to, and has not answered: it may not know the epoch, and then cannot answer that it has retired it. */
  #ordered: readonly Held[] = []
  #reason: RotationReason = 'time'
  /** Begins when this one is over. */
  #wanted: Exclude<RotationReason, 'boot'> | undefined
  /** By panic or quarantine: neither to begin anew nor the schedule helps a device then. */
  #isStopped = false
  #begunAt = 0
  /** Who has not answered, and which epoch it is about. */
  #waiting: readonly Held[] = []
  #attempt = 0
  #dueAt = Number.POSITIVE_INFINITY

  constructor(options: KeyRotationOptions) {
    this.#options = options
  }

  get step(): RotationStep {
    return this.#step
  }

  get epoch(): number | undefined {
    return this.#epoch
  }

  /** When {@link due} has something to do, milliseconds. */
  get dueAt(): number {
    return this.#dueAt
  }

  /** After {@link panic} or a quarantine: keys are made again when one is wanted. */
  resume(): void {
    this.#isStopped = false
  }

  /** Of a device that is stopped nothing comes. @param now milliseconds */
  want(reason: Exclude<RotationReason, 'boot'>, now: number): RotationAction[] {
    if (this.#isStopped) return []
    if (this.#step === 'idle') return this.#begin(reason, now)
    // The new epoch is in force already: what is wanted now is one more.
    if (this.#step === 'grace' || this.#step === 'retire') {
      this.#wanted = this.#wanted === 'anomaly' ? this.#wanted : reason
    } else if (reason === 'anomaly') this.#reason = reason
    return []
  }

  /** A party began anew: it has no key any more, and the rotation in flight leads nowhere. */
  began(party: string, now: number): RotationAction[] {
    this.#held = this.#held.filter(({ to }) => to !== party)
    this.#ordered = this.#ordered.filter(({ to }) => to !== party)
    return this.#isStopped ? [] : this.#begin('boot', now)
  }

  /** A party did what it was ordered; authentic. Late and second answers change nothing. */
  acked(from: string, epoch: number, now: number): RotationAction[] {
    if (!this.#waiting.some((one) => one.to === from && one.epoch === epoch)) return []
    this.#waiting = this.#waiting.filter((one) => one.to !== from || one.epoch !== epoch)
    if (this.#step === 'retire') this.#held = without(this.#held, from, epoch)
    if (this.#step === 'transports' || this.#step === 'device') this.#hold(from, epoch)
    if (this.#waiting.length > 0) return []
    const forDevice = [{ to: this.#options.device, epoch: this.#next }]
    if (this.#step === 'transports') return this.#install('device', forDevice, now)
    if (this.#step === 'device') return this.#enter('activate', forDevice, now)
    if (this.#step === 'activate') return this.#awaitPackets(now)
    return this.#step === 'retire' ? this.#rest(now) : []
  }

  /** A transport took a packet under that epoch. */
  seen(epoch: number, now: number): RotationAction[] {
    // The packet may overtake what the device answers.
    const isAwaited = this.#step === 'activate' || this.#step === 'seen'
    if (!isAwaited || epoch !== this.#next) return []
    this.#waiting = []
    return this.#change(now)
  }

  /** What time has come for. */
  due(now: number): RotationAction[] {
    if (now < this.#dueAt) return []
    if (this.#step === 'seen') return this.#change(now)
    if (this.#step === 'grace') return this.#retire(now)
    if (this.#attempt < RETRY_MS.length) return this.#order(now)
    return this.#fail(now)
  }

  /** Stop sending, all epochs: until {@link resume}. */
  panic(): RotationAction[] {
    const epoch = this.#epoch ?? this.#next
    const orders: RotationAction[] = [
      { kind: 'order', order: 'panic', to: this.#options.device, epoch },
    ]
    return [...orders, ...this.#stop()]
  }

  #awaitPackets(now: number): RotationAction[] {
    this.#step = 'seen'
    this.#dueAt = now + SEEN_MS
    return []
  }

  #change(now: number): RotationAction[] {
    this.#epoch = this.#next
    const changed: RotationAction = {
      ...{ kind: 'changed', epoch: this.#next, reason: this.#reason },
      tookMs: now - this.#begunAt,
    }
    // A key that may be known to others is worth nothing from now on.
    if (this.#reason === 'anomaly') return [changed, ...this.#retire(now)]
    this.#step = 'grace'
    this.#dueAt = now + this.#options.graceMs
    return [changed]
  }

  #retire(now: number): RotationAction[] {
    const isOld = ({ epoch }: Held) => epoch !== this.#epoch
    const old = this.#held.filter(isOld)
    const unsure = this.#ordered.filter(isOld).map(retireOf)
    this.#ordered = []
    return [...unsure, ...(old.length === 0 ? this.#rest(now) : this.#enter('retire', old, now))]
  }

  #fail(now: number): RotationAction[] {
    const [step, reason] = [this.#step, this.#reason]
    const silent = [...new Set(this.#waiting.map(({ to }) => to))]
    const quarantined = step !== 'retire' && reason === 'anomaly' && this.#options.quarantine
    const failed: RotationAction = { kind: 'failed', step, silent, reason, quarantined }
    // It may have been the answer that got lost, and the device sends under the new epoch: transports keep it, until the next rotation.
    return [failed, ...(quarantined ? this.#stop() : this.#rest(now))]
  }

  /** Nothing is taken from the device any more. */
  #stop(): RotationAction[] {
    const { device } = this.#options
    const known = [...this.#held, ...this.#ordered].filter(({ to }) => to !== device)
    this.#epoch = undefined
    this.#isStopped = true
    this.#held = []
    this.#ordered = []
    this.#wanted = undefined
    this.#rest(0)
    return known.map(retireOf)
  }

  #rest(now: number): RotationAction[] {
    const wanted = this.#wanted
    this.#step = 'idle'
    this.#wanted = undefined
    this.#waiting = []
    this.#dueAt = Number.POSITIVE_INFINITY
    return wanted === undefined ? [] : this.#begin(wanted, now)
  }

  #begin(reason: RotationReason, now: number): RotationAction[] {
    const { transports, nextEpoch } = this.#options
    this.#reason = reason
    this.#begunAt = now
    this.#next = nextEpoch()
    const waiting = transports.map((to) => ({ to, epoch: this.#next }))
    return this.#install('transports', waiting, now)
  }

  #install(step: 'transports' | 'device', waiting: readonly Held[], now: number): RotationAction[] {
    this.#ordered = [...this.#ordered, ...waiting].slice(-this.#heldMax())
    return this.#enter(step, waiting, now)
  }

  #hold(to: string, epoch: number): void {
    this.#ordered = without(this.#ordered, to, epoch)
    this.#held = [...this.#held, { to, epoch }].slice(-this.#heldMax())
  }

  #heldMax(): number {
    return EPOCHS_MAX * (this.#options.transports.length + 1)
  }

  #enter(step: RotationStep, waiting: readonly Held[], now: number): RotationAction[] {
    this.#step = step
    this.#waiting = waiting
    this.#attempt = 0
    return this.#order(now)
  }

  #order(now: number): RotationAction[] {
    this.#dueAt = now + (RETRY_MS[this.#attempt++] ?? 0)
    const orders = {
      transports: 'install',
      device: 'install',
      activate: 'activate',
      retire: 'retire',
    } as const
    const step = this.#step as keyof typeof orders
    return this.#waiting.map(({ to, epoch }) => ({ kind: 'order', order: orders[step], to, epoch }))
  }
}

function without(list: readonly Held[], party: string, gone: number): readonly Held[] {
  return list.filter(({ to, epoch }) => to !== party || epoch !== gone)
}

function retireOf({ to, epoch }: Held): RotationAction {
  return { kind: 'order', order: 'retire', to, epoch }
}
