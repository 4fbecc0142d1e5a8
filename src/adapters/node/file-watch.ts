/**
 * Tells when the *contents* of files changed. Watches their folders, because editors, `mv` and Kubernetes
 * (which swaps a symbolic link) replace a file rather than write into it: one swap makes 4 events here.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { dirname } from 'node:path'

export interface FileWatch {
  /** Watches these instead. */
  set(files: readonly string[]): void
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

export function watchFiles(options: FileWatchOptions): FileWatch {
  const { onChange, onBlind, debounceMs = DEBOUNCE_MS } = options
  const watchers = new Map<string, FSWatcher>()
  let files: readonly string[] = []
  let seen = ''
  let timer: NodeJS.Timeout | undefined

  const look = (): void => {
    const now = digestOf(files)
    if (now === seen) return
    seen = now
    onChange()
  }
  const wake = (): void => {
    clearTimeout(timer)
    timer = setTimeout(look, debounceMs)
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
    set(next) {
      files = [...next]
      seen = digestOf(files)
      const folders = new Set(files.map((file) => dirname(file)))
      for (const [folder, watcher] of watchers) {
        if (folders.has(folder)) continue
        watcher.close()
        watchers.delete(folder)
      }
      for (const folder of folders) if (!watchers.has(folder)) start(folder)
    },
    close() {
      clearTimeout(timer)
      for (const watcher of watchers.values()) watcher.close()
      watchers.clear()
    },
  }
}

function digestOf(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) {
    hash.update(file)
    try {
      hash.update(readFileSync(file))
    } catch {
      hash.update('missing')
    }
  }
  return hash.digest('base64')
}
