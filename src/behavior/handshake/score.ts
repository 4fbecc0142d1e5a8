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
import { isGrease } from '../../wire/grease.ts'
import type { Reason } from '../decision.ts'
import { isAnonymous } from './known-clients.ts'
import { Prevalence } from './prevalence.ts'
import { beginsWithTime, CLOCK_CHANCE, isSevenBit } from './random-tests.ts'
import { RecentValues } from './recent-values.ts'

/** Name and version of this model, as decisions carry it. */
export const HANDSHAKE_MODEL = 'handshake/1'

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
  const reasons: Reason[] = []
  const newest = highestVersion(hello)
  const repeated = testRandom(state, hello, newest, now, reasons)
  testSecrets(state, hello, newest, now, repeated, reasons)
  testRarity(state.fingerprints, input.ja4Stable, 'fingerprint', input.rarityMax, now, reasons)
  addContext(hello, newest, reasons)
  return { score: sum(reasons), reasons }
}

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

const TLS13 = 0x0304
const TLS11 = 0x0302

function testRandom(
  state: HandshakeScoring,
  hello: ClientHello,
  newest: number,
  now: number,
  reasons: Reason[],
): boolean {
  const { random } = hello
  const chance = state.randoms.chance
  const first = state.randoms.meet(random, now)
  if (first !== undefined) {
    reasons.push({
      code: 'random-repeated',
      text: `Its random was in another hello ${ago(now - first)}: replayed, or from a broken generator`,
      weight: digits(chance),
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
    })
  }
  // The time up to 2038 begins below 0x80 itself: count the bytes behind it only.
  const from = timed ? 4 : 0
  if (fresh && isSevenBit(random, from)) {
    reasons.push({
      code: 'random-seven-bit',
      text: 'Every byte of its random is below 128, as in text or counters',
      weight: digits(2 ** -(random.length - from)),
    })
  }
  return !fresh
}

/** Key share and session id: values that an honest client draws anew, most of the time. */
function testSecrets(
  state: HandshakeScoring,
  hello: ClientHello,
  newest: number,
  now: number,
  repeated: boolean,
  reasons: Reason[],
): void {
  const key = lastBytesOfFirstShare(hello)
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
      })
    }
  }
  if (hello.sessionId.length === 0 || newest < TLS13 || (hello.sessionTicket?.length ?? 0) > 0) {
    return
  }
  const chance = state.sessionIds.chance
  if (state.sessionIds.meet(hello.sessionId, now) === undefined || repeated) return
  // With a TLS 1.3 ticket the id means nothing and is drawn at random (RFC 8446 section D.4). Without,
  // it may well name a TLS 1.2 session to resume.
  reasons.push({
    code: 'session-id-reused',
    text:
      hello.psk === undefined
        ? 'Its session id was in another hello, as when a TLS 1.2 session is resumed'
        : 'Its session id was in another hello, though it should be drawn at random',
    weight: hello.psk === undefined ? 0 : digits(chance),
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

function highestVersion(hello: ClientHello): number {
  let highest = 0
  for (const version of hello.versions) {
    if (version > highest && !isGrease(version)) highest = version
  }
  return highest === 0 ? hello.legacyVersion : highest
}

/** X25519 ends every hybrid share too, so 32 bytes stand for the whole of it. */
function lastBytesOfFirstShare(hello: ClientHello): Uint8Array | undefined {
  for (const share of hello.keyShares) {
    if (share.length >= 32) return share.key.subarray(share.length - 32)
  }
  return undefined
}

function digits(probability: number): number {
  return -Math.log10(probability)
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
