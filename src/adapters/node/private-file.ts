/**
 * Small files only their owner may read, written whole or not at all.
 *
 * @module
 */
import {
  chmodSync,
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

const OWNER_ONLY = 0o600
const OWNER_ONLY_FOLDER = 0o700

/** Makes the folder, and its parents, for the owner alone. */
export function makePrivateFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: OWNER_ONLY_FOLDER })
}

/** What the file holds, or undefined when there is none. Takes reading away from everybody else. */
export function readPrivateFile(path: string): Buffer<ArrayBuffer> | undefined {
  try {
    const bytes = readFileSync(path)
    chmodSync(path, OWNER_ONLY)
    return bytes
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Puts names on the disk: of what was made, renamed or removed in the folder. */
export function flushFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** Writes beside, flushes, renames: a reader or a crash sees the old bytes or the new ones. On the disk when it returns. */
export function writePrivateFile(path: string, bytes: Uint8Array | string): void {
  makePrivateFolder(dirname(path))
  const beside = `${path}.${process.pid}.new`
  const file = openSync(beside, 'w', OWNER_ONLY)
  try {
    const whole = Buffer.from(bytes as Uint8Array)
    for (let at = 0; at < whole.length; ) at += writeSync(file, whole, at)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(beside, path)
  flushFolder(dirname(path))
}

/** Overwritten, flushed and removed; a disk that copies on write may keep what was there a while. */
export function destroyPrivateFile(path: string): void {
  const file = openSync(path, 'r+')
  try {
    writeSync(file, new Uint8Array(fstatSync(file).size))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  rmSync(path)
  flushFolder(dirname(path))
}

/** What the file holds; made by `make` on first use. */
export function readOrMakePrivateFile(
  path: string,
  make: () => Uint8Array | string,
): Buffer<ArrayBuffer> {
  const found = readPrivateFile(path)
  if (found !== undefined && found.length > 0) return found
  const made = Buffer.from(make() as Uint8Array)
  writePrivateFile(path, made)
  return made
}
