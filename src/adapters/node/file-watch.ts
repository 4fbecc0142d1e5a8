/**
 * Tells when the *contents* of files changed. Watches their folders, because editors, `mv` and Kubernetes
 * (which swaps a symbolic link) replace a file rather than write into it: one swap makes 4 events here.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { dirname } from 'node:path'

/** SHA-256 of each file, by its path; of one that cannot be read, too. */
export type FileDigests = ReadonlyMap<string, string>

export interface FileWatch {
  /**
   * Watches these instead. What is watched already is compared with what it was when last looked at.
   *
   * @param read what each new one was before it was read for use: one that has changed since then is told of. Without
   *   it, as it is now.
   */
  set(files: readonly string[], read?: FileDigests): void
  close(): void
}

export interface FileWatchOptions {
  readonly onChange: () => void
  /** The system cannot watch a folder, e.g. it ran out of inotify watches: changes there go unseen. */
  readonly onBlind: (folder: string, error: unknown) => void
  /** Quiet time after the last event; a certificate and its key are seldom written in one go. */
  readonly debounceMs?: number
}

const DEBOUNCE_MS = 250
/** In quiet times: a folder in which somebody else writes all the time is looked at all the same. */
const WAIT_TIMES_MAX = 8

export function watchFiles(options: FileWatchOptions): FileWatch {
  const { onChange, onBlind, debounceMs = DEBOUNCE_MS } = options
  const watchers = new Map<string, FSWatcher>()
  let seen: FileDigests = new Map()
  let timer: NodeJS.Timeout | undefined
  let wokenAt: number | undefined

  const look = (): void => {
    wokenAt = undefined
    const now = digestsOf([...seen.keys()])
    const isSame = [...now].every(([file, digest]) => digest === seen.get(file))
    seen = now
    if (!isSame) onChange()
  }
  const wake = (): void => {
    const now = performance.now()
    wokenAt ??= now
    clearTimeout(timer)
    const leftMs = wokenAt + debounceMs * WAIT_TIMES_MAX - now
    timer = setTimeout(look, Math.max(0, Math.min(debounceMs, leftMs)))
  }
  const start = (folder: string): void => {
    try {
      const watcher = watch(folder, { persistent: false }, wake)
      watcher.on('error', (error) => {
        watchers.delete(folder)
        onBlind(folder, error)
      })
      watchers.set(folder, watcher)
    } catch (error) {
      onBlind(folder, error)
    }
  }

  return {
    set(files, read) {
      const now = digestsOf(files)
      const before = seen
      seen = new Map(
        [...now].map(([file, digest]) => [file, before.get(file) ?? read?.get(file) ?? digest]),
      )
      const folders = new Set(files.map((file) => dirname(file)))
      for (const [folder, watcher] of watchers) {
        if (folders.has(folder)) continue
        watcher.close()
        watchers.delete(folder)
      }
      for (const folder of folders) if (!watchers.has(folder)) start(folder)
      // Nobody told of what changed before it was watched.
      if ([...now].some(([file, digest]) => digest !== seen.get(file))) wake()
    },
    close() {
      clearTimeout(timer)
      for (const watcher of watchers.values()) watcher.close()
      watchers.clear()
    },
  }
}

export function digestsOf(files: readonly string[]): FileDigests {
  return new Map(files.map((file) => [file, digestOf(file)]))
}

function digestOf(file: string): string {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('base64')
  } catch {
    return 'unreadable'
  }
}
