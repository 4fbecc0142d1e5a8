/**
 * The operations that demand is counted by, and what a holder's part of one costs.
 *
 * @module
 */
import type { KeyUse } from '../../keys/custody/key-label.ts'

export const DEMANDED = [
  'sign',
  'open',
  'derive',
  'encrypt',
  'decrypt',
  'mac',
  'sign-assembled',
] as const
export type Demanded = (typeof DEMANDED)[number]

/**
 * Milliseconds of CPU, without TLS: a share of a signature and its nonces 1.2, a product and its proof 0.4; a share that is delivered, or a secret
 * that is at hand, 0.2 (`docs/decisions/0024-custody-node.md` and `bench/custody.ts`, 2026-11-21). Nodes that are slower are so for all of them.
 */
const PART_MS: Readonly<Record<Demanded, number>> = {
  sign: 1.2,
  open: 0.4,
  derive: 0.4,
  encrypt: 0.2,
  decrypt: 0.2,
  mac: 0.2,
  'sign-assembled': 0.4,
}

/** In the order of {@link DEMANDED}. */
export const PARTS_MS: readonly number[] = DEMANDED.map((one) => PART_MS[one])

/** What a key is for, by operation. */
export const USE_OF: Readonly<Record<Demanded, KeyUse>> = {
  sign: 'sign',
  open: 'open',
  derive: 'derive',
  encrypt: 'encrypt',
  decrypt: 'encrypt',
  mac: 'mac',
  'sign-assembled': 'sign-assembled',
}
