/**
 * The start of a sealed node: its wrapping key is in shares, of operators or of its peers, and the node has nothing but the manifest of
 * that key until enough of them are given. Each share is compared with what was committed to when it comes, so a wrong one is named at once
 * and does not count. Where shares come from is the application's; one of an operator as text is `operator-share.ts`.
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import type { CustodyManifest } from '../../wire/custody-manifest.ts'
import { KEY_ID_BYTES, NODE_ID_BYTES, SCHEME } from '../../wire/share-record.ts'
import {
  type CustodyRefusal,
  combineOctets,
  commitmentTo,
  dealOctets,
  faultOfShare,
  type OctetShare,
} from './octet-shares.ts'

/** Besides what is wrong with shares in general: a share of another key. */
export type UnsealRefusal = CustodyRefusal | 'share-key'

export type Unsealed =
  /** That many are still missing. */
  | { readonly kind: 'sealed'; readonly missing: number }
  /** Whoever gets it zeroes it. The shares are forgotten. */
  | { readonly kind: 'unsealed'; readonly key: Uint8Array }
  /** `points`: whose shares are at fault; nothing that was given before is lost, unless all of it is at fault. */
  | { readonly kind: 'refused'; readonly code: UnsealRefusal; readonly points: readonly number[] }

export interface Unsealing {
  /** @param reference of the key that this is a share of */
  give(reference: Uint8Array, held: OctetShare): Unsealed
  state(): { readonly threshold: number; readonly points: readonly number[] }
  /** Zeroes and forgets what was given. */
  forget(): void
}

/** @throws RangeError for a manifest of a group */
export function beginUnsealing(manifest: CustodyManifest): Unsealing {
  if (manifest.scheme !== SCHEME.octets) throw new RangeError('A wrapping key is no scalar')
  const { threshold } = manifest
  const given = new Map<number, OctetShare>()
  const forget = (): void => {
    for (const { share, salt } of given.values()) {
      share.fill(0)
      salt.fill(0)
    }
    given.clear()
  }
  return {
    forget,
    state: () => ({ threshold, points: [...given.keys()].sort((a, b) => a - b) }),
    give(reference, { generation, share, salt }) {
      const point = share[share.length - 1] ?? 0
      const held = { generation, share: new Uint8Array(share), salt: new Uint8Array(salt) }
      const isOfKey = reference.length === KEY_ID_BYTES && isSame(reference, manifest.keyId)
      const code = isOfKey ? faultOfShare(manifest, held) : 'share-key'
      if (code !== undefined) return { kind: 'refused', code, points: [point] }
      if (given.has(point)) return { kind: 'refused', code: 'dup-x', points: [point] }
      given.set(point, held)
      if (given.size < threshold) return { kind: 'sealed', missing: threshold - given.size }
      const combined = combineOctets(manifest, [...given.values()])
      forget()
      return combined.kind === 'combined'
        ? { kind: 'unsealed', key: combined.secret }
        : { kind: 'refused', code: combined.code, points: combined.points }
    },
  }
}

/**
 * A wrapping key in shares, and the manifest to check them against: public, and kept by the node unsigned, since nothing
 * is opened by changing it.
 *
 * @param reference of the key, 16 octets
 * @param nodes who holds the shares, in turn; for operators, who are no nodes, see {@link operatorIds}
 */
export function sealByShares(
  reference: Uint8Array,
  key: Uint8Array,
  nodes: readonly Uint8Array[],
  threshold: number,
  random: Random,
): { readonly manifest: CustodyManifest; readonly shares: readonly OctetShare[] } {
  const generation = 1
  const sharing = { shares: nodes.length, threshold }
  const dealt = dealOctets({ keyId: reference, generation }, key, sharing, random)
  const held = nodes.map((node, i) => {
    const own = dealt.shares[i] as OctetShare
    return { node, own, point: own.share[own.share.length - 1] as number }
  })
  const sorted = [...held].sort((a, b) => a.point - b.point)
  const manifest: CustodyManifest = {
    ...{ scheme: SCHEME.octets, keyId: reference, generation, dealt: generation, threshold },
    holders: sorted.map(({ point, node }) => ({ point, node })),
    commitments: sorted.map(({ own }) => commitmentTo(reference, own)),
    checkValue: dealt.checkValue,
  }
  return { manifest, shares: dealt.shares }
}

/** Zeroes, and the number of the operator from 1. */
export function operatorIds(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const id = new Uint8Array(NODE_ID_BYTES)
    id[NODE_ID_BYTES - 1] = i + 1
    return id
  })
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((octet, i) => octet === b[i])
}
