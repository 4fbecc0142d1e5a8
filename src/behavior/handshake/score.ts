/**
 * The score of a ClientHello: -log10 of the probability that an honest client sends one like it.
 * What counts are tests whose chance under an honest client is known exactly (a repeated random, a
 * random that is a clock or text), and how rare the fingerprint is *here*. Everything else a person
 * may want to know stands beside it as context with weight 0.
 *
 * The weights add up because the tests look at different things; a hello can trip five of them, so at
 * score s at most about 5 in 10^s honest hellos are judged wrongly by the exact tests together.
 * Not here: profiles over many hellos of a client, and what is decided (`flows/admit-handshake.ts`).
 *
 * @module
 */
import type { Random } from '../../ground/random.ts'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import type { Reason } from '../decision.ts'
import { highestVersion, lastBytesOfFirstShare } from './features.ts'
import { isAnonymous } from './known-clients.ts'
import { Prevalence } from './prevalence.ts'
import { findStructure } from './random-structure.ts'
import { beginsWithTime, CLOCK_CHANCE, isSevenBit } from './random-tests.ts'
import { RecentValues } from './recent-values.ts'

/** Name and version of this model, as decisions carry it. */
export const HANDSHAKE_MODEL = 'handshake/2'

export interface HandshakeScoringOptions {
  /** Hellos whose random, key share and session id are remembered: about 17 bytes each. */
  readonly hellosRemembered: number
  /** After this time a sighting counts half in what is ordinary here. */
  readonly halfLifeMs: number
  readonly fingerprintsMax: number
}

export const HANDSHAKE_SCORING_DEFAULTS: HandshakeScoringOptions = {
  // LHS/1 section 3.4: the window in which the repeats of scanners were measured.
  hellosRemembered: 100_000,
  // One day: the mix of clients changes with the hour and the week, a new browser version in days.
  halfLifeMs: 86_400_000,
  fingerprintsMax: 4096,
}

/** What is remembered of the hellos seen. Bounded; changed by {@link scoreHandshake} only. */
export interface HandshakeScoring {
  readonly randoms: RecentValues
  /** Quarters of randoms: generators of which a part stands still. */
  readonly randomParts: RecentValues
  readonly keyShares: RecentValues
  readonly sessionIds: RecentValues
  /** How common each stable fingerprint, or error code, is here. */
  readonly fingerprints: Prevalence
  /** How common it is here to use a key share again. */
  readonly keyShareUse: Prevalence
}

export function newHandshakeScoring(
  random: Random,
  options: HandshakeScoringOptions = HANDSHAKE_SCORING_DEFAULTS,
): HandshakeScoring {
  const { hellosRemembered, halfLifeMs, fingerprintsMax } = options
  return {
    randoms: new RecentValues(hellosRemembered, random.bytes(8)),
    randomParts: new RecentValues(hellosRemembered, random.bytes(8)),
    keyShares: new RecentValues(hellosRemembered, random.bytes(8)),
    sessionIds: new RecentValues(hellosRemembered, random.bytes(8)),
    fingerprints: new Prevalence({ halfLifeMs, labelsMax: fingerprintsMax }),
    keyShareUse: new Prevalence({ halfLifeMs, labelsMax: 2 }),
  }
}

export interface HandshakeScore {
  /** The sum of the weights of `reasons`. */
  readonly score: number
  readonly reasons: readonly Reason[]
}

export interface HandshakeInput {
  readonly hello: ClientHello
  readonly ja4Stable: string
  /** What rarity may add at most. Below the threshold of tier 2, so that being rare is no crime. */
  readonly rarityMax: number
}

/** Scores a hello and remembers what the next ones are compared with. */
export function scoreHandshake(
  state: HandshakeScoring,
  input: HandshakeInput,
  now: number,
): HandshakeScore {
  const { hello } = input
  const newest = highestVersion(hello)
  const reasons = judgeSecrets(
    state,
    {
      random: hello.random,
      keyShare: lastBytesOfFirstShare(hello),
      sessionId: hello.sessionId,
      newest,
      psk: hello.psk !== undefined,
      ticket: (hello.sessionTicket?.length ?? 0) > 0,
    },
    now,
  )
  testRarity(state.fingerprints, input.ja4Stable, 'fingerprint', input.rarityMax, now, reasons)
  addContext(hello, newest, reasons)
  return { score: sum(reasons), reasons }
}

/** The values of a hello that an honest client draws anew. */
export interface HelloSecrets {
  readonly random: Uint8Array
  /** The end of its first key share; undefined without one. */
  readonly keyShare: Uint8Array | undefined
  readonly sessionId: Uint8Array
  /** The highest version offered. */
  readonly newest: number
  /** A TLS 1.3 ticket, and one of TLS 1.2, came with it. */
  readonly psk: boolean
  readonly ticket: boolean
}

/** The exact tests only, and remembers the values. */
export function judgeSecrets(
  state: Pick<
    HandshakeScoring,
    'randoms' | 'randomParts' | 'keyShares' | 'sessionIds' | 'keyShareUse'
  >,
  secrets: HelloSecrets,
  now: number,
): Reason[] {
  const reasons: Reason[] = []
  const repeated = testRandom(state, secrets, now, reasons)
  testSecrets(state, secrets, now, repeated, reasons)
  return reasons
}

type SecretsMemory = Parameters<typeof judgeSecrets>[0]

/** Scores a connection that sent no readable hello: how rare is that here? */
export function scoreMalformed(
  state: HandshakeScoring,
  code: string,
  rarityMax: number,
  now: number,
): HandshakeScore {
  const reasons: Reason[] = []
  testRarity(state.fingerprints, code, 'kind of malformed hello', rarityMax, now, reasons)
  return { score: sum(reasons), reasons }
}

/** Parts of a random that are compared with those of others. */
const PART_BYTES = 8
const PARTS = 4
const TLS13 = 0x0304
const TLS11 = 0x0302

function testRandom(
  state: SecretsMemory,
  { random, newest }: HelloSecrets,
  now: number,
  reasons: Reason[],
): boolean {
  const chance = state.randoms.chance
  const first = state.randoms.meet(random, now)
  if (first !== undefined) {
    reasons.push({
      code: 'random-repeated',
      text: `Its random was in another hello ${ago(now - first)}: replayed, or from a broken generator`,
      weight: digits(chance),
      detector: 'randomness',
    })
  }
  // The tests below ask what a fresh random looks like; a repeated one has been judged already.
  const fresh = first === undefined
  const timed = beginsWithTime(random, now)
  // RFC 5246 asked for the time there, and old stacks obey: in FoxIO's JA4 captures 8 of 11 hellos that
  // offer TLS 1.2 or less hold it, of those that offer TLS 1.3 none of 178 (counted 2026-11-21).
  if (timed && newest < TLS13) {
    reasons.push({
      code: 'random-holds-time',
      text: 'Its random begins with the time, as TLS 1.2 and older had it',
      weight: 0,
    })
  } else if (timed) {
    reasons.push({
      code: 'random-holds-time',
      text: 'Its random begins with the time, though it offers TLS 1.3, where all of it is random',
      weight: fresh ? digits(CLOCK_CHANCE) : 0,
      detector: 'randomness',
    })
  }
  if (fresh) addStrongest(reasons, structureOf(state, random, timed, now))
  return !fresh
}

/** What else is not random about it. These look at the same bytes, so only the strongest counts. */
function structureOf(
  state: SecretsMemory,
  random: Uint8Array,
  timed: boolean,
  now: number,
): Reason[] {
  const reasons: Reason[] = []
  const add = (code: string, text: string, chance: number) =>
    reasons.push({ code, text, weight: digits(chance), detector: 'randomness' })
  // The time up to 2038 begins below 0x80 itself: count the bytes behind it only.
  const from = timed ? 4 : 0
  if (isSevenBit(random, from)) {
    const chance = 2 ** -(random.length - from)
    add('random-seven-bit', 'Every byte of its random is below 128, as in text or counters', chance)
  }
  const structure = findStructure(random)
  if (structure !== undefined) add(structure.code, structure.text, structure.chance)
  const { chance } = state.randomParts
  let first: number | undefined
  for (let at = 0; at + PART_BYTES <= random.length; at += PART_BYTES) {
    const before = state.randomParts.meet(random.subarray(at, at + PART_BYTES), now)
    first ??= before
  }
  if (first !== undefined) {
    const text = `A part of its random was in another hello ${ago(now - first)}: its generator stands still`
    add('random-part-repeated', text, chance * PARTS)
  }
  return reasons
}

function addStrongest(reasons: Reason[], among: readonly Reason[]): void {
  let strongest: Reason | undefined
  for (const reason of among) {
    if (strongest === undefined || reason.weight > strongest.weight) strongest = reason
  }
  if (strongest !== undefined) reasons.push(strongest)
}

/** Key share and session id: values that an honest client draws anew, most of the time. */
function testSecrets(
  state: SecretsMemory,
  secrets: HelloSecrets,
  now: number,
  repeated: boolean,
  reasons: Reason[],
): void {
  const { keyShare: key, sessionId, newest, psk, ticket } = secrets
  if (key !== undefined) {
    const reused = state.keyShares.meet(key, now) !== undefined
    // RFC 8446 discourages using a key share again but does not forbid it: so its weight is not that of
    // chance but how seldom it is done here, at most one digit.
    const p = state.keyShareUse.meet(reused ? 'reused' : 'fresh', now)
    if (reused && !repeated) {
      reasons.push({
        code: 'key-share-reused',
        text: 'Its key share was in another hello: it does not draw a new one per connection',
        weight: Math.min(digits(p), 1),
        detector: 'randomness',
      })
    }
  }
  if (sessionId.length === 0 || newest < TLS13 || ticket) return
  const chance = state.sessionIds.chance
  if (state.sessionIds.meet(sessionId, now) === undefined || repeated) return
  // With a TLS 1.3 ticket the id means nothing and is drawn at random (RFC 8446 section D.4). Without,
  // it may well name a TLS 1.2 session to resume.
  reasons.push({
    code: 'session-id-reused',
    text: !psk
      ? 'Its session id was in another hello, as when a TLS 1.2 session is resumed'
      : 'Its session id was in another hello, though it should be drawn at random',
    weight: psk ? digits(chance) : 0,
    detector: 'randomness',
  })
}

function testRarity(
  prevalence: Prevalence,
  label: string,
  what: string,
  rarityMax: number,
  now: number,
  reasons: Reason[],
): void {
  const p = prevalence.meet(label, now)
  // Up to one in ten is ordinary: half of all sites have a client that rare.
  if (p > 0.1) return
  reasons.push({
    code: 'rare-here',
    text: `Its ${what} is rare here: 1 connection in ${Math.floor(1 / p)} has one as rare`,
    weight: Math.min(digits(p), rarityMax),
    detector: 'rarity',
  })
}

/** Facts about the offer that a person should see; honest clients can have any of them. */
function addContext(hello: ClientHello, newest: number, reasons: Reason[]): void {
  const context = (code: string, text: string) => reasons.push({ code, text, weight: 0 })
  if (newest <= TLS11) context('obsolete-versions', 'It offers nothing newer than TLS 1.1')
  if (hello.ciphers.some(isAnonymous)) {
    context('anonymous-ciphers', 'It offers to go without a server certificate')
  }
  if (hello.compressions.some((method) => method !== 0)) {
    context('compression', 'It offers TLS compression, which leaks secrets (CRIME)')
  }
  if (hello.sni === '') context('no-server-name', 'It asks for no server name')
}

/** 32 bytes cannot be less likely than 2^-256; a probability that came out as 0 is not known better. */
const DIGITS_MAX = 77

function digits(probability: number): number {
  return Math.min(DIGITS_MAX, -Math.log10(probability))
}

function sum(reasons: readonly Reason[]): number {
  let total = 0
  for (const reason of reasons) total += reason.weight
  return total
}

function ago(ms: number): string {
  if (ms < 1000) return 'less than a second ago'
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s ago`
  return seconds < 7200
    ? `${Math.round(seconds / 60)} min ago`
    : `${Math.round(seconds / 3600)} h ago`
}
