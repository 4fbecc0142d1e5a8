/**
 * How a command on this machine finds the custody of a Limen that runs: where its nodes listen, and a certificate, in one file for the
 * owner alone. Good while that Limen runs, and for its hour.
 *
 * @module
 */
import { join } from 'node:path'
import { z } from 'zod'
import { readPrivateFile, writePrivateFile } from '../../adapters/node/private-file.ts'
import { sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { fromHex, toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { type CustodyClient, openCustodyClient } from './custody-client.ts'
import type { Credentials } from './listener.ts'
import type { NodeAddress } from './node-links.ts'
import { ed25519PublicKey } from './node-world.ts'

export const RUNNING_FILE = 'running.json'

export interface RunningCustody extends Credentials {
  readonly cluster: string
  /** Ed25519, 32 octets. */
  readonly identity: Uint8Array
  readonly nodes: readonly NodeAddress[]
}

const hex = (octets: number) =>
  z
    .string()
    .regex(/^[0-9a-f]*$/)
    .length(2 * octets)
    .transform((text) => new Uint8Array(fromHex(text)))
const PEM_CHARS_MAX = 8192
const pem = z.string().max(PEM_CHARS_MAX)
/** A card of LCN1. */
const CARD_BYTES = 152

const schema = z.strictObject({
  cluster: z.string().regex(/^[a-z0-9-]{1,63}$/),
  identity: hex(32),
  ...{ certificate: pem, key: pem, authority: pem },
  nodes: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
        host: z.string().max(255),
        port: z.int().min(0).max(65_535),
        card: hex(CARD_BYTES),
      }),
    )
    .max(255),
})

export function writeRunning(folder: string, running: RunningCustody): void {
  const { cluster, identity, certificate, key, authority, nodes } = running
  const said = {
    ...{ cluster, identity: toHex(identity), certificate, key, authority },
    nodes: nodes.map(({ id, host, port, card }) => ({ id, host, port, card: toHex(card) })),
  }
  writePrivateFile(join(folder, RUNNING_FILE), JSON.stringify(said))
}

/** @throws LimenError `custody-unavailable` when there is no such file, or nothing good in it */
export async function openRunning(folder: string): Promise<CustodyClient> {
  const path = join(folder, RUNNING_FILE)
  const bytes = readPrivateFile(path)
  try {
    const running = schema.parse(JSON.parse((bytes ?? Buffer.alloc(0)).toString()))
    const identity = ed25519PublicKey(running.identity)
    const groups = await sodiumGroups()
    return openCustodyClient({
      ...{ ...running, identity, groups, clock: systemClock, random: systemRandom() },
    })
  } catch (cause) {
    const text = `${path} does not say where custody is: is Limen starting, or stopping?`
    throw new LimenError('custody-unavailable', text, { side: 'operator', retry: true, cause })
  }
}
