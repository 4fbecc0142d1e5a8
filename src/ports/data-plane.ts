/**
 * The data plane as the control plane sees it: what it is told, what it tells.
 * Times are milliseconds, sizes bytes, names as in `limen.yaml`. Everything here is plain data so that
 * it can cross a process boundary.
 *
 * @module
 */
import type { Decision, Detector, DetectorMode, HandshakeView } from '../behavior/decision.ts'
import type { HandshakeObservation, HandshakeOutcome } from '../behavior/handshake/observation.ts'
import type { Verdict } from '../behavior/handshake/verdict.ts'
import type { Tier } from '../behavior/tier.ts'
import type { FirstRequestCounts } from '../keys/session/first-requests.ts'
import type { KeyGroupRule } from '../keys/session/key-group.ts'
import type { NumberedEntry } from '../keys/session/revocations.ts'
import type { RotationLoad } from '../keys/session/rotation-hints.ts'
import type { RotationPolicy } from '../keys/session/rotation-policy.ts'
import type { Suspicion } from '../keys/session/suspicions.ts'
import type { ChoicePolicy } from '../routing/balancer.ts'
import type { DecisionPage } from './decision-log.ts'
import type { ReplayMet, ReplayScopeName } from './replay-scope.ts'
import type { CapturedRequest } from './request-capture.ts'
import type { SaidLoad } from './said-load.ts'

/** Everything the data plane needs to serve. Applied whole; applying again is a reload. */
export interface DataPlaneSettings {
  readonly listeners: readonly ListenerSettings[]
  readonly certificates: readonly CertificateSettings[]
  readonly pools: readonly PoolSettings[]
  readonly routes: readonly RouteSettings[]
  readonly limits: LimitSettings
  readonly timeouts: TimeoutSettings
  readonly admission: AdmissionSettings
  /** How sessions are treated whose behavior is watched; absent: none is. */
  readonly behavior?: BehaviorSettings
  /** 32 bytes or more: signs affinity cookies. The same on all workers and edges. */
  readonly affinityKey: Uint8Array
  /** 48 bytes each (name16 | HMAC16 | AES16), newest first: session ticket keys, the same on all workers. */
  readonly ticketKeys: readonly Uint8Array[]
}

export interface ListenerSettings {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly tls: boolean
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /** In order of preference. */
  readonly alpn: readonly ('h2' | 'http/1.1')[]
  /** `required`: every connection must begin with a PROXY protocol v2 header; else none may. */
  readonly proxyProtocol: 'off' | 'required'
}

/** A certificate chain and its key. Names come from the leaf's subjectAltName; the first is the default. */
export interface CertificateSettings {
  readonly certPem: string
  readonly keyPem: string
}

export interface PoolSettings {
  readonly name: string
  readonly servers: readonly ServerSettings[]
  readonly choose: ChoicePolicy
  /** With `latency`: a server that comes up is given its share over this time. */
  readonly slowStartMs: number
  /** What keeps a client on its server while that one is well. */
  readonly affinity: AffinitySettings | undefined
  /** With `affinity.session`. `state`: what a server knows of a session goes with it to the next. */
  readonly handoff?: { readonly state: boolean } | undefined
  /** A server may hold at most this multiple of the mean load (consistent hashing with bounded loads). */
  readonly boundedLoad: number
  readonly health: HealthSettings | undefined
  readonly outlier: OutlierSettings
  /** Its servers say of their load in their answers: that is read, and not passed on. */
  readonly readsLoad?: boolean
  /** Shown to agents on the machines of its servers. Secret; workers do not get it. */
  readonly agentToken?: string
  /** Field lines with CR LF that requests to this pool carry besides. Secret: how a server of ours knows its edge. */
  readonly fields?: string
}

export interface AffinitySettings {
  /** Name of a signed `__Host-` cookie. */
  readonly cookie?: string | undefined
  /** By the session of requests under a session key, first of all; servers are told when one goes elsewhere. */
  readonly session?: boolean
}

export interface ServerSettings {
  readonly id: string
  readonly host: string
  readonly port: number
  /** 0 to 256; a server's share of the load is its weight over the sum. */
  readonly weight: number
  /** Per worker; further requests wait `timeouts.queueMs`, then 503. */
  readonly connectionsMax: number
  readonly proxyProtocol: 'off' | 'v2'
  /** What it is good for, for `choose: fit`: `bandwidth`, `low-latency`, `websocket`. */
  readonly labels: readonly string[]
  /** URL at which the agent on its machine is asked for its load. */
  readonly agent?: string | undefined
}

/** Active checks: GET `path`, 2xx or 3xx is good. */
export interface HealthSettings {
  readonly path: string
  readonly intervalMs: number
  readonly timeoutMs: number
  /** Good checks in a row that bring a server up, bad ones that take it down. */
  readonly rise: number
  readonly fall: number
}

/** Passive checks: a server that fails live requests is ejected for a while. */
export interface OutlierSettings {
  readonly consecutiveFailures: number
  readonly ejectMs: number
  /** At most this share of a pool is ever ejected, 0 to 1. */
  readonly ejectShareMax: number
}

/** First match wins. */
export interface RouteSettings {
  /** Exact host, `*.example.org`, or '' for any. Without port, lower case. */
  readonly host: string
  /** Prefix of the path, '/' for any; matches on segment borders. */
  readonly path: string
  readonly pool: string
  /** Of sessions whose behavior is suspicious (tier 2), or more than that (tier 3); absent: the same. */
  readonly tierPools?: { readonly tier2?: string | undefined; readonly tier3?: string | undefined }
  /** Whether requests must be made under a session key (LSK/1), may be, or are not looked at; absent: off. */
  readonly sessionKey?: SessionKeyPolicy
  /** Looked at where `sessionKey` is not off; absent: the defaults of the configuration. */
  readonly session?: RouteSessionPolicy
  /** What servers say is for everybody is kept for seconds, by each worker; absent: nothing. Only where `sessionKey` is off. */
  readonly cache?: CacheSettings
}

export interface CacheSettings {
  /** Octets kept. */
  readonly bytesMax: number
  /** No longer, whatever servers say. */
  readonly secondsMax: number
}

/** What is to be forgotten of caches. */
export interface CachePurge {
  /** Lower case, without port; absent: of any. */
  readonly host?: string
  /** How targets begin; absent: all of them. */
  readonly path?: string
}

export type SessionKeyPolicy = 'required' | 'optional' | 'off'

/** What a request made under a session key must be like. */
export interface RouteSessionPolicy {
  /** Who is asked whether the proof of an unsafe request was used before; of safe ones always the edge. */
  readonly replay: ReplayScopeName
  /** A request with a body must cover `content-digest`, which is compared with the body as it passes. */
  readonly bodyDigest: boolean
  /** Bodies are sealed under the session's body key, both ways (RFC 8188). */
  readonly sealBodies: boolean
  /** The cookie `__Host-limen` counts as well, as a lower level of assurance. */
  readonly bearer: boolean
  /** Keys that are shown here rotate at least so often; absent: as their group has it. */
  readonly rotation?: { readonly everyS: number } | undefined
}

export interface LimitSettings {
  readonly connectionsMax: number
  readonly headBytes: number
  readonly headersMax: number
  readonly urlBytes: number
  readonly bodyBytes: number
  /** Request body held back before an upstream connection is taken for it. */
  readonly requestBufferBytes: number
  /** Response held for a slow reader so that the upstream connection is free again. */
  readonly responseBufferBytes: number
  readonly requestsPerConnection: number
  readonly h2StreamsMax: number
}

export interface TimeoutSettings {
  /** From accept to the whole ClientHello; and between two of its chunks. */
  readonly helloMs: number
  readonly helloChunkMs: number
  readonly tlsMs: number
  /** From a request's first byte to the end of its head. */
  readonly headMs: number
  /** Grace for a whole body, to which `1 / bodyBytesPerSecondMin` is added per byte received. */
  readonly bodyMs: number
  readonly bodyBytesPerSecondMin: number
  /** The same for a client that reads a response slowly. */
  readonly readMs: number
  readonly readBytesPerSecondMin: number
  readonly idleMs: number
  readonly connectMs: number
  readonly firstByteMs: number
  readonly upstreamIdleMs: number
  readonly queueMs: number
  readonly tunnelIdleMs: number
}

export interface AdmissionSettings {
  /** The most any detector may do: `enforce` lets each do what its own mode says. */
  readonly mode: DetectorMode
  readonly detectors: Readonly<Record<Detector, DetectorMode>>
  /** Scores (-log10 p) from which tiers 2 and 3 begin. */
  readonly tier2: number
  readonly tier3: number
  /** 16 bytes: keys the ids of profiles. The same on all workers and edges. */
  readonly profileKey: Uint8Array
  readonly primary: HandshakePoolSettings
  readonly rigorous: RigorousPoolSettings
}

/** Who shakes hands: this process, or other TLS servers, which are told by PROXY v2 who the client is. */
export interface HandshakePoolSettings {
  readonly choose: 'random' | 'region'
  /** Where this edge is; with `region` members of the same region come first. */
  readonly region: string
  readonly members: readonly HandshakeMemberSettings[]
}

/** `host` '' and `port` 0: in this process. */
export interface HandshakeMemberSettings {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly region: string
}

export interface RigorousPoolSettings extends HandshakePoolSettings {
  /** Connections it holds at once per worker; more are refused. */
  readonly connectionsMax: number
  /** New connections per second and profile, per worker. */
  readonly perProfilePerSecond: number
  /** Ask for another key share (one round trip more), where the client offers a group for that. */
  readonly helloRetry: boolean
  /** Look whether the User-Agent can be of the software that shook hands. */
  readonly userAgentCheck: boolean
  /** A proof of work before the first request passes, of about `work` hashes; 0 for none. */
  readonly work: number
}

/** What workers do about sessions by their behavior; who is in which tier they are told ({@link DataPlane.tellTiers}). */
export interface BehaviorSettings {
  /** Name in lower case of the field by which servers say who the user is: read, and not passed on. */
  readonly userField: string
  /** Requests per second and worker of a session in tier 2; 0 for no limit. */
  readonly requestsPerSecond: number
  /** A proof of work of about so many hashes in tier 2; 0 for none. */
  readonly work: number
  /** Name of the cookie by which the application knows its sessions: what is in it stands for them. */
  readonly sessionCookie?: string
  /** Requests of sessions in tier 3 are captured, so; absent: none is. */
  readonly capture?: {
    /** Of a body. */
    readonly requestBytes: number
    /** Names of fields in lower case, whose values are left out. */
    readonly redact: readonly string[]
  }
}

export interface SessionTier {
  /** base64url. */
  readonly session: string
  /** What servers are told. */
  readonly shown: Tier
  /** What counts here: by it requests get another pool. */
  readonly enforced: Tier
}

/** What workers meet of sessions whose behavior is watched. */
export type BehaviorMet =
  /** A server's answer had the user field; `value` as it came. */
  | { readonly kind: 'user'; readonly session: string; readonly value: string }
  /** A proof of work was shown. */
  | { readonly kind: 'passed'; readonly session: string }
  /** A session came over these sessions of the application, mostly one; all base64url. */
  | { readonly kind: 'anchored'; readonly session: string; readonly anchors: readonly string[] }
  /** Requests of sessions in tier 3, and how many there was no room for. */
  | {
      readonly kind: 'captured'
      readonly requests: readonly CapturedRequest[]
      readonly dropped: number
    }

export interface WorkerView {
  readonly id: number
  readonly pid: number
  readonly state: 'starting' | 'serving' | 'draining' | 'dead'
  readonly startedAt: number
  readonly restarts: number
  readonly connections: number
  readonly rssBytes: number
}

export interface ConnectionView {
  readonly id: string
  readonly worker: number
  readonly listener: string
  readonly remote: string
  readonly protocol: 'tls' | 'http/1.1' | 'h2' | 'tunnel'
  readonly tlsVersion: string
  readonly resumed: boolean
  readonly openedAt: number
  readonly requests: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly decisionId: string
  readonly tier: Tier
  readonly score: number
  /** Sentences for a person, without codes and weights: those are in the decision. */
  readonly reasons: readonly string[]
  readonly handshake?: HandshakeView
}

export type ServerState = 'up' | 'down' | 'ejected' | 'draining'

export interface UpstreamView extends SaidLoad {
  readonly pool: string
  readonly id: string
  readonly address: string
  readonly state: ServerState
  readonly weight: number
  readonly inFlight: number
  readonly connections: number
  readonly requests: number
  readonly failures: number
  /** Exponentially weighted time to first byte, as of an ordinary request of the pool, ms; 0 before the first request. */
  readonly latencyMs: number
  /** What the last health check said, '' when there is none. */
  readonly check: string
  /** Where its weight is multiplied. */
  readonly capacity?: CapacityWeight
  /** Times to first byte, ms, since start (`math/log-histogram.ts`). */
  readonly latencyCounts: Uint32Array
}

/** Counters since start, summed over the workers, those that died included. */
export interface TrafficTotals {
  readonly at: number
  readonly connectionsOpen: number
  readonly connectionsTotal: number
  readonly handshakesFull: number
  readonly handshakesResumed: number
  readonly handshakesFailed: number
  /** By {@link handshakeMemberKey}. */
  readonly handshakeMembers: Readonly<Record<string, HandshakeMemberCounts>>
  /** By the name of the listener, of those with TLS. */
  readonly listeners: Readonly<Record<string, ListenerCounts>>
  readonly bytesIn: number
  readonly bytesOut: number
  readonly retries: number
  /** Answers by status class: index 1 is 1xx, 5 is 5xx. */
  readonly responses: readonly number[]
  /** Requests and connections refused by Limen itself, by reason code (a small fixed set). */
  readonly refusals: Readonly<Record<string, number>>
  /**
   * Checks of session keys by what they came to (a small fixed set): `valid`, `bearer` (the cookie alone), `none` (as
   * nobody, where that may be), or the code of the refusal. A body that differs from what was signed counts besides.
   */
  readonly sessionChecks: Readonly<Record<string, number>>
  /** Requests of routes with a cache by what became of them: `hit`, `collapsed`, `miss`, `bypass`. */
  readonly cacheRequests: Readonly<Record<string, number>>
  /** Sessions that went from one server to another, by `reason/result` (`apps/server/handoff-desk.ts`). */
  readonly sessionHandoffs: Readonly<Record<string, number>>
  /** First requests of sessions, by the number of their key group; a session at two workers counts at both. */
  readonly firstRequests: Readonly<Record<string, FirstRequestCounts>>
  /** Decisions by tier: index 1 to 3. */
  readonly tiers: readonly number[]
  readonly decisionsDropped: number
  /** What was seen of handshakes and could not be handed on: nothing was learned from it. */
  readonly observationsDropped: number
  /** Time from request head to response head. `counts[i]` is at most `LATENCY_BOUNDS_MS[i]`, the last is more. */
  readonly latencyCounts: readonly number[]
  readonly latencySumMs: number
}

export interface ListenerCounts {
  /** Handshakes decided about. */
  readonly hellos: number
  /** Of them: hellos that were none, did not come whole, or that were turned away. */
  readonly refused: number
}

/** What became of the connections a member of a handshake pool took. */
export interface HandshakeMemberCounts {
  /** TLS connections decided for it. */
  readonly connections: number
  /** How their handshakes ended. */
  readonly full: number
  readonly resumed: number
  readonly failed: number
  /** Checks after the handshake (challenge, User-Agent). */
  readonly checksPassed: number
  readonly checksFailed: number
  /** Sum over those that ended well. */
  readonly handshakeMsSum: number
}

export const NO_HANDSHAKES: HandshakeMemberCounts = {
  ...{ connections: 0, full: 0, resumed: 0, failed: 0 },
  ...{ checksPassed: 0, checksFailed: 0, handshakeMsSum: 0 },
}

export function handshakeMemberKey(pool: Decision['pool'], member: string): string {
  return `${pool}/${member}`
}

/** Upper bounds of the latency histogram, ms: a factor of about 1.6 apart. */
export const LATENCY_BOUNDS_MS = [
  0.25, 0.4, 0.63, 1, 1.6, 2.5, 4, 6.3, 10, 16, 25, 40, 63, 100, 160, 250, 400, 630, 1000, 2500,
  6300, 16000,
] as const

/** In the order in which they happened in one worker. */
export interface HandshakesSeen {
  readonly observations: readonly HandshakeObservation[]
  readonly outcomes: readonly HandshakeOutcome[]
  /** Further handshakes of clients that had many, and that nothing speaks against: counted only. */
  readonly more?: readonly HandshakesMore[]
}

/** Ordinary handshakes of one client, counted; the client has been observed in the same batch or before. */
export interface HandshakesMore {
  readonly profile: string
  /** When the last of them was. */
  readonly at: number
  readonly hellos: number
  /** Of the hellos: those that offered a resumption. */
  readonly resumptions: number
  /** Handshakes that came to their end, which may have begun in an earlier batch. */
  readonly full: number
  readonly resumed: number
  readonly helloRetries: number
  /** The shortest, ms; 0 when none ended. */
  readonly roundTripMs: number
}

/** What workers need to know the holders of session keys. Keys are secret; who takes them imports and zeroes them. */
export interface SessionKeysGiven {
  /** All there are: what is not among them is destroyed. */
  readonly keys: readonly { readonly stekId: number; readonly key: Uint8Array }[]
  readonly onFeedSilent: 'open' | 'closed'
  readonly rotation: RotationPolicy
  /** How busy this machine is: rotations are put off, or asked for before. Absent: nobody knows. */
  readonly load?: RotationLoad
  /** Which group a host's sessions are of: a ticket of another is refused. Absent: any will do. */
  readonly groups?: readonly KeyGroupRule[]
  /** Signs `Limen-Assertion`, the field that tells a server who asks. Absent: requests carry none. */
  readonly assertion?: AssertionKey
  /** What becomes of an unsafe request when nobody can say whether its proof is fresh; absent: closed. */
  readonly onReplayError?: 'open' | 'closed'
}

/** An Ed25519 key. Secret: who takes it imports it and zeroes the bytes. */
export interface AssertionKey {
  /** As in the JWKS of the key server. */
  readonly kid: string
  /** PKCS #8, DER. */
  readonly privateKey: Uint8Array
}

/** Was this proof used before, within what the scope covers? `session` and `nonce` are base64url. */
export interface ReplayAsk {
  readonly scope: ReplayScopeName
  readonly session: string
  readonly nonce: string
}

export interface ServerChange {
  readonly draining?: boolean
  readonly weight?: number
  /** By Limen itself, in pools that ask for it. */
  readonly capacity?: CapacityWeight
}

/** By what a server was seen to carry. */
export interface CapacityWeight {
  /** What its weight is multiplied by, 1/4 to 4. */
  readonly factor: number
  readonly reason: string
}

/** Meanwhile its tickets are refused (`stek_unknown`). */
export const KEY_MISSED_MS = 5_000

export interface DataPlane {
  /** Starts or reloads. Resolves when every worker serves the new settings; no connection is dropped. */
  apply(settings: DataPlaneSettings): Promise<void>
  /** Stops accepting, lets what runs finish for at most `graceMs`, then closes. */
  drain(graceMs: number): Promise<void>
  workers(): readonly WorkerView[]
  connections(limit: number): Promise<readonly ConnectionView[]>
  upstreams(): readonly UpstreamView[]
  /** False when there is no such server. Lasts until the server leaves the configuration. */
  changeServer(pool: string, id: string, change: ServerChange): boolean
  /** Has a server checked now, not when its turn comes. False where there is none, or no active check of it. */
  checkServer(pool: string, id: string): boolean
  traffic(): TrafficTotals
  /** Called with each batch of decisions; returns the way to stop. */
  onDecisions(listener: (pages: readonly DecisionPage[]) => void): () => void
  /** Called with each batch of what the workers saw; returns the way to stop. */
  onHandshakes(listener: (seen: HandshakesSeen) => void): () => void
  /** Replaces all verdicts the workers hold, on those to come too. */
  judge(verdicts: readonly Verdict[]): void
  /** The keys that seal session tickets, for all workers; on those to come before they serve. */
  giveSessionKeys(given: SessionKeysGiven): void
  /** Called when a worker, by its {@link workerName}, says which keys it holds; returns the way to stop. */
  onSessionKeysHeld(listener: (worker: string, stekIds: readonly number[]) => void): () => void
  /**
   * Called when workers meet tickets under a key of a known group that they were not given; returns the way to stop.
   * Not more often than every {@link KEY_MISSED_MS} for one key.
   */
  onSessionKeyMissed(listener: (stekId: number) => void): () => void
  /** Next entries of the feed of revocations, without gaps; `all` of late are what workers to come begin with. */
  feedSessions(next: readonly NumberedEntry[], all: () => readonly NumberedEntry[]): void
  /**
   * Called for the proofs of unsafe requests that are new to this edge and whose scope is wider than it; returns the
   * way to stop. While nobody listens this edge's own word is the last.
   */
  onReplayAsk(listener: (ask: ReplayAsk) => Promise<ReplayMet>): () => void
  /** Sessions that other edges suspect, for the workers there are. */
  suspect(suspicions: readonly Suspicion[]): void
  /** Called when a worker suspects a session that no other did; returns the way to stop. */
  onSuspected(listener: (suspicion: Suspicion) => void): () => void
  /** Sessions whose tier has changed; workers to come are told all that are not in tier 1. */
  tellTiers(tiers: readonly SessionTier[]): void
  /** Workers forget that of what they keep of responses. */
  purgeCaches(purge: CachePurge): void
  /** Called with what workers meet of watched sessions; returns the way to stop. */
  onBehavior(listener: (met: readonly BehaviorMet[]) => void): () => void
  /** Ends a worker that does not do its part; another takes its place. */
  replaceWorker(worker: string): void
}

/** A process, not a place: one that is started again is another. */
export function workerName({ id, pid }: Pick<WorkerView, 'id' | 'pid'>): string {
  return `${id}/${pid}`
}
