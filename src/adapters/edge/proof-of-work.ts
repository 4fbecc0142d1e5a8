/**
 * Proof of work: a client looks for the number behind a hash, and gets a pass for it. Challenge and solution are
 * those of ALTCHA, version 1 (https://altcha.org), so that its widget and libraries solve them too:
 *
 *   salt       24 hex digits | `?expires=` seconds since the Unix epoch | `&`
 *   challenge  hex of SHA-256(salt | number), number in decimal, between 0 and twice the work
 *   signature  hex of HMAC-SHA-256(key of this profile, challenge)
 *   solution   base64 of the JSON { algorithm, challenge, number, salt, signature }
 *   pass       base64url of u32 expires | HMAC-SHA-256(key of this profile, `limen/pass/1` 00 | expires)[0..20)
 *
 * A challenge is good for one profile and once. Workers do not tell each other which are spent: so the pass is a
 * function of the challenge alone, and one that is redeemed at several workers gives the same pass, which is no
 * more than sending that one again. A pass is good for its profile, on every worker and edge with the same key.
 *
 * Synchronous, as all on the path of a request, which is why it is not done by `altcha-lib`: that one checks it in
 * the tests.
 *
 * @module
 */
import {
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto'
import type { Random } from '../../ground/random.ts'

export const PROOF_PATH = '/.well-known/limen/proof'
export const PASS_COOKIE = '__Host-limen-pass'

/** A slow phone takes a minute for what others do in a second. */
const CHALLENGE_SECONDS = 300
/** From the end of the challenge: long enough for a visit, short enough to be asked for again. */
const PASS_SECONDS = 3600
/** Spent challenges remembered, some 150 octets each; the oldest go first, and expire soon anyway. */
export const SPENT_MAX = 65_536
/** A solution has some 300 characters. */
const SOLUTION_CHARS_MAX = 1024
const SALT = /^[0-9a-f]{24}\?expires=(\d{10})&$/
const HEX_256 = /^[0-9a-f]{64}$/
const MAC_BYTES = 20
const PASS_BYTES = 4 + MAC_BYTES
const PASS_CONTEXT = 'limen/pass/1\0'

/** As ALTCHA's widget takes it. */
export interface Challenge {
  readonly algorithm: 'SHA-256'
  readonly challenge: string
  readonly maxnumber: number
  readonly salt: string
  readonly signature: string
}

export type Redeemed =
  | { readonly kind: 'passed'; readonly pass: string; readonly seconds: number }
  /** Not one of ours for this profile, or not solved. */
  | { readonly kind: 'forged' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'spent' }

export interface ProofOptions {
  /** 32 octets or more; the same on all workers and edges. */
  readonly key: Uint8Array
  readonly random: Random
  /** Milliseconds since the Unix epoch. */
  wallClock(): number
}

export class ProofsOfWork {
  readonly #key: KeyObject
  readonly #random: Random
  readonly #wallClock: () => number
  /** Signatures of challenges redeemed here, the oldest first. */
  readonly #spent = new Set<string>()

  constructor({ key, random, wallClock }: ProofOptions) {
    this.#key = createSecretKey(
      Buffer.from(hkdfSync('sha256', key, '', 'limen/proof of work/1', 32)),
    )
    this.#random = random
    this.#wallClock = wallClock
  }

  /** A challenge that takes `work` hashes on average. */
  challenge(profile: string, work: number): Challenge {
    const maxnumber = 2 * Math.ceil(work)
    const expires = this.#seconds() + CHALLENGE_SECONDS
    const salt = `${Buffer.from(this.#random.bytes(12)).toString('hex')}?expires=${expires}&`
    // 48 bits: the remainder is even enough for any work that can be asked of a client.
    const number = Buffer.from(this.#random.bytes(6)).readUIntBE(0, 6) % (maxnumber + 1)
    const challenge = sha256(salt + number)
    const signature = this.#sign(profile, challenge).toString('hex')
    return { algorithm: 'SHA-256', challenge, maxnumber, salt, signature }
  }

  /** The pass for a solution. */
  redeem(solution: string, profile: string): Redeemed {
    const solved = readSolution(solution)
    if (solved === undefined) return FORGED
    const { challenge, salt, number, signature, expires } = solved
    const isOurs = timingSafeEqual(this.#sign(profile, challenge), Buffer.from(signature, 'hex'))
    if (!isOurs || sha256(salt + number) !== challenge) return FORGED
    const now = this.#seconds()
    if (expires < now) return { kind: 'expired' }
    if (this.#spent.has(signature)) return { kind: 'spent' }
    this.#spent.add(signature)
    if (this.#spent.size > SPENT_MAX) {
      const [oldest] = this.#spent
      if (oldest !== undefined) this.#spent.delete(oldest)
    }
    const until = expires + PASS_SECONDS
    const at = Buffer.alloc(4)
    at.writeUInt32BE(until)
    const pass = Buffer.concat([at, this.#seal(profile, at)]).toString('base64url')
    return { kind: 'passed', pass, seconds: until - now }
  }

  isPass(pass: string, profile: string): boolean {
    const octets = Buffer.from(pass, 'base64url')
    if (octets.length !== PASS_BYTES || octets.toString('base64url') !== pass) return false
    const at = octets.subarray(0, 4)
    if (!timingSafeEqual(this.#seal(profile, at), octets.subarray(4))) return false
    return at.readUInt32BE() >= this.#seconds()
  }

  #seconds(): number {
    return Math.floor(this.#wallClock() / 1000)
  }

  /** In hex: ALTCHA's libraries take keys as text. */
  #keyOf(profile: string): string {
    return createHmac('sha256', this.#key).update(profile).digest('hex')
  }

  #sign(profile: string, challenge: string): Buffer {
    return createHmac('sha256', this.#keyOf(profile)).update(challenge).digest()
  }

  #seal(profile: string, at: Uint8Array): Buffer {
    const mac = createHmac('sha256', this.#keyOf(profile)).update(PASS_CONTEXT).update(at)
    return mac.digest().subarray(0, MAC_BYTES)
  }
}

interface Solution {
  readonly challenge: string
  readonly salt: string
  readonly number: number
  readonly signature: string
  readonly expires: number
}

/** A solution of the right form, whatever it is worth. Never throws. */
function readSolution(text: string): Solution | undefined {
  if (text.length > SOLUTION_CHARS_MAX) return undefined
  try {
    const read: unknown = JSON.parse(Buffer.from(text, 'base64').toString())
    if (typeof read !== 'object' || read === null) return undefined
    const { algorithm, challenge, number, salt, signature } = read as Record<string, unknown>
    if (algorithm !== 'SHA-256' || typeof salt !== 'string') return undefined
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) return undefined
    if (typeof challenge !== 'string' || !HEX_256.test(challenge)) return undefined
    if (typeof signature !== 'string' || !HEX_256.test(signature)) return undefined
    const expires = SALT.exec(salt)?.[1]
    if (expires === undefined) return undefined
    return { challenge, salt, number, signature, expires: Number(expires) }
  } catch {
    return undefined
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

const FORGED: Redeemed = { kind: 'forged' }
