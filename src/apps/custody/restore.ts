/**
 * Brings the keys of a backup (`back-up.ts`) back to nodes: the two holders it was dealt to come to life in this process, with shares in memory alone, take
 * what was dealt to them, and reshare it to the nodes. Every check of a reshare is made; no key is put together, but those of octets for the moment
 * in which their shares are compared.
 *
 * @module
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { memoryShareVault } from '../../adapters/memory/share-vault.ts'
import { type HpkeKeyPair, hpkeKeyPair } from '../../adapters/node/hpke.ts'
import type { SodiumGroups } from '../../adapters/node/sodium-groups.ts'
import type { Clock } from '../../ground/clock.ts'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import { compileAccess } from '../../keys/custody/access-policy.ts'
import {
  BACKUP_LABEL,
  type BackedUpKey,
  type CustodyBackup,
  readCustodyBackup,
} from '../../wire/custody-backup.ts'
import {
  readCustodyManifest,
  sealCustodyManifest,
  writeCustodyManifest,
} from '../../wire/custody-manifest.ts'
import { FIELD } from '../../wire/custody-message.ts'
import { type CustodyPlan, readCustodyPlan, writeNodeCard } from '../../wire/custody-plan.ts'
import { KEM } from '../../wire/key-config.ts'
import { SCHEME } from '../../wire/share-record.ts'
import { askAll, wordsOf } from './ask-members.ts'
import { recoveryName } from './back-up.ts'
import { nodeIdOf } from './caller.ts'
import { type CustodyNode, custodyNode } from './custody-node.ts'
import { type Holding, manifestOf, ShareDriver } from './drive-change.ts'
import { KeyManifests, type NodeState, newestDeletion, usable } from './key-manifests.ts'
import { mayHideKeys, silentOf } from './listed-keys.ts'
import { type NodeLinks, openNodeLinks } from './node-links.ts'
import { ed25519PublicKey, toBeSigned } from './node-world.ts'
import { isOneKey } from './one-key.ts'
import { forOneLook } from './one-look.ts'
import { checkRecoveryKey, type Recovered } from './recovery-key.ts'
import { isDocumentOf } from './signed-document.ts'

export interface RestoreOptions {
  readonly cluster: string
  readonly identity: KeyObject
  readonly groups: SodiumGroups
  readonly clock: Clock
  readonly random: Random
  /** Of the two holders: `recover()`. Zeroed afterwards. */
  readonly recovered: Recovered
  /** To whom keys are brought; undefined: the backup is only tried out. */
  readonly to: { readonly links: NodeLinks; readonly holding: Holding } | undefined
  /** Ids of keys in hex, of which alone is the talk; these are brought back though they were deleted. undefined: all that were not. */
  readonly only: ReadonlySet<string> | undefined
  sign(octets: Uint8Array): Promise<Uint8Array>
  /** Told of each key, as soon as it is known what has come of it. */
  onKey?(key: RestoredKey, done: number, all: number): void
}

export interface RestoredKey {
  readonly keyId: Uint8Array
  readonly label: Uint8Array
  /**
   * `there`: the nodes had it, and it was left alone. `good`: tried out. `deleted`: since the backup, and left so. `other`: the nodes have another
   * key of its name, which was left alone. `failed`: see `why`; the others are brought back all the same.
   */
  readonly outcome: 'restored' | 'there' | 'good' | 'deleted' | 'other' | 'failed'
  readonly why: string | undefined
}

const ROLE = 'custodian'
const KEY_BYTES = 16

/** @throws LimenError `backup-damaged` for what is none, or is not signed by the identity that is in it */
export function openBackup(bytes: Uint8Array): CustodyBackup & { readonly identity: KeyObject } {
  const read = readCustodyBackup(bytes)
  if (read === undefined) throw damaged('It is no backup of custody')
  const { identity } = checkRecoveryKey(read.value.recovery)
  const own = ed25519PublicKey(identity.publicKey)
  if (!isDocumentOf(own, BACKUP_LABEL, read)) throw damaged('The backup has been changed')
  return { ...read.value, identity: own }
}

/** What came of each key: one that fails keeps none of the others back. */
export async function restoreKeys(
  options: RestoreOptions,
  keys: readonly BackedUpKey[],
): Promise<RestoredKey[]> {
  const revived = await reviveHolders(options)
  const { only, to } = options
  const links = to && forOneLook(to.links)
  const wanted = keys.filter((key) => only === undefined || only.has(toHex(idOfBackedUp(key))))
  const done: RestoredKey[] = []
  try {
    for (const key of wanted) {
      const { label } = key
      let came: Pick<RestoredKey, 'outcome' | 'why'>
      try {
        const outcome = await restoreKey(options, revived.links, links, key)
        came = { outcome, why: undefined }
      } catch (error) {
        if (!(error instanceof LimenError)) throw error
        came = { outcome: 'failed', why: error.message }
      }
      const one: RestoredKey = { keyId: idOfBackedUp(key), label, ...came }
      done.push(one)
      options.onKey?.(one, done.length, wanted.length)
    }
    return done
  } finally {
    revived.close()
    for (const seed of options.recovered.holders) seed.fill(0)
  }
}

/** @throws LimenError `backup-damaged` for a key that does not fit what is said of it; `custody-change` */
async function restoreKey(
  options: RestoreOptions,
  revived: NodeLinks,
  there: NodeLinks | undefined,
  key: BackedUpKey,
): Promise<Exclude<RestoredKey['outcome'], 'failed'>> {
  const { groups, identity, random, sign, only, to } = options
  const { keyId, plan } = planOf(key)
  if (to === undefined || there === undefined) {
    await reviveKey(options, revived, key, plan)
    return 'good'
  }
  const states = await new KeyManifests(there, groups, identity).states(keyId)
  const had = hadOf(states, key)
  if (had !== undefined) return had
  const silent = silentOf(states, there.nodes)
  // Or another one of its name, or the word that it was deleted.
  if (mayHideKeys(silent)) {
    const text = `It may be there already, with nodes that do not answer: ${silent.join(', ')}`
    throw new LimenError('custody-change', text, { side: 'upstream', retry: true })
  }
  const gone = newestDeletion(states)?.generation ?? 0
  if (gone >= plan.from && only === undefined) return 'deleted'
  await reviveKey(options, revived, key, plan)
  const driverOf = (links: NodeLinks): ShareDriver => {
    const manifests = new KeyManifests(links, groups, identity)
    // Nobody uses them yet: nothing to wait for.
    return new ShareDriver({ links, manifests, groups, random, sign, graceMs: 0 })
  }
  if (gone >= plan.generation) {
    // What was deleted counts for nobody: first the two of the backup come to a generation that was not.
    const two = { threshold: plan.threshold, nodes: revived.nodes.map(({ id }) => id) }
    await driverOf(revived).reshare(keyId, two, [], gone)
  }
  const links: NodeLinks = {
    nodes: [...revived.nodes, ...there.nodes],
    nodeOf: (node) => revived.nodeOf(node) ?? there.nodeOf(node),
    close: async () => undefined,
  }
  await driverOf(links).reshare(keyId, to.holding)
  return 'restored'
}

/** Whether the nodes have this key, or another one of its id; undefined: none that can be used. */
function hadOf(
  states: readonly NodeState[],
  { manifest: bytes }: BackedUpKey,
): 'there' | 'other' | undefined {
  const known = usable(states)
  if (known === undefined) return undefined
  const { generation, threshold } = known.manifest
  const own = readCustodyManifest(bytes)?.manifest
  if (own !== undefined && !isOneKey(own, known.manifest)) return 'other'
  const having = states.filter(({ keys }) =>
    keys.some((one) => one.manifest.generation === generation),
  )
  return having.length >= threshold ? 'there' : undefined
}

/** As its manifest says; zeros when it is none. */
export function idOfBackedUp({ manifest }: BackedUpKey): Uint8Array {
  return readCustodyManifest(manifest)?.manifest.keyId.slice() ?? new Uint8Array(KEY_BYTES)
}

function planOf({ plan }: BackedUpKey): { keyId: Uint8Array; plan: CustodyPlan } {
  const read = readCustodyPlan(plan)?.value
  if (read === undefined) throw damaged('A plan of the backup is none')
  return { keyId: read.keyId.slice(), plan: read }
}

/** Both holders take what was dealt to them, as in a reshare. */
async function reviveKey(
  { sign }: RestoreOptions,
  links: NodeLinks,
  key: BackedUpKey,
  plan: CustodyPlan,
): Promise<void> {
  const { keyId } = plan
  const old = readCustodyManifest(key.manifest)
  const members = plan.receivers.map(({ point, node }) => ({ point, at: links.nodeOf(node) }))
  const present = members.flatMap(({ point, at }) => (at === undefined ? [] : [{ point, at }]))
  if (old === undefined || present.length < members.length) {
    throw damaged(`Key ${toHex(keyId)} of the backup is dealt to others`)
  }
  const step = async (
    name: Parameters<typeof askAll>[1],
    fieldsFor: Parameters<typeof askAll>[3],
    of = present,
  ) => {
    const answers = await askAll(of, name, keyId, fieldsFor)
    if (answers instanceof Map) return answers
    throw damaged(`Key ${toHex(keyId)} of the backup is not good: ${wordsOf(answers)}`)
  }
  const taken = await step('take', (point) => {
    const own = plan.receivers.findIndex((one) => one.point === point)
    const dealings = key.dealings.map((dealing) => dealing[own] ?? new Uint8Array())
    return new Map([
      [FIELD.plan, [key.plan]],
      [FIELD.manifest, [key.manifest]],
      [FIELD.dealing, dealings],
    ])
  })
  const from = { manifest: old.manifest, bytes: key.manifest, group: undefined }
  const manifest = manifestOf(plan, taken, { from })
  if (manifest === undefined) throw damaged(`Key ${toHex(keyId)} of the backup is not one key`)
  const unsigned = writeCustodyManifest(manifest)
  const prepared = await step('prepare', () => new Map([[FIELD.prepared, [unsigned]]]))
  if (plan.scheme === SCHEME.octets) {
    const sealed = [...prepared].map(([point, { fields }]) =>
      joinOctets(Uint8Array.of(point), ...(fields.get(FIELD.sealed) ?? [])),
    )
    await step('compare', () => new Map([[FIELD.sealed, sealed]]), present.slice(0, 1))
  }
  const bytes = sealCustodyManifest(unsigned, await sign(toBeSigned('manifest', unsigned)))
  await step('commit', () => new Map([[FIELD.manifest, [bytes]]]))
}

interface Revived {
  readonly links: NodeLinks
  close(): void
}

/** Custody nodes in this process: no door, no disk. */
async function reviveHolders(options: RestoreOptions): Promise<Revived> {
  const { cluster, identity, groups, clock, random, recovered } = options
  const caller = { cluster, role: ROLE, id: 'restore' }
  const nodes = new Map<string, CustodyNode>()
  const addresses = []
  for (const [i, seed] of recovered.holders.entries()) {
    const id = recoveryName(i)
    const sealing: HpkeKeyPair = hpkeKeyPair(KEM.x25519, seed)
    const signing = generateKeyPairSync('ed25519')
    const node = nodeIdOf(cluster, id)
    nodes.set(
      id,
      custodyNode({
        ...{ cluster, node, identity, sealing, signing: signing.privateKey, groups, clock, random },
        vault: memoryShareVault(node),
        decide: compileAccess([{ caller: { role: ROLE }, key: '**', operations: ['*'] }]),
        audit: {
          append: () => undefined,
          keepCheckpointOf: () => false,
          newest: () => undefined,
        },
        onFault: () => undefined,
      }),
    )
    const signingKey = signing.publicKey.export({ format: 'raw-public' })
    const card = writeNodeCard({ node, sealingKey: sealing.publicKey, signingKey })
    const signature = await options.sign(toBeSigned('card', card))
    addresses.push({ id, host: id, port: 0, card: joinOctets(card, signature) })
  }
  const links = openNodeLinks({
    ...{ cluster, identity, clock, random, nodes: addresses },
    ...{ certificate: '', key: '', authority: '' },
    openLink: ({ host }) => ({
      async ask(message) {
        const answer = await nodes.get(host)?.handle(caller, message.slice())
        if (answer === undefined) throw damaged('A holder of the backup does not answer')
        return answer
      },
      close: async () => undefined,
    }),
  })
  return {
    links,
    close() {
      for (const node of nodes.values()) node.close()
    },
  }
}

function damaged(text: string): LimenError {
  return new LimenError('backup-damaged', text, { side: 'operator', retry: false })
}
