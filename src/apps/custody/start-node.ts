/**
 * A custody node from its configuration: opens its wrapping key, vault and audit log, and then its door.
 *
 * @module
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openCustodyAudit } from '../../adapters/node/custody-audit.ts'
import { hpkeKeyPair } from '../../adapters/node/hpke.ts'
import { openPassphraseKey } from '../../adapters/node/passphrase-key.ts'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import { openShareVault } from '../../adapters/node/share-vault.ts'
import { sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { compileAccess } from '../../keys/custody/access-policy.ts'
import { KEM } from '../../wire/key-config.ts'
import { nodeIdOf } from './caller.ts'
import { custodyNode } from './custody-node.ts'
import { listenForCustody } from './listener.ts'
import { type NodeConfig, readNodeConfig } from './node-config.ts'
import type { NodeWorld } from './node-world.ts'

export interface StartedNode {
  readonly id: string
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

/** Secrets are zeroed this long, at most, after their time. */
const SWEEP_MS = 1_000

/**
 * @param onFault told what a request has failed of
 * @throws LimenError of the configuration, wrapping key, vault, audit log; `credentials-bad`, `cannot-listen`
 */
export async function startCustodyNode(
  path: string,
  onFault: NodeWorld['onFault'],
): Promise<StartedNode> {
  const config = readNodeConfig(path)
  const { cluster, id, folder } = config
  const random = systemRandom()
  const clock = systemClock
  const node = nodeIdOf(cluster, id)
  const keys = readKeys(config)
  const decide = accessOf(config, path)
  const passphrase = Buffer.from(withoutNewline(secretFile(config.wrapping.passphraseFile)))
  const wrapping = await openPassphraseKey({ path: config.wrapping.file, passphrase, random })
  passphrase.fill(0)
  const vault = await openShareVault({ folder, node, wrapping, random })
  const audit = openCustodyAudit({ folder: join(folder, 'audit'), node, key: keys.signing, clock })
  const groups = await sodiumGroups()
  const world = { cluster, node, ...keys, vault, groups, decide, audit, clock, random, onFault }
  const custody = custodyNode(world)
  const { host, port } = splitAddress(config.listen)
  const listener = await listenForCustody({
    ...{ host, port, cluster, clock, roles: config.roles },
    certificate: text(config.certificate),
    key: secretFile(config.key).toString(),
    authority: text(config.authority),
    handle: (caller, body) => custody.handle(caller, body),
  })
  const timer = setInterval(() => custody.sweep(), SWEEP_MS)
  return {
    ...{ id, host, port: listener.port },
    async close() {
      clearInterval(timer)
      await listener.close()
      custody.close()
      vault.close()
      audit.close()
      await wrapping.close()
    },
  }
}

function readKeys(config: NodeConfig) {
  try {
    const seed = secretFile(config.sealingKey)
    const sealing = hpkeKeyPair(KEM.x25519, seed)
    seed.fill(0)
    const pem = secretFile(config.signingKey)
    const signing = createPrivateKey(pem)
    pem.fill(0)
    const identity = createPublicKey(text(config.identity))
    if (signing.asymmetricKeyType !== 'ed25519' || identity.asymmetricKeyType !== 'ed25519') {
      throw new RangeError('signingKey and identity are keys of Ed25519')
    }
    return { sealing, signing, identity }
  } catch (cause) {
    if (cause instanceof LimenError) throw cause
    throw bad(`A key of custody node ${config.id} is none: ${(cause as Error).message}`, cause)
  }
}

function accessOf({ access }: NodeConfig, path: string) {
  try {
    return compileAccess(
      access.map(({ caller, rate, hours, ...rest }) => ({
        ...rest,
        caller:
          caller.id === undefined ? { role: caller.role } : { role: caller.role, id: caller.id },
        ...(rate === undefined ? {} : { rate }),
        ...(hours === undefined ? {} : { hours }),
      })),
    )
  } catch (cause) {
    const details = { side: 'operator', retry: false, cause } as const
    throw new LimenError('config-refused', `${path}: access: ${(cause as Error).message}`, details)
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw bad(`${path} cannot be read`, cause)
  }
}

/** Takes reading away from everybody else. */
function secretFile(path: string): Buffer {
  const bytes = readPrivateFile(path)
  if (bytes === undefined) throw bad(`${path} is not there`)
  return bytes
}

function withoutNewline(bytes: Buffer): Buffer {
  return bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes
}

function splitAddress(listen: string): { host: string; port: number } {
  const at = listen.lastIndexOf(':')
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) }
}

function bad(why: string, cause?: unknown): LimenError {
  return new LimenError('credentials-bad', why, { side: 'operator', retry: false, cause })
}
