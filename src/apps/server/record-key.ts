/**
 * The key that seals what is kept in `data`, made on first use.
 *
 * @module
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { readOrMakePrivateFile } from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { Config } from './config/schema.ts'
import { STATE_FILES } from './state-files.ts'

const KEY_BYTES = 32

export function recordKey({ data }: Config, random: Random): KeyObject {
  const bytes = readOrMakePrivateFile(join(data, STATE_FILES.recordKey), () =>
    random.bytes(KEY_BYTES),
  )
  if (bytes.length !== KEY_BYTES) {
    const text = `${STATE_FILES.recordKey} in ${data} must hold ${KEY_BYTES} bytes`
    throw new LimenError('record-key-bad', text, { side: 'operator', retry: false })
  }
  const key = createSecretKey(bytes)
  bytes.fill(0)
  return key
}
