/**
 * HPACK header compression, the sending end: RFC 7541. Fields that repeat are indexed, what is secret or
 * long is not (section 7.1.3).
 *
 * @module
 */
import { fieldValue } from './field-value.ts'
import { encodeHuffman, huffmanLength } from './hpack-huffman.ts'
import { DynamicTable, STATIC_ENTRIES, staticTable } from './hpack-table.ts'

/** Fields whose values are secrets of one user: never indexed, and marked so that no hop indexes them. */
const SENSITIVE = new Set(['set-cookie', 'cookie', 'authorization', 'proxy-authorization'])
/** Fields that differ in every response: indexing them would only push out what repeats. */
const FLEETING = new Set([
  ':path',
  'etag',
  'location',
  'last-modified',
  'content-range',
  'age',
  'limen-decision',
])
/** Longer fields leave too little of a 4 KiB table for others. */
const INDEXED_CHARS_MAX = 256
/** Huffman coding pays from a few octets on; below it costs more time than it saves. */
const HUFFMAN_CHARS_MIN = 4

const STATIC = staticTable<never>()
const STATIC_NAMES = new Map<string, number>()
const STATIC_FIELDS = new Map<string, number>()
STATIC.forEach(({ name, value }, index) => {
  if (index === 0) return
  if (!STATIC_NAMES.has(name)) STATIC_NAMES.set(name, index)
  if (value !== '') STATIC_FIELDS.set(`${name}\0${value}`, index)
})

/** Encodes the header blocks of one connection, in order. */
export class HpackEncoder {
  #table: DynamicTable<string>
  /** Field line -> number of the entry, counted from the first ever added. */
  readonly #numbers = new Map<string, number>()
  #resized: number | undefined
  /** The smallest size since the last block. */
  #smallest = 0

  constructor(tableBytesMax: number) {
    this.#table = new DynamicTable(tableBytesMax)
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; the next block begins by saying so (section 4.2). */
  resize(tableBytesMax: number): void {
    this.#table.resize(tableBytesMax)
    this.#forgetEvicted()
    this.#smallest =
      this.#resized === undefined ? tableBytesMax : Math.min(this.#smallest, tableBytesMax)
    this.#resized = tableBytesMax
  }

  /** Octets that {@link encode} may write for a field, at most. */
  static room(name: string, value: string): number {
    return name.length + value.length + 16
  }

  /** Must begin every block; returns one past what was written. */
  begin(out: Uint8Array, at: number): number {
    if (this.#resized === undefined) return at
    const size = this.#resized
    this.#resized = undefined
    // A table that was smaller in between has lost entries: that is said as well (section 4.2).
    const next = this.#smallest < size ? integer(out, at, 0x20, 5, this.#smallest) : at
    return integer(out, next, 0x20, 5, size)
  }

  /** Writes one field (octets as characters, name in lower case) to `out[at..)`; returns one past it. */
  encode(name: string, value: string, out: Uint8Array, at: number): number {
    const key = `${name}: ${value}`
    return this.#known(key, out, at) ?? this.#encode(name, value, key, out, at)
  }

  /**
   * Writes a field given as a line of HTTP/1.1 without its CR LF; a line that was indexed before costs
   * one look-up. The line is well formed: it has been read by `response-head.ts`.
   */
  encodeLine(line: string, out: Uint8Array, at: number): number {
    const known = this.#known(line, out, at)
    if (known !== undefined) return known
    const colon = line.indexOf(':')
    return this.#encode(
      line.slice(0, colon).toLowerCase(),
      fieldValue(line, colon + 1),
      line,
      out,
      at,
    )
  }

  #known(key: string, out: Uint8Array, at: number): number | undefined {
    const number = this.#numbers.get(key)
    if (number === undefined) return undefined
    return integer(out, at, 0x80, 7, STATIC_ENTRIES + this.#table.added - number)
  }

  #encode(name: string, value: string, key: string, out: Uint8Array, at: number): number {
    const fixed = STATIC_FIELDS.get(`${name}\0${value}`)
    if (fixed !== undefined) return integer(out, at, 0x80, 7, fixed)
    const nameIndex = STATIC_NAMES.get(name) ?? 0
    if (SENSITIVE.has(name)) return literal(out, at, 0x10, 4, nameIndex, name, value)
    if (FLEETING.has(name) || key.length > INDEXED_CHARS_MAX) {
      return literal(out, at, 0, 4, nameIndex, name, value)
    }
    this.#add(name, value, key)
    return literal(out, at, 0x40, 6, nameIndex, name, value)
  }

  #add(name: string, value: string, key: string): void {
    const kept = this.#table.add({ name, value, derived: key })
    this.#forgetEvicted()
    if (kept) this.#numbers.set(key, this.#table.added - 1)
  }

  /** Map entries are in order of insertion, so the oldest come first. */
  #forgetEvicted(): void {
    for (const [key, number] of this.#numbers) {
      if (number >= this.#table.evicted) return
      this.#numbers.delete(key)
    }
  }
}

function literal(
  out: Uint8Array,
  start: number,
  pattern: number,
  bits: number,
  nameIndex: number,
  name: string,
  value: string,
): number {
  let at = integer(out, start, pattern, bits, nameIndex)
  if (nameIndex === 0) at = string(out, at, name)
  return string(out, at, value)
}

function string(out: Uint8Array, at: number, text: string): number {
  if (text.length >= HUFFMAN_CHARS_MIN) {
    const coded = huffmanLength(text)
    if (coded < text.length) return encodeHuffman(text, out, integer(out, at, 0x80, 7, coded))
  }
  let position = integer(out, at, 0, 7, text.length)
  for (let i = 0; i < text.length; i++) out[position++] = text.charCodeAt(i)
  return position
}

function integer(
  out: Uint8Array,
  at: number,
  pattern: number,
  bits: number,
  value: number,
): number {
  const mask = (1 << bits) - 1
  let position = at
  if (value < mask) {
    out[position++] = pattern | value
    return position
  }
  out[position++] = pattern | mask
  let rest = value - mask
  while (rest >= 128) {
    out[position++] = (rest & 127) | 128
    rest >>>= 7
  }
  out[position++] = rest
  return position
}
