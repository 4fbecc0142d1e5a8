/**
 * Which packets of a stream were there: the index of an SRTP packet (rollover counter and sequence number, RFC 3711 section
 * 3.3.1 and appendix A) and the replay list (section 3.3.2). A receiver takes none twice; a sender, with a window of its own, sends
 * none twice, for that would be the same nonce.
 *
 * @module
 */

/** Packets behind the highest that may still come; 64 is the least (section 3.3.2), reordering at 2000 packets a second half a second. */
export const WINDOW_PACKETS = 1024
export const SEQUENCES = 65_536
/** 48 bits (RFC 3711 section 9.2): one more would be the first nonce again. */
export const INDEX_MAX = 2 ** 48 - 1

/**
 * The index nearest to the highest so far that has this sequence number, -1 when there is none left. The first packet of all has rollover
 * counter 0.
 */
export function packetIndex(sequence: number, highest: number | undefined): number {
  if (highest === undefined) return sequence
  const last = highest % SEQUENCES
  const near = highest - last + sequence
  if (last < SEQUENCES / 2) return sequence - last > SEQUENCES / 2 ? before(near) : near
  if (last - SEQUENCES / 2 <= sequence) return near
  return near + SEQUENCES > INDEX_MAX ? -1 : near + SEQUENCES
}

function before(near: number): number {
  return near < SEQUENCES ? near : near - SEQUENCES
}

/** Indices taken, as far as {@link WINDOW_PACKETS} behind the highest. */
export class PacketWindow {
  /** -1 before the first. */
  highest = -1
  readonly #taken = new Uint32Array(WINDOW_PACKETS / 32)

  /** Not taken yet, and not too old to tell. */
  isFresh(index: number): boolean {
    if (index > this.highest) return true
    if (index < 0 || this.highest - index >= WINDOW_PACKETS) return false
    return ((this.#taken[slotOf(index)] ?? 0) & bitOf(index)) === 0
  }

  /** @param index a fresh one */
  take(index: number): void {
    if (index > this.highest) this.#advance(index)
    const slot = slotOf(index)
    this.#taken[slot] = (this.#taken[slot] ?? 0) | bitOf(index)
  }

  #advance(index: number): void {
    const gone = index - this.highest
    if (gone >= WINDOW_PACKETS) this.#taken.fill(0)
    else {
      for (let i = this.highest + 1; i <= index; i++) {
        const slot = slotOf(i)
        this.#taken[slot] = (this.#taken[slot] ?? 0) & ~bitOf(i)
      }
    }
    this.highest = index
  }
}

function slotOf(index: number): number {
  return (index % WINDOW_PACKETS) >>> 5
}

function bitOf(index: number): number {
  return 1 << (index % 32)
}
