/**
 * Who says what a stream of the feed holds: a SHA-256 chain over its lines, from `begin` on, which each checkpoint shows, signed by the
 * identity key for one edge and one process of it. An edge that was told less, more, or by somebody else finds out with the next
 * checkpoint, and starts over.
 *
 * @module
 */
import { createHash, type KeyObject, verify } from 'node:crypto'
import { identityKey } from '../../../adapters/node/key-envelope.ts'

/** Whose stream it is. */
export interface ChainOwner {
  readonly edge: string
  readonly run: string
}

export interface Checkpoint {
  readonly seq: number
  /** Of all lines before it, base64url. */
  readonly chain: string
  /** Ed25519, base64url. */
  readonly signature: string
}

const LABEL = 'limen/lsk/1 feed\0'

export class FeedChain {
  readonly #owner: ChainOwner
  #value = Buffer.alloc(32)

  constructor(owner: ChainOwner) {
    this.#owner = owner
  }

  /** @param line as it travels, without its end */
  add(line: string): void {
    this.#value = createHash('sha256').update(this.#value).update(line).digest()
  }

  /** What a checkpoint of this number says of the lines so far. */
  checkpoint(seq: number, sign: (data: Uint8Array) => Uint8Array): Checkpoint {
    const signature = Buffer.from(sign(this.#signed(seq))).toString('base64url')
    return { seq, chain: this.#value.toString('base64url'), signature }
  }

  /** Is it of the lines so far, by the key server? @param identity 32 bytes */
  isGood({ seq, chain, signature }: Checkpoint, identity: Uint8Array | KeyObject): boolean {
    if (chain !== this.#value.toString('base64url')) return false
    const key = identity instanceof Uint8Array ? identityKey(identity) : identity
    return verify(null, this.#signed(seq), key, Buffer.from(signature, 'base64url'))
  }

  #signed(seq: number): Buffer {
    const { edge, run } = this.#owner
    const number = Buffer.alloc(8)
    number.writeBigUInt64BE(BigInt(seq))
    // Neither name holds a zero byte.
    return Buffer.concat([Buffer.from(`${LABEL}${edge}\0${run}\0`), number, this.#value])
  }
}
