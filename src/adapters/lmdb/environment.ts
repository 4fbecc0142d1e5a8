/**
 * The one LMDB environment in `data/`: a memory-mapped file that all workers can read.
 * LMDB trusts its file: a damaged one ends the process by a signal (measured: garbage, and a file cut in
 * half, both do). So a file that is already there is first walked by a process that may die: `probe.ts`.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Database, open, type RootDatabase } from 'lmdb'
import { LimenError } from '../../ground/limen-error.ts'

export type Environment = RootDatabase<Uint8Array, string>

/** Named databases an environment may hold. */
const DATABASES_MAX = 16
/** A walk of 1 GiB from a cold disk. The 3.1 GiB of 100 000 people take 26 s on a busy one (2026-11-22). */
const PROBE_MS_PER_GIB = 60_000

/** Opens or makes the environment. A damaged or unwritable one is a {@link LimenError}. */
export async function openEnvironment(folder: string): Promise<Environment> {
  const bytes = sizeOf(join(folder, 'data.mdb'))
  if (bytes > 0) await probe(folder, PROBE_MS_PER_GIB * Math.ceil(bytes / 2 ** 30))
  try {
    return open<Uint8Array, string>({
      path: folder,
      encoding: 'binary',
      noSubdir: false,
      maxDbs: DATABASES_MAX,
      // With it a failing commit also rejects promises nobody has, which ends the process (lmdb 3.5.6).
      eventTurnBatching: false,
    })
  } catch (error) {
    throw new LimenError(
      'storage-unusable',
      `Cannot open the storage in ${folder}: ${textOf(error)}`,
      {
        side: 'operator',
        retry: false,
        cause: error,
      },
    )
  }
}

/**
 * Makes the writes that `write` asks for as one transaction: all of them, or none and it rejects with a
 * {@link LimenError} (a full disk, say). What was there before can still be read then.
 */
export async function commit(
  database: Database<Uint8Array, string>,
  write: () => void,
): Promise<void> {
  try {
    await database.batch(write)
  } catch (error) {
    // Rejected too, and it is this that says why.
    const { commitError } = error as { readonly commitError?: Promise<unknown> }
    const cause = await Promise.resolve(commitError).then(
      () => error,
      (why: unknown) => why,
    )
    const text = `Cannot write to the storage: ${textOf(cause)}`
    throw new LimenError('storage-unwritable', text, { side: 'operator', retry: true, cause })
  }
}

async function probe(folder: string, timeout: number): Promise<void> {
  const own = fileURLToPath(import.meta.url)
  const program = own.replace(/environment(\.[jt]s)$/, 'probe$1')
  const said = await new Promise<string>((resolve) => {
    const options = { timeout, env: {} }
    execFile(process.execPath, [program, folder], options, (error, _out, stderr) => {
      if (error === null) resolve('')
      else
        resolve(
          error.signal ? `reading it ended by ${error.signal}` : stderr.trim() || 'unreadable',
        )
    })
  })
  if (said === '') return
  const advice = 'move the folder away to begin a new one'
  const text = `The storage in ${folder} is damaged (${said}): ${advice}`
  throw new LimenError('storage-damaged', text, { side: 'operator', retry: false })
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
