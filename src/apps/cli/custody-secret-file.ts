/**
 * A file with a secret for `limen custody keys bring`: read, and checked for its use, before anything is asked of nodes.
 *
 * @module
 */
import { statSync } from 'node:fs'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { KeyUse } from '../../keys/custody/key-label.ts'
import { SECRET_BYTES_MAX } from '../../wire/share-record.ts'
import { broughtSecret } from '../custody/brought-secret.ts'
import { usage } from './custody-words.ts'

/** The caller zeroes it. @throws LimenError `usage` */
export function readSecretFile(file: string, use: KeyUse): Uint8Array {
  const bytes = bytesOf(file)
  const brought = broughtSecret(use, bytes, systemRandom())
  bytes.fill(0)
  if (brought.kind === 'good') return brought.secret
  throw usage(`${file} is no secret for a key of use ${use}: ${brought.says}`)
}

function bytesOf(file: string): Buffer {
  try {
    const found = statSync(file, { throwIfNoEntry: false })
    if (found?.isDirectory() === true) throw usage(`${file} is a folder`)
    if ((found?.size ?? 0) > SECRET_BYTES_MAX) {
      throw usage(`${file} is too large for a secret: more than ${SECRET_BYTES_MAX} octets`)
    }
    const bytes = readPrivateFile(file)
    if (bytes !== undefined) return bytes
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'usage') throw cause
    throw usage(`${file} cannot be read: ${code}`)
  }
  throw usage(`There is no ${file}`)
}
