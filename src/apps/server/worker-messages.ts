/**
 * What the supervisor and its edge workers say to each other, over Node's IPC channel.
 *
 * @module
 */
import type { ServerOrder, ServerReport } from '../../adapters/edge/edge.ts'
import type { SessionMove } from '../../adapters/edge/session-places.ts'
import type { Suspicion } from '../../keys/session/suspicions.ts'
import type {
  BehaviorMet,
  CachePurge,
  ConnectionView,
  DataPlaneSettings,
  SessionKeysGiven,
  SessionTier,
  TrafficTotals,
} from '../../ports/data-plane.ts'
import type { DecisionPage } from '../../ports/decision-log.ts'
import type { ReplayScopeName } from '../../ports/replay-scope.ts'

/** Which server of a pool serves a session. */
export interface KnownPlace {
  readonly pool: string
  /** base64url. */
  readonly session: string
  readonly server: string
}

export interface SessionPlaced extends KnownPlace {
  readonly generation: number
}

export type ToWorker =
  | { readonly kind: 'apply'; readonly call: number; readonly settings: DataPlaneSettings }
  | { readonly kind: 'orders'; readonly orders: readonly ServerOrder[] }
  | { readonly kind: 'connections'; readonly call: number; readonly limit: number }
  /** JSON of `Verdict[]`: all there are. */
  | { readonly kind: 'judge'; readonly json: string }
  | { readonly kind: 'session-keys'; readonly given: SessionKeysGiven }
  /** JSON of `NumberedEntry[]`; `anew`: they need not follow what was said before. */
  | { readonly kind: 'session-feed'; readonly json: string; readonly anew: boolean }
  /** One of `REPLAY_LETTERS` per proof that was asked about. */
  | { readonly kind: 'replay-answers'; readonly batch: number; readonly letters: string }
  /** Session ids with nonces, with spaces between, that another worker has met. */
  | { readonly kind: 'proofs-seen'; readonly proofs: string }
  /** To another worker a client of a session looked worse than its ticket says. */
  | { readonly kind: 'session-suspected'; readonly suspicion: Suspicion }
  /** As other workers have it. */
  | { readonly kind: 'sessions-placed'; readonly places: readonly KnownPlace[] }
  /** A session's requests need not wait any more. */
  | { readonly kind: 'session-moved'; readonly call: number }
  | { readonly kind: 'tiers'; readonly tiers: readonly SessionTier[] }
  | { readonly kind: 'purge-caches'; readonly purge: CachePurge }
  | { readonly kind: 'drain'; readonly graceMs: number }

export type FromWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'applied'; readonly call: number; readonly failure?: ApplyFailure }
  | {
      readonly kind: 'connections'
      readonly call: number
      readonly views: readonly ConnectionView[]
    }
  /** JSON of `Decision[]`: a third of the cost of the channel's own serialization (measured). */
  | { readonly kind: 'decisions'; readonly pages: readonly DecisionPage[] }
  /** JSON of {@link HandshakesSeen}. */
  | { readonly kind: 'handshakes'; readonly json: string }
  | { readonly kind: 'ejected'; readonly pool: string; readonly server: string }
  /** All the keys for session tickets that it holds now. */
  | { readonly kind: 'session-keys-held'; readonly stekIds: readonly number[] }
  /** Tickets are shown under a key that was not given. */
  | { readonly kind: 'session-key-missed'; readonly stekId: number }
  /** Entries of the feed are missing: it is to be told all of them again. */
  | { readonly kind: 'session-feed-gap' }
  /** Are these proofs fresh? `<session>.<nonce>`, with spaces between. */
  | {
      readonly kind: 'replay-asks'
      readonly batch: number
      readonly scope: ReplayScopeName
      readonly proofs: string
    }
  /** For the other workers. */
  | { readonly kind: 'proofs-seen'; readonly proofs: string }
  /** For the other workers. */
  | { readonly kind: 'session-suspected'; readonly suspicion: Suspicion }
  /** Sessions it has seen for the first time. */
  | { readonly kind: 'sessions-placed'; readonly places: readonly SessionPlaced[] }
  | { readonly kind: 'session-moved'; readonly call: number; readonly move: SessionMove }
  | { readonly kind: 'behavior'; readonly met: readonly BehaviorMet[] }
  | {
      readonly kind: 'report'
      readonly traffic: TrafficTotals
      readonly servers: readonly ServerReport[]
      readonly rssBytes: number
    }

export interface ApplyFailure {
  readonly code: string
  readonly message: string
}
