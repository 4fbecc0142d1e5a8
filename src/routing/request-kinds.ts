/**
 * What each kind of request takes to answer, whoever answers it: a server that was asked for a report is not slow because
 * others were asked for a picture. Times of answers are made comparable by it, before they are counted for a server
 * (`choose-by-latency.ts`). How much that gains: docs/decisions/0036-requests-of-different-cost.md.
 *
 * A kind is a method and the form of a path: its first segments, one that has a digit in it like any other that has.
 * Kinds share a table by hash: two in one place are compared as one, which is what is done without.
 *
 * @module
 */

/** Places in the table, a power of two: 9 KB for a pool. */
export const KINDS = 1024
/** Answers that a mean stands for at most: it follows what a kind takes now. */
const ANSWERS_MAX = 200
/** As for servers: what is below is no difference. */
const LATENCY_MIN_MS = 1

export class RequestKinds {
  /** Means of the logarithm of ms: one answer that takes a hundred times as long is not to speak for all. */
  readonly #means = new Float64Array(KINDS)
  /** That the means stand for. */
  readonly #answers = new Uint8Array(KINDS)
  #mean = 0
  #allAnswers = 0

  /**
   * Takes in an answer.
   *
   * @param kind of the request, see {@link requestKind}
   * @param latencyMs that it took
   * @returns ms that the same server would have taken for an ordinary request of the pool; undefined for the first of its kind:
   *   whether that took long nobody knows. Where all are of one kind: what it took
   */
  compare(kind: number, latencyMs: number): number | undefined {
    const log = Math.log(Math.max(LATENCY_MIN_MS, latencyMs))
    const answers = this.#answers[kind] as number
    const mean = this.#means[kind] as number
    const ordinary = this.#mean
    const isFirst = this.#allAnswers === 0
    this.#answers[kind] = Math.min(ANSWERS_MAX, answers + 1)
    this.#means[kind] = mean + (log - mean) / Math.min(ANSWERS_MAX, answers + 1)
    this.#allAnswers = Math.min(ANSWERS_MAX, this.#allAnswers + 1)
    this.#mean += (log - ordinary) / this.#allAnswers
    if (answers > 0) return Math.exp(log - mean + ordinary)
    return isFirst ? latencyMs : undefined
  }
}

const SPACE = 32
const SLASH = 47
const DIGIT_0 = 48
const DIGIT_9 = 57
const QUESTION_MARK = 63
/** Octets of a head that are looked at. */
const OCTETS_MAX = 128
/** Segments of a path that tell kinds apart: what lies deeper is mostly what is asked for, not how. */
const SEGMENTS_MAX = 4
/** FNV-1a, 32 bits. */
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/**
 * The kind of a request, 0 to {@link KINDS} - 1.
 *
 * @param head that begins with its request line (RFC 9112 section 3)
 */
export function requestKind(head: Uint8Array): number {
  const end = Math.min(OCTETS_MAX, head.length)
  let hash = FNV_OFFSET
  let atSegment = hash
  let segments = 0
  let isNumbered = false
  let spaces = 0
  for (let at = 0; at < end; at++) {
    const octet = head[at] as number
    if (octet === QUESTION_MARK || (octet === SPACE && ++spaces > 1)) break
    if (octet === SLASH) {
      if (segments++ === SEGMENTS_MAX) break
      isNumbered = false
    } else if (isNumbered) continue
    else if (octet >= DIGIT_0 && octet <= DIGIT_9) {
      isNumbered = true
      hash = mixed(atSegment, DIGIT_0)
      continue
    }
    hash = mixed(hash, octet)
    if (octet === SLASH) atSegment = hash
  }
  return (hash ^ (hash >>> 16)) & (KINDS - 1)
}

function mixed(hash: number, octet: number): number {
  return Math.imul(hash ^ octet, FNV_PRIME)
}
