/**
 * Networks whose clients change faster than software does: fingerprints never seen before, one after the other, that share
 * a part (the same extensions with other ciphers, or the other way round). Scanners do this to try what a server takes,
 * evaders to have no history, and either would fill a database. Judged by how many of the last connections with that part
 * from that network were the first of their fingerprint anywhere, against how often that happens here. Being new alone is
 * no crime: the test asks for many new ones, and clients known before are left alone.
 *
 * @module
 */
import { digitsOf, logBinomialTail } from '../../math/tails.ts'

/** Networks and parts followed at once, the longest unseen forgotten; some 3 KB each at most. */
const CHURNS_MAX = 4096
/** Fingerprints remembered as seen anywhere, 16 bytes of text and more each. */
const FINGERPRINTS_MAX = 65_536
/** Connections after which a sighting counts half: as many again as {@link NEW_MIN} needs when every fourth is new. */
const HALF_LIFE_CONNECTIONS = 32
const KEEP = 2 ** (-1 / HALF_LIFE_CONNECTIONS)
/**
 * What is assumed here before there are connections to learn from: one first sighting in so many. A choice, for a server that
 * has just begun; a thousand connections outweigh it. Checked by the newcomers of the evaluation (`eval/strangers.ts`).
 */
const PRIOR_CONNECTIONS = 20
/**
 * Fewer new fingerprints are no churn, however seldom there are any: an office may bring as many versions of one browser at a
 * time. A choice, against twenty hellos within which a scanner should be seen.
 */
const NEW_MIN = 8
/** Fingerprints of a network that are left alone when it churns: the first that were seen more than once. */
export const KNOWN_MAX = 128
/** Seen so often, a fingerprint is known: who changes each time comes once. */
const KNOWN_FROM = 3

export interface Churn {
  readonly addressGroup: string
  /** What the fingerprints have in common: `b:` ciphers or `c:` extensions and signature algorithms of the JA4. */
  readonly part: string
  /** Fading counts of connections, and of those with a fingerprint never seen before. */
  connections: number
  fresh: number
  /** Sightings of fingerprints with that part here. */
  readonly sightings: Map<string, number>
  digits: number
  /** Profiles of this churn that were kept as examples. */
  kept: number
}

export interface ChurnWatch {
  readonly churns: Map<string, Churn>
  /** Stable fingerprints seen anywhere. */
  readonly seen: Set<string>
  /** Fading counts over all networks, of what was not churn. */
  connections: number
  fresh: number
}

export function newChurnWatch(): ChurnWatch {
  return { churns: new Map(), seen: new Set(), connections: 0, fresh: 0 }
}

/** Counts one hello; returns the churn it is part of, when it is one by now and its fingerprint is not known. */
export function watchChurn(
  watch: ChurnWatch,
  ja4Stable: string,
  addressGroup: string,
  threshold: number,
): Churn | undefined {
  const isNew = !watch.seen.has(ja4Stable)
  if (isNew) remember(watch.seen, ja4Stable)
  const share = (watch.fresh + 1) / (watch.connections + PRIOR_CONNECTIONS)
  let worst: Churn | undefined
  for (const part of partsOf(ja4Stable)) {
    const churn = churnOf(watch, addressGroup, part)
    churn.connections = churn.connections * KEEP + 1
    churn.fresh = churn.fresh * KEEP + (isNew ? 1 : 0)
    const times = sight(churn.sightings, ja4Stable)
    const fresh = Math.floor(churn.fresh)
    churn.digits =
      fresh < NEW_MIN
        ? 0
        : Math.max(0, digitsOf(logBinomialTail(fresh, Math.ceil(churn.connections), share)) - PAID)
    if (churn.digits >= threshold && times < KNOWN_FROM && churn.digits > (worst?.digits ?? 0)) {
      worst = churn
    }
  }
  if (worst === undefined) {
    // A long memory: what is usual here is not what happened in the last minute.
    watch.connections = watch.connections * LONG_KEEP + 1
    watch.fresh = watch.fresh * LONG_KEEP + (isNew ? 1 : 0)
  }
  return worst
}

const LONG_KEEP = 2 ** (-1 / 10_000)
/** Two parts are looked at for each connection. */
const PAID = Math.log10(2)
/** Twice as many as are left alone at most: the rest is room for newcomers to be seen again. */
const SIGHTINGS_MAX = 2 * KNOWN_MAX

/** Counts a sighting. Room for one never seen before is made by the longest unseen that is not known. */
function sight(sightings: Map<string, number>, ja4Stable: string): number {
  const times = (sightings.get(ja4Stable) ?? 0) + 1
  sightings.delete(ja4Stable)
  if (sightings.size >= SIGHTINGS_MAX) {
    let leaving: string | undefined
    for (const [fingerprint, count] of sightings) {
      leaving ??= fingerprint
      if (count >= KNOWN_FROM) continue
      leaving = fingerprint
      break
    }
    if (leaving !== undefined) sightings.delete(leaving)
  }
  sightings.set(ja4Stable, times)
  return times
}

/** Was it seen so often in this network that it is none of those who change each time? */
export function isKnownIn(
  watch: ChurnWatch,
  addressGroup: string,
  part: string,
  ja4Stable: string,
): boolean {
  const sightings = watch.churns.get(`${addressGroup} ${part}`)?.sightings
  return (sightings?.get(ja4Stable) ?? 0) >= KNOWN_FROM
}

/** Somebody vouches for it: from now on it is known there. */
export function makeKnown(watch: ChurnWatch, addressGroup: string, ja4Stable: string): void {
  for (const part of partsOf(ja4Stable)) {
    const { sightings } = churnOf(watch, addressGroup, part)
    while (sight(sightings, ja4Stable) < KNOWN_FROM);
  }
}

/** May one more profile be kept as an example? Counts it. */
export function keepExample(churn: Churn): boolean {
  if (churn.kept >= EXAMPLES_MAX) return false
  churn.kept++
  return true
}
/**
 * So many profiles of who changes each time are worth a place in the store, where a person finds what was decided about
 * them: a whole run of a scanner (nmap's ssl-enum-ciphers makes some hundred hellos), but no flood.
 */
const EXAMPLES_MAX = 256

/** Fingerprints of the network that are left alone. */
export function knownIn(churn: Churn): string[] {
  const known: string[] = []
  for (const [fingerprint, times] of churn.sightings) {
    if (times >= KNOWN_FROM && known.length < KNOWN_MAX) known.push(fingerprint)
  }
  return known
}

function churnOf(watch: ChurnWatch, addressGroup: string, part: string): Churn {
  const key = `${addressGroup} ${part}`
  const known = watch.churns.get(key)
  if (known !== undefined) {
    watch.churns.delete(key)
    watch.churns.set(key, known)
    return known
  }
  for (const oldest of watch.churns.keys()) {
    if (watch.churns.size < CHURNS_MAX) break
    watch.churns.delete(oldest)
  }
  const churn: Churn = {
    addressGroup,
    part,
    connections: 0,
    fresh: 0,
    sightings: new Map(),
    digits: 0,
    kept: 0,
  }
  watch.churns.set(key, churn)
  return churn
}

/** The hashed parts of a JA4, as `newcomers` verdicts name them. */
export function partsOf(ja4: string): readonly string[] {
  const [, ciphers, extensions] = ja4.split('_')
  return ciphers === undefined || extensions === undefined
    ? []
    : [`b:${ciphers}`, `c:${extensions}`]
}

function remember(seen: Set<string>, fingerprint: string): void {
  for (const oldest of seen) {
    if (seen.size < FINGERPRINTS_MAX) break
    seen.delete(oldest)
  }
  seen.add(fingerprint)
}
