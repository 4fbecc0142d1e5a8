/**
 * A small file that is rewritten as things change: the newest text is on the disk when a promise resolves, and what was asked for while it
 * was written goes into one more writing. Never the old and the new mixed: written beside, flushed, renamed.
 *
 * @module
 */
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'

const OWNER_ONLY = 0o600
const OWNER_ONLY_FOLDER = 0o700

export class StateFile {
  readonly #path: string
  readonly #textOf: () => string | Uint8Array
  #writing: Promise<boolean> | undefined
  #next: Promise<boolean> | undefined

  /** @param textOf what the file is to hold, asked when it is written */
  constructor(path: string, textOf: () => string | Uint8Array) {
    this.#path = path
    this.#textOf = textOf
  }

  /** What is the case now is on the disk when this resolves; false when it could not be written. Never rejects. */
  save(): Promise<boolean> {
    if (this.#writing === undefined) {
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined
      })
      return this.#writing
    }
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined
      return this.save()
    })
    return this.#next
  }

  async #write(): Promise<boolean> {
    const beside = `${this.#path}.${process.pid}.new`
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: OWNER_ONLY_FOLDER })
      const file = await open(beside, 'w', OWNER_ONLY)
      try {
        await file.writeFile(this.#textOf())
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, this.#path)
      return true
    } catch {
      return false
    }
  }
}
