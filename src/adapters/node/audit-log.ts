/**
 * Who changed what: one JSON object per line, only ever appended, each holding the hash of the line before it,
 * so that a line changed or taken out later shows. It does not stop somebody who can rewrite the whole file:
 * for that, ship the lines elsewhere.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import type { Clock } from '../../ground/clock.ts'
import { LimenError } from '../../ground/limen-error.ts'

export interface AuditEntry {
  readonly at: number
  /** Name of the token, or of what acted by itself (`signal`, `file`). */
  readonly who: string
  /** e.g. `upstream.change`. */
  readonly action: string
  readonly subject: string
  readonly detail: Readonly<Record<string, unknown>>
  /** SHA-256 of the line before, base64url; '' in the first. */
  readonly previous: string
}

export interface AuditLog {
  /** Returns once the line is on the disk; throws when it cannot be written: then the change must not happen. */
  append(entry: Omit<AuditEntry, 'at' | 'previous'>): void
  /** The newest first. `intact` is false when the chain is broken anywhere in the file. */
  read(limit: number): { readonly entries: readonly AuditEntry[]; readonly intact: boolean }
  close(): void
}

export function openAuditLog(path: string, clock: Clock): AuditLog {
  const file = openSync(path, 'a', 0o600)
  // A line torn by a crash must not swallow the next one; it shows as a broken chain.
  if (!/^$|\n$/.test(readFileSync(path, 'utf8').slice(-1))) writeSync(file, '\n')
  let previous = hashOf(linesOf(path).at(-1))
  return {
    append(entry) {
      const line = JSON.stringify({ at: clock.now(), ...entry, previous })
      try {
        writeSync(file, `${line}\n`)
        fsyncSync(file)
      } catch (error) {
        const details = { side: 'operator', retry: true, cause: error } as const
        throw new LimenError('audit-unwritable', `Cannot write the audit log ${path}`, details)
      }
      previous = hashOf(line)
    },
    read(limit) {
      const lines = linesOf(path)
      let before = ''
      let intact = true
      const entries = lines.flatMap((line): AuditEntry[] => {
        const entry = entryOf(line)
        if (entry === undefined || entry.previous !== before) intact = false
        before = hashOf(line)
        return entry === undefined ? [] : [entry]
      })
      return { entries: limit === 0 ? [] : entries.slice(-limit).reverse(), intact }
    },
    close: () => closeSync(file),
  }
}

function linesOf(path: string): readonly string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}

function hashOf(line: string | undefined): string {
  return line === undefined ? '' : createHash('sha256').update(line).digest('base64url')
}

function entryOf(line: string): AuditEntry | undefined {
  try {
    return JSON.parse(line) as AuditEntry
  } catch {
    return undefined
  }
}
