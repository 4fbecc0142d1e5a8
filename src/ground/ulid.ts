/**
 * ULID (github.com/ulid/spec): 48 bits of milliseconds and 80 bits of chance in 26 characters of
 * Crockford's base 32. Sorts by time; ids of one source made within a millisecond sort by making.
 *
 * @module
 */
import type { Random } from './random.ts'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** Pairs of characters, 10 bits each: half the steps of the alphabet alone. */
const PAIRS = Array.from(
  { length: 1024 },
  (_, i) => `${ALPHABET[i >> 5] ?? ''}${ALPHABET[i & 31] ?? ''}`,
)

/** 2^48 - 1, the year 10889: the layout ends there. */
const TIME_MAX = 281474976710655
/** Drawn at a time, so that 400 ids cost one call of the source. */
const CHANCE_BYTES = 4096
const ID_CHANCE_BYTES = 10

/**
 * Makes a source of ids. The chance is 80 bits anew in each millisecond; within one, the id counts up,
 * as the specification has it.
 *
 * @example
 * const nextId = ulids(random)
 * nextId(1469922850259) // '01ARZ3NDEK' and 16 characters of chance
 */
export function ulids(random: Random): (now: number) => string {
  let pool: Uint8Array = new Uint8Array(0)
  let used = 0
  let lastTime = -1
  let head = ''
  // 80 bits as four numbers of 20 bits, the first the highest.
  const low = [0, 0, 0, 0]

  function draw(): void {
    if (used + ID_CHANCE_BYTES > pool.length) {
      pool = random.bytes(CHANCE_BYTES)
      used = 0
    }
    for (let i = 0; i < 4; i++) {
      // 20 bits begin at a byte or in the middle of one.
      const bit = used * 8 + i * 20
      const at = bit >> 3
      const bits = ((pool[at] ?? 0) << 16) | ((pool[at + 1] ?? 0) << 8) | (pool[at + 2] ?? 0)
      low[i] = (bits >> (4 - (bit & 7))) & 0xfffff
    }
    pool.fill(0, used, used + ID_CHANCE_BYTES)
    used += ID_CHANCE_BYTES
  }

  /** Counts up by one. After 2^80 - 1 it begins again at 0, which no process lives to see. */
  function next(): void {
    for (let i = 3; i >= 0; i--) {
      const value = ((low[i] ?? 0) + 1) & 0xfffff
      low[i] = value
      if (value !== 0) return
    }
  }

  return (now) => {
    // A clock that steps back must not make ids that sort before those given out.
    const time = Math.min(Math.max(Math.trunc(now), lastTime, 0), TIME_MAX)
    if (time === lastTime) next()
    else {
      lastTime = time
      head = encodeTime(time)
      draw()
    }
    let id = head
    for (const part of low) id += `${PAIRS[part >> 10] ?? ''}${PAIRS[part & 1023] ?? ''}`
    return id
  }
}

/** Milliseconds since 1970 when an id was made. */
export function ulidTime(id: string): number {
  let time = 0
  for (const character of id.slice(0, 10)) time = time * 32 + ALPHABET.indexOf(character)
  return time
}

function encodeTime(time: number): string {
  let text = ''
  let left = time
  for (let i = 0; i < 5; i++) {
    text = (PAIRS[left % 1024] ?? '') + text
    left = Math.floor(left / 1024)
  }
  return text
}
