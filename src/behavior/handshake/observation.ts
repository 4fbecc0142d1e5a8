/**
 * What is learned from one connection: the features of its ClientHello (LHS/1 section 3.5), and what
 * became of it. Public wire data and names of ours only; plain data, so that it crosses processes as
 * JSON. Not here: what it means (`profile.ts`, `detectors.ts`).
 *
 * @module
 */

/** One hello, or the want of one. */
export interface HandshakeObservation {
  /** Id of the decision made about this connection. */
  readonly decision: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** Who it is: 16 hex digits, see `profile-key.ts`. */
  readonly profile: string
  /** The id came out of a session ticket of ours. Whether the client owns that ticket, its handshake shows. */
  readonly lineage: boolean
  /** Who it is by itself: the same as `profile` without a ticket. */
  readonly own: string
  /** Network it came from: `192.0.2.0/24`, `2001:db8:1::/48`. */
  readonly addressGroup: string
  /** Code of what was wrong with the hello, '' when nothing was. */
  readonly error: string
  readonly features?: HelloFeatures
}

/** Numbers and short strings only: what a profile needs of a hello. */
export interface HelloFeatures {
  readonly ja4: string
  readonly ja4Stable: string
  /** Guess at the software, '' when unknown: for people, never evidence. */
  readonly client: string
  /** 64 hex digits. */
  readonly random: string
  /** The last 16 bytes of the first key share as hex, '' without one. */
  readonly keyShare: string
  /** Hex, '' without one. */
  readonly sessionId: string
  /** Highest version offered, without GREASE: 0x0304 is TLS 1.3. */
  readonly version: number
  readonly legacyVersion: number
  readonly ciphers: number
  readonly extensions: number
  readonly groups: number
  readonly signatureAlgorithms: number
  /** The order of extensions, GREASE out, as 8 hex digits. */
  readonly extensionOrder: string
  readonly grease: boolean
  /** A post-quantum key share was sent. */
  readonly postQuantum: boolean
  readonly alpn: string
  readonly sni: 'none' | 'name' | 'address'
  readonly ech: boolean
  /** A resumption was offered. */
  readonly resumption: boolean
  /** Asks for certificates in special ways (status_request, certificate_authorities, post_handshake_auth): bits 1, 2, 4. */
  readonly certificateAsks: number
  readonly records: number
  readonly chunks: number
  readonly bytes: number
  /** Milliseconds from accept to the first byte, and from the first to the last. */
  readonly firstByteMs: number
  readonly spanMs: number
}

/** What became of a connection after the decision; sent when its handshake is over, and once more if a check failed or passed later. */
export interface HandshakeOutcome {
  readonly decision: string
  readonly at: number
  readonly profile: string
  readonly result: 'full' | 'resumed' | 'failed' | 'closed' | 'timeout' | 'checked'
  /** From the end of the hello to the end of the handshake, ms. */
  readonly handshakeMs: number
  /** The client was asked for another key share and sent a second hello. */
  readonly helloRetry: boolean
  /** What the rigorous pool found: '' when it looked at nothing. */
  readonly check:
    | ''
    | 'challenge-passed'
    | 'challenge-failed'
    | 'user-agent-fits'
    | 'user-agent-differs'
}
