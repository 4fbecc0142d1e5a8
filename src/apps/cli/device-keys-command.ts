/**
 * `limen device-keys`: the key service of video sources. Runs until a signal ends it.
 *
 * @module
 */
import { resolve } from 'node:path'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { readClusterConfig } from '../custody/cluster-config.ts'
import { openCluster } from '../custody/open-cluster.ts'
import type { FolderOpener } from '../media/sealed-folder.ts'
import { startKeyService } from '../media/start-key-service.ts'
import { readAddress, writeAddress } from '../server/config/address.ts'

export interface DeviceKeysOptions {
  readonly folder: string
  readonly listen: string
  readonly host: readonly string[]
  readonly broker: string
  readonly mqtt: '5' | '3.1.1'
  readonly rotateEveryS: string
  readonly graceMs: string
  readonly quarantine: boolean
  readonly keyToken?: string
  readonly custody?: string
}

/** LMK/1. */
const GRACE_MS = { min: 300, max: 2000 } as const
const WEEK_S = 604_800
/** An operator of custody makes it there, with use `derive`. */
const CUSTODY_KEY = { name: 'limen/device-keys', version: 1 } as const

/** Resolves with the exit code. @throws LimenError when it cannot start */
export async function runDeviceKeys(
  options: DeviceKeysOptions,
  out: (text: string) => void,
  complain: (text: string) => void,
): Promise<number> {
  const listen = readAddress(options.listen)
  if (listen === undefined) throw refused(`--listen ${options.listen} is no host:port`)
  if (!/^mqtts:\/\/[^/@]+:\d+$/.test(options.broker)) {
    throw refused(`--broker ${options.broker} is no mqtts://host:port`)
  }
  const everyS = numberOf('--rotate-every-s', options.rotateEveryS, 0, WEEK_S)
  const graceMs = numberOf('--grace-ms', options.graceMs, GRACE_MS.min, GRACE_MS.max)
  const { quarantine, broker, mqtt, keyToken, custody } = options
  if (keyToken !== undefined && custody !== undefined) {
    throw refused('--key-token and --custody: one of them')
  }
  const settings = {
    ...{ folder: resolve(options.folder), listen, broker, quarantine, graceMs },
    hosts: options.host.length > 0 ? options.host : ['localhost', '127.0.0.1'],
    mqttVersion: mqtt === '5' ? (5 as const) : (4 as const),
    ...{ rotateEveryMs: everyS * 1000, random: systemRandom() },
    complain: (what: string) => complain(`limen: device-keys: ${what}`),
  }
  const start = (opener: FolderOpener) => startKeyService({ ...settings, opener })
  const running = await (custody === undefined
    ? start(keyToken === undefined ? { kind: 'file' } : { kind: 'token', uri: keyToken })
    : withCustody(resolve(custody), start))
  out(`Keys of devices: https://${writeAddress({ ...listen, port: running.port })}`)
  await new Promise<void>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done())
  })
  await running.close()
  return 0
}

/** Custody is asked once, at the start. */
async function withCustody<T>(file: string, start: (opener: FolderOpener) => Promise<T>) {
  const { client, close } = await openCluster(readClusterConfig(file))
  try {
    return await start({ kind: 'custody', derive: (of) => client.derive(CUSTODY_KEY, of) })
  } finally {
    await close()
  }
}

function numberOf(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw refused(`${option} ${text} is no whole number of ${min} to ${max}`)
}

function refused(text: string): LimenError {
  return new LimenError('usage', text, { side: 'operator', retry: false })
}
