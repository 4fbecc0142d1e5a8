/**
 * Broken and hostile sources of ClientHello.random: what a client with a bad generator, or a tool with none, puts there.
 * Each gives the random of its next connection; all else of the hello is drawn honestly.
 *
 * @module
 */
import type { Random } from '../src/ground/random.ts'

export interface Generator {
  readonly label: string
  /** Whether single clients of it can be told from honest ones within 20 hellos, and why not. */
  readonly cannotSee?: string
  readonly start: (random: Random, nowMs: number) => (i: number) => Uint8Array
}

const BYTES = 32

/** Eight words of 32 bits. */
function ofWords(next: () => number, little = false): Uint8Array {
  const bytes = new Uint8Array(BYTES)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < BYTES; at += 4) view.setUint32(at, next() >>> 0, little)
  return bytes
}

const ofBytes = (next: () => number): Uint8Array =>
  Uint8Array.from({ length: BYTES }, () => next() & 255)

const seedOf = (random: Random): number => new DataView(random.bytes(4).slice().buffer).getUint32(0)

/** Marsaglia, "Xorshift RNGs" (2003): 13, 17, 5. */
function xorshift32(seed: number): () => number {
  let x = seed || 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return x >>> 0
  }
}

/** glibc rand(), TYPE_3: r(i) = r(i - 3) + r(i - 31), the lowest bit dropped. */
function glibcRand(seed: number): () => number {
  const r: number[] = [seed || 1]
  for (let i = 1; i < 31; i++) r.push(Number((16807n * BigInt(r[i - 1] ?? 0)) % 2147483647n))
  const next = () => {
    const sum = ((r.at(-31) ?? 0) + (r.at(-3) ?? 0)) >>> 0
    r.push(sum)
    if (r.length > 64) r.shift()
    return sum >>> 1
  }
  r.push(r[0] ?? 0, r[1] ?? 0, r[2] ?? 0)
  for (let i = 34; i < 344; i++) next()
  return next
}

/** rand() of Microsoft's C library: 15 bits of a generator of 32. */
function msvcRand(seed: number): () => number {
  let x = seed >>> 0
  return () => {
    x = (Math.imul(x, 214013) + 2531011) >>> 0
    return (x >>> 16) & 0x7fff
  }
}

/** java.util.Random.next(32), which nextBytes writes little-endian. */
function javaRandom(seed: number): () => number {
  let x = (BigInt(seed) ^ 0x5deece66dn) & ((1n << 48n) - 1n)
  return () => {
    x = (x * 0x5deece66dn + 11n) & ((1n << 48n) - 1n)
    return Number(x >> 16n)
  }
}

/** Numerical Recipes' generator of 32 bits, whole words. */
function lcg32(seed: number): () => number {
  let x = seed >>> 0
  return () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    return x
  }
}

/** Matsumoto and Nishimura (1998). */
function mt19937(seed: number): () => number {
  const N = 624
  const mt = new Uint32Array(N)
  mt[0] = seed
  for (let i = 1; i < N; i++) {
    const last = mt[i - 1] ?? 0
    mt[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i
  }
  let at = N
  return () => {
    if (at === N) {
      for (let k = 0; k < N; k++) {
        const y = ((mt[k] ?? 0) & 0x80000000) | ((mt[(k + 1) % N] ?? 0) & 0x7fffffff)
        mt[k] = (mt[(k + 397) % N] ?? 0) ^ (y >>> 1) ^ ((y & 1) === 1 ? 0x9908b0df : 0)
      }
      at = 0
    }
    let y = mt[at++] ?? 0
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }
}

export const GENERATORS: readonly Generator[] = [
  {
    label: 'xorshift32, words',
    start: (random) => {
      const next = xorshift32(seedOf(random))
      return () => ofWords(next)
    },
  },
  {
    label: 'xorshift32, words little-endian',
    start: (random) => {
      const next = xorshift32(seedOf(random))
      return () => ofWords(next, true)
    },
  },
  {
    label: 'xorshift32, low bytes',
    cannotSee:
      'bytes cut out of a linear generator of 32 bits: known constants would have to be tried one by one',
    start: (random) => {
      const next = xorshift32(seedOf(random))
      return () => ofBytes(next)
    },
  },
  {
    label: 'mt19937, words',
    cannotSee:
      'Mersenne Twister: 19 937 bits of state, a relation shows after 624 words of one client in their order (78 hellos)',
    start: (random) => {
      const next = mt19937(seedOf(random))
      return () => ofWords(next)
    },
  },
  {
    label: 'glibc rand, words',
    start: (random) => {
      const next = glibcRand(seedOf(random))
      return () => ofWords(next)
    },
  },
  {
    label: 'glibc rand, low bytes',
    cannotSee:
      'glibc rand() cut to bytes: one relation over 31 outputs, with a carry that is not seen',
    start: (random) => {
      const next = glibcRand(seedOf(random))
      return () => ofBytes(next)
    },
  },
  {
    label: 'msvc rand, 16-bit words',
    start: (random) => {
      const next = msvcRand(seedOf(random))
      return () => ofWords(() => (next() << 16) | next())
    },
  },
  {
    label: 'msvc rand, low bytes',
    cannotSee:
      'bytes cut out of a congruential generator: known constants would have to be tried, 65 536 states each',
    start: (random) => {
      const next = msvcRand(seedOf(random))
      return () => ofBytes(next)
    },
  },
  {
    label: 'java.util.Random, words',
    cannotSee:
      'the high 32 of 48 bits of a congruential generator: known constants would have to be tried, 65 536 states each',
    start: (random) => {
      const next = javaRandom(seedOf(random))
      return () => ofWords(next, true)
    },
  },
  {
    label: 'lcg of 32 bits, words',
    start: (random) => {
      const next = lcg32(seedOf(random))
      return () => ofWords(next)
    },
  },
  {
    label: 'lcg of 32 bits, high bytes',
    cannotSee:
      'bytes cut out of a congruential generator: known constants would have to be tried, 16 million states each',
    start: (random) => {
      const next = lcg32(seedOf(random))
      return () => ofBytes(() => next() >>> 24)
    },
  },
  {
    label: 'lcg of 32 bits, seeded anew with the second',
    start: (_, nowMs) => (i) => ofWords(lcg32(Math.floor(nowMs / 1000) + (i >> 2))),
  },
  {
    label: 'suffix of 24 bytes stands still',
    start: (random) => {
      const suffix = random.bytes(24).slice()
      return () => {
        const bytes = random.bytes(BYTES).slice()
        bytes.set(suffix, 8)
        return bytes
      }
    },
  },
  {
    label: '8 bytes random, the rest zero',
    start: (random) => () => {
      const bytes = new Uint8Array(BYTES)
      bytes.set(random.bytes(8))
      return bytes
    },
  },
  {
    label: 'slow counter in the middle',
    start: (random) => (i) => {
      const bytes = random.bytes(BYTES).slice()
      new DataView(bytes.buffer).setUint32(14, 70_000 + (i >> 1))
      return bytes
    },
  },
  {
    label: 'two bytes stand still',
    start: (random) => () => {
      const bytes = random.bytes(BYTES).slice()
      bytes.set([7, 7], 15)
      return bytes
    },
  },
  {
    label: 'one byte stands still',
    start: (random) => () => {
      const bytes = random.bytes(BYTES).slice()
      bytes[15] = 7
      return bytes
    },
  },
  {
    label: 'time before TLS 1.3',
    start: (random, nowMs) => (i) => {
      const bytes = random.bytes(BYTES).slice()
      new DataView(bytes.buffer).setUint32(0, Math.floor(nowMs / 1000) + i)
      return bytes
    },
  },
  {
    label: 'cipher with a fixed key and a counter',
    cannotSee:
      'a good cipher or hash with a guessable key: its outputs are as good as random to whoever has not the key',
    start: (random) => () => random.bytes(BYTES).slice(),
  },
]
