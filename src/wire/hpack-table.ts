/**
 * The tables of HPACK: the static one (RFC 7541 appendix A) and the dynamic one (section 2.3.2).
 *
 * @module
 */

/** One header field. `derived` is free for the user: what it found out once need not be found again. */
export interface HpackField<Derived = unknown> {
  /** Octets as characters. */
  readonly name: string
  readonly value: string
  derived: Derived | undefined
}

/** Section 4.1: what an entry counts besides its octets. */
const ENTRY_OVERHEAD = 32

const field = <D>(name: string, value: string): HpackField<D> => ({
  name,
  value,
  derived: undefined,
})

/** Entries 1 to 61, in order: names, with the value where the table has one. */
const STATIC_TEXT =
  ':authority|:method=GET|:method=POST|:path=/|:path=/index.html|:scheme=http|:scheme=https|:status=200|' +
  ':status=204|:status=206|:status=304|:status=400|:status=404|:status=500|accept-charset|' +
  'accept-encoding=gzip, deflate|accept-language|accept-ranges|accept|access-control-allow-origin|age|' +
  'allow|authorization|cache-control|content-disposition|content-encoding|content-language|' +
  'content-length|content-location|content-range|content-type|cookie|date|etag|expect|expires|from|' +
  'host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|last-modified|link|' +
  'location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|' +
  'server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate'

/** The static table; index 0 is not used. */
export function staticTable<D>(): readonly HpackField<D>[] {
  const entries = STATIC_TEXT.split('|').map((text) => {
    const [name = '', value = ''] = text.split('=')
    return field<D>(name, value)
  })
  return [field<D>('', ''), ...entries]
}

/** Entries of the static table. */
export const STATIC_ENTRIES = 61

/** The dynamic table: newest first by index, evicted from the oldest end by size. */
export class DynamicTable<D> {
  #ring: HpackField<D>[] = []
  /** Entries ever added: the newest has this number, minus one. */
  added = 0
  /** Entries ever evicted. */
  evicted = 0
  #bytes = 0
  #bytesMax: number

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get length(): number {
    return this.added - this.evicted
  }

  /** Entry `index` of the dynamic part, 0 the newest. */
  at(index: number): HpackField<D> | undefined {
    if (index < 0 || index >= this.length) return undefined
    return this.#ring[this.added - 1 - index - this.evicted]
  }

  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax
    this.#evict(0)
  }

  /** Adds an entry; one that is larger than the table empties it (section 4.4). False when not kept. */
  add(entry: HpackField<D>): boolean {
    const bytes = entry.name.length + entry.value.length + ENTRY_OVERHEAD
    this.#evict(bytes)
    if (bytes > this.#bytesMax) return false
    this.#ring.push(entry)
    this.added++
    this.#bytes += bytes
    return true
  }

  #evict(room: number): void {
    let gone = 0
    while (this.#bytes + room > this.#bytesMax && gone < this.#ring.length) {
      const oldest = this.#ring[gone++] as HpackField<D>
      this.#bytes -= oldest.name.length + oldest.value.length + ENTRY_OVERHEAD
    }
    if (gone === 0) return
    this.evicted += gone
    this.#ring.splice(0, gone)
  }
}
