/**
 * A custody node from its configuration: opens its wrapping key, vault and audit log, and then its door.
 *
 * @module
 */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hpkeKeyPair } from '../../adapters/node/hpke.ts'
import { openPassphraseKey } from '../../adapters/node/passphrase-key.ts'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import { openSealedKey } from '../../adapters/node/sealed-key.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { compileAccess } from '../../keys/custody/access-policy.ts'
import type { WrappingKey } from '../../ports/wrapping-key.ts'
import { KEM } from '../../wire/key-config.ts'
import { NODE_OPERATIONS } from './custody-node.ts'
import { type NodeConfig, readNodeConfig } from './node-config.ts'
import type { NodeWorld } from './node-world.ts'
import { openCustodyNode, type StartedNode } from './open-node.ts'
import { takeShares } from './unseal-door.ts'

/**
 * @param onFault told what a request has failed of
 * @param onSealed told the door at which operators have to give their shares; it starts when they have
 * @throws LimenError of the configuration; `folder-in-use`; of the wrapping key, vault, audit log; `credentials-bad`, `cannot-listen`
 */
export async function startCustodyNode(
  path: string,
  onFault: NodeWorld['onFault'],
  onSealed: (door: string) => void,
): Promise<StartedNode> {
  const config = readNodeConfig(path)
  const { cluster, id, folder, roles } = config
  const keys = readKeys(config)
  const decide = accessOf(config, path)
  const credentials = {
    certificate: text(config.certificate),
    key: secretFile(config.key).toString(),
    authority: text(config.authority),
  }
  const wrapping = (): Promise<WrappingKey> => openWrapping(config.wrapping, onSealed)
  const { host, port } = splitAddress(config.listen)
  return await openCustodyNode({
    ...{ cluster, id, folder, host, port, roles, decide, onFault, wrapping },
    ...keys,
    ...credentials,
  })
}

async function openWrapping(
  from: NodeConfig['wrapping'],
  onSealed: (door: string) => void,
): Promise<WrappingKey> {
  const random = systemRandom()
  if ('pkcs11' in from) {
    // Native code, loaded only where there is a token.
    const { openTokenKey } = await import('../../adapters/pkcs11/wrapping-key.ts')
    return await openTokenKey({ uri: from.pkcs11, random })
  }
  if ('sealed' in from) {
    const sealed = openSealedKey(from.sealed, random)
    return await takeShares({ sealed, door: from.door, onOpen: () => onSealed(from.door) })
  }
  const passphrase = withoutNewline(secretFile(from.passphraseFile))
  try {
    return await openPassphraseKey({ path: from.file, passphrase, random })
  } finally {
    passphrase.fill(0)
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
      NODE_OPERATIONS,
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
