/**
 * The chunked transfer coding, RFC 9112 section 7.1: where chunks begin and end. Strict about sizes,
 * extensions and line ends, because a lenient reader here is how requests are smuggled.
 *
 * It finds the data, it does not hold it: bounded state, any split.
 *
 * @module
 */
import { COLON, CR, FIELD_VALUE, HEX_VALUE, LF, TOKEN } from './http-octets.ts'

export type ChunkError = 'bad-chunk-size' | 'bad-chunk-extension' | 'bad-chunk-end' | 'bad-trailer'

/** Octets of extensions and of trailers that one body may have. */
export const CHUNK_EXTENSION_BYTES_MAX = 4096
export const TRAILER_BYTES_MAX = 8192
/** 2^48: seven digits more than any body limit, and far from losing precision. */
const SIZE_DIGITS_MAX = 12
/** Behind every piece. */
const NOT_HERE = 2 ** 30 - 1

type State =
  | 'size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailer-start'
  | 'trailer-name'
  | 'trailer-value'
  | 'trailer-lf'
  | 'end-lf'
  | 'done'

/**
 * Walks over a chunked body as it arrives.
 *
 * `next()` is called until it returns 'more': each call either yields a run of data in
 * `dataStart..dataEnd`, or says that the body is over (`at` is then one past it) or wrong.
 */
export class ChunkedReader {
  /** Position behind what has been read of the current piece. */
  at = 0
  dataStart = 0
  dataEnd = 0
  /** Octets of data so far, all pieces together. */
  dataBytes = 0
  /** Where the trailer section begins in the current piece; before its start when that was in an earlier one. */
  trailerAt = NOT_HERE
  /** The trailer section as it came, without the empty line that ends it; bounded. */
  readonly trailer: number[] = []

  #state: State = 'size'
  #left = 0
  #digits = 0
  #extensionBytes = 0

  reset(): void {
    this.#state = 'size'
    this.#left = 0
    this.#digits = 0
    this.#extensionBytes = 0
    this.dataBytes = 0
    this.trailerAt = NOT_HERE
    this.trailer.length = 0
  }

  get done(): boolean {
    return this.#state === 'done'
  }

  /** Starts on a new piece of input at `from`. */
  start(from: number): void {
    if (this.trailerAt !== NOT_HERE) this.trailerAt = -1
    this.at = from
  }

  /** Reads on in `bytes[at..to)`. Never throws. */
  next(bytes: Uint8Array, to: number): 'data' | 'more' | 'done' | ChunkError {
    while (this.at < to) {
      if (this.#state === 'data') return this.#data(to)
      const error = this.#step(bytes[this.at] as number)
      if (error !== undefined) return error
      this.at++
      if (this.done) return 'done'
    }
    return this.done ? 'done' : 'more'
  }

  #data(to: number): 'data' {
    const length = Math.min(this.#left, to - this.at)
    this.dataStart = this.at
    this.at += length
    this.dataEnd = this.at
    this.dataBytes += length
    this.#left -= length
    if (this.#left === 0) this.#state = 'data-cr'
    return 'data'
  }

  #step(octet: number): ChunkError | undefined {
    switch (this.#state) {
      case 'size':
        return this.#size(octet)
      case 'extension':
        if (octet === CR) this.#state = 'size-lf'
        else if (FIELD_VALUE[octet] !== 1 || ++this.#extensionBytes > CHUNK_EXTENSION_BYTES_MAX) {
          return 'bad-chunk-extension'
        }
        return undefined
      case 'size-lf':
        if (octet !== LF) return 'bad-chunk-size'
        this.#digits = 0
        if (this.#left > 0) this.#state = 'data'
        else {
          this.#state = 'trailer-start'
          this.trailerAt = this.at + 1
        }
        return undefined
      case 'data-cr':
        if (octet !== CR) return 'bad-chunk-end'
        this.#state = 'data-lf'
        return undefined
      case 'data-lf':
        if (octet !== LF) return 'bad-chunk-end'
        this.#state = 'size'
        return undefined
      default:
        return this.#trailer(octet)
    }
  }

  #size(octet: number): ChunkError | undefined {
    const digit = HEX_VALUE[octet] as number
    if (digit < 16) {
      if (++this.#digits > SIZE_DIGITS_MAX) return 'bad-chunk-size'
      this.#left = this.#left * 16 + digit
      return undefined
    }
    if (this.#digits === 0) return 'bad-chunk-size'
    if (octet === CR) this.#state = 'size-lf'
    else if (octet === 59) this.#state = 'extension'
    else return 'bad-chunk-size'
    return undefined
  }

  #trailer(octet: number): ChunkError | undefined {
    if (this.trailer.length >= TRAILER_BYTES_MAX) return 'bad-trailer'
    if (this.#state !== 'end-lf' && (this.#state !== 'trailer-start' || octet !== CR)) {
      this.trailer.push(octet)
    }
    switch (this.#state) {
      case 'trailer-start':
        if (octet === CR) this.#state = 'end-lf'
        else if (TOKEN[octet] === 1) this.#state = 'trailer-name'
        else return 'bad-trailer'
        return undefined
      case 'trailer-name':
        if (octet === COLON) this.#state = 'trailer-value'
        else if (TOKEN[octet] !== 1) return 'bad-trailer'
        return undefined
      case 'trailer-value':
        if (octet === CR) this.#state = 'trailer-lf'
        else if (FIELD_VALUE[octet] !== 1) return 'bad-trailer'
        return undefined
      case 'trailer-lf':
        if (octet !== LF) return 'bad-trailer'
        this.#state = 'trailer-start'
        return undefined
      default:
        if (octet !== LF) return 'bad-trailer'
        this.#state = 'done'
        return undefined
    }
  }
}
