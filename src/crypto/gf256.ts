/**
 * The field of 256 elements of AES (polynomial x^8 + x^4 + x^3 + x + 1; FIPS 197, section 4), for secret sharing. What is secret is
 * only ever multiplied by what is public, as a linear map over its bits: no table is looked up by a secret and no branch
 * depends on one.
 *
 * @module
 */

/** x * y of public elements. */
export function timesPublic(x: number, y: number): number {
  return x === 0 || y === 0 ? 0 : (EXP[(LOG[x] as number) + (LOG[y] as number)] as number)
}

/** x / y of public elements. @throws RangeError when y is zero */
export function overPublic(x: number, y: number): number {
  if (y === 0) throw new RangeError('Cannot divide by zero')
  return x === 0 ? 0 : (EXP[(LOG[x] as number) + 255 - (LOG[y] as number)] as number)
}

/**
 * sum += octets x factor: secret elements times one public factor.
 *
 * @param sum four elements in a word, the first lowest: a quarter of `length`, rounded up
 * @param octets `length` elements, or more, which are left alone
 */
export function addProducts(
  sum: Int32Array,
  octets: Uint8Array,
  length: number,
  factor: number,
): void {
  const at = factor * 8
  const m0 = MULTIPLES[at] as number
  const m1 = MULTIPLES[at + 1] as number
  const m2 = MULTIPLES[at + 2] as number
  const m3 = MULTIPLES[at + 3] as number
  const m4 = MULTIPLES[at + 4] as number
  const m5 = MULTIPLES[at + 5] as number
  const m6 = MULTIPLES[at + 6] as number
  const m7 = MULTIPLES[at + 7] as number
  for (let i = 0, from = 0; from < length; i++, from += 4) {
    const word = wordAt(octets, from, length)
    sum[i] =
      (sum[i] as number) ^
      Math.imul(word & LANES, m0) ^
      Math.imul((word >>> 1) & LANES, m1) ^
      Math.imul((word >>> 2) & LANES, m2) ^
      Math.imul((word >>> 3) & LANES, m3) ^
      Math.imul((word >>> 4) & LANES, m4) ^
      Math.imul((word >>> 5) & LANES, m5) ^
      Math.imul((word >>> 6) & LANES, m6) ^
      Math.imul((word >>> 7) & LANES, m7)
  }
}

/** Four octets, or what is left of them before `end`. */
function wordAt(octets: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) {
    return (
      (octets[at] as number) |
      ((octets[at + 1] as number) << 8) |
      ((octets[at + 2] as number) << 16) |
      ((octets[at + 3] as number) << 24)
    )
  }
  let word = 0
  for (let i = at; i < end; i++) word |= (octets[i] as number) << (8 * (i - at))
  return word
}

/** One bit of each of four elements. */
const LANES = 0x01010101

function twice(x: number): number {
  return (x << 1) ^ (x & 0x80 ? 0x11b : 0)
}

/** Powers of the generator x + 1, twice around, and their inverse. */
const EXP = new Uint8Array(510)
const LOG = new Uint8Array(256)
for (let power = 0, element = 1; power < 255; power++) {
  EXP[power] = element
  EXP[power + 255] = element
  LOG[element] = power
  element ^= twice(element)
}
/** Of each element its products with 1, x, x^2 ... x^7. */
const MULTIPLES = new Int32Array(256 * 8)
for (let element = 0; element < 256; element++) {
  let multiple = element
  for (let bit = 0; bit < 8; bit++) {
    MULTIPLES[element * 8 + bit] = multiple
    multiple = twice(multiple)
  }
}
