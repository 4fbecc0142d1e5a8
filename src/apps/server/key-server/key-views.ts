/**
 * The key server as an operator looks at it. Times in milliseconds since 1970.
 *
 * @module
 */
import type { KeyServerPair } from '../../../adapters/node/key-agreement.ts'
import type { KeyGroup } from '../../../keys/session/epochs.ts'
import type { IntervalReason } from '../../../keys/session/rotation-policy.ts'
import { KEM, type Kem } from '../../../wire/key-config.ts'
import type { SessionView } from './session-table.ts'

export interface KeysView {
  /** What clients pin, base64. */
  readonly identity: string
  readonly keys: readonly {
    readonly id: number
    readonly kem: 'x25519' | 'p256' | 'x-wing'
    readonly notBefore: number
    readonly expires: number
  }[]
  readonly groups: readonly {
    readonly group: number
    readonly hosts: readonly string[]
    readonly epochs: readonly EpochView[]
  }[]
}

export interface EpochView {
  readonly epoch: number
  readonly state: 'pending' | 'active' | 'accept'
  readonly madeAt: number
  /** 0 before it is. */
  readonly activeAt: number
  /** 0 while it is not superseded. */
  readonly acceptUntil: number
  /** Workers and edges that hold it, of those that live. */
  readonly heldBy: number
  readonly workers: number
  /** All that live. */
  readonly holders: readonly HolderView[]
}

export interface HolderView {
  /** Of its process: what is started again is another. */
  readonly name: string
  /** `worker` of this process, or `edge`. */
  readonly kind: string
  /** It has said that it has this key. */
  readonly holds: boolean
}

/** An edge elsewhere. Times in milliseconds since 1970. */
export interface EdgeView {
  readonly id: string
  /** Of its process: what is started again is another. */
  readonly run: string
  readonly state: 'connected' | 'gone'
  readonly connectedAt: number
  /** Of anything it said or asked. */
  readonly heardAt: number
  /** Groups whose keys it is to hold; empty: all. */
  readonly serves: readonly number[]
  /** Groups whose keys were placed there ahead of their sessions. */
  readonly placed: readonly number[]
  /** When its sessions go elsewhere; 0: nobody said so. */
  readonly drainsAt: number
  /** Of those it is to hold, where it did not take a key in time: nobody waits for it. */
  readonly excluded: readonly number[]
  /** Keys that all its workers hold, of how many it is to hold. */
  readonly held: number
  readonly keys: number
  /** Number of the last entry of the feed it was told, and how many bytes it has yet to take. */
  readonly feed: number
  readonly behindBytes: number
}

/** What is placed at edges ahead of sessions (`cluster/place-keys.ts`), and by what. Times in milliseconds since 1970. */
export interface PlacementsView {
  readonly mode: 'observe' | 'act'
  readonly placements: readonly PlacementView[]
  readonly firstRequests: readonly FirstRequestsView[]
}

export interface PlacementView {
  readonly edge: string
  readonly group: number
  /** `held` by all workers of the edge, `sent` to it, or only `shown` (`forecast.mode: observe`). */
  readonly state: 'held' | 'sent' | 'shown'
  readonly since: number
  /** When it was needed last. */
  readonly needed: number
  readonly reason: 'recent' | 'forecast' | 'drain' | 'others' | 'used' | 'kept'
  readonly why: string
}

export interface FirstRequestsView {
  readonly edge: string
  readonly group: number
  /** Since the edge was started: the key was there, was not (by anybody's word), came later. */
  readonly found: number
  readonly missed: number
  readonly late: number
  /** Counted in the last life of a ticket. */
  readonly sessions: number
  /** Within `sessions.cluster.placement.leadS`. */
  readonly expected: number
}

export interface KeyServerFigures {
  readonly sessions: number
  /** By what was asked for and what came of it. */
  readonly handshakes: readonly {
    readonly kind: 'open' | 'rotate'
    readonly result: string
    readonly count: number
  }[]
  readonly rotations: Readonly<Record<SessionView['reason'], number>>
  /** Keys by what made their interval; `policy` alone counts when nothing else did. */
  readonly intervals: Readonly<Record<IntervalReason, number>>
  readonly revocations: Readonly<Record<'session' | 'subject' | 'group', number>>
  readonly feed: number
  /** Edges elsewhere. */
  readonly edges: Readonly<Record<EdgeView['state'], number>>
  /** Groups placed at edges ahead of their sessions. */
  readonly placed: readonly { readonly edge: string; readonly group: number }[]
  readonly epochs: readonly { readonly group: number; readonly epoch: number }[]
}

const KEM_NAMES: Readonly<Record<Kem, KeysView['keys'][number]['kem']>> = {
  [KEM.x25519]: 'x25519',
  [KEM.p256]: 'p256',
  [KEM.xWing]: 'x-wing',
}

export function pairView({
  keyId,
  pair,
  notBefore,
  expires,
}: KeyServerPair): KeysView['keys'][number] {
  const times = { notBefore: notBefore * 1000, expires: expires * 1000 }
  return { id: keyId, kem: KEM_NAMES[pair.kem], ...times }
}

/** @param holders those that live: their kinds by their names */
export function epochViews(
  { epochs }: KeyGroup,
  holders: ReadonlyMap<string, string>,
): readonly EpochView[] {
  return epochs.map(({ epoch, state, madeAt, activeAt, acceptUntil, acknowledged }) => ({
    ...{ epoch, state },
    madeAt: madeAt * 1000,
    activeAt: activeAt * 1000,
    acceptUntil: Number.isFinite(acceptUntil) ? acceptUntil * 1000 : 0,
    heldBy: [...holders.keys()].filter((name) => acknowledged.has(name)).length,
    workers: holders.size,
    holders: [...holders].map(([name, kind]) => ({ name, kind, holds: acknowledged.has(name) })),
  }))
}
