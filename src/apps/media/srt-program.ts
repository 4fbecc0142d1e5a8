/**
 * Passphrases of SRT for a program that is not ours: one file per epoch that its owner alone may read, and a command that is told where it is. The command
 * of a new epoch runs beside the old one's until that epoch ends; one that ends before is started again. No secret is in arguments or environment.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  destroyPrivateFile,
  makePrivateFolder,
  writePrivateFile,
} from '../../adapters/node/private-file.ts'

export interface SrtProgramOptions {
  readonly device: string
  /** For `DEVICE-EPOCH.passphrase`. What is left there of an earlier start is removed. */
  readonly folder: string
  /** Is given the device, the epoch, the file and, of a receiver, the address to listen at. */
  readonly command: string
  complain(what: string): void
}

interface Begun {
  readonly file: string
  readonly arguments: readonly string[]
  child: ChildProcess | undefined
  timer: NodeJS.Timeout | undefined
}

/** An encoder whose connection broke: as often as a device asks for a key. */
const AGAIN_MS = 1_000
/** For one that does not end at SIGTERM. */
const END_MS = 5_000

export class SrtProgram {
  readonly #options: SrtProgramOptions
  readonly #begun = new Map<number, Begun>()

  constructor(options: SrtProgramOptions) {
    this.#options = options
    const { folder, device } = options
    makePrivateFolder(folder)
    const isOurs = (name: string) =>
      name.startsWith(`${device}-`) && /^\d+\.passphrase$/.test(name.slice(device.length + 1))
    for (const name of readdirSync(folder).filter(isOurs)) this.#remove(join(folder, name))
  }

  /**
   * Writes the file, then starts the command. Again for the same epoch it does nothing.
   *
   * @param address where the program listens, `host:port`; undefined: it calls
   * @returns false when the file could not be written
   */
  begin(epoch: number, passphrase: Uint8Array, address?: string): boolean {
    if (this.#begun.has(epoch)) return true
    const { device, folder } = this.#options
    const file = join(folder, `${device}-${epoch}.passphrase`)
    try {
      writePrivateFile(file, passphrase)
    } catch (error) {
      this.#complain('passphrase cannot be written', error)
      return false
    }
    const more = address === undefined ? [] : [address]
    const begun: Begun = {
      ...{ file, child: undefined, timer: undefined },
      arguments: [device, String(epoch), file, ...more],
    }
    this.#begun.set(epoch, begun)
    this.#start(begun)
    return true
  }

  /** Ends its command and removes its file. */
  end(epoch: number): void {
    const begun = this.#begun.get(epoch)
    if (begun === undefined) return
    this.#begun.delete(epoch)
    const { child, timer, file } = begun
    clearTimeout(timer)
    if (child !== undefined) stop(child)
    this.#remove(file)
  }

  close(): void {
    for (const epoch of [...this.#begun.keys()]) this.end(epoch)
  }

  #start(begun: Begun): void {
    const child = spawn(this.#options.command, begun.arguments, { stdio: 'ignore' })
    begun.child = child
    child.once('error', (error) => this.#complain('command cannot be started', error))
    child.once('close', () => {
      begun.child = undefined
      if (![...this.#begun.values()].includes(begun)) return
      begun.timer = setTimeout(() => this.#start(begun), AGAIN_MS)
    })
  }

  #remove(file: string): void {
    try {
      destroyPrivateFile(file)
    } catch (error) {
      this.#complain('passphrase cannot be removed', error)
    }
  }

  #complain(what: string, error: unknown): void {
    const { device, complain } = this.#options
    const { code } = error as NodeJS.ErrnoException
    complain(`${device}: the SRT ${what}: ${code}`)
  }
}

function stop(child: ChildProcess): void {
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
  child.once('close', () => clearTimeout(timer))
}
