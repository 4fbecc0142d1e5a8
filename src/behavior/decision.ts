/**
 * A decision: the one record that ties all engines together. Every connection, request and stream
 * window gets one; it can be explained (`limen decisions explain <id>`) and replayed.
 *
 * @module
 */
import type { Tier } from './tier.ts'

/** What a detector does with its verdict: only look, look and say what it would do, or act. */
export type DetectorMode = 'observe' | 'shadow' | 'enforce'

/** One piece of evidence. `code` is stable and may be switched on; `text` is for a person. */
export interface Reason {
  /** kebab-case, e.g. `random-repeated`. */
  readonly code: string
  /** One sentence without a full stop, in plain words, no secret in it. */
  readonly text: string
  /** How much this reason added to the score (same unit as the score); 0 for context. */
  readonly weight: number
  /** Which detector says so; none for context. Its mode decides whether this counts. */
  readonly detector?: Detector
}

/**
 * What looks at handshakes. `randomness`: tests of the client's random values, exact. `rarity`: how common
 * the fingerprint is here. `form`: malformed, fragmented or slow hellos. `profile`: distance to what this client
 * did before, and to all clients (isolation forest). `rate`: too many at once. `signature`: a confirmed pattern.
 */
export const DETECTORS = ['randomness', 'rarity', 'form', 'profile', 'rate', 'signature'] as const
export type Detector = (typeof DETECTORS)[number]

/** What the edge saw of a TLS client. All of it is public wire data. */
export interface HandshakeView {
  readonly ja4: string
  /** JA4 without the extensions that come and go with resumption (21, 41, 42, 44): an extra, not JA4. */
  readonly ja4Stable: string
  /** Server name asked for, or '' when none was sent. */
  readonly sni: string
  readonly alpn: readonly string[]
  /** A resumption was offered (pre_shared_key, or a session ticket in TLS 1.2). */
  readonly resumption: boolean
  /** TCP chunks the hello came in, and time from accept to its last byte. */
  readonly chunks: number
  readonly arrivalMs: number
  /** Best guess at the software, e.g. `Chromium`; '' when unknown. */
  readonly client: string
}

/** Which data server took the first request of a connection, where the pool chooses by what suits the client. */
export interface ServerChoice {
  readonly pool: string
  readonly server: string
  /** Lines for a person: the client's kind, the server chosen, the next best. */
  readonly reasons: readonly string[]
}

/** A decision on one connection; or on one session, by how its person behaves. */
export interface Decision {
  /** 26 characters, Crockford base 32, sorts by time (ULID layout). */
  readonly id: string
  /** What was decided about: an address and port, e.g. `127.0.0.1:52044`, or `session ` and the begin of its id. */
  readonly subject: string
  readonly tier: Tier
  /** 0 is ordinary; the unit is -log10 of the probability that an honest client looks like this. */
  readonly score: number
  readonly reasons: readonly Reason[]
  /** Which model decided, with its version, e.g. `handshake/1`. */
  readonly model: string
  readonly mode: DetectorMode
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** Name of the listener that took the connection. */
  readonly listener: string
  /** What counts: the tier by the evidence of detectors that are in force (see `mode`); 1 otherwise. */
  readonly enforced: Tier
  /** Which handshake pool took it, and which member of that. */
  readonly pool: 'primary' | 'rigorous'
  readonly member: string
  /** Absent when the connection was not TLS. */
  readonly handshake?: HandshakeView
  /** Who it is: a profile's id. Absent when the connection was not TLS. */
  readonly profile?: string
  /** Of a session: the id of the person it should be, '' while nobody has said. Nothing of a connection is in it then. */
  readonly person?: string
  /** Added once the first request was served. */
  readonly served?: ServerChoice
}
