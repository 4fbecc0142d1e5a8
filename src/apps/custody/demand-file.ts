/**
 * Operations a second that are expected of each key, kept in a file, so that whoever plans without having seen them knows: one line of JSON, by key id
 * in hex, in the order of `DEMANDED`. Figures, no secret.
 *
 * @module
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { writePrivateFile } from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { DEMANDED } from './operation-costs.ts'

/** By key id in hex. */
export type ExpectedDemand = ReadonlyMap<string, readonly number[]>

/** Ten thousand keys have a megabyte. */
const TEXT_BYTES_MAX = 4 << 20
const schema = z.record(
  z.string().regex(/^[0-9a-f]{32}$/),
  z.array(z.number().min(0).max(1e9)).length(DEMANDED.length),
)

/** @throws LimenError `demand-bad` */
export function readDemand(path: string): ExpectedDemand {
  try {
    const bytes = readFileSync(path)
    if (bytes.length > TEXT_BYTES_MAX) throw new RangeError('it is too long')
    return parseDemand(bytes.toString('utf8'))
  } catch (cause) {
    const details = { side: 'operator', retry: false, cause } as const
    throw new LimenError('demand-bad', `${path} is no demand of keys`, details)
  }
}

/** @throws whatever is wrong with it */
export function parseDemand(text: string): ExpectedDemand {
  return new Map(Object.entries(schema.parse(JSON.parse(text))))
}

export function writeDemand(path: string, demand: ExpectedDemand): void {
  writePrivateFile(path, `${JSON.stringify(Object.fromEntries(demand))}\n`)
}
