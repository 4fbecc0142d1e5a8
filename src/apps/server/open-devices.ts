/**
 * The key service of video sources, asked for the admin API: what it answers is checked, its words for failures are ours.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { askKeyService } from '../../adapters/node/key-service-client.ts'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Config } from './config/schema.ts'

export interface DeviceKeys {
  /** @param path below `/v1/devices` @throws LimenError `admin-unreachable`, or the code of a refusal */
  ask(method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown>
}

/** Questions at a time; more are refused at once. */
const ASKING_MAX = 16

/** undefined without `devices`. @throws LimenError `credentials-bad` */
export function openDevices({ devices }: Config): DeviceKeys | undefined {
  if (devices === undefined) return undefined
  const { keyService: url, caFile, tokenFile } = devices
  const place = { url, ca: textOf(caFile, readFileSync), token: textOf(tokenFile, readPrivateFile) }
  let asking = 0
  return {
    async ask(method, path, body) {
      if (asking >= ASKING_MAX) {
        const text = 'The key service is asked too much already'
        throw new LimenError('admin-unreachable', text, { side: 'upstream', retry: true })
      }
      asking++
      try {
        return await askKeyService(place, method, `/v1/devices${path}`, body)
      } finally {
        asking--
      }
    },
  }
}

function textOf(path: string, read: (path: string) => Buffer | undefined): string {
  try {
    const text = read(path)?.toString('utf8').trim() ?? ''
    if (text !== '') return text
  } catch {
    // Said below.
  }
  throw new LimenError('credentials-bad', `devices: ${path} cannot be read, or is empty`, {
    ...{ side: 'operator', retry: false },
  })
}
