/**
 * A ClientHello while it is being read: `client-hello-message.ts` and `client-hello-extensions.ts` fill
 * it in. Everybody else sees it as a {@link import('./client-hello-message.ts').ClientHello}.
 *
 * @module
 */

/** One entry of the key_share extension. */
export interface KeyShare {
  readonly group: number
  readonly length: number
  /** A view, see {@link ClientHello}. */
  readonly key: Uint8Array
}

/** One shape for all hellos keeps the hot path fast. */
export interface HelloDraft {
  legacyVersion: number
  recordVersion: number
  random: Uint8Array
  sessionId: Uint8Array
  ciphers: number[]
  compressions: number[]
  extensions: number[]
  sni: string
  alpn: string[]
  groups: number[]
  keyShares: KeyShare[]
  signatureAlgorithms: number[]
  signatureAlgorithmsCert: number[]
  versions: number[]
  pskModes: number[]
  psk: Uint8Array | undefined
  sessionTicket: Uint8Array | undefined
  earlyData: boolean
  ech: 'outer' | 'inner' | undefined
  statusRequest: boolean
  certificateAuthorities: boolean
  postHandshakeAuth: boolean
  grease: boolean
  records: number
  chunks: number
  bytes: number
  startedAt: number
  completedAt: number
}
