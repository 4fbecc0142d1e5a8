/**
 * SHA-256 (FIPS 180-4) and HMAC (RFC 2104) as a module of WebAssembly, for many short messages: a call of OpenSSL costs more than what it hashes of
 * them, and takes no state to go on from. No branch and no address depends on a key or a text, only on lengths.
 *
 * @module
 */
import {
  ADD_I32,
  type Code,
  call,
  get,
  i32,
  repeat,
  SUBTRACT_I32,
  set,
  TYPE,
  tee,
  unsigned,
  wasmInstance,
} from '../../crypto/wasm-code.ts'

/** Arguments are addresses in its memory, and counts. */
export interface Sha256Module {
  readonly memory: { readonly buffer: ArrayBuffer }
  /** At `to` the state after the block at {@link BLOCK_AT}, the first of its message. */
  begin(to: number): void
  /**
   * HMAC of `length` octets at {@link TEXT_AT} under the states at {@link KEY_AT}, at {@link MAC_AT}. Writes over {@link ROOM_BEHIND_BYTES} octets behind
   * the text.
   */
  mac(length: number): void
  /** The same of a text of which the inner hash is at {@link INNER_AT}. */
  finish(): void
}

export const BLOCK_BYTES = 64
export const HASH_BYTES = 32

/** Two states, after the block of the inner key and after that of the outer one. */
export const KEY_AT = 0
const KEY_BYTES = 2 * HASH_BYTES
export const MAC_AT = KEY_AT + KEY_BYTES
const WORK_AT = MAC_AT + HASH_BYTES
/** The inner hash, and what fills the second block of the outer one up. */
export const INNER_AT = WORK_AT + HASH_BYTES
export const BLOCK_AT = INNER_AT + BLOCK_BYTES
/** Memory from here on is the text's. */
export const TEXT_AT = BLOCK_AT + BLOCK_BYTES
/** Padding, written in whole vectors. */
export const ROOM_BEHIND_BYTES = 80
/** Of 64 KiB; those that no text reaches are never touched. */
const PAGES = 16
export const TEXT_BYTES_MAX = PAGES * 65_536 - TEXT_AT - ROOM_BEHIND_BYTES

const FUNCTION = { compress: 0, begin: 1, finish: 2, mac: 3 } as const

export function sha256Module(): Sha256Module {
  const locals = [
    [LOCALS_I32, TYPE.i32],
    [1, TYPE.v128],
  ] as const
  // By FUNCTION.
  return wasmInstance<Sha256Module>(PAGES, [
    { parameters: 3, locals, body: compressBody() },
    { name: 'begin', parameters: 1, body: beginBody() },
    { name: 'finish', parameters: 0, body: finishBody() },
    { name: 'mac', parameters: 1, locals: [[1, TYPE.i32]], body: macBody() },
  ])
}

/** The first 32 bits of the fractional parts of the roots of the first primes (sections 4.2.2 and 5.3.3). */
function fractions(count: number, root: (prime: number) => number): readonly number[] {
  const primes: number[] = []
  for (let n = 2; primes.length < count; n++) if (primes.every((p) => n % p !== 0)) primes.push(n)
  return primes.map((prime) => ((root(prime) % 1) * 2 ** 32) | 0)
}
const ROUNDS = 64
const K = fractions(ROUNDS, Math.cbrt)
const IV = fractions(8, Math.sqrt)

const XOR: Code = [0x73]
const AND: Code = [0x71]
const SHIFT_LEFT: Code = [0x74]
const SHIFT_RIGHT: Code = [0x76]
const ROTATE_RIGHT: Code = [0x78]

const plus = (first: Code, ...more: readonly Code[]): Code => [
  ...first,
  ...more.flatMap((one) => [...one, ...ADD_I32]),
]
const xor = (first: Code, ...more: readonly Code[]): Code => [
  ...first,
  ...more.flatMap((one) => [...one, ...XOR]),
]
const and = (a: Code, b: Code): Code => [...a, ...b, ...AND]
const rotated = (local: number, by: number): Code => [...get(local), ...i32(by), ...ROTATE_RIGHT]
const shifted = (local: number, by: number): Code => [...get(local), ...i32(by), ...SHIFT_RIGHT]
const load = (pointer: Code, offset: number): Code => [...pointer, 0x28, 2, ...unsigned(offset)]
const store = (pointer: Code, offset: number, value: Code): Code => [
  ...pointer,
  ...value,
  ...[0x36, 0, ...unsigned(offset)],
]
const vector = (operation: number): Code => [0xfd, ...unsigned(operation)]
const loadVector = (pointer: Code, offset: number): Code => [
  ...pointer,
  ...vector(0),
  ...[0, ...unsigned(offset)],
]
const storeVector = (pointer: Code, offset: number, value: Code): Code => [
  ...pointer,
  ...value,
  ...vector(0x0b),
  ...[0, ...unsigned(offset)],
]
/** Words are big-endian in messages, and little-endian in memory. */
const swapped = (words: Code): Code => [
  ...words,
  ...words,
  ...vector(0x0d),
  ...[3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12],
]
const each = (count: number, make: (i: number) => Code): Code =>
  Array.from({ length: count }, (_, i) => make(i)).flat()

// Locals of `compress`, after its parameters.
const [STATE, DATA, BLOCKS] = [0, 1, 2] as const
const WORDS = 16
const W = 3
const V = W + WORDS
const SUM = V + 8
const LOCALS_I32 = WORDS + 8 + 1
const VECTOR = SUM + 1

/** Section 6.2.2. */
function compressBody(): Code {
  /** Of what is a, b, ... h in round t: nothing moves, the names do. */
  const at = (t: number, name: number): number => V + ((name - t + ROUNDS) % 8)
  const word = (t: number): number => W + (t % WORDS)
  const scheduled = (t: number): Code => {
    const [early, late] = [word(t + 1), word(t + 14)]
    return set(
      word(t),
      plus(
        get(word(t)),
        xor(rotated(early, 7), rotated(early, 18), shifted(early, 3)),
        get(word(t + 9)),
        xor(rotated(late, 17), rotated(late, 19), shifted(late, 10)),
      ),
    )
  }
  const round = (t: number): Code => {
    const [a, b, c, d, e, f, g, h] = [0, 1, 2, 3, 4, 5, 6, 7].map((name) => at(t, name)) as [
      ...[number, number, number, number],
      ...[number, number, number, number],
    ]
    return [
      ...(t < WORDS ? [] : scheduled(t)),
      ...set(
        SUM,
        plus(
          plus(get(h), get(word(t)), i32(K[t] as number)),
          xor(get(g), and(get(e), xor(get(f), get(g)))),
          xor(rotated(e, 6), rotated(e, 11), rotated(e, 25)),
        ),
      ),
      ...set(d, plus(get(d), get(SUM))),
      ...set(
        h,
        plus(
          get(SUM),
          xor(and(get(a), get(b)), and(get(c), xor(get(a), get(b)))),
          xor(rotated(a, 2), rotated(a, 13), rotated(a, 22)),
        ),
      ),
    ]
  }
  const words = each(4, (i) => [
    ...set(VECTOR, loadVector(get(DATA), 16 * i)),
    ...set(VECTOR, swapped(get(VECTOR))),
    // i32x4.extract_lane
    ...each(4, (lane) => set(W + 4 * i + lane, [...get(VECTOR), ...vector(0x1b), lane])),
  ])
  return repeat(
    [
      ...words,
      ...each(8, (i) => set(V + i, load(get(STATE), 4 * i))),
      ...each(ROUNDS, round),
      ...each(8, (i) => store(get(STATE), 4 * i, plus(load(get(STATE), 4 * i), get(V + i)))),
      ...set(DATA, plus(get(DATA), i32(BLOCK_BYTES))),
    ],
    tee(BLOCKS, [...get(BLOCKS), ...i32(1), ...SUBTRACT_I32]),
  )
}

const ZERO = i32(0)
const [TO] = [0] as const

function beginBody(): Code {
  return [
    ...each(8, (i) => store(get(TO), 4 * i, i32(IV[i] as number))),
    ...call(FUNCTION.compress, get(TO), i32(BLOCK_AT), i32(1)),
  ]
}

const copied = (to: number, from: number): Code =>
  each(2, (i) => storeVector(ZERO, to + 16 * i, loadVector(ZERO, from + 16 * i)))

function finishBody(): Code {
  const bits = 8 * (BLOCK_BYTES + HASH_BYTES)
  return [
    ...each(2, (i) =>
      storeVector(ZERO, INNER_AT + HASH_BYTES + 16 * i, [
        ...vector(0x0c),
        ...new Array<number>(16).fill(0),
      ]),
    ),
    ...store(ZERO, INNER_AT + HASH_BYTES, i32(0x80)),
    ...store(ZERO, INNER_AT + BLOCK_BYTES - 4, i32(((bits & 255) << 24) | ((bits >> 8) << 16))),
    ...copied(WORK_AT, KEY_AT + HASH_BYTES),
    ...call(FUNCTION.compress, i32(WORK_AT), i32(INNER_AT), i32(1)),
    ...each(2, (i) =>
      storeVector(ZERO, MAC_AT + 16 * i, swapped(loadVector(ZERO, WORK_AT + 16 * i))),
    ),
  ]
}

function macBody(): Code {
  const [LENGTH, COUNT] = [0, 1] as const
  const nothing: Code = [...vector(0x0c), ...new Array<number>(16).fill(0)]
  /** Octets, the block of the key counted: below 2^21, so that they have bits below 2^24. */
  const total = plus(get(LENGTH), i32(BLOCK_BYTES))
  const octet = (bits: Code, offset: number): Code => [
    ...plus(i32(TEXT_AT - offset), [...get(COUNT), ...i32(6), ...SHIFT_LEFT]),
    ...bits,
    ...[0x3a, 0, 0],
  ]
  return [
    // The end of the text, 0x80, zeroes, the length in bits (section 5.1.1).
    ...each(ROOM_BEHIND_BYTES / 16, (i) => storeVector(get(LENGTH), TEXT_AT + 16 * i, nothing)),
    ...[...get(LENGTH), ...i32(0x80), 0x3a, 0, ...unsigned(TEXT_AT)],
    ...set(COUNT, [...plus(get(LENGTH), i32(9 + BLOCK_BYTES - 1)), ...i32(6), ...SHIFT_RIGHT]),
    ...octet([...total, ...i32(3), ...SHIFT_LEFT], 1),
    ...octet([...total, ...i32(5), ...SHIFT_RIGHT], 2),
    ...octet([...total, ...i32(13), ...SHIFT_RIGHT], 3),
    ...copied(WORK_AT, KEY_AT),
    ...call(FUNCTION.compress, i32(WORK_AT), i32(TEXT_AT), get(COUNT)),
    ...each(2, (i) =>
      storeVector(ZERO, INNER_AT + 16 * i, swapped(loadVector(ZERO, WORK_AT + 16 * i))),
    ),
    ...call(FUNCTION.finish),
  ]
}
