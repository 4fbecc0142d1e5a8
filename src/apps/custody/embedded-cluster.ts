/**
 * A cluster of custody nodes inside a Limen: five processes on loopback, three of whose shares make a key. Made at the first start, watched
 * while it runs, and ended with it. What is on the disk is said in `cluster-root.ts`; nodes are `embedded-node.ts`.
 *
 * @module
 */
import { sign } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { lockFolder } from '../../adapters/node/folder-lock.ts'
import { type SodiumGroups, sodiumGroups } from '../../adapters/node/sodium-groups.ts'
import type { Clock } from '../../ground/clock.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets } from '../../ground/octets.ts'
import { CHECKPOINT_MS } from '../../keys/custody/audit-checkpoint.ts'
import type { KeyLabel } from '../../keys/custody/key-label.ts'
import { writeNodeCard } from '../../wire/custody-plan.ts'
import { nodeIdOf } from './caller.ts'
import { type ClusterRoot, type ClusterRootOptions, openClusterRoot } from './cluster-root.ts'
import { type CustodyClient, type KeyName, openCustodyClient } from './custody-client.ts'
import { CustodyDesk, type CustodyDeskOptions, type DeskCluster } from './custody-desk.ts'
import { ShareDriver } from './drive-change.ts'
import { EmbeddedNode, type NodeEvent } from './embedded-node.ts'
import { KeyUse } from './key-use.ts'
import {
  AUTHORITY_KEY,
  certificatesByCustody,
  firstCertificates,
  type Issued,
  type NodeCertificatesOptions,
} from './node-certificates.ts'
import { ed25519PrivateKey, nodeKeysOf, publicOctets } from './node-keys.ts'
import { ed25519PublicKey, toBeSigned } from './node-world.ts'
import { carryCheckpoints } from './peer-checkpoints.ts'
import { RUNNING_FILE, writeRunning } from './running-custody.ts'

export interface EmbeddedClusterOptions extends Omit<ClusterRootOptions, 'signal'> {
  /** A start waits so long for operators, and again for nodes. */
  readonly waitMs: number
  /** Keys that derive: made when no node has them, unless `mayMake` says that something is sealed under them. */
  readonly keys: readonly KeyName[]
  readonly mayMake: boolean
  /** Keys that sign: made when no node has them. */
  readonly signing?: readonly KeyName[]
  readonly clock: Clock
  onEvent(event: ClusterEvent): void
  /** Of what else listens here later. */
  readonly portsTaken: ReadonlySet<number>
  /** {@link CERTIFICATE_MS} for all but tests. */
  readonly certificateMs?: number
}

export type ClusterEvent =
  | NodeEvent
  | { readonly kind: 'made' }
  /** Certificates could not be replaced: tried again. */
  | { readonly kind: 'unrenewed'; readonly why: string }
  /** What was counted could not be kept. */
  | { readonly kind: 'unkept'; readonly why: string }

export interface EmbeddedCluster {
  readonly client: CustodyClient
  /** Its own, and those it was opened with. */
  readonly keys: readonly KeyLabel[]
  /** Looks after it, once it begins; to be closed before the cluster. */
  openDesk(options: EmbeddedDeskOptions): CustodyDesk
  close(): Promise<void>
}

export type EmbeddedDeskOptions = Pick<CustodyDeskOptions, 'onFinding' | 'tell'> &
  Pick<DeskCluster['config'], 'drill' | 'placement'>

const CLUSTER = 'embedded'
/** Issue 6: 3 of 5. */
const NODES = ['n1', 'n2', 'n3', 'n4', 'n5']
const THRESHOLD = 3
const CALLER = { role: 'server', id: 'limen' }
/** Shares a node has room for: more than there are keys. */
const SLOTS = 10_000
const CERTIFICATE_MS = 3_600_000
/** With three nodes and no more, it goes on after this: the others are on their way. */
const STRAGGLER_MS = 1_000
const LOOK_MS = 20
/** As a part of a certificate's life: replaced after half of it, tried again each twentieth. */
const RENEWALS = 20

/** @throws LimenError `folder-in-use`, `custody-unavailable` after `waitMs`, `custody-change`; those of {@link openClusterRoot} */
export async function openEmbeddedCluster(
  options: EmbeddedClusterOptions,
): Promise<EmbeddedCluster> {
  const unlock = await lockFolder(options.folder)
  try {
    const root = await openClusterRoot({ ...options, signal: AbortSignal.timeout(options.waitMs) })
    const cluster = new Cluster(options, root)
    try {
      const client = await cluster.start()
      return {
        ...{ client, keys: cluster.keys },
        openDesk: (desk) => cluster.openDesk(desk, client),
        async close() {
          await cluster.close()
          unlock()
        },
      }
    } catch (error) {
      await cluster.close()
      throw error
    }
  } catch (error) {
    unlock()
    throw error
  }
}

class Cluster {
  readonly #options: EmbeddedClusterOptions
  readonly #root: ClusterRoot
  readonly #nodes: readonly EmbeddedNode[]
  readonly #certificates: NodeCertificatesOptions
  readonly #identity: Uint8Array
  readonly #whys = new Map<string, string>()
  readonly #use: KeyUse
  #groups: SodiumGroups | undefined
  #issued: Issued | undefined
  #issuedAt = 0
  #client: CustodyClient | undefined
  readonly #stops: (() => void)[] = []
  /** Never rejects. */
  #renewing: Promise<void> | undefined

  constructor(options: EmbeddedClusterOptions, root: ClusterRoot) {
    const { folder, clock, random } = options
    this.#options = options
    this.#root = root
    const key = ed25519PrivateKey(root.derive('identity'))
    this.#identity = new Uint8Array(publicOctets(key))
    this.#certificates = {
      ...{ cluster: CLUSTER, ids: NODES, caller: CALLER, folder, clock, random },
      lifeMs: options.certificateMs ?? CERTIFICATE_MS,
    }
    this.#nodes = NODES.map((id) => this.#newNode(id))
    this.#use = new KeyUse({
      ...{ cluster: CLUSTER, folder, now: () => clock.now() },
      complain: (why) => options.onEvent({ kind: 'unkept', why }),
    })
  }

  get keys(): readonly KeyLabel[] {
    const { keys, signing = [] } = this.#options
    const signs = [AUTHORITY_KEY, ...signing].map((key): KeyLabel => ({ ...key, use: 'sign' }))
    return [...signs, ...keys.map((key): KeyLabel => ({ ...key, use: 'derive' }))]
  }

  openDesk({ onFinding, tell, ...config }: EmbeddedDeskOptions, client: CustodyClient) {
    const { clock, random } = this.#options
    const groups = this.#groups
    if (groups === undefined) throw new TypeError('A desk is of a cluster that has started')
    const { links, manifests } = client
    const sign = async (octets: Uint8Array) => this.#signed(octets)
    // With the grace of keys that are in use.
    const driver = new ShareDriver({ links, manifests, groups, random, sign })
    // A node fails alone here, as a process or a folder.
    const nodes = NODES.map((id) => ({ id, address: '', cores: 1, slots: SLOTS }))
    return new CustodyDesk({
      cluster: { config: { ...config, nodes }, client, groups, random, changes: { driver } },
      ...{ use: this.#use, now: () => clock.now(), onFinding, tell },
    })
  }

  async start(): Promise<CustodyClient> {
    const { random, clock } = this.#options
    const first = await this.#take(await firstCertificates(this.#certificates))
    await Promise.all(this.#nodes.map((node) => node.start()))
    await this.#untilOpen()
    const caller = () => (this.#issued ?? first).caller
    const groups = await sodiumGroups()
    this.#groups = groups
    const plainClient = openCustodyClient({
      ...{ cluster: CLUSTER, identity: ed25519PublicKey(this.#identity), groups, random, clock },
      ...{ nodes: this.#nodes, chanceOf: this.#use.routing.chanceOf },
      get certificate() {
        return caller().certificate
      },
      get key() {
        return caller().key
      },
      get authority() {
        return caller().authority
      },
    })
    const client = this.#use.counted(plainClient)
    this.#client = client
    const driver = new ShareDriver({
      ...{ links: client.links, manifests: client.manifests, groups, random },
      // A new key has no older generation that somebody might still use.
      graceMs: 0,
      sign: async (octets) => this.#signed(octets),
    })
    const { keys, mayMake, signing = [] } = this.#options
    for (const key of [AUTHORITY_KEY, ...signing]) {
      await this.#ensure(client, driver, { ...key, use: 'sign' }, true)
    }
    for (const key of keys) await this.#ensure(client, driver, { ...key, use: 'derive' }, mayMake)
    if (this.#root.isNew) this.#options.onEvent({ kind: 'made' })
    // Nobody waits for it: the first ones are good for as long.
    this.#renewLater()
    this.#stops.push(carryCheckpoints(client.links, CHECKPOINT_MS))
    const timer = setInterval(() => {
      const isDue = clock.now() - this.#issuedAt >= this.#certificates.lifeMs / 2
      if (isDue) this.#renewLater()
    }, this.#certificates.lifeMs / RENEWALS)
    this.#stops.push(() => clearInterval(timer.unref()))
    return client
  }

  async close(): Promise<void> {
    for (const stop of this.#stops) stop()
    await this.#renewing
    rmSync(join(this.#options.folder, RUNNING_FILE), { force: true })
    await this.#client?.close()
    await Promise.all(this.#nodes.map((node) => node.close()))
  }

  #newNode(id: string): EmbeddedNode {
    const { folder, random, onEvent, portsTaken } = this.#options
    const secret = this.#root.derive(`node ${id}`)
    const { sealing, signing, wrapping } = nodeKeysOf(secret, random)
    void wrapping.close()
    secret.fill(0)
    const card = writeNodeCard({
      node: nodeIdOf(CLUSTER, id),
      sealingKey: sealing.publicKey,
      signingKey: publicOctets(signing),
    })
    return new EmbeddedNode({
      ...{ cluster: CLUSTER, id, folder: join(folder, id), role: CALLER.role },
      portsTaken,
      identity: this.#identity,
      card: joinOctets(card, this.#signed(toBeSigned('card', card))),
      secret: () => new Uint8Array(this.#root.derive(`node ${id}`)),
      credentials: () => {
        const found = this.#issued?.nodes.get(id)
        if (found === undefined) throw new TypeError(`Node ${id} is started without credentials`)
        return found
      },
      onEvent: (event) => {
        if (event.kind === 'ended') this.#whys.set(id, event.why)
        if (event.kind === 'open') this.#tellWhere()
        onEvent(event)
      },
    })
  }

  /** By the cluster's identity, whose key is not kept. */
  #signed(octets: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, octets, ed25519PrivateKey(this.#root.derive('identity'))))
  }

  async #untilOpen(): Promise<void> {
    const begun = performance.now()
    for (;;) {
      const open = this.#nodes.filter(({ isOpen }) => isOpen).length
      const waited = performance.now() - begun
      if (open === this.#nodes.length) return
      // What is to be made takes all of them.
      if (open >= THRESHOLD && waited > STRAGGLER_MS && !this.#root.isNew) return
      if (waited > this.#options.waitMs) throw this.#tooFew(open)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
  }

  #tooFew(open: number): LimenError {
    const whys = [...this.#whys].map(([id, why]) => `${id}: ${why}`).join('; ')
    const text = `${open} of ${this.#nodes.length} custody nodes have started (${whys})`
    return new LimenError('custody-unavailable', text, { side: 'operator', retry: true })
  }

  async #ensure(
    client: CustodyClient,
    driver: ShareDriver,
    label: KeyLabel,
    mayMake: boolean,
  ): Promise<void> {
    try {
      await client.publicKey(label)
    } catch (error) {
      const isUnknown = error instanceof LimenError && error.code === 'custody-key-unknown'
      if (!isUnknown || !mayMake) throw error
      await driver.make(label, { threshold: THRESHOLD, nodes: NODES })
    }
  }

  /** Both authorities are believed while the one takes over from the other. */
  async #renew(): Promise<void> {
    const { client, before } = { client: this.#client, before: this.#issued }
    if (client === undefined || before === undefined) return
    try {
      const next = await certificatesByCustody(this.#certificates, client)
      await this.#take(withAuthority(before, next.caller.authority))
      await this.#take(withAuthority(next, before.caller.authority))
      await this.#take(next)
    } catch (error) {
      const why = error instanceof LimenError ? error.code : (error as Error).name
      this.#options.onEvent({ kind: 'unrenewed', why })
      const leftMs = this.#issuedAt + this.#certificates.lifeMs - this.#options.clock.now()
      if (leftMs < this.#certificates.lifeMs / 4) {
        // Too few nodes for so long that none could talk to another: as at a start.
        await this.#take(await firstCertificates(this.#certificates))
      }
    }
  }

  async #take(issued: Issued): Promise<Issued> {
    this.#issued = issued
    this.#issuedAt = this.#options.clock.now()
    const given = this.#nodes.map(async (node) => {
      const credentials = issued.nodes.get(node.id)
      if (credentials !== undefined) await node.renew(credentials)
    })
    await Promise.all(given)
    this.#tellWhere()
    return issued
  }

  /** For commands on this machine. */
  #tellWhere(): void {
    if (this.#issued === undefined || this.#client === undefined) return
    writeRunning(this.#options.folder, {
      ...{ cluster: CLUSTER, identity: this.#identity, ...this.#issued.caller },
      nodes: this.#nodes,
    })
  }

  /** One at a time. */
  #renewLater(): void {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
  }
}

function withAuthority({ caller, nodes }: Issued, more: string): Issued {
  const both = <T extends { readonly authority: string }>(one: T): T => ({
    ...one,
    authority: one.authority.includes(more) ? one.authority : one.authority + more,
  })
  return {
    caller: both(caller),
    nodes: new Map([...nodes].map(([id, one]) => [id, both(one)])),
  }
}
