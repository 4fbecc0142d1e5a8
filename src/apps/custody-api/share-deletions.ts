/**
 * Shares of versions that the catalogue has forgotten: deleted at the nodes, and again later at those that were away. What is still to be
 * deleted is in a file, written before the catalogue forgets it; what the catalogue still has is never deleted.
 *
 * @module
 */
import { z } from 'zod'
import type { KeyCatalogue } from '../../adapters/node/key-catalogue.ts'
import { readPrivateFile, writePrivateFile } from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { labelOf } from '../../keys/custody/catalogued-key.ts'
import { type KeyLabel, keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'
import { KEY_TYPES, type KeyType } from '../../keys/custody/key-type.ts'
import type { ShareDriver } from '../custody/drive-change.ts'

export interface ShareDeletionsOptions {
  readonly path: string
  readonly catalogue: Pick<KeyCatalogue, 'get'>
  readonly driver: Pick<ShareDriver, 'delete'>
  /** Told once of each key that cannot be deleted everywhere yet; one line. */
  complain(text: string): void
}

/** A version of a key of the catalogue. */
export interface ForgottenVersion {
  readonly name: string
  readonly type: KeyType
  readonly version: number
  readonly mark: string
}

/** Nodes that were away are asked again so often. */
const AGAIN_MS = 60_000
/** A deleted key with all versions it may have, ten times. */
const WAITING_MAX = 10_000

const types = Object.keys(KEY_TYPES) as [KeyType, ...KeyType[]]
const schema = z
  .array(
    z.strictObject({
      name: z.string().regex(/^\w(?:[\w.-]{0,98}\w)?$/),
      type: z.enum(types),
      version: z
        .int()
        .min(1)
        .max(2 ** 32 - 1),
      mark: z.string().regex(/^[0-9a-f]{16}$/),
    }),
  )
  .max(WAITING_MAX)

export class ShareDeletions {
  readonly #options: ShareDeletionsOptions
  #waiting: readonly ForgottenVersion[]
  readonly #told = new Set<string>()
  #isAsked = false
  #running: Promise<void> | undefined
  readonly #timer: NodeJS.Timeout

  /** @throws LimenError `deletions-damaged` */
  constructor(options: ShareDeletionsOptions) {
    this.#options = options
    this.#waiting = readWaiting(options.path)
    // The process ended before the catalogue had forgotten them.
    const unforgotten = this.#waiting.filter((one) => this.#isThere(one))
    if (unforgotten.length > 0) this.withdraw(unforgotten)
    this.#timer = setInterval(() => void this.run(), AGAIN_MS)
    this.#timer.unref()
  }

  /** About to be forgotten by the catalogue; on the disk when it returns. @throws LimenError `deletions-full` */
  announce(versions: readonly ForgottenVersion[]): void {
    if (this.#waiting.length + versions.length > WAITING_MAX) {
      const text = 'Too many deleted keys wait for nodes that are away'
      throw new LimenError('deletions-full', text, { side: 'operator', retry: true })
    }
    this.#keep([...this.#waiting, ...versions])
  }

  /** The catalogue has not forgotten them after all. */
  withdraw(versions: readonly ForgottenVersion[]): void {
    const marks = new Set(versions.map(({ mark }) => mark))
    this.#keep(this.#waiting.filter(({ mark }) => !marks.has(mark)))
  }

  /** Deletes what the catalogue has forgotten, at all nodes that answer. Never rejects. */
  run(): Promise<void> {
    this.#isAsked = true
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#running
  }

  async #run(): Promise<void> {
    while (this.#isAsked) {
      this.#isAsked = false
      for (const one of this.#waiting) {
        // About to be forgotten: whoever announced it runs this again.
        if (this.#isThere(one)) continue
        if (await this.#isDeleted(labelOf(one, one))) this.withdraw([one])
      }
    }
  }

  #isThere({ name, mark }: ForgottenVersion): boolean {
    const key = this.#options.catalogue.get(name)
    return key === undefined || key.versions.some((one) => one.mark === mark)
  }

  async #isDeleted(label: KeyLabel): Promise<boolean> {
    const { driver, complain } = this.#options
    let why: string
    try {
      const { waiting } = await driver.delete(keyIdOf(writeKeyLabel(label)))
      if (waiting.length === 0) return true
      why = `${waiting.join(', ')} did not answer`
    } catch (error) {
      why = (error as Error).message
    }
    if (!this.#told.has(label.name)) {
      complain(
        `custody: shares of ${label.name} version ${label.version} wait to be deleted: ${why}`,
      )
    }
    this.#told.add(label.name)
    return false
  }

  #keep(waiting: readonly ForgottenVersion[]): void {
    writePrivateFile(this.#options.path, JSON.stringify(waiting))
    this.#waiting = waiting
  }
}

function readWaiting(path: string): readonly ForgottenVersion[] {
  const bytes = readPrivateFile(path)
  if (bytes === undefined) return []
  try {
    return schema.parse(JSON.parse(bytes.toString()))
  } catch (cause) {
    const text = `${path} is damaged: shares of deleted keys may be left at nodes`
    throw new LimenError('deletions-damaged', text, { side: 'operator', retry: false, cause })
  }
}
