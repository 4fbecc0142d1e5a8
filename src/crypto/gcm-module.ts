/**
 * GHASH and counter blocks of AES-GCM (NIST SP 800-38D) as a module of WebAssembly: for many short messages, on each of which calls of
 * `node:crypto` cost more than the arithmetic.
 *
 * A product with an element H looks up each nibble of a block in tables of sixteen entries, which are vectors (`i8x16.swizzle`): entry n of
 * vector k is octet k of n x H. Products of a group of blocks, each with its power of H, are added up before one reduction. Which
 * addresses are read and which branches are taken depends on lengths alone: the same time for any key and any text.
 *
 * @module
 */
import {
  ADD_I32,
  type Code,
  get,
  i32,
  repeat,
  SUBTRACT_I32,
  set,
  TYPE,
  tee,
  unsigned,
  wasmInstance,
} from './wasm-code.ts'

/** Arguments are addresses in its memory, and counts of blocks: one at least. */
export interface GcmModule {
  readonly memory: { readonly buffer: ArrayBuffer }
  /** What is at {@link HASH_AT} goes on over the blocks at `text`. */
  hash(text: number, blocks: number): void
  /** The blocks at `to` become themselves XOR those at `from`. */
  xor(to: number, from: number, blocks: number): void
  /** To `to` go the block at {@link COUNTER_AT} with 1 as its last four octets, the same with 2, and so on. */
  count(to: number, blocks: number): void
}

export const BLOCK_BYTES = 16
/** Products that are added up before they are reduced. With 8 it takes a tenth longer for 1200 octets, and half the memory for each key. */
const GROUP_BLOCKS = 16
const NIBBLES = 16
/** Octets of an element times a nibble: 131 bits. */
const TABLE_OCTETS = 17
const OCTETS_BYTES = TABLE_OCTETS * NIBBLES
/** Of one power: those octets, and what the block that is multiplied with it consists of: upper nibbles, lower nibbles. */
const TABLE_BYTES = OCTETS_BYTES + 2 * BLOCK_BYTES

export const HASH_AT = 0
export const COUNTER_AT = HASH_AT + BLOCK_BYTES
/** Tables of H to the power of {@link GROUP_BLOCKS}, and so on down to those of H. */
export const TABLES_AT = COUNTER_AT + BLOCK_BYTES
/** Memory from here on is the caller's. */
export const FREE_AT = TABLES_AT + GROUP_BLOCKS * TABLE_BYTES
const PAGES = 3
export const MEMORY_BYTES = PAGES * 65_536

export function gcmModule(): GcmModule {
  const locals = [[LOCALS.i32, TYPE.i32] as const, [LOCALS.v128, TYPE.v128] as const]
  return wasmInstance<GcmModule>(PAGES, [
    { name: 'hash', parameters: 2, locals, body: hashBody() },
    { name: 'xor', parameters: 3, body: xorBody },
    { name: 'count', parameters: 2, locals: [[1, TYPE.i32]], body: countBody },
  ])
}

/**
 * What {@link TABLES_AT} is for a key: tables of powers of H, which is the encrypted block of zeros. They stay there; the hash and one block at
 * {@link FREE_AT} are written over.
 */
export function tablesFor(gcm: GcmModule, hashKey: Uint8Array): Uint8Array {
  const memory = new Uint8Array(gcm.memory.buffer)
  const hash = memory.subarray(HASH_AT, HASH_AT + BLOCK_BYTES)
  let power = hashKey
  for (let n = GROUP_BLOCKS - 1; n >= 0; n--) {
    memory.set(tableOf(power), TABLES_AT + n * TABLE_BYTES)
    // The GHASH of one block is that times H, of which the last tables are.
    memory.set(power, FREE_AT)
    hash.fill(0)
    gcm.hash(FREE_AT, 1)
    power = Uint8Array.from(hash)
  }
  return memory.slice(TABLES_AT, FREE_AT)
}

/** Entry n of vector k is octet k of n x `element`, the first bit of n having the lowest power. */
function tableOf(element: Uint8Array): Uint8Array {
  const table = new Uint8Array(TABLE_BYTES)
  for (let k = 0; k < TABLE_OCTETS; k++) {
    const pair = ((element[k - 1] ?? 0) << 8) | (element[k] ?? 0)
    for (let n = 0; n < NIBBLES; n++) {
      let octet = 0
      for (let bit = 0; bit < 4; bit++) octet ^= -((n >> (3 - bit)) & 1) & (pair >> bit)
      table[k * NIBBLES + n] = octet
    }
  }
  return table
}

const vector = (operation: number): Code => [0xfd, ...unsigned(operation)]
const XOR = vector(0x51)
const AND = vector(0x4e)
const SHIFT_LEFT_U16 = vector(0x8b)
const SHIFT_RIGHT_U16 = vector(0x8d)
/** Relaxed: the same as `i8x16.swizzle` where no entry beyond the sixteenth is asked for, in one instruction less. */
const SWIZZLE = vector(0x100)
const MULTIPLY_I32: Code = [0x6c]
const OR_I32: Code = [0x72]
const SHIFT_LEFT_I32: Code = [0x74]
const SHIFT_RIGHT_U32: Code = [0x76]
const LESS_U32: Code = [0x49]
const NOT_EQUAL_I32: Code = [0x47]
const SELECT: Code = [0x1b]

const lanes = (octet: (i: number) => number): Code =>
  Array.from({ length: BLOCK_BYTES }, (_, i) => octet(i))
const constant = (octet: (i: number) => number): Code => [...vector(0x0c), ...lanes(octet)]
const load = (pointer: Code, offset = 0): Code => [...pointer, ...vector(0), 0, ...unsigned(offset)]
const store = (pointer: Code, value: Code, offset = 0): Code => [
  ...[...pointer, ...value],
  ...[...vector(0x0b), 0, ...unsigned(offset)],
]
const xor = (a: Code, b: Code): Code => [...a, ...b, ...XOR]
const add = (local: number, value: Code): Code => set(local, [...get(local), ...value, ...ADD_I32])
const less = (local: number, value: Code): Code =>
  tee(local, [...get(local), ...value, ...SUBTRACT_I32])

const ZERO = constant(() => 0)
/** `late` comes `by` octets later, and before it the last octets of `early`. */
const moved = (early: Code, late: Code, by: number): Code => [
  ...[...early, ...late],
  ...[...vector(0x0d), ...lanes((i) => BLOCK_BYTES - by + i)],
]
const lowerNibbles = (octets: Code): Code => [...octets, ...constant(() => 0x0f), ...AND]
const upperNibbles = (octets: Code): Code =>
  lowerNibbles([...octets, ...i32(4), ...SHIFT_RIGHT_U16])
const lookUp = (table: Code, nibbles: Code): Code => [...table, ...nibbles, ...SWIZZLE]

const [TEXT, BLOCKS, GROUP, BLOCK, TABLE] = [0, 1, 2, 3, 4] as const
/** Vectors of sums for either nibble that are kept in registers at once. */
const TILE = 6
const UPPER = TABLE + 1
const LOWER = UPPER + 1
const ENTRIES = LOWER + 1
const SUM = ENTRIES + 1
/** Octets 0 to 15 of a product, and 16 to 31: of upper nibbles, and of lower ones as if they were upper. */
const PRODUCT = SUM + 2 * TILE
const [EARLY, LATE, LOWER_EARLY, LOWER_LATE] = [PRODUCT, PRODUCT + 1, PRODUCT + 2, PRODUCT + 3]
const SPILL = PRODUCT + 4
const LOCALS = { i32: UPPER - GROUP, v128: SPILL + 1 - UPPER } as const

/** The second time takes it away again. */
const hashOnText = store(get(TEXT), xor(load(get(TEXT)), load(i32(HASH_AT))))

/** `body` for each power that the blocks of a group need; the last block's is H. */
const eachPower = (body: Code): Code => [
  ...set(TABLE, [
    ...[...i32(GROUP_BLOCKS), ...get(GROUP), ...SUBTRACT_I32],
    ...[...i32(TABLE_BYTES), ...MULTIPLY_I32],
  ]),
  ...repeat(body, [
    ...tee(TABLE, [...get(TABLE), ...i32(TABLE_BYTES), ...ADD_I32]),
    ...[...i32(GROUP_BLOCKS * TABLE_BYTES), ...NOT_EQUAL_I32],
  ]),
]
const UPPER_AT = TABLES_AT + OCTETS_BYTES
const LOWER_AT = UPPER_AT + BLOCK_BYTES

function hashBody(): Code {
  const tiles = Array.from({ length: Math.ceil(TABLE_OCTETS / TILE) }, (_, i) => i * TILE)
  return repeat(
    [
      ...set(GROUP, [
        ...[...get(BLOCKS), ...i32(GROUP_BLOCKS)],
        ...[...get(BLOCKS), ...i32(GROUP_BLOCKS), ...LESS_U32, ...SELECT],
      ]),
      ...hashOnText,
      ...set(BLOCK, get(TEXT)),
      ...eachPower([
        ...store(get(TABLE), upperNibbles(load(get(BLOCK))), UPPER_AT),
        ...store(get(TABLE), lowerNibbles(load(get(BLOCK))), LOWER_AT),
        ...add(BLOCK, i32(BLOCK_BYTES)),
      ]),
      ...[EARLY, LATE, LOWER_EARLY, LOWER_LATE].flatMap((half) => set(half, ZERO)),
      ...tiles.flatMap(tileOfProduct),
      ...lowerJoined,
      ...reduced,
      ...hashOnText,
      ...store(i32(HASH_AT), get(EARLY)),
      ...set(TEXT, get(BLOCK)),
    ],
    less(BLOCKS, get(GROUP)),
  )
}

/** Octets `first` and on, {@link TILE} at most, of the nibbles' products; octet k of that of nibble i is one of octet i + k. */
function tileOfProduct(first: number): Code {
  const octets = Array.from({ length: Math.min(TILE, TABLE_OCTETS - first) }, (_, i) => i)
  const sums = octets.flatMap((i) => [
    { sum: SUM + 2 * i, nibbles: UPPER, early: EARLY, late: LATE, by: first + i },
    { sum: SUM + 2 * i + 1, nibbles: LOWER, early: LOWER_EARLY, late: LOWER_LATE, by: first + i },
  ])
  return [
    ...sums.flatMap(({ sum }) => set(sum, ZERO)),
    ...eachPower([
      ...set(UPPER, load(get(TABLE), UPPER_AT)),
      ...set(LOWER, load(get(TABLE), LOWER_AT)),
      ...octets.flatMap((i) => [
        ...set(ENTRIES, load(get(TABLE), TABLES_AT + (first + i) * NIBBLES)),
        ...sums
          .slice(2 * i, 2 * i + 2)
          .flatMap(({ sum, nibbles }) =>
            set(sum, xor(get(sum), lookUp(get(ENTRIES), get(nibbles)))),
          ),
      ]),
    ]),
    ...sums.flatMap(({ sum, early, late, by }) => [
      ...set(early, xor(get(early), moved(ZERO, get(sum), by))),
      ...set(late, xor(get(late), moved(get(sum), ZERO, by))),
    ]),
  ]
}

/** Products of lower nibbles times x^4, half an octet further, go to those of upper ones. */
const lowerJoined: Code = (() => {
  const further = (octets: number): Code => [
    ...lowerNibbles(get(octets)),
    ...[...i32(4), ...SHIFT_LEFT_U16],
  ]
  const join = (half: number, lower: number, spilled: Code): Code =>
    set(half, xor(xor(get(half), upperNibbles(get(lower))), spilled))
  return [
    ...join(EARLY, LOWER_EARLY, moved(ZERO, further(LOWER_EARLY), 1)),
    ...join(LATE, LOWER_LATE, moved(further(LOWER_EARLY), further(LOWER_LATE), 1)),
  ]
})()

/**
 * x^128 is 1 + x + x^2 + x^7, and the first bit of an octet has the lowest power: octet 16 + i comes down to octets i and i + 1, and what of
 * octet 31 comes down to octet 16 does so once more.
 */
const reduced: Code = (() => {
  const down = (octet: number): number => (octet << 8) ^ (octet << 7) ^ (octet << 6) ^ (octet << 1)
  const table = (nibbleAt: number, octetAt: number): Code =>
    constant((n) => (down(n << nibbleAt) >> octetAt) & 0xff)
  const part = (from: number, octetAt: number): Code =>
    xor(
      lookUp(table(4, octetAt), upperNibbles(get(from))),
      lookUp(table(0, octetAt), lowerNibbles(get(from))),
    )
  const addTo = (from: number): Code =>
    set(EARLY, xor(xor(get(EARLY), part(from, 8)), moved(ZERO, part(from, 0), 1)))
  return [...addTo(LATE), ...set(SPILL, moved(part(LATE, 0), ZERO, 1)), ...addTo(SPILL)]
})()

const xorBody: Code = (() => {
  const [TO, FROM, COUNT] = [0, 1, 2] as const
  return repeat(
    [
      ...store(get(TO), xor(load(get(TO)), load(get(FROM)))),
      ...add(TO, i32(BLOCK_BYTES)),
      ...add(FROM, i32(BLOCK_BYTES)),
    ],
    less(COUNT, i32(1)),
  )
})()

/** Less blocks than 2^16 are in memory: two octets count. */
const countBody: Code = (() => {
  const [TO, COUNT, I] = [0, 1, 2] as const
  const swapped: Code = [
    ...[...get(I), ...i32(8), ...SHIFT_LEFT_I32],
    ...[...get(I), ...i32(8), ...SHIFT_RIGHT_U32],
    ...OR_I32,
  ]
  return [
    ...set(I, i32(0)),
    ...repeat(
      [
        ...add(I, i32(1)),
        ...store(get(TO), load(i32(COUNTER_AT))),
        // i32.store16
        ...[...get(TO), ...swapped, 0x3b, 0, BLOCK_BYTES - 2],
        ...add(TO, i32(BLOCK_BYTES)),
      ],
      less(COUNT, i32(1)),
    ),
  ]
})()
