/**
 * The catalogue of keys of the operations API: a folder with one signed record per key (`keys/custody/key-record.ts`), named
 * `NAME.SERIAL.json`. Coordinators may share it: a record of the next serial is made, never one overwritten, so of two that change one key
 * at once one is told; each sees what others wrote within {@link POLL_MS}. What the cluster has not signed is not used, whoever put it
 * there; an older record that is put back is not taken by a process that has seen a newer one.
 *
 * @module
 */
import { type KeyObject, randomUUID, verify } from 'node:crypto'
import { link, open, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { LimenError } from '../../ground/limen-error.ts'
import type { CataloguedKey } from '../../keys/custody/catalogued-key.ts'
import {
  KEY_RECORD_CHARS_MAX,
  readKeyRecord,
  writeKeyRecord,
} from '../../keys/custody/key-record.ts'
import { makePrivateFolder } from './private-file.ts'

export interface KeyCatalogueOptions {
  readonly folder: string
  /** The cluster's, public. */
  readonly identity: KeyObject
  /** Told when a record that has come later cannot be used; the one before stays in force. */
  readonly onError?: (error: unknown) => void
  /** {@link POLL_MS} for all but tests. */
  readonly pollMs?: number
}

export interface KeyCatalogue {
  /** undefined: there is none, and never was one. Deleted ones are there, and say so. */
  get(name: string): CataloguedKey | undefined
  /** Of keys that are not deleted, sorted. */
  names(): string[]
  /**
   * On the disk when it resolves. False: another coordinator has changed the key meanwhile, and what it wrote is in {@link get} now; it
   * may have begun with this change, when it came right after it.
   *
   * @throws LimenError `catalogue-unwritable`
   */
  put(key: CataloguedKey, signature: Uint8Array): Promise<boolean>
  /** Reads what others wrote; by itself every {@link POLL_MS}. */
  look(): Promise<void>
  close(): void
}

const POLL_MS = 1_000
/** Being written takes no longer, whoever writes. */
const WRITING_MS_MAX = 3_600_000
const LEFT = /^\.[0-9a-f-]{36}\.new$/
const FILE = /^(\w(?:[\w.-]*\w)?)\.([1-9]\d{0,14})\.json$/

/** @throws LimenError `catalogue-damaged` for a record that is none, or not signed by the cluster; `catalogue-unreadable` */
export async function openKeyCatalogue(options: KeyCatalogueOptions): Promise<KeyCatalogue> {
  const { folder, identity, onError, pollMs = POLL_MS } = options
  makePrivateFolder(folder)
  const keys = new Map<string, CataloguedKey>()
  let looking: Promise<void> | undefined
  await removeLeft(folder)
  const takeNewer = async (name: string, serial: number): Promise<void> => {
    const key = await readOne(folder, identity, name, serial)
    // Removed meanwhile: there is a newer one, which the next look finds.
    if (key !== undefined && key.serial > (keys.get(name)?.serial ?? 0)) keys.set(name, key)
  }

  const lookOnce = async (report: (error: unknown) => void): Promise<void> => {
    for (const [name, serial] of await newestIn(folder)) {
      if (serial <= (keys.get(name)?.serial ?? 0)) continue
      await takeNewer(name, serial).catch(report)
    }
  }

  const look = (): Promise<void> => {
    looking ??= lookOnce((error) => onError?.(error)).finally(() => {
      looking = undefined
    })
    return looking
  }

  await lookOnce((error) => {
    throw error
  })
  const timer = setInterval(() => {
    look().catch((error: unknown) => onError?.(error))
  }, pollMs).unref()
  return {
    get: (name) => keys.get(name),
    names: () =>
      [...keys.values()]
        .filter(({ isDeleted }) => !isDeleted)
        .map(({ name }) => name)
        .sort(),
    async put(key, signature) {
      const beside = join(folder, `.${randomUUID()}.new`)
      const text = writeKeyRecord(key, signature)
      const isMade = await makeFile(folder, beside, fileOf(key.name, key.serial), text)
      const newest = (await newestIn(folder)).get(key.name) ?? 0
      if (!isMade || newest > key.serial) {
        // Its writer has removed older ones, this one perhaps too: it is no news.
        if (isMade) await unlink(join(folder, fileOf(key.name, key.serial))).catch(() => undefined)
        await look()
        return false
      }
      keys.set(key.name, key)
      await removeOlder(folder, key)
      return true
    },
    look,
    close: () => clearInterval(timer),
  }
}

/** What processes that were killed had begun to write. */
async function removeLeft(folder: string): Promise<void> {
  for (const file of await readdir(folder)) {
    if (!LEFT.test(file)) continue
    const path = join(folder, file)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }))
    if (Date.now() - mtimeMs > WRITING_MS_MAX) await unlink(path).catch(() => undefined)
  }
}

function fileOf(name: string, serial: number): string {
  return `${name}.${serial}.json`
}

/** Newest serials by name. */
async function newestIn(folder: string): Promise<Map<string, number>> {
  const newest = new Map<string, number>()
  for (const file of await readdir(folder)) {
    const [, name = '', digits] = FILE.exec(file) ?? []
    const serial = Number(digits)
    if (serial > (newest.get(name) ?? 0)) newest.set(name, serial)
  }
  return newest
}

async function readOne(
  folder: string,
  identity: KeyObject,
  name: string,
  serial: number,
): Promise<CataloguedKey | undefined> {
  const path = join(folder, fileOf(name, serial))
  let text = ''
  try {
    const { size } = await stat(path)
    if (size <= KEY_RECORD_CHARS_MAX) text = await readFile(path, 'latin1')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw catalogueError('catalogue-unreadable', `${path} cannot be read`, cause)
  }
  const read = readKeyRecord(text)
  const isNamed = read?.key.name === name && read.key.serial === serial
  if (read === undefined || !isNamed || !verify(null, read.signed, identity, read.signature)) {
    throw catalogueError('catalogue-damaged', `${path} is not what the cluster has signed`)
  }
  return read.key
}

/** Whole and on the disk, or not at all; false when it is there already. */
async function makeFile(
  folder: string,
  beside: string,
  name: string,
  text: string,
): Promise<boolean> {
  try {
    const file = await open(beside, 'wx', 0o600)
    try {
      await file.writeFile(text, 'latin1')
      await file.sync()
    } finally {
      await file.close()
    }
    await link(beside, join(folder, name))
    await syncFolder(folder)
    return true
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    throw catalogueError('catalogue-unwritable', `${folder} cannot be written to: ${code}`, cause)
  } finally {
    await unlink(beside).catch(() => undefined)
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function removeOlder(folder: string, { name, serial }: CataloguedKey): Promise<void> {
  for (const file of await readdir(folder)) {
    const [, other, digits] = FILE.exec(file) ?? []
    // Removed by another coordinator, perhaps.
    if (other === name && Number(digits) < serial) {
      await unlink(join(folder, file)).catch(() => undefined)
    }
  }
}

function catalogueError(code: string, text: string, cause?: unknown): LimenError {
  return new LimenError(code, text, { side: 'operator', retry: false, cause })
}
