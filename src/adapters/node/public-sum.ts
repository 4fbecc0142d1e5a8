/**
 * Sums of points of edwards25519 (RFC 8032), each times a scalar or not, all at once: doublings are shared (Straus 1964), digits are signed and sparse.
 * Three products cost what libsodium takes for one. How long it takes depends on what is summed: for public values alone.
 *
 * @module
 */
import type { PublicProduct } from '../../crypto/prime-group.ts'
import {
  type EdwardsModule,
  edwardsModule,
  FIELD_BYTES,
  FREE_AT,
  limbBits,
  MEMORY_BYTES,
  POINT_BYTES,
  TWICE_D_AT,
} from './edwards-module.ts'

/** RFC 8032, section 5.1. */
const P = 2n ** 255n - 19n
const D = 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n
/** 2^((p - 1) / 4), a square root of -1. */
const ROOT_OF_MINUS_1 = 0x2b8324804fc1df0b2b4d00993dfbd7a72f431806ad2fe478c4ee1b274a0ea0b0n
/** X, Y, Z, T. */
const IDENTITY = [0n, 1n, 1n, 0n]
const OCTETS = 32
const BITS = 256
/** Digits are odd and below 2^4: eight multiples of each element are kept. */
const DIGIT_MAX = 15
const MULTIPLES = 8

const AT = {
  sum: FREE_AT,
  point: FREE_AT + POINT_BYTES,
  cached: FREE_AT + 2 * POINT_BYTES,
  fields: FREE_AT + 3 * POINT_BYTES,
  d: FREE_AT + 5 * POINT_BYTES,
  rootOfMinus1: FREE_AT + 5 * POINT_BYTES + FIELD_BYTES,
  tables: FREE_AT + 6 * POINT_BYTES,
} as const
const TABLE_BYTES = MULTIPLES * POINT_BYTES
/** 406: signers are 255 at most. */
const PRODUCTS_MAX = Math.floor((MEMORY_BYTES - AT.tables) / TABLE_BYTES)

export class PublicSum {
  readonly #module: EdwardsModule = edwardsModule()
  readonly #limbs: BigInt64Array

  constructor() {
    this.#limbs = new BigInt64Array(this.#module.memory.buffer)
    this.#write(TWICE_D_AT, modulo(2n * D))
    this.#write(AT.d, D)
    this.#write(AT.rootOfMinus1, ROOT_OF_MINUS_1)
  }

  /**
   * The sum of `elements` and of all products. undefined: one is no point in its only encoding.
   *
   * @throws RangeError for more than {@link PRODUCTS_MAX} products, or a scalar beyond 2^255
   */
  of(elements: readonly Uint8Array[], products: readonly PublicProduct[]): Uint8Array | undefined {
    if (products.length > PRODUCTS_MAX) throw new RangeError('Cannot sum so many products')
    for (const [i, { element }] of products.entries()) {
      if (!this.#decode(element)) return undefined
      this.#tabulate(AT.tables + i * TABLE_BYTES)
    }
    this.#addProducts(products.map(({ scalar }) => digitsOf(scalar)))
    for (const element of elements) {
      if (!this.#decode(element)) return undefined
      this.#module.cache(AT.cached, AT.point)
      this.#module.add(AT.sum, AT.sum, AT.cached)
    }
    return this.#encode()
  }

  /** Of what is in the tables. */
  #addProducts(digits: readonly Int8Array[]): void {
    const { double, add, subtract } = this.#module
    for (const [i, at] of coordinatesOf(AT.sum).entries()) this.#write(at, IDENTITY[i] ?? 0n)
    let isBegun = false
    for (let place = BITS - 1; place >= 0; place--) {
      if (isBegun) double(AT.sum, AT.sum)
      for (let i = 0; i < digits.length; i++) {
        const digit = digits[i]?.[place] ?? 0
        if (digit === 0) continue
        isBegun = true
        const cached = AT.tables + i * TABLE_BYTES + (Math.abs(digit) >> 1) * POINT_BYTES
        if (digit > 0) add(AT.sum, AT.sum, cached)
        else subtract(AT.sum, AT.sum, cached)
      }
    }
  }

  /** Cached, of {@link AT.point}: once, three times, five times, ... */
  #tabulate(at: number): void {
    const { double, cache, add } = this.#module
    cache(at, AT.point)
    double(AT.sum, AT.point)
    cache(AT.cached, AT.sum)
    for (let i = 1; i < MULTIPLES; i++) {
      add(AT.point, AT.point, AT.cached)
      cache(at + i * POINT_BYTES, AT.point)
    }
  }

  /** Section 5.1.3, into {@link AT.point}. False: it is none. */
  #decode(octets: Uint8Array): boolean {
    if (octets.length !== OCTETS) return false
    const read = littleEndian(octets)
    const sign = read >> 255n
    const y = read & (2n ** 255n - 1n)
    if (y >= P) return false
    const { multiply, square } = this.#module
    const [x, yAt, one, t] = coordinatesOf(AT.point)
    const [u, v, v3, power] = coordinatesOf(AT.cached)
    this.#write(yAt, y)
    this.#write(one, 1n)
    // u = y^2 - 1, v = d y^2 + 1, x = u v^3 (u v^7)^(2^252 - 3).
    square(t, yAt, 1)
    const ySquared = this.#read(t)
    this.#write(u, modulo(ySquared - 1n))
    multiply(v, t, AT.d)
    this.#limbs[v / 8] = (this.#limbs[v / 8] ?? 0n) + 1n
    square(v3, v, 1)
    multiply(v3, v3, v)
    square(power, v3, 1)
    multiply(power, power, v)
    multiply(AT.fields, power, u)
    this.#power(AT.fields)
    multiply(x, u, v3)
    multiply(x, x, AT.fields)
    square(t, x, 1)
    multiply(t, t, v)
    const found = this.#read(t)
    if (found !== modulo(ySquared - 1n)) {
      // v x^2 = -u: a root of -1 is missing.
      if (found !== modulo(1n - ySquared)) return false
      multiply(x, x, AT.rootOfMinus1)
    }
    const root = this.#read(x)
    if (root === 0n && sign === 1n) return false
    if ((root & 1n) !== sign) this.#write(x, P - root)
    multiply(t, x, yAt)
    return true
  }

  /** Section 5.1.2, of {@link AT.sum}. */
  #encode(): Uint8Array {
    const { multiply, square } = this.#module
    const [x, y, z, inverse] = coordinatesOf(AT.sum)
    // z^(p - 2), p - 2 = 8 x (2^252 - 3) + 3.
    square(inverse, z, 1)
    multiply(inverse, inverse, z)
    this.#write(AT.fields, this.#read(z))
    this.#power(AT.fields)
    square(AT.fields, AT.fields, 3)
    multiply(inverse, inverse, AT.fields)
    multiply(x, x, inverse)
    multiply(y, y, inverse)
    const octets = toLittleEndian(this.#read(y))
    octets[OCTETS - 1] = (octets[OCTETS - 1] ?? 0) | (this.#read(x) & 1n ? 0x80 : 0)
    return octets
  }

  /** To the power of 2^252 - 3. Uses the four field elements behind it. */
  #power(at: number): void {
    const { multiply, square } = this.#module
    const [x, ones, ten, fifty] = coordinatesOf(at + FIELD_BYTES)
    /** 2^(a + b) - 1 of 2^a - 1 and 2^b - 1. */
    const join = (to: number, a: number, b: number, bits: number): void => {
      square(x, a, bits)
      multiply(to, x, b)
    }
    join(ones, at, at, 1)
    join(ones, ones, ones, 2)
    join(ones, ones, at, 1)
    join(ten, ones, ones, 5)
    join(ones, ten, ten, 10)
    join(ones, ones, ones, 20)
    join(fifty, ones, ten, 10)
    join(ones, fifty, fifty, 50)
    join(ones, ones, ones, 100)
    join(ones, ones, fifty, 50)
    join(at, ones, at, 2)
  }

  #write(at: number, value: bigint): void {
    let left = value
    for (let i = 0; 8 * i < FIELD_BYTES; i++) {
      const bits = BigInt(limbBits(i))
      this.#limbs[at / 8 + i] = left & ((1n << bits) - 1n)
      left >>= bits
    }
  }

  #read(at: number): bigint {
    let value = 0n
    for (let i = FIELD_BYTES / 8 - 1; i >= 0; i--) {
      value = (value << BigInt(limbBits(i))) + (this.#limbs[at / 8 + i] ?? 0n)
    }
    return modulo(value)
  }
}

function coordinatesOf(point: number): readonly [number, number, number, number] {
  return [point, point + FIELD_BYTES, point + 2 * FIELD_BYTES, point + 3 * FIELD_BYTES]
}

/** 0 to p - 1. */
function modulo(value: bigint): bigint {
  const rest = value % P
  return rest < 0n ? rest + P : rest
}

function littleEndian(octets: Uint8Array): bigint {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length)
  let value = 0n
  for (let at = OCTETS - 8; at >= 0; at -= 8) value = (value << 64n) | view.getBigUint64(at, true)
  return value
}

function toLittleEndian(value: bigint): Uint8Array {
  const octets = new Uint8Array(OCTETS)
  const view = new DataView(octets.buffer)
  for (let at = 0; at < OCTETS; at += 8) {
    view.setBigUint64(at, (value >> BigInt(8 * at)) & 0xffff_ffff_ffff_ffffn, true)
  }
  return octets
}

/** A scalar below 2^255 as the sum of digit x 2^place, digits 0 or odd, -15 to 15: ref10's sliding window. */
function digitsOf(scalar: Uint8Array): Int8Array {
  if (scalar.length !== OCTETS || (scalar[OCTETS - 1] ?? 0) > 127) {
    throw new RangeError('Cannot multiply by a scalar beyond 2^255')
  }
  const digits = new Int8Array(BITS)
  for (let i = 0; i < BITS; i++) digits[i] = ((scalar[i >> 3] ?? 0) >> (i & 7)) & 1
  for (let i = 0; i < BITS; i++) {
    if (digits[i] === 0) continue
    for (let b = 1; b <= 6 && i + b < BITS; b++) {
      if (digits[i + b] === 0) continue
      const own = digits[i] as number
      const more = 1 << b
      if (own + more <= DIGIT_MAX) {
        digits[i] = own + more
        digits[i + b] = 0
      } else if (own - more >= -DIGIT_MAX) {
        digits[i] = own - more
        carryInto(digits, i + b)
      } else break
    }
  }
  return digits
}

/** One more at this place: ones become zeroes, up to the first zero. */
function carryInto(digits: Int8Array, from: number): void {
  for (let place = from; place < BITS; place++) {
    if (digits[place] === 0) {
      digits[place] = 1
      return
    }
    digits[place] = 0
  }
}
