/**
 * HPACK header compression, the receiving end: RFC 7541. Every limit is a caller's; no input throws.
 *
 * @module
 */
import { decodeHuffman } from './hpack-huffman.ts'
import { DynamicTable, type HpackField, STATIC_ENTRIES, staticTable } from './hpack-table.ts'

export type HpackError =
  | 'bad-integer'
  | 'bad-index'
  | 'bad-string'
  | 'bad-table-size'
  | 'list-too-large'

/** Integers above this are an attack, or a mistake (section 5.1 asks for a limit). */
const INTEGER_MAX = 1 << 28
/** Section 4.1's overhead also counts in the size of a header list (RFC 9113 section 6.5.2). */
const FIELD_OVERHEAD = 32
/** Longest argument list of String.fromCharCode that no engine refuses. */
const CHARS_AT_ONCE = 4096

/** Huffman-coded strings are decoded here, one at a time: one buffer serves all connections. */
let scratch = new Uint8Array(0)

/** Decodes the header blocks of one connection, in order. */
export class HpackDecoder<D> {
  readonly #static = staticTable<D>()
  readonly #table: DynamicTable<D>
  readonly #tableBytesMax: number
  readonly #stringBytesMax: number
  #at = 0
  #error: HpackError | undefined

  /**
   * @param tableBytesMax what SETTINGS_HEADER_TABLE_SIZE promised
   * @param stringBytesMax longest name or value, decoded
   */
  constructor(tableBytesMax: number, stringBytesMax: number) {
    this.#tableBytesMax = tableBytesMax
    this.#table = new DynamicTable(tableBytesMax)
    this.#stringBytesMax = stringBytesMax
    if (scratch.length < stringBytesMax + 2) scratch = new Uint8Array(stringBytesMax + 2)
  }

  /**
   * Decodes the whole header block `bytes[from..to)`; fields are handed to `onField` in order.
   * After an error the connection's compression state is lost: it must be closed.
   *
   * @param listBytesMax limit of the list's size as RFC 9113 section 6.5.2 counts it; what is over it is
   * still decoded (the table must stay in step) but reported as 'list-too-large' and not handed on
   */
  decode(
    bytes: Uint8Array,
    from: number,
    to: number,
    listBytesMax: number,
    onField: (field: HpackField<D>) => void,
  ): HpackError | undefined {
    this.#at = from
    this.#error = undefined
    let listBytes = 0
    let fields = 0
    while (this.#at < to) {
      const first = bytes[this.#at] as number
      if ((first & 0xe0) === 0x20) {
        const size = this.#integer(bytes, to, 5)
        if (fields > 0 || size > this.#tableBytesMax) this.#error ??= 'bad-table-size'
        if (this.#error !== undefined) return this.#error
        this.#table.resize(size)
        continue
      }
      const field = this.#field(bytes, to, first)
      if (field === undefined) return this.#error ?? 'bad-index'
      fields++
      listBytes += field.name.length + field.value.length + FIELD_OVERHEAD
      if (listBytes <= listBytesMax) onField(field)
    }
    return listBytes > listBytesMax ? 'list-too-large' : undefined
  }

  #field(bytes: Uint8Array, to: number, first: number): HpackField<D> | undefined {
    if ((first & 0x80) !== 0) return this.#indexed(this.#integer(bytes, to, 7))
    const indexing = (first & 0x40) !== 0
    const index = this.#integer(bytes, to, indexing ? 6 : 4)
    const name = index === 0 ? this.#string(bytes, to) : this.#indexed(index)?.name
    if (name === undefined) return undefined
    const value = this.#string(bytes, to)
    if (value === undefined) return undefined
    const field: HpackField<D> = { name, value, derived: undefined }
    if (indexing) this.#table.add(field)
    return field
  }

  #indexed(index: number): HpackField<D> | undefined {
    if (index <= 0) return undefined
    return index <= STATIC_ENTRIES
      ? this.#static[index]
      : this.#table.at(index - STATIC_ENTRIES - 1)
  }

  /** An integer with a prefix of `bits` (section 5.1); sets `#error` and returns -1 when it is wrong. */
  #integer(bytes: Uint8Array, to: number, bits: number): number {
    const mask = (1 << bits) - 1
    let value = (bytes[this.#at++] as number) & mask
    if (value < mask) return value
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= to || shift > 28) return this.#wrong('bad-integer')
      const octet = bytes[this.#at++] as number
      value += (octet & 127) * 2 ** shift
      if (value > INTEGER_MAX) return this.#wrong('bad-integer')
      if (octet < 128) return value
    }
  }

  #wrong(error: HpackError): -1 {
    this.#error ??= error
    return -1
  }

  #string(bytes: Uint8Array, to: number): string | undefined {
    if (this.#at >= to) {
      this.#error ??= 'bad-string'
      return undefined
    }
    const coded = ((bytes[this.#at] as number) & 0x80) !== 0
    const length = this.#integer(bytes, to, 7)
    const from = this.#at
    const end = from + length
    if (length < 0 || end > to || (!coded && length > this.#stringBytesMax)) {
      this.#error ??= 'bad-string'
      return undefined
    }
    this.#at = end
    if (!coded) return textOf(bytes, from, end)
    const decoded = decodeHuffman(bytes, from, end, scratch)
    if (decoded < 0 || decoded > this.#stringBytesMax) {
      this.#error ??= 'bad-string'
      return undefined
    }
    return textOf(scratch, 0, decoded)
  }
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let at = from; at < to; at += CHARS_AT_ONCE) {
    const piece = bytes.subarray(at, Math.min(to, at + CHARS_AT_ONCE))
    text += String.fromCharCode.apply(null, piece as unknown as number[])
  }
  return text
}
