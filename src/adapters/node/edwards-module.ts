/**
 * Arithmetic of edwards25519 (RFC 8032) as a module of WebAssembly, written down as its instructions: field elements are ten signed limbs of
 * 26 and 25 bits in turn, carried as in ref10 (Bernstein et al. 2011), points are extended twisted Edwards coordinates (Hisil et al. 2008).
 * JavaScript has no product of 64 bits but that of its big integers, which take more than ten times as long.
 *
 * For public values: what uses it, `public-sum.ts`, branches by them. Secrets are libsodium's: `sodium-groups.ts`.
 *
 * @module
 */
import {
  ADD_I32,
  type Code,
  call,
  get,
  i32,
  i64,
  repeat,
  SUBTRACT_I32,
  set,
  TYPE,
  tee,
  unsigned,
  wasmInstance,
} from '../../crypto/wasm-code.ts'

/** Arguments are addresses in its memory; where the result goes comes first, and may be one of the others. */
export interface EdwardsModule {
  readonly memory: { readonly buffer: ArrayBuffer }
  /** Field elements. */
  multiply(to: number, a: number, b: number): void
  /** `times` squarings, 1 at least. */
  square(to: number, a: number, times: number): void
  /** Points. */
  double(to: number, a: number): void
  /** A point and a cached one. */
  add(to: number, a: number, cached: number): void
  subtract(to: number, a: number, cached: number): void
  /** Y + X, Y - X, 2 Z, 2 d T. */
  cache(to: number, a: number): void
}

const LIMBS = 10
export const FIELD_BYTES = 8 * LIMBS
/** X, Y, Z, T; or what {@link EdwardsModule.cache} makes of them. */
export const POINT_BYTES = 4 * FIELD_BYTES
/** Bits of a limb. */
export const limbBits = (i: number): number => 26 - (i % 2)

/** Where 2 d has to be, d being the curve's constant (RFC 8032, section 5.1). */
export const TWICE_D_AT = 0
const TEMPORARY_AT = FIELD_BYTES
const TEMPORARIES = 5
/** Memory from here on is the caller's. */
export const FREE_AT = TEMPORARY_AT + TEMPORARIES * FIELD_BYTES
const PAGES = 16
export const MEMORY_BYTES = PAGES * 65_536

/** As they are numbered. */
const FUNCTION = {
  multiply: 0,
  square: 1,
  plus: 2,
  minus: 3,
  double: 4,
  add: 5,
  subtract: 6,
  cache: 7,
} as const

export function edwardsModule(): EdwardsModule {
  const locals = [[LOCALS_64, TYPE.i64]] as const
  const three = { parameters: 3 } as const
  // By FUNCTION.
  return wasmInstance<EdwardsModule>(PAGES, [
    { name: 'multiply', ...three, locals, body: multiplyBody },
    { name: 'square', ...three, locals, body: squareBody },
    { ...three, body: limbwise(PLUS) },
    { ...three, body: limbwise(MINUS) },
    { name: 'double', parameters: 2, body: doubleBody() },
    { name: 'add', ...three, body: addBody(false) },
    { name: 'subtract', ...three, body: addBody(true) },
    { name: 'cache', parameters: 2, body: cacheBody },
  ])
}

const LOAD = 0x29
const STORE = 0x37
const PLUS: Code = [0x7c]
const MINUS: Code = [0x7d]
const TIMES: Code = [0x7e]
const SHIFT_LEFT: Code = [0x86]
const SHIFT_RIGHT: Code = [0x87]

const loadLimb = (pointer: number, i: number): Code => [
  ...get(pointer),
  LOAD,
  3,
  ...unsigned(8 * i),
]
const storeLimb = (pointer: number, i: number, value: Code): Code => [
  ...get(pointer),
  ...value,
  ...[STORE, 3, ...unsigned(8 * i)],
]
const times = (local: number, factor: number): Code =>
  factor === 1 ? get(local) : [...get(local), ...i64(factor), ...TIMES]
const limbs = <T>(make: (i: number) => readonly T[]): T[] =>
  Array.from({ length: LIMBS }, (_, i) => make(i)).flat()

/** Locals of 64 bits, ten each, after three parameters. */
const F = 3
const G = F + LIMBS
const H = G + LIMBS
const CARRY = H + LIMBS
const LOCALS_64 = 3 * LIMBS + 1

/** One term of a product: 2^255 is 19, and what two odd limbs give counts twice. */
const term = (left: number, i: number, right: number, j: number, count = 1): Code => [
  ...times(left + i, i % 2 === 1 && j % 2 === 1 ? 2 * count : count),
  ...times(right + j, i + j >= LIMBS ? 19 : 1),
  ...TIMES,
]

const sumOf = (terms: readonly Code[]): Code =>
  terms.flatMap((term, i) => (i === 0 ? term : [...term, ...PLUS]))

/** h = f x g. */
const product: Code = limbs((k) => {
  const terms = Array.from({ length: LIMBS }, (_, i) => term(F, i, G, (k - i + LIMBS) % LIMBS))
  return set(H + k, sumOf(terms))
})

/** h = f x f, in half as many products. */
const squared: Code = limbs((k) => {
  const terms: Code[] = []
  for (let i = 0; i < LIMBS; i++) {
    const j = (k - i + LIMBS) % LIMBS
    if (i <= j) terms.push(term(F, i, F, j, i === j ? 1 : 2))
  }
  return set(H + k, sumOf(terms))
})

/** In ref10's order: no limb is left above 2^25.1. Inputs up to four sums of such are below 2^61 here. */
const carried: Code = [0, 4, 1, 5, 2, 6, 3, 7, 4, 8, 9, 0].flatMap((i) => {
  const bits = limbBits(i)
  const next = (i + 1) % LIMBS
  const rounded = [...get(H + i), ...i64(2 ** (bits - 1)), ...PLUS]
  return [
    ...set(CARRY, [...rounded, ...i64(bits), ...SHIFT_RIGHT]),
    ...set(H + next, [...get(H + next), ...times(CARRY, next === 0 ? 19 : 1), ...PLUS]),
    ...set(H + i, [...get(H + i), ...get(CARRY), ...i64(bits), ...SHIFT_LEFT, ...MINUS]),
  ]
})

const [TO, A, B] = [0, 1, 2] as const

const multiplyBody: Code = [
  ...limbs((i) => set(F + i, loadLimb(A, i))),
  ...limbs((i) => set(G + i, loadLimb(B, i))),
  ...product,
  ...carried,
  ...limbs((i) => storeLimb(TO, i, get(H + i))),
]

const squareBody: Code = [
  ...limbs((i) => set(F + i, loadLimb(A, i))),
  ...repeat(
    [...squared, ...carried, ...limbs((i) => set(F + i, get(H + i)))],
    tee(B, [...get(B), ...i32(1), ...SUBTRACT_I32]),
  ),
  ...limbs((i) => storeLimb(TO, i, get(F + i))),
]

const limbwise = (operation: Code): Code =>
  limbs((i) => storeLimb(TO, i, [...loadLimb(A, i), ...loadLimb(B, i), ...operation]))

const temporary = (i: number): Code => i32(TEMPORARY_AT + i * FIELD_BYTES)
/** One of a point's four. */
const part = (point: number, i: number): Code => [
  ...get(point),
  ...i32(i * FIELD_BYTES),
  ...ADD_I32,
]
const apply = (name: keyof typeof FUNCTION, ...addresses: readonly Code[]): Code =>
  call(FUNCTION[name], ...addresses)
const ONCE = i32(1)
const [X, Y, Z, T] = [0, 1, 2, 3] as const

/** X = E F, Y = G H, Z = F G, T = E H. */
function finished(e: Code, f: Code, g: Code, h: Code): Code {
  return [
    ...apply('multiply', part(TO, X), e, f),
    ...apply('multiply', part(TO, Y), g, h),
    ...apply('multiply', part(TO, Z), f, g),
    ...apply('multiply', part(TO, T), e, h),
  ]
}

/** dbl-2008-hwcd for a = -1, all four coordinates negated. */
function doubleBody(): Code {
  const [a, b, c, e, h] = [0, 1, 2, 3, 4].map(temporary) as [Code, Code, Code, Code, Code]
  return [
    ...apply('square', a, part(A, X), ONCE),
    ...apply('square', b, part(A, Y), ONCE),
    ...apply('square', c, part(A, Z), ONCE),
    ...apply('plus', c, c, c),
    ...apply('plus', e, part(A, X), part(A, Y)),
    ...apply('square', e, e, ONCE),
    ...apply('plus', h, a, b),
    ...apply('minus', e, e, h),
    // G = B - A, F = C - G.
    ...apply('minus', b, b, a),
    ...apply('minus', c, c, b),
    ...finished(e, c, b, h),
  ]
}

/** add-2008-hwcd-3. To subtract, the cached point's X and T count as negative. */
function addBody(isMinus: boolean): Code {
  const [a, b, c, d, e] = [0, 1, 2, 3, 4].map(temporary) as [Code, Code, Code, Code, Code]
  return [
    ...apply('minus', a, part(A, Y), part(A, X)),
    ...apply('multiply', a, a, part(B, isMinus ? 0 : 1)),
    ...apply('plus', b, part(A, Y), part(A, X)),
    ...apply('multiply', b, b, part(B, isMinus ? 1 : 0)),
    ...apply('multiply', c, part(A, T), part(B, 3)),
    ...apply('multiply', d, part(A, Z), part(B, 2)),
    ...apply('minus', e, b, a),
    ...apply('plus', b, b, a),
    ...apply('minus', a, d, c),
    ...apply('plus', d, d, c),
    ...(isMinus ? finished(e, d, a, b) : finished(e, a, d, b)),
  ]
}

const cacheBody: Code = [
  ...apply('plus', part(TO, 0), part(A, Y), part(A, X)),
  ...apply('minus', part(TO, 1), part(A, Y), part(A, X)),
  ...apply('plus', part(TO, 2), part(A, Z), part(A, Z)),
  ...apply('multiply', part(TO, 3), part(A, T), i32(TWICE_D_AT)),
]
