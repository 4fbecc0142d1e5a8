/**
 * Ed25519 verification (RFC 8032 section 5.1.7) where WebCrypto has none: browsers old enough to lack X25519 lack it too.
 * It sees public values only, so it need not run in constant time. Signing is not here.
 *
 * @module
 */
import { joinOctets } from '../../ground/octets.ts'
import { owned } from './hpke-sender.ts'

const P = 2n ** 255n - 19n
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const D = mod(-121665n * invert(121666n))
const ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n)

/** Extended coordinates: x = X/Z, y = Y/Z, xy = T/Z. */
type Point = readonly [x: bigint, y: bigint, z: bigint, t: bigint]
const NEUTRAL: Point = [0n, 1n, 1n, 0n]
const BASE_Y = mod(4n * invert(5n))
const BASE_X = rootFor(BASE_Y, 0n) as bigint
const BASE: Point = [BASE_X, BASE_Y, 1n, mod(BASE_X * BASE_Y)]

/** Does `signature` (64 bytes) fit `message` under `publicKey` (32 bytes)? False for anything malformed. Never rejects. */
export async function verifyEd25519(
  publicKey: Uint8Array,
  signature: Uint8Array,
  message: Uint8Array,
): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const key = decode(publicKey)
  const r = decode(signature.subarray(0, 32))
  const s = littleEndian(signature.subarray(32))
  if (key === undefined || r === undefined || s >= ORDER) return false
  const hashed = joinOctets(signature.subarray(0, 32), publicKey, message)
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-512', owned(hashed)))
  const k = littleEndian(hash) % ORDER
  const [x1, y1, z1] = times(BASE, s)
  const [x2, y2, z2] = add(r, times(key, k))
  return mod(x1 * z2 - x2 * z1) === 0n && mod(y1 * z2 - y2 * z1) === 0n
}

/** Section 5.1.3. undefined for what is no point, or not its only spelling. */
function decode(bytes: Uint8Array): Point | undefined {
  const value = littleEndian(bytes)
  const y = value & (2n ** 255n - 1n)
  if (y >= P) return undefined
  const x = rootFor(y, value >> 255n)
  return x === undefined ? undefined : [x, y, 1n, mod(x * y)]
}

/** The x of this sign to a y; undefined when there is none. */
function rootFor(y: bigint, sign: bigint): bigint | undefined {
  const square = mod(y * y)
  const [u, v] = [mod(square - 1n), mod(D * square + 1n)]
  const v3 = mod(v * v * v)
  let x = mod(u * v3 * power(mod(u * v3 * v3 * v), (P - 5n) / 8n))
  const check = mod(v * x * x)
  if (check === mod(-u)) x = mod(x * ROOT_OF_MINUS_1)
  else if (check !== u) return undefined
  if (x === 0n && sign === 1n) return undefined
  return (x & 1n) === sign ? x : mod(-x)
}

/** Section 5.1.4. */
function add([x1, y1, z1, t1]: Point, [x2, y2, z2, t2]: Point): Point {
  const a = mod((y1 - x1) * (y2 - x2))
  const b = mod((y1 + x1) * (y2 + x2))
  const c = mod(2n * D * t1 * t2)
  const d = mod(2n * z1 * z2)
  const [e, f, g, h] = [b - a, d - c, d + c, b + a]
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)]
}

function times(point: Point, scalar: bigint): Point {
  let sum = NEUTRAL
  let doubled = point
  for (let left = scalar; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) sum = add(sum, doubled)
    doubled = add(doubled, doubled)
  }
  return sum
}

function mod(value: bigint): bigint {
  const rest = value % P
  return rest < 0n ? rest + P : rest
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = base
  for (let left = exponent; left > 0n; left >>= 1n) {
    if ((left & 1n) === 1n) result = mod(result * square)
    square = mod(square * square)
  }
  return result
}

function invert(value: bigint): bigint {
  return power(mod(value), P - 2n)
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
