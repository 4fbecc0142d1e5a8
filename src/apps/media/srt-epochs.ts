/**
 * The epochs of one SRT source at its relay: the passphrase of each, the receiver that has it, and whether it is still worth anything. New connections
 * are of the newest; which is locked is nobody's, until it is retired.
 *
 * @module
 */
export interface SrtEpoch {
  /** Zeroed when the epoch is over. */
  readonly passphrase: Buffer
  /** Which of the receivers. */
  readonly slot: number
  /** Somebody else may have the passphrase. */
  isLocked: boolean
  /** Data came under it. */
  isSeen: boolean
}

/** As many as the service knows. */
const EPOCHS_MAX = 16

export class SrtEpochs {
  readonly #slots: number
  readonly #epochs = new Map<number, SrtEpoch>()

  /** @param slots how many receivers there are; epochs take turns */
  constructor(slots: number) {
    this.#slots = slots
  }

  get(epoch: number | undefined): SrtEpoch | undefined {
    return epoch === undefined ? undefined : this.#epochs.get(epoch)
  }

  all(): number[] {
    return [...this.#epochs.keys()]
  }

  canAdd(epoch: number): boolean {
    return this.#epochs.size < EPOCHS_MAX && !this.#epochs.has(epoch)
  }

  /** Not the receiver of the newest, if there is another. */
  freeSlot(): number {
    const newest = this.get(this.newest())
    return newest === undefined ? 0 : (newest.slot + 1) % this.#slots
  }

  /** Takes the passphrase over. */
  add(epoch: number, passphrase: Buffer, slot: number): void {
    this.#epochs.set(epoch, { passphrase, slot, isLocked: false, isSeen: false })
  }

  /** That may be called under. */
  newest(): number | undefined {
    const open = [...this.#epochs].filter(([, { isLocked }]) => !isLocked)
    return open.length === 0 ? undefined : Math.max(...open.map(([epoch]) => epoch))
  }

  /** This one and those before it. */
  lock(last: number): void {
    for (const [epoch, known] of this.#epochs) if (epoch <= last) known.isLocked = true
  }

  remove(epoch: number): void {
    this.#epochs.get(epoch)?.passphrase.fill(0)
    this.#epochs.delete(epoch)
  }
}
