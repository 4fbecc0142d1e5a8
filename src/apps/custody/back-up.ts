/**
 * A backup of all keys of a cluster (LCB1, `wire/custody-backup.ts`): each is dealt, as in a reshare, to two holders whose private keys the operators
 * alone can recover. No node gives away a share, none is put together, nothing at the nodes changes, and nobody has to be there but
 * t holders of each key. What brings the two holders to life is `restore.ts`.
 *
 * @module
 */

import { isSameOctets } from '../../crypto/prime-group.ts'
import { fromHex, toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import { readKeyLabel } from '../../keys/custody/key-label.ts'
import {
  BACKUP_LABEL,
  type BackedUpKey,
  type RecoveryKey,
  writeCustodyBackup,
} from '../../wire/custody-backup.ts'
import { FIELD } from '../../wire/custody-message.ts'
import { type CustodyPlan, type Receiver, writeCustodyPlan } from '../../wire/custody-plan.ts'
import { askAll, type Failed, wordsOf } from './ask-members.ts'
import { nodeIdOf } from './caller.ts'
import {
  holdersOfAnother,
  type KeyManifests,
  type KnownKey,
  type NodeState,
  newestDeletion,
  usable,
} from './key-manifests.ts'
import { keysOf, mayHideKeys, missingOf, type SilentNode, silentWords } from './listed-keys.ts'
import type { NodeLinks } from './node-links.ts'
import { toBeSigned } from './node-world.ts'

export interface BackUpOptions {
  readonly cluster: string
  readonly links: NodeLinks
  readonly manifests: KeyManifests
  readonly random: Random
  /** LRC1, checked. */
  readonly recovery: { readonly bytes: Uint8Array; readonly value: RecoveryKey }
  /** The manifest of the operators' shares. */
  readonly operators: Uint8Array
  /** Of the keys whose names are known, by id in hex. */
  readonly labels: ReadonlyMap<string, Uint8Array>
  /** Nodes that need not answer, though keys that only they hold are left out; by id. */
  readonly without: readonly string[]
  /** Ed25519 by the cluster's identity. */
  sign(octets: Uint8Array): Promise<Uint8Array>
  /** Told after each key: how many of how many. */
  onProgress?(done: number, all: number): void
}

/** How the two holders of a backup are named: as nodes that no cluster has. */
export const recoveryName = (i: number): string => `recovery-${i + 1}`

const ATTEMPT_BYTES = 16
const THRESHOLD = 2

export interface MadeBackup {
  /** LCB1. */
  readonly bytes: Uint8Array
  readonly keys: number
  /** Nodes that have not answered; keys that only they hold are left out, when these are two or more. */
  readonly silent: readonly SilentNode[]
  /** Ids of keys that are not in it: of which too few holders are there besides `without`, or of which the name is known and nobody has a share. */
  readonly missing: readonly Uint8Array[]
}

/** @throws LimenError `custody-backup`: which nodes have not answered, or of which keys, and why; nothing is left out silently */
export async function backUp(options: BackUpOptions, now: number): Promise<MadeBackup> {
  const { ids, silent } = await keysOf(options.links)
  checkSilent(silent, options.without)
  const listed = new Set(ids.map(toHex))
  const unlisted = [...options.labels.keys()].filter((id) => !listed.has(id)).map(fromHex)
  const missing = await missingOf(options.manifests, options.links, unlisted)
  if (missing.length > 0 && silent.some(({ id }) => !options.without.includes(id))) {
    const named = missing.map((keyId) => wordsOfKey(options, keyId)).join(', ')
    throw backupError(`No node that answers has ${named}: ${silentWords(silent)} may`)
  }
  const given = silent.map(({ id }) => id).filter((id) => options.without.includes(id))
  const keys: BackedUpKey[] = []
  const failed: string[] = []
  for (const keyId of ids) {
    const key = await backUpKey(options, keyId)
    if (key === undefined) continue
    if (!('why' in key)) keys.push(key)
    else if (key.holders.some((id) => given.includes(id))) missing.push(keyId)
    else failed.push(`${wordsOfKey(options, keyId)}: ${key.why}`)
    options.onProgress?.(keys.length, ids.length)
  }
  if (failed.length > 0) {
    throw backupError(`${failed.length} keys cannot be backed up\n${failed.join('\n')}`)
  }
  const { recovery, operators } = options
  const signed = writeCustodyBackup({ at: now, recovery: recovery.bytes, operators, keys })
  const signature = await options.sign(joinOctets(octetsOf(BACKUP_LABEL), signed))
  return { bytes: joinOctets(signed, signature), keys: keys.length, silent, missing }
}

function checkSilent(silent: readonly SilentNode[], without: readonly string[]): void {
  if (!mayHideKeys(silent) || silent.every(({ id }) => without.includes(id))) return
  throw backupError(
    `Keys that only they hold would be left out: ${silentWords(silent)} do not answer`,
  )
}

interface Refused {
  readonly why: string
  /** Ids of the holders, when it is for want of these. */
  readonly holders: readonly string[]
}

/** Or why it cannot be; undefined when it was deleted, and a node that was away then still lists it. */
async function backUpKey(
  options: BackUpOptions,
  keyId: Uint8Array,
): Promise<BackedUpKey | Refused | undefined> {
  const states = await options.manifests.states(keyId, options.links.nodes)
  const from = usable(states)
  if (from === undefined) {
    if (newestDeletion(states) !== undefined) return undefined
    return { why: 'no share of it opens', holders: [] }
  }
  const { links } = options
  const holders = from.manifest.holders.map(({ node }) => links.nodeOf(node)?.id ?? toHex(node))
  const others = holdersOfAnother(states, from)
  if (others.length > 0) {
    return {
      why: `another key of its name is at ${others.map(({ id }) => id).join(', ')}`,
      holders: [],
    }
  }
  let able = holdersOf(options, from, states)
  let last: Failed | undefined
  // Each round leaves out one holder at least.
  while (able.length >= from.manifest.threshold) {
    const dealt = await dealOut(options, from, able.slice(0, from.manifest.threshold))
    if ('plan' in dealt) {
      const label = options.labels.get(toHex(keyId)) ?? new Uint8Array()
      return { label, manifest: from.bytes, ...dealt }
    }
    last = dealt
    able = able.filter(({ at }) => !dealt.nodes.some(({ id }) => id === at.id))
  }
  return { why: last === undefined ? 'too few holders are there' : wordsOf(last), holders }
}

function holdersOf({ links }: BackUpOptions, from: KnownKey, states: readonly NodeState[]) {
  const { generation, holders } = from.manifest
  return holders.flatMap(({ point, node }) => {
    const at = links.nodeOf(node)
    const state = states.find((one) => isSameOctets(one.node.node, node))
    const hasIt = state?.keys.some(({ manifest }) => manifest.generation === generation) ?? false
    return at !== undefined && hasIt ? [{ at, point }] : []
  })
}

async function dealOut(
  { cluster, recovery, random, sign }: BackUpOptions,
  { manifest, bytes }: KnownKey,
  dealers: ReturnType<typeof holdersOf>,
): Promise<Pick<BackedUpKey, 'plan' | 'dealings'> | Failed> {
  const { scheme, keyId, generation } = manifest
  const receivers = recovery.value.holders.map(
    ({ publicKey }, i): Receiver => ({
      ...{ point: i + 1, node: nodeIdOf(cluster, recoveryName(i)), sealingKey: publicKey },
    }),
  )
  const plan: CustodyPlan = {
    ...{ kind: 'reshare', scheme, keyId, threshold: THRESHOLD, receivers },
    ...{ generation: generation + 1, from: generation, attempt: random.bytes(ATTEMPT_BYTES) },
    dealers: dealers.map(({ point }) => point).sort((a, b) => a - b),
  }
  const unsigned = writeCustodyPlan(plan)
  const planBytes = joinOctets(unsigned, await sign(toBeSigned('plan', unsigned)))
  const fields = new Map([
    [FIELD.plan, [planBytes]],
    [FIELD.manifest, [bytes]],
  ])
  const answers = await askAll(dealers, 'deal', keyId, () => fields)
  if (!(answers instanceof Map)) return answers
  const dealings = plan.dealers.map((point) => {
    const dealt = answers.get(point)?.fields
    const open = joinOctets(Uint8Array.of(point), ...(dealt?.get(FIELD.commitment) ?? []))
    return (dealt?.get(FIELD.sealed) ?? []).map((sealed) => joinOctets(open, sealed))
  })
  return { plan: planBytes, dealings }
}

/** As people call it, as far as is known. */
function wordsOfKey({ labels }: BackUpOptions, keyId: Uint8Array): string {
  const label = readKeyLabel(labels.get(toHex(keyId)) ?? new Uint8Array())
  return label === undefined ? toHex(keyId) : `${label.use}/${label.name}@${label.version}`
}

function backupError(text: string): LimenError {
  return new LimenError('custody-backup', text, { side: 'upstream', retry: true })
}
