/**
 * A small file of secrets: readable by its owner alone, and sealed besides, so that a copy of it is worth nothing without
 * `record.key`. Bytes only: secrets never become strings.
 *
 * @module
 */
import { join } from 'node:path'
import { readPrivateFile, writePrivateFile } from '../../../adapters/node/private-file.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import type { RecordSeal } from '../../../ports/record-seal.ts'

export interface SealedFile {
  /**
   * undefined when there is none. The caller zeroes what it gets.
   *
   * @throws LimenError `session-keys-bad` when it cannot be opened
   */
  read(): Uint8Array | undefined
  /** Whole or not at all; zeroes `plain`. */
  write(plain: Uint8Array): void
  /** @throws LimenError `session-keys-bad`: what was read makes no sense */
  refuse(): never
}

export function sealedFile(folder: string, name: string, seal: RecordSeal): SealedFile {
  const path = join(folder, name)
  const refuse = (): never => {
    const text = `${path} cannot be read (another record.key?). Without it all sessions end, and clients need the new identity key: remove it to begin anew`
    throw new LimenError('session-keys-bad', text, { side: 'operator', retry: false })
  }
  return {
    refuse,
    read() {
      const bytes = readPrivateFile(path)
      return bytes === undefined ? undefined : (seal.open(name, bytes) ?? refuse())
    },
    write(plain) {
      writePrivateFile(path, seal.seal(name, plain))
      plain.fill(0)
    },
  }
}
