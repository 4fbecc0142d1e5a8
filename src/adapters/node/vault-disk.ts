/**
 * What a share vault does to the disk, call by call: each has happened and is flushed when it resolves, or else what it may
 * have left is of no matter to the vault. So a vault can be tried with a disk that fails at any of them.
 *
 * @module
 */
import { constants, open, rename, rm } from 'node:fs/promises'

export interface VaultDisk {
  /** A whole file, for its owner alone, in place of any there was. Not flushed is its name. */
  write(path: string, bytes: Uint8Array): Promise<void>
  /** Octets in place, of a file that has them. */
  overwrite(path: string, at: number, bytes: Uint8Array): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Names, once they have changed. */
  flushFolder(path: string): Promise<void>
}

const OWNER_ONLY = 0o600

export function vaultDisk(): VaultDisk {
  const { O_CREAT, O_TRUNC, O_WRONLY, O_NOFOLLOW } = constants
  const put = async (path: string, flags: number, bytes: Uint8Array, at: number): Promise<void> => {
    const file = await open(path, flags | O_WRONLY | O_NOFOLLOW, OWNER_ONLY)
    try {
      for (let done = 0; done < bytes.length; ) {
        done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
      }
      await file.sync()
    } finally {
      await file.close()
    }
  }
  return {
    write: (path, bytes) => put(path, O_CREAT | O_TRUNC, bytes, 0),
    overwrite: (path, at, bytes) => put(path, 0, bytes, at),
    rename: (from, to) => rename(from, to),
    remove: (path) => rm(path, { force: true }),
    async flushFolder(path) {
      const folder = await open(path)
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    },
  }
}
