/**
 * Arithmetic of edwards25519 (RFC 8032) as a module of WebAssembly, written down as its instructions: field elements are ten signed limbs of
 * 26 and 25 bits in turn, carried as in ref10 (Bernstein et al. 2011), points are extended twisted Edwards coordinates (Hisil et al. 2008).
 * JavaScript has no product of 64 bits but that of its big integers, which take more than ten times as long.
 *
 * For public values: what uses it, `public-sum.ts`, branches by them. Secrets are libsodium's: `sodium-groups.ts`.
 *
 * @module
 */

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

/** Part of every engine, but of the types of browsers alone. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

export function edwardsModule(): EdwardsModule {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()))
  return instance.exports as EdwardsModule
}

type Code = readonly number[]

// WebAssembly core specification 2.0, section 5.4.
const I32 = 0x7f
const I64 = 0x7e
const OP = {
  loop: 0x03,
  end: 0x0b,
  brIf: 0x0d,
  call: 0x10,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
} as const
const LOAD = 0x29
const STORE = 0x37
const CONST32 = 0x41
const CONST64 = 0x42
const ADD32 = 0x6a
const SUB32 = 0x6b
const PLUS: Code = [0x7c]
const MINUS: Code = [0x7d]
const TIMES: Code = [0x7e]
const SHIFT_LEFT: Code = [0x86]
const SHIFT_RIGHT: Code = [0x87]
const VOID_BLOCK = 0x40

/** LEB128. */
function unsigned(value: number): Code {
  return value < 128 ? [value] : [(value & 127) | 128, ...unsigned(value >>> 7)]
}

function signed(value: number): Code {
  return value >= -64 && value < 64 ? [value & 127] : [(value & 127) | 128, ...signed(value >> 7)]
}

const get = (local: number): Code => [OP.get, ...unsigned(local)]
const set = (local: number, value: Code): Code => [...value, OP.set, ...unsigned(local)]
const number64 = (value: number): Code => [CONST64, ...signed(value)]
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
  factor === 1 ? get(local) : [...get(local), ...number64(factor), ...TIMES]
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
  const rounded = [...get(H + i), ...number64(2 ** (bits - 1)), ...PLUS]
  return [
    ...set(CARRY, [...rounded, ...number64(bits), ...SHIFT_RIGHT]),
    ...set(H + next, [...get(H + next), ...times(CARRY, next === 0 ? 19 : 1), ...PLUS]),
    ...set(H + i, [...get(H + i), ...get(CARRY), ...number64(bits), ...SHIFT_LEFT, ...MINUS]),
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
  ...[OP.loop, VOID_BLOCK],
  ...squared,
  ...carried,
  ...limbs((i) => set(F + i, get(H + i))),
  // One time less.
  ...[...get(B), CONST32, 1, SUB32, OP.tee, B, OP.brIf, 0],
  OP.end,
  ...limbs((i) => storeLimb(TO, i, get(F + i))),
]

const limbwise = (operation: Code): Code =>
  limbs((i) => storeLimb(TO, i, [...loadLimb(A, i), ...loadLimb(B, i), ...operation]))

const temporary = (i: number): Code => [CONST32, ...signed(TEMPORARY_AT + i * FIELD_BYTES)]
/** One of a point's four. */
const part = (point: number, i: number): Code => [
  ...get(point),
  ...[CONST32, ...signed(i * FIELD_BYTES), ADD32],
]
const call = (name: keyof typeof FUNCTION, ...addresses: readonly Code[]): Code => [
  ...addresses.flat(),
  ...[OP.call, FUNCTION[name]],
]
const ONCE: Code = [CONST32, 1]
const [X, Y, Z, T] = [0, 1, 2, 3] as const

/** X = E F, Y = G H, Z = F G, T = E H. */
function finished(e: Code, f: Code, g: Code, h: Code): Code {
  return [
    ...call('multiply', part(TO, X), e, f),
    ...call('multiply', part(TO, Y), g, h),
    ...call('multiply', part(TO, Z), f, g),
    ...call('multiply', part(TO, T), e, h),
  ]
}

/** dbl-2008-hwcd for a = -1, all four coordinates negated. */
function doubleBody(): Code {
  const [a, b, c, e, h] = [0, 1, 2, 3, 4].map(temporary) as [Code, Code, Code, Code, Code]
  return [
    ...call('square', a, part(A, X), ONCE),
    ...call('square', b, part(A, Y), ONCE),
    ...call('square', c, part(A, Z), ONCE),
    ...call('plus', c, c, c),
    ...call('plus', e, part(A, X), part(A, Y)),
    ...call('square', e, e, ONCE),
    ...call('plus', h, a, b),
    ...call('minus', e, e, h),
    // G = B - A, F = C - G.
    ...call('minus', b, b, a),
    ...call('minus', c, c, b),
    ...finished(e, c, b, h),
  ]
}

/** add-2008-hwcd-3. To subtract, the cached point's X and T count as negative. */
function addBody(isMinus: boolean): Code {
  const [a, b, c, d, e] = [0, 1, 2, 3, 4].map(temporary) as [Code, Code, Code, Code, Code]
  return [
    ...call('minus', a, part(A, Y), part(A, X)),
    ...call('multiply', a, a, part(B, isMinus ? 0 : 1)),
    ...call('plus', b, part(A, Y), part(A, X)),
    ...call('multiply', b, b, part(B, isMinus ? 1 : 0)),
    ...call('multiply', c, part(A, T), part(B, 3)),
    ...call('multiply', d, part(A, Z), part(B, 2)),
    ...call('minus', e, b, a),
    ...call('plus', b, b, a),
    ...call('minus', a, d, c),
    ...call('plus', d, d, c),
    ...(isMinus ? finished(e, d, a, b) : finished(e, a, d, b)),
  ]
}

const cacheBody: Code = [
  ...call('plus', part(TO, 0), part(A, Y), part(A, X)),
  ...call('minus', part(TO, 1), part(A, Y), part(A, X)),
  ...call('plus', part(TO, 2), part(A, Z), part(A, Z)),
  ...call('multiply', part(TO, 3), part(A, T), [CONST32, ...signed(TWICE_D_AT)]),
]

/** WebAssembly core specification 2.0, section 5.5. */
function moduleBytes(): Uint8Array {
  const counted = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()]
  const sized = (code: Code): Code => [...unsigned(code.length), ...code]
  const section = (id: number, items: readonly Code[]): Code => [id, ...sized(counted(items))]
  const text = (name: string): Code => sized([...new TextEncoder().encode(name)])
  const takes = (count: number): Code => [0x60, ...counted(new Array<Code>(count).fill([I32])), 0]
  const body = (code: Code, locals: Code = [0]): Code => sized([...locals, ...code, OP.end])
  const many: Code = [1, LOCALS_64, I64]
  const exported = ['multiply', 'square', 'double', 'add', 'subtract', 'cache'] as const
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [takes(3), takes(2)]),
    // By FUNCTION: double and cache take two addresses.
    ...section(3, [[0], [0], [0], [0], [1], [0], [0], [1]]),
    ...section(5, [[1, PAGES, PAGES]]),
    ...section(7, [
      [...text('memory'), 2, 0],
      ...exported.map((name) => [...text(name), 0, FUNCTION[name]]),
    ]),
    ...section(10, [
      body(multiplyBody, many),
      body(squareBody, many),
      body(limbwise(PLUS)),
      body(limbwise(MINUS)),
      body(doubleBody()),
      body(addBody(false)),
      body(addBody(true)),
      body(cacheBody),
    ]),
  )
}
