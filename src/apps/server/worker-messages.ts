/**
 * What the supervisor and its edge workers say to each other, over Node's IPC channel.
 *
 * @module
 */
import type { ServerOrder, ServerReport } from '../../adapters/edge/edge.ts'
import type {
  ConnectionView,
  DataPlaneSettings,
  SessionKeysGiven,
  TrafficTotals,
} from '../../ports/data-plane.ts'
import type { DecisionPage } from '../../ports/decision-log.ts'
import type { ReplayScopeName } from '../../ports/replay-scope.ts'

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
