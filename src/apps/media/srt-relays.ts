/**
 * The relays of a transport, one for each source that sends SRT, with what their receivers are told: a file with the passphrase for each
 * receiver, and the command that starts it.
 *
 * @module
 */
import {
  readSrtBaseline,
  type SrtBaseline,
  writeSrtBaseline,
} from '../../behavior/device/srt-baseline.ts'
import type { StreamReport } from '../../behavior/device/stream-report.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { BaselineFile } from './baseline-file.ts'
import type { Address } from './datagrams.ts'
import type { InstallOrder } from './key-inbox.ts'
import type { SrtFigures } from './srt-figures.ts'
import { SrtProgram } from './srt-program.ts'
import { SrtRelay } from './srt-relay.ts'

/** `--srt` of `limen media`. */
export interface SrtRoute {
  readonly device: string
  /** Where its encoder calls. */
  readonly listen: Address
  /** One or two. */
  readonly receivers: readonly Address[]
}

export interface SrtRelaysOptions {
  readonly routes: readonly SrtRoute[]
  /** For passphrases. */
  readonly folder: string
  /** Of what is kept: baselines. */
  readonly kept: { readonly folder: string; readonly seal: RecordSeal }
  /** Starts a receiver. */
  readonly command: string
  /** Of arrivals, milliseconds; does not jump. */
  clockMs(): number
  /** The first data under an epoch. */
  seen(epoch: number): void
  anomalous(device: string, why: string): void
  report(report: StreamReport): void
  complain(what: string): void
}

export class SrtRelays {
  readonly #relays = new Map<string, SrtRelay>()
  readonly #programs: SrtProgram[] = []

  /** All, or none. @throws LimenError `media.listen`; `media.baseline` for a file that Limen did not write */
  static async start(options: SrtRelaysOptions): Promise<SrtRelays> {
    const relays = new SrtRelays()
    try {
      for (const route of options.routes) await relays.#add(route, options)
    } catch (error) {
      relays.close()
      throw error
    }
    return relays
  }

  /** Undefined: no source of this name sends SRT. */
  figures(device: string): SrtFigures | undefined {
    return this.#relays.get(device)?.figures()
  }

  /** Undefined: no source of this name sends SRT. */
  install(order: InstallOrder): boolean | undefined {
    return this.#relays.get(order.device)?.install(order)
  }

  retire(epoch: number): void {
    for (const relay of this.#relays.values()) relay.retire(epoch)
  }

  pause(isPaused: boolean): void {
    for (const relay of this.#relays.values()) relay.pause(isPaused)
  }

  close(): void {
    for (const relay of this.#relays.values()) relay.close()
    for (const program of this.#programs) program.close()
  }

  async #add({ device, listen, receivers }: SrtRoute, options: SrtRelaysOptions): Promise<void> {
    const { folder, kept, command, clockMs, seen, anomalous, report, complain } = options
    let newest: SrtBaseline | undefined
    const file = new BaselineFile({ ...kept, device, what: 'srt' }, readSrtBaseline, () =>
      newest === undefined ? '' : writeSrtBaseline(newest),
    )
    const baseline = file.read()
    const program = new SrtProgram({ device, folder, command, complain })
    const relay = await SrtRelay.start({
      ...{ device, listen, receivers, clockMs, seen, report, baseline },
      begin: (epoch, passphrase, { host, port }) =>
        program.begin(
          epoch,
          passphrase,
          host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
        ),
      end: (epoch) => program.end(epoch),
      async learned(learned) {
        newest = learned
        if (!(await file.save())) complain(`the baseline of ${device} cannot be written`)
      },
      anomalous: (why) => anomalous(device, why),
    })
    this.#programs.push(program)
    this.#relays.set(device, relay)
  }
}
