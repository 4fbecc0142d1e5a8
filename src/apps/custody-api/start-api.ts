/**
 * A coordinator of the operations API from its configuration: the nodes' client, the catalogue, the audit log, and then the door.
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import { openCustodyAudit } from '../../adapters/node/custody-audit.ts'
import { lockFolder } from '../../adapters/node/folder-lock.ts'
import { openKeyCatalogue } from '../../adapters/node/key-catalogue.ts'
import { type SodiumGroups, sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import { fromHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { compileAccess, type DecideAccess } from '../../keys/custody/access-policy.ts'
import { CHECKPOINT_MS } from '../../keys/custody/audit-checkpoint.ts'
import { nodeIdOf } from '../custody/caller.ts'
import { type CustodyClient, openCustodyClient } from '../custody/custody-client.ts'
import { CustodyDesk, type DeskCluster } from '../custody/custody-desk.ts'
import type { ShareFault } from '../custody/drill.ts'
import { ShareDriver } from '../custody/drive-change.ts'
import { KeyUse } from '../custody/key-use.ts'
import { carryCheckpoints } from '../custody/peer-checkpoints.ts'
import {
  bytesOf,
  configError,
  credentialError,
  secretOf,
  splitAddress,
} from '../custody/read-file.ts'
import { type ApiConfig, readApiConfig } from './api-config.ts'
import { listenForClients } from './api-listener.ts'
import { apiRequests } from './api-requests.ts'
import { askAwayNodes } from './ask-away-nodes.ts'
import { KeyDesk, type KeyMaker } from './key-desk.ts'
import { KeyWork } from './key-work.ts'
import { onceAMinute } from './once-a-minute.ts'
import { API_OPERATIONS } from './routes.ts'
import { ShareDeletions } from './share-deletions.ts'
import type { SystemState } from './system-answers.ts'
import { bearerOf, certifiedCaller } from './who-asks.ts'

export interface StartedApi {
  readonly id: string
  readonly host: string
  readonly port: number
  close(): Promise<void>
}

export interface StartApiOptions {
  readonly path: string
  /** Of Limen, as `/v1/sys/health` says it. */
  readonly version: string
  /** Told what goes wrong beside requests, and bugs; one line, no secret. */
  complain(text: string): void
}

/** @throws LimenError of the configuration, catalogue, audit log; `folder-in-use`, `credentials-bad`, `custody-card`, `cannot-listen` */
export async function startCustodyApi(options: StartApiOptions): Promise<StartedApi> {
  const config = readApiConfig(options.path)
  // Before anything is opened: a start in the log of a coordinator that runs would break its chain for good.
  const unlock = await lockFolder(config.folder)
  try {
    const api = await startInFolder(config, options)
    return {
      ...api,
      async close() {
        await api.close()
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

async function startInFolder(
  config: ApiConfig,
  { path, version, complain }: StartApiOptions,
): Promise<StartedApi> {
  const { cluster, id, folder, threshold } = config
  const random = systemRandom()
  const clock = systemClock
  const { identity, identityKey, signingKey, tokens, decide } = readRest(config, path)
  const groups = await sodiumGroups()
  const use = new KeyUse({ cluster, folder, now: clock.now, complain })
  const plainClient = openCustodyClient({
    ...{ cluster, identity, groups, random, clock, chanceOf: use.routing.chanceOf },
    nodes: config.nodes.map(({ id: node, address, card }) => ({
      ...{ id: node, ...splitAddress(address), card: new Uint8Array(bytesOf(card)) },
    })),
    ...{ certificate: textOf(config.certificate), authority: textOf(config.authority) },
    key: secretOf(config.key).toString(),
  })
  const client = use.counted(plainClient)
  const onError = (error: unknown): void =>
    complain(error instanceof LimenError ? error.message : `bug: ${(error as Error).stack}`)
  const catalogue = await openKeyCatalogue({
    ...{ folder: config.catalogue ?? join(folder, 'keys'), identity, onError },
  })
  const audit = openCustodyAudit({
    ...{ folder: join(folder, 'audit'), node: nodeIdOf(cluster, id), key: signingKey, clock },
    onError,
  })
  const deletions =
    identityKey &&
    new ShareDeletions({
      ...{ path: join(folder, 'deletions.json'), catalogue, complain },
      driver: changesWith(client, groups, identityKey).driver,
    })
  const maker = identityKey && deletions && makerOf(config, client, groups, identityKey, deletions)
  const tell = onceAMinute((text) => complain(`custody: ${text}`), clock)
  const world = {
    ...{ random, clock, tell, keys: new KeyDesk({ catalogue, random, clock, maker, tell }) },
    work: new KeyWork({ client, groups, random }),
  }
  const desk = new CustodyDesk({
    cluster: {
      ...{ config, groups, random, client },
      changes: identityKey && changesWith(client, groups, identityKey),
    },
    ...{ use, now: clock.now },
    onFinding: ({ keyId, node, fault }) => {
      complain(`custody: the share of key ${keyId} at ${node} ${wordsOf(fault)}`)
    },
    tell: (_level, text) => complain(text),
  })
  const askAway = askAwayNodes(client.links, clock)
  const system = (): SystemState => {
    const { nodes } = client.links
    askAway()
    const away = nodes.filter(({ health }) => health.isAway).length
    return { cluster, version, nodes: nodes.length, threshold, away, now: clock.now() }
  }
  const { host, port } = splitAddress(config.listen)
  const stopCarrying = carryCheckpoints(client.links, CHECKPOINT_MS)
  const opened = listenForClients({
    ...{ host, port, authority: textOf(config.authority) },
    certificate: textOf(config.server.certificate),
    key: secretOf(config.server.key).toString(),
    handlerFor: (socket: TLSSocket) =>
      apiRequests({
        ...{ world, decide, audit, system, onBug: onError },
        isWaitedFor: () => !socket.destroyed,
        callerOf: (token) =>
          token === '' ? certifiedCaller(socket, cluster, clock) : bearerOf(token, tokens),
      }),
  })
  const close = async (): Promise<void> => {
    await deletions?.close()
    catalogue.close()
    await client.close()
    await audit.close()
  }
  const listener = await opened.catch(async (error: unknown) => {
    stopCarrying()
    await close()
    throw error
  })
  desk.begin()
  void deletions?.run()
  return {
    ...{ id, host, port: listener.port },
    async close() {
      await desk.close()
      stopCarrying()
      await listener.close()
      await close()
    },
  }
}

/** A node that is away says nothing of its share. */
function wordsOf(fault: ShareFault | undefined): string {
  if (fault === undefined) return 'is good again'
  return fault === 'away' ? 'cannot be proven: the node is away' : `is bad: ${fault}`
}

/** With the grace of keys that are in use. */
function changesWith(
  { links, manifests }: CustodyClient,
  groups: SodiumGroups,
  identityKey: KeyObject,
): NonNullable<DeskCluster['changes']> {
  const signed = async (octets: Uint8Array) => new Uint8Array(sign(null, octets, identityKey))
  const random = systemRandom()
  return { driver: new ShareDriver({ links, manifests, groups, random, sign: signed }) }
}

function makerOf(
  { nodes, threshold }: ApiConfig,
  { links, manifests }: CustodyClient,
  groups: SodiumGroups,
  identityKey: KeyObject,
  deletions: ShareDeletions,
): KeyMaker {
  const signed = async (octets: Uint8Array) => new Uint8Array(sign(null, octets, identityKey))
  const random = systemRandom()
  // A new key has no older generation that somebody might still use.
  const graceMs = 0
  return {
    driver: new ShareDriver({ links, manifests, groups, random, graceMs, sign: signed }),
    holding: { threshold, nodes: nodes.map(({ id }) => id) },
    sign: signed,
    deletions,
  }
}

function readRest(config: ApiConfig, path: string) {
  const { identity, identityKey, signingKey, access } = config
  try {
    const publicKey = createPublicKey(textOf(identity))
    const privateKey = identityKey === undefined ? undefined : privateKeyOf(identityKey)
    if (privateKey !== undefined && !createPublicKey(privateKey).equals(publicKey)) {
      throw new RangeError('identityKey is not the private key of identity')
    }
    const signing = privateKeyOf(signingKey)
    const isEd25519 = [publicKey, signing].every((key) => key.asymmetricKeyType === 'ed25519')
    if (!isEd25519) throw new RangeError('identity and signingKey are keys of Ed25519')
    return {
      ...{ identity: publicKey, identityKey: privateKey, signingKey: signing },
      tokens: config.tokens.map(({ sha256, caller }) => ({ ...caller, sha256: fromHex(sha256) })),
      decide: accessOf(access, path),
    }
  } catch (cause) {
    if (cause instanceof LimenError) throw cause
    throw credentialError(`${path}: ${(cause as Error).message}`, cause)
  }
}

function accessOf(rows: ApiConfig['access'], path: string): DecideAccess {
  try {
    return compileAccess(rows, API_OPERATIONS)
  } catch (cause) {
    throw configError('config-refused', `${path}: access: ${(cause as Error).message}`)
  }
}

function privateKeyOf(path: string): KeyObject {
  const pem = secretOf(path)
  try {
    return createPrivateKey(pem)
  } finally {
    pem.fill(0)
  }
}

function textOf(path: string): string {
  return bytesOf(path).toString()
}
