/**
 * The drill of keys in custody (LCU/1): every holder of every key proves that its share is still good, against a fresh challenge. A corrupt
 * or lost share is named, and repaired from the others by a reshare to the same holders.
 *
 * @module
 */
import type { SodiumGroups } from '../../adapters/node/sodium-groups.ts'
import { toHex } from '../../ground/hex.ts'
import type { Random } from '../../ground/random.ts'
import { FIELD } from '../../wire/custody-message.ts'
import { isShareProven } from './drill-proof.ts'
import type { Changed, ShareDriver } from './drive-change.ts'
import { holdersOfAnother, type KeyManifests, usable } from './key-manifests.ts'
import { keysOf } from './listed-keys.ts'
import type { NodeLinks } from './node-links.ts'
import { ed25519PublicKey } from './node-world.ts'

/**
 * `away`: the node does not answer. `corrupt`: its record does not open, or is not what was committed to. `lost`: it has no share.
 * `old`: it has another generation. `wrong`: what it says is no proof. `unknown`: the manifest names a node that the caller does not know.
 * `other`: it has a share of another key of the same id.
 */
export type ShareFault = 'away' | 'corrupt' | 'lost' | 'old' | 'wrong' | 'unknown' | 'other'

export interface DrilledShare {
  readonly keyId: Uint8Array
  readonly generation: number
  /** Id, or how the manifest names it. */
  readonly node: string
  readonly point: number
  /** undefined: the share is good. */
  readonly fault: ShareFault | undefined
}

export interface DrillOptions {
  readonly links: NodeLinks
  readonly manifests: KeyManifests
  readonly groups: SodiumGroups
  readonly random: Random
}

const ASK_MS = 5_000
const CHALLENGE_BYTES = 32

/** Every share of every key that any node lists. */
export async function drill(options: DrillOptions): Promise<DrilledShare[]> {
  const { ids } = await keysOf(options.links)
  const drilled: DrilledShare[] = []
  for (const keyId of ids) drilled.push(...(await drillKey(options, keyId)))
  return drilled
}

/** Every share of one key; none when no node that answers has it. */
export async function drillKey(
  { links, manifests, groups, random }: DrillOptions,
  keyId: Uint8Array,
): Promise<DrilledShare[]> {
  const states = await manifests.states(keyId, links.nodes)
  const known = usable(states)
  if (known === undefined) return []
  const { manifest } = known
  const { generation } = manifest
  const others = holdersOfAnother(states, known).map(
    ({ id, point }): DrilledShare => ({ keyId, generation, node: id, point, fault: 'other' }),
  )
  const drilled = await Promise.all(
    manifest.holders.map(async ({ point, node }): Promise<DrilledShare> => {
      const at = links.nodeOf(node)
      const share = { keyId, generation, point, node: at?.id ?? toHex(node) }
      if (at === undefined) return { ...share, fault: 'unknown' }
      const challenge = random.bytes(CHALLENGE_BYTES)
      const fields = new Map([[FIELD.challenge, [challenge]]])
      const answer = await at.ask('prove', keyId, generation, fields, ASK_MS)
      if (answer === undefined) return { ...share, fault: 'away' }
      if (answer.outcome !== 'done') return { ...share, fault: faultOf(answer.outcome) }
      const [proof = new Uint8Array()] = answer.fields.get(FIELD.proof) ?? []
      const signingKey = ed25519PublicKey(at.card.signingKey)
      const isGood = isShareProven(groups, signingKey, manifest, point, challenge, proof)
      return { ...share, fault: isGood ? undefined : 'wrong' }
    }),
  )
  return [...drilled, ...others]
}

/**
 * Gives the holders of a key new shares, dealt by those whose shares are good. undefined: none is at fault.
 *
 * @throws LimenError `custody-change`: a holder is away, which has to come back or be replaced, or too few are good
 */
export async function repair(
  driver: Pick<ShareDriver, 'reshare'>,
  shares: readonly DrilledShare[],
): Promise<Changed | undefined> {
  const faulty = shares.filter(({ fault }) => fault !== undefined)
  const [first] = faulty
  if (first === undefined) return undefined
  const unfit = faulty.map(({ node }) => node)
  return await driver.reshare(first.keyId, undefined, unfit)
}

function faultOf(outcome: string): ShareFault {
  if (outcome === 'share-commit') return 'corrupt'
  if (outcome === 'unknown-key') return 'lost'
  return outcome === 'share-gen' ? 'old' : 'wrong'
}
