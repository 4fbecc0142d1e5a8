/**
 * Shares on their way from one node to another, by way of whoever coordinates them and must not see them: HPKE (RFC 9180) with X25519,
 * bound to the node, to what it is for, and to one attempt. enc (32) | ciphertext and tag.
 *
 * @module
 */
import { type HpkeKeyPair, hpkeSend } from '../../adapters/node/hpke.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import { KEM } from '../../wire/key-config.ts'

/** What a share is on its way for; for anything else it does not open. */
export interface ShareErrand {
  readonly purpose: 'deal' | 'compare' | 'assemble'
  readonly keyId: Uint8Array
  readonly generation: number
  /** Point of who sends it. */
  readonly from: number
  /** Of the plan, or the session of the node that assembles. */
  readonly attempt: Uint8Array
}

const PURPOSES = { deal: 1, compare: 2, assemble: 3 } as const
const INFO = octetsOf('limen/lcu/1 share\0')
const ENC_BYTES = 32

export function sealShare(
  to: { readonly node: Uint8Array; readonly sealingKey: Uint8Array },
  errand: ShareErrand,
  plain: Uint8Array,
  random: Random,
): Uint8Array {
  const { enc, context } = hpkeSend(KEM.x25519, to.sealingKey, joinOctets(INFO, to.node), random)
  return joinOctets(enc, context.seal(plain, aadOf(errand)))
}

/** undefined for what was not sealed to this node and errand. */
export function openShare(
  pair: HpkeKeyPair,
  node: Uint8Array,
  errand: ShareErrand,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const context = pair.receive(sealed.subarray(0, ENC_BYTES), joinOctets(INFO, node))
  return context?.open(sealed.subarray(ENC_BYTES), aadOf(errand))
}

function aadOf({ purpose, keyId, generation, from, attempt }: ShareErrand): Uint8Array {
  const numbers = new Uint8Array(6)
  numbers[0] = PURPOSES[purpose]
  new DataView(numbers.buffer).setUint32(1, generation)
  numbers[5] = from
  return joinOctets(numbers, keyId, attempt)
}
