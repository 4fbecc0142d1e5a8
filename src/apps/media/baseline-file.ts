/**
 * What is kept of one device's stream over restarts: a file of its own in the transport's folder, sealed.
 *
 * @module
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { StateFile } from './state-file.ts'

export interface BaselineFileOptions {
  /** Of the transport. */
  readonly folder: string
  readonly seal: RecordSeal
  readonly device: string
  /** What it is: `srt` is the baseline of a source that sends SRT. */
  readonly what: 'baseline' | 'limit' | 'srt'
}

const FOLDER = 'baselines'
const OWNER_ONLY_FOLDER = 0o700

export class BaselineFile<T> {
  readonly #options: BaselineFileOptions
  readonly #path: string
  readonly #read: (text: string) => T | undefined
  readonly #file: StateFile

  /** @param read undefined for a text that is none @param textOf asked when it is written */
  constructor(
    options: BaselineFileOptions,
    read: (text: string) => T | undefined,
    textOf: () => string,
  ) {
    const { folder, seal, device, what } = options
    mkdirSync(join(folder, FOLDER), { recursive: true, mode: OWNER_ONLY_FOLDER })
    this.#options = options
    this.#path = join(folder, FOLDER, `${device}.${what}.sealed`)
    this.#read = read
    this.#file = new StateFile(this.#path, () =>
      seal.seal(`${what} ${device}`, Buffer.from(textOf())),
    )
  }

  /** undefined: there is none. @throws LimenError `media.baseline` for a file that does not open, or is none */
  read(): T | undefined {
    const { seal, what, device } = this.#options
    const sealed = readPrivateFile(this.#path)
    if (sealed === undefined) return undefined
    const opened = seal.open(`${what} ${device}`, sealed)
    const value = opened === undefined ? undefined : this.#read(Buffer.from(opened).toString())
    if (value !== undefined) return value
    const text = `Cannot read ${this.#path}: another key or codec, or not what Limen wrote. Without the file it is learned anew`
    throw new LimenError('media.baseline', text, { side: 'operator', retry: false })
  }

  /** As {@link StateFile.save}. */
  save(): Promise<boolean> {
    return this.#file.save()
  }
}
