/**
 * Direct evidence against a stream: things that neither an encoder in its usual settings nor a network does. Counted apart from scores,
 * over {@link EVIDENCE_MS}; from its limit on a kind is enough by itself.
 *
 * @module
 */

export type EvidenceKind = keyof typeof EVIDENCE_LIMITS

/**
 * How often within {@link EVIDENCE_MS} is too often. One forged packet can be had of anybody who can send one, so what is counted before
 * a packet is known to be authentic needs some.
 */
export const EVIDENCE_LIMITS = {
  /** Not authentic under the epoch they name. A flipped bit is dropped by UDP's checksum; three may be a broken network card. */
  auth: 4,
  /** Taken before, or too old to tell, and of longer ago than {@link REPLAY_MS}. */
  replay: 4,
  /** Under an epoch that was retired, after the grace for packets on their way. */
  oldKey: 4,
  /** Sequence numbers that went back, or ahead further than losses explain. */
  sequence: 2,
  /** RTP time that went back, or ahead of the clock: once, for it goes on from there. */
  time: 1,
  /** Two different packets of one sequence number. */
  clash: 2,
  /** Fragments that do not go on from the packet before, though none is missing. */
  fragments: 2,
  /** No payload of this codec. */
  malformed: 2,
  /** A parameter set, payload type, SSRC, kind of NAL unit that was not there while the baseline was learned. */
  parameters: 1,
  payloadType: 1,
  ssrc: 1,
  units: 1,
  /** Pictures whose numbers do not go on, though no packet is missing. */
  numbers: 1,
  /** An encoder begins in the middle: it says what it is as it did once, or its key frames begin otherwise. */
  restart: 1,
  /** It says that it is another one. */
  encoder: 1,
  /** A key frame out of turn that comes before it can have been sent. */
  clock: 1,
  /** SRT: data under a key that nobody announced. */
  keyBits: 2,
  /** SRT: two connections under one passphrase, and both send. */
  second: 1,
  /** SRT: a handshake says other settings than the encoder's. */
  settings: 1,
} as const

/** What anybody can make who can send a packet: it says that somebody is there, not that he has a key. */
const UNPROVEN: ReadonlySet<string> = new Set<EvidenceKind>(['auth', 'oldKey'])

/** @param kind of evidence, or what a score says */
export function isProven(kind: string): boolean {
  return !UNPROVEN.has(kind)
}

/** As long as the shortest window. */
export const EVIDENCE_MS = 2_000
/** RTP time behind the newest from which on a packet is not the network's copy: queues hold less, and let none pass another. */
export const REPLAY_MS = 1_000

export class StreamEvidence {
  /** Times of the last ones, as many as the limit of the kind. */
  readonly #times = new Map<EvidenceKind, number[]>()
  readonly #totals = new Map<EvidenceKind, number>()

  /** True when this is one too many. */
  meet(kind: EvidenceKind, atMs: number): boolean {
    this.#totals.set(kind, (this.#totals.get(kind) ?? 0) + 1)
    const times = this.#times.get(kind) ?? []
    times.push(atMs)
    if (times.length > EVIDENCE_LIMITS[kind]) times.shift()
    this.#times.set(kind, times)
    return times.length === EVIDENCE_LIMITS[kind] && atMs - (times[0] ?? atMs) <= EVIDENCE_MS
  }

  /** Since the beginning. */
  totals(): Readonly<Partial<Record<EvidenceKind, number>>> {
    return Object.fromEntries(this.#totals)
  }
}
