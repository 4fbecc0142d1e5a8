/**
 * Opens the custody of a Limen as `custody` says, and gets the record key from it, which the other secrets of `data` are sealed under. After
 * that nothing waits for custody: what is sealed goes on when all nodes are away.
 *
 * @module
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../../adapters/node/json-log.ts'
import { readPrivateFile } from '../../adapters/node/private-file.ts'
import { plainFiles, type SecretFiles } from '../../adapters/node/secret-files.ts'
import { sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import type { Clock } from '../../ground/clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import { CHECKPOINT_MS } from '../../keys/custody/audit-checkpoint.ts'
import { areSharesHere, ROOT_FILES } from '../custody/cluster-root.ts'
import { type CustodyAuthority, custodyAuthority } from '../custody/custody-authority.ts'
import { type CustodyClient, type KeyName, openCustodyClient } from '../custody/custody-client.ts'
import {
  type ClusterEvent,
  type EmbeddedCluster,
  openEmbeddedCluster,
} from '../custody/embedded-cluster.ts'
import { carryCheckpoints } from '../custody/peer-checkpoints.ts'
import { openRunning } from '../custody/running-custody.ts'
import { addressOf, type Config } from './config/schema.ts'
import { isRecordKeySealed, recordKeyInCustody, recordKeyInFile } from './record-key.ts'
import { STATE_FILES } from './state-files.ts'
import { sealedSecrets } from './state-secrets.ts'

export interface OpenCustody {
  readonly recordKey: KeyObject
  /** The other secrets of `data`. */
  readonly secrets: SecretFiles
  /** Signs certificates of edges and of their key server; undefined: custody is off. @throws LimenErrors of custody */
  readonly edgeAuthority: (() => Promise<CustodyAuthority>) | undefined
  /** Absent where its nodes do not run here. */
  readonly cluster?: EmbeddedCluster
  close(): Promise<void>
}

export interface OpenCustodyOptions {
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>
}

/** Derives what the record key is wrapped under; an operator of nodes elsewhere makes it there. */
const RECORD_KEY: KeyName = { name: 'limen/record', version: 1 }
/** Signs certificates of edges: one of its own, so that none of these is good at a node. Made there, too, for a key server with edges. */
const EDGES_KEY: KeyName = { name: 'limen/edges', version: 1 }
const EDGES_NAME = 'Limen edges'
/** Between two tries at a start. */
const RETRY_MS = 500

/** @throws LimenError of embedded nodes and of the record key; `custody-unavailable` after `waitS` */
export async function openCustody(options: OpenCustodyOptions): Promise<OpenCustody> {
  const { config, random } = options
  const { data, custody } = config
  if (custody.mode === 'off') {
    const recordKey = recordKeyInFile(data, random)
    const close = async () => undefined
    return { recordKey, secrets: plainFiles, edgeAuthority: undefined, close }
  }
  if (custody.mode === 'external') return await withKeys(options, await external(options))
  const cluster = await embedded(options)
  return { ...(await withKeys(options, cluster)), cluster }
}

/** For a command beside a Limen that may run, or not. @throws LimenErrors as {@link openCustody} does */
export async function openBeside(config: Config, random: Random): Promise<OpenCustody> {
  const log = { info: nothing, warn: nothing, error: nothing }
  const options = { config, random, log, clock: systemClock }
  try {
    return await openCustody(options)
  } catch (error) {
    if (!(error instanceof LimenError) || error.code !== 'folder-in-use') throw error
  }
  const client = await openRunning(join(config.data, STATE_FILES.custody))
  return await withKeys(options, { client, close: () => client.close() })
}

/** Closes custody when they cannot be had. */
async function withKeys(
  { config, clock, random }: OpenCustodyOptions,
  { client, close }: Opened,
): Promise<OpenCustody> {
  const { data, custody } = config
  try {
    const recordKey = await withinTime(custody.waitS, () =>
      recordKeyInCustody(data, (of) => client.derive(RECORD_KEY, of), random),
    )
    const path = join(data, STATE_FILES.edgeAuthority)
    const edges = { key: EDGES_KEY, name: EDGES_NAME, path, clock, random }
    return {
      ...{ recordKey, secrets: sealedSecrets(data, recordKey, random), close },
      edgeAuthority: () => withinTime(custody.waitS, () => custodyAuthority(edges, client)),
    }
  } catch (error) {
    await close()
    throw error
  }
}

interface Opened {
  readonly client: CustodyClient
  close(): Promise<void>
}

async function embedded(options: OpenCustodyOptions): Promise<EmbeddedCluster> {
  const { config, clock, random, log } = options
  const { unseal, operators, waitS } = config.custody
  const folder = join(config.data, STATE_FILES.custody)
  const cluster = await openEmbeddedCluster({
    ...{ folder, unseal, operators, random, clock, waitMs: waitS * 1000 },
    ...{ keys: [RECORD_KEY], mayMake: !isRecordKeySealed(config.data) },
    signing: config.sessions.cluster === undefined ? [] : [EDGES_KEY],
    portsTaken: portsOf(config),
    onSealed: (door) => {
      log.warn(
        { door, waitS },
        'Custody is sealed: operators give their shares (limen custody unseal DOOR)',
      )
    },
    onEvent: (event) => tellOf(event, log),
  })
  if (areSharesHere(folder)) {
    const file = join(folder, ROOT_FILES.shares)
    log.warn(
      { file },
      "Operators' shares of custody are still here: hand them out, and remove the file",
    )
  }
  return cluster
}

/** Of all sockets that it opens, or that servers on this machine may have. */
function portsOf({ listeners, admin, metrics, sessions, signals, pools }: Config): Set<number> {
  const addresses = [
    ...listeners.map(({ address }) => address),
    ...pools.flatMap(({ servers }) => servers.map(({ address }) => address)),
    ...[admin.address, metrics.address, sessions.listen],
    ...[sessions.cluster?.address, signals.address],
  ]
  const ports = addresses.flatMap((one) => (one === undefined ? [] : addressOf(one).port))
  // Servers that are started here as they are needed.
  const started = pools.flatMap(({ scaling }) => {
    const { processes, max = 0 } = scaling ?? {}
    return processes ? Array.from({ length: max }, (_, i) => processes.portFrom + i) : []
  })
  return new Set([...ports, ...started])
}

function tellOf(event: ClusterEvent, log: OpenCustodyOptions['log']): void {
  if (event.kind === 'made')
    log.info({}, 'Custody was made: five nodes, any three of which have a key')
  else if (event.kind === 'open') {
    const { id, port, pid } = event
    log.info({ node: id, port, pid }, 'A custody node serves')
  } else if (event.kind === 'ended') {
    log.warn({ node: event.id, why: event.why }, 'A custody node has ended, and is started again')
  } else if (event.kind === 'fault') {
    log.error({ node: event.id, why: event.why }, 'A custody node could not do something')
  } else if (event.kind === 'unkept') {
    log.warn({ why: event.why }, 'The next start will not know how often keys are used')
  } else {
    log.warn({ why: event.why }, 'Certificates inside custody were not replaced: tried again')
  }
}

async function external({ config, clock, random }: OpenCustodyOptions): Promise<Opened> {
  const { external: there } = config.custody
  if (there === undefined) throw new TypeError('custody.external has been checked')
  const groups = await sodiumGroups()
  const client = openCustodyClient({
    ...{ cluster: there.cluster, groups, clock, random },
    identity: identityIn(there.identity),
    nodes: there.nodes.map(({ id, address, card }) => ({
      ...{ id, ...addressOf(address), card: new Uint8Array(read(card)) },
    })),
    certificate: read(there.certificate).toString(),
    key: secret(there.key).toString(),
    authority: read(there.authority).toString(),
  })
  const stop = carryCheckpoints(client.links, CHECKPOINT_MS)
  return {
    client,
    async close() {
      stop()
      await client.close()
    },
  }
}

function identityIn(path: string): KeyObject {
  const pem = read(path)
  try {
    const key = createPublicKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch {
    // Said below.
  }
  throw bad(`${path} is no public key of Ed25519`)
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw bad(`${path} cannot be read`, cause)
  }
}

function secret(path: string): Buffer {
  const bytes = readPrivateFile(path)
  if (bytes === undefined) throw bad(`${path} is not there`)
  return bytes
}

/** Again and again while nodes are away. */
async function withinTime<T>(waitS: number, act: () => Promise<T>): Promise<T> {
  const until = performance.now() + waitS * 1000
  for (;;) {
    try {
      return await act()
    } catch (error) {
      const isAway = error instanceof LimenError && error.code === 'custody-unavailable'
      if (!isAway || performance.now() + RETRY_MS > until) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}

function bad(text: string, cause?: unknown): LimenError {
  return new LimenError('credentials-bad', text, { side: 'operator', retry: false, cause })
}

function nothing(): void {}
