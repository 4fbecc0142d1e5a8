/**
 * The agent beside an encoder that speaks SRT itself: takes no packets, only keys. When an epoch is activated, its passphrase is written to a file and a
 * command started, which calls the relay; the one of the epoch before ends when that is retired, so that the new connection is there first. The
 * order of things is the key service's (`keys/device/key-rotation.ts`).
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { srtPassphrase } from '../../adapters/media/srt-passphrase.ts'
import type { HpkeKeyPair } from '../../adapters/node/hpke.ts'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import type { PartyChannel } from '../../ports/key-channel.ts'
import { writeMediaKeyAnswer } from '../../wire/media-key-answer.ts'
import type { MediaKeyOrder } from '../../wire/media-key-message.ts'
import { KeyInbox } from './key-inbox.ts'
import { readMediaState, writeMediaState } from './media-state.ts'
import { SrtProgram } from './srt-program.ts'
import { StateFile } from './state-file.ts'

export interface SrtAgentOptions {
  readonly device: string
  readonly pair: HpkeKeyPair
  /** The key service's identity: 32 octets of Ed25519. */
  readonly identity: Uint8Array
  readonly channel: PartyChannel
  readonly stateFile: string
  /** For passphrases. */
  readonly folder: string
  /** Starts the encoder. */
  readonly command: string
  /** Milliseconds since 1970. */
  now(): number
  complain(what: string): void
}

interface Held {
  readonly passphrase: Buffer
  readonly notAfter: number
}

/** Without a key the agent asks that often; the service takes the same question once. */
const ASK_MS = 1_000
const BOOT_BYTES = 16
/** As many as the service knows. */
const EPOCHS_MAX = 16

export class SrtAgent {
  readonly #options: SrtAgentOptions
  readonly #inbox: KeyInbox
  readonly #state: StateFile
  readonly #program: SrtProgram
  readonly #held = new Map<number, Held>()
  readonly #timer: NodeJS.Timeout
  #last: bigint
  /** The highest that was activated. */
  #epoch: number
  #active: number | undefined
  #boot = newBoot()

  /** @throws LimenError `media.state` */
  constructor(options: SrtAgentOptions) {
    this.#options = options
    const { device: party, pair, identity, channel, stateFile, now } = options
    const { last, epoch } = readMediaState(readPrivateFile(stateFile)?.toString('utf8'), stateFile)
    this.#last = last
    this.#epoch = epoch
    const { folder, command, complain } = options
    this.#program = new SrtProgram({ device: party, folder, command, complain })
    this.#state = new StateFile(stateFile, () =>
      writeMediaState({ last: this.#last, epoch: this.#epoch, streams: new Map() }),
    )
    this.#inbox = new KeyInbox({
      ...{ party, pair, identity, channel, last, now },
      keep: (sequence, order) => {
        this.#last = sequence
        if (order.kind === 'activate') this.#epoch = Math.max(this.#epoch, order.epoch)
        return this.#state.save()
      },
      carryOut: (order) => this.#carryOut(order),
    })
    this.#timer = setInterval(() => this.#tick(), ASK_MS)
    this.#ask()
  }

  /** That its newest command was started for. */
  get epoch(): number | undefined {
    return this.#active
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#inbox.close()
    for (const epoch of [...this.#held.keys()]) this.#retire(epoch)
    this.#program.close()
    await this.#state.save()
  }

  #carryOut(order: MediaKeyOrder): boolean {
    const { epoch } = order
    if (order.kind === 'install') {
      if (epoch <= this.#epoch || this.#held.size >= EPOCHS_MAX) return false
      const passphrase = srtPassphrase(order, this.#options.device)
      this.#held.set(epoch, { passphrase, notAfter: order.notAfter })
      return true
    }
    if (order.kind === 'activate') return this.#activate(epoch)
    if (order.kind === 'retire') this.#retire(epoch)
    else for (const one of [...this.#held.keys()]) this.#retire(one)
    return true
  }

  #activate(epoch: number): boolean {
    const held = this.#held.get(epoch)
    if (held === undefined) return false
    if (!this.#program.begin(epoch, held.passphrase)) return false
    this.#active = epoch
    return true
  }

  #retire(epoch: number): void {
    this.#held.get(epoch)?.passphrase.fill(0)
    this.#held.delete(epoch)
    this.#program.end(epoch)
    if (this.#active === epoch) this.#active = undefined
  }

  #tick(): void {
    const now = this.#options.now()
    for (const [epoch, { notAfter }] of this.#held) {
      if (now <= notAfter) continue
      if (epoch === this.#active) this.#boot = newBoot()
      this.#retire(epoch)
    }
    // Stopped by the service, too: it does not answer then.
    if (this.#active === undefined) this.#ask()
  }

  #ask(): void {
    this.#options.channel.send(writeMediaKeyAnswer({ kind: 'hello', boot: this.#boot }))
  }
}

function newBoot(): string {
  return randomBytes(BOOT_BYTES).toString('base64url')
}
