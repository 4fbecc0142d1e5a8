/**
 * The key server as an operator looks at it. Times in milliseconds since 1970.
 *
 * @module
 */
import type { KeyServerPair } from '../../../adapters/node/key-agreement.ts'
import type { KeyGroup } from '../../../keys/session/epochs.ts'
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
  readonly revocations: Readonly<Record<'session' | 'subject' | 'group', number>>
  readonly feed: number
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

/** @param holders those that live */
export function epochViews(
  { epochs }: KeyGroup,
  holders: ReadonlySet<string>,
): readonly EpochView[] {
  return epochs.map(({ epoch, state, madeAt, activeAt, acceptUntil, acknowledged }) => ({
    ...{ epoch, state },
    madeAt: madeAt * 1000,
    activeAt: activeAt * 1000,
    acceptUntil: Number.isFinite(acceptUntil) ? acceptUntil * 1000 : 0,
    heldBy: [...holders].filter((holder) => acknowledged.has(holder)).length,
    workers: holders.size,
  }))
}
