/**
 * A client as a point among others, by what it says in its hello: so that clients of the same software with the same
 * settings are near each other (`routing/client-clusters.ts`). Nothing about who or where it is.
 *
 * @module
 */
import type { HandshakeView } from '../decision.ts'

/** Counts are divided by what no ordinary hello exceeds (JA4 itself stops at 99). */
const CIPHERS_MAX = 99
const EXTENSIONS_MAX = 32

/** `numbers` in [0, 1]; always the same number of each. */
export function clientTraits(view: HandshakeView): {
  readonly numbers: readonly number[]
  readonly words: readonly string[]
} {
  // JA4_a: t13d1516h2 = transport, version, SNI, ciphers, extensions, ALPN.
  const [a = '', b = '', c = ''] = view.ja4Stable.split('_')
  const ciphers = countIn(a.slice(4, 6))
  const extensions = countIn(a.slice(6, 8))
  return {
    numbers: [Math.min(1, ciphers / CIPHERS_MAX), Math.min(1, extensions / EXTENSIONS_MAX)],
    words: [a.slice(1, 3), a.slice(8), b, c, view.client],
  }
}

/** Two digits; 0 for what are none. */
function countIn(text: string): number {
  return /^\d\d$/.test(text) ? Number(text) : 0
}
