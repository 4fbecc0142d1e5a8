/**
 * Where a configuration comes from, read anew at each reload: a file, or a text that came with the program.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { LimenError } from '../../ground/limen-error.ts'
import { type Complaint, writeComplaint } from './config/complaint.ts'
import type { ConfigText } from './config/read-config.ts'

export interface ConfigSource {
  /** As shown to a person. */
  readonly name: string
  /** Watched for changes; none when the text cannot change. */
  readonly files: readonly string[]
  /** Throws a {@link LimenError} when it cannot be read. */
  read(): ConfigText
}

export function configFile(path: string): ConfigSource {
  const file = resolve(path)
  return {
    name: path,
    files: [file],
    read() {
      try {
        return { file: path, text: readFileSync(file, 'utf8'), folder: dirname(file) }
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        const text = `Cannot read ${path}: ${code === 'ENOENT' ? 'no such file' : code}`
        throw new LimenError('config-unreadable', text, {
          side: 'operator',
          retry: false,
          cause: error,
        })
      }
    },
  }
}

/** A text whose relative paths start at `folder`. */
export function configText(name: string, text: string, folder: string): ConfigSource {
  return { name, files: [], read: () => ({ file: name, text, folder }) }
}

/** One line per complaint. */
export function configRefused(complaints: readonly Complaint[]): LimenError {
  return new LimenError('config-refused', complaints.map(writeComplaint).join('\n'), {
    side: 'operator',
    retry: false,
    cause: complaints,
  })
}
