/**
 * Small files of secrets, readable by their owner alone: as they are, or sealed besides, beside the name that they had as they were
 * (`ca.key.sealed`). A sealed file is what `record-seal.ts` makes, bound to its path below the folder, so that one does not stand in for
 * another.
 *
 * @module
 */
import { timingSafeEqual } from 'node:crypto'
import { relative } from 'node:path'
import { LimenError } from '../../ground/limen-error.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { destroyPrivateFile, readPrivateFile, writePrivateFile } from './private-file.ts'

export interface SecretFiles {
  /**
   * undefined when there is none. The caller zeroes what it gets.
   *
   * @throws LimenError `secret-file-bad` for one that does not open
   */
  read(path: string): Buffer<ArrayBuffer> | undefined
  /** Whole or not at all. @throws RangeError above {@link SECRET_BYTES_MAX} */
  write(path: string, bytes: Uint8Array | string): void
}

export interface SealedFiles extends SecretFiles {
  /**
   * Of a file as it is: sealed, read again and compared, and then destroyed. None is no error.
   *
   * @throws LimenError `secret-file-bad`: too long, or there is a sealed one that says otherwise
   */
  takeOver(path: string): void
}

/** A PEM of RSA-4096 has 3.3 KB; ours have 250 octets. */
export const SECRET_BYTES_MAX = 8192
/** Version, salt, nonce and tag of `record-seal.ts`. */
const SEAL_BYTES = 1 + 16 + 12 + 16
const SUFFIX = '.sealed'

export const plainFiles: SecretFiles = { read: readPrivateFile, write: writePrivateFile }

/** @param folder above all of them */
export function sealedFiles(folder: string, seal: RecordSeal): SealedFiles {
  const nameOf = (path: string): string => relative(folder, path)
  const read = (path: string): Buffer<ArrayBuffer> | undefined => {
    const bytes = readPrivateFile(path + SUFFIX)
    if (bytes === undefined) return undefined
    const isShort = bytes.length <= SECRET_BYTES_MAX + SEAL_BYTES
    const plain = isShort ? seal.open(nameOf(path), bytes) : undefined
    if (plain !== undefined)
      return Buffer.from(plain.buffer as ArrayBuffer, plain.byteOffset, plain.length)
    throw bad(
      `${path + SUFFIX} is damaged, or sealed by another record key: remove it to begin anew`,
    )
  }
  const write = (path: string, bytes: Uint8Array | string): void => {
    const plain = Buffer.from(bytes as Uint8Array)
    try {
      if (plain.length > SECRET_BYTES_MAX)
        throw new RangeError('A secret file has 8192 bytes at most')
      writePrivateFile(path + SUFFIX, seal.seal(nameOf(path), plain))
    } finally {
      plain.fill(0)
    }
  }
  return {
    read,
    write,
    takeOver(path) {
      const before = readPrivateFile(path)
      if (before === undefined) return
      try {
        if (before.length > SECRET_BYTES_MAX) throw bad(`${path} is too long for a secret`)
        if (readPrivateFile(path + SUFFIX) === undefined) write(path, before)
        // What is on the disk now, and nothing else.
        const kept = read(path)
        const isSame = kept?.length === before.length && timingSafeEqual(kept, before)
        kept?.fill(0)
        if (!isSame) throw bad(`${path} and ${path + SUFFIX} are not the same`)
        destroyPrivateFile(path)
      } finally {
        before.fill(0)
      }
    },
  }
}

/** What the file holds; made by `make` on first use. */
export function readOrMakeSecret(
  files: SecretFiles,
  path: string,
  make: () => Uint8Array,
): Buffer<ArrayBuffer> {
  const found = files.read(path)
  if (found !== undefined && found.length > 0) return found
  const made = Buffer.from(make())
  files.write(path, made)
  return made
}

function bad(text: string): LimenError {
  return new LimenError('secret-file-bad', text, { side: 'operator', retry: false })
}
