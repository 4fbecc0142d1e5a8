/**
 * Who the key server is: the identity key that clients pin (Ed25519), and the HPKE keys it vouches for, which roll over.
 * Made on first use, kept sealed:
 *
 * | bytes | what |
 * |---|---|
 * | 1 | version, 2 |
 * | 32 | seed of the identity key |
 * | 2 | the next key id |
 * | 1 | count of HPKE keys, then for each: |
 * | 2, 2 | key id, KEM |
 * | 4, 4 | not before, expires: seconds since 1970 |
 * | 32 | seed |
 * | 1 | count of keys that sign assertions (none in version 1), then for each: |
 * | 4, 32 | made: seconds since 1970; seed |
 *
 * @module
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { hpkeKeyPair } from '../../../adapters/node/hpke.ts'
import type { KeyServerPair } from '../../../adapters/node/key-agreement.ts'
import type { Random } from '../../../ground/random.ts'
import type { AssertionKey } from '../../../ports/data-plane.ts'
import {
  KEM,
  KEY_CONFIG_LABEL,
  type Kem,
  sealKeyConfig,
  writeKeyConfig,
} from '../../../wire/key-config.ts'
import { SUITE, type Suite } from '../../../wire/key-message.ts'
import { type AssertionPair, assertionJwks, assertionKeyOf } from './assertion-keys.ts'
import type { SealedFile } from './sealed-file.ts'

export interface IdentityKeys {
  /** What clients pin: 32 bytes. */
  readonly publicKey: Uint8Array
  /** HPKE keys in their time, the newest first. */
  pairs(): readonly KeyServerPair[]
  /** The signed configuration (`GET /.well-known/limen/keys`). */
  config(): Uint8Array
  /** What edges sign assertions with, from now on; a copy. */
  assertion(): AssertionKey
  /** Its public key and those of the keys before it (`GET /.well-known/limen/jwks.json`). */
  jwks(): Uint8Array
  /** Does the configuration list the suite under this key? undefined: there is no such key. */
  offers(keyId: number, suite: number): boolean | undefined
  /** Ed25519 by the identity key. */
  sign(data: Uint8Array): Uint8Array
  /**
   * Makes new HPKE keys when it is time, or when `rotate` says so, and forgets those past theirs. True when something
   * changed. Throws when they cannot be kept: then nothing has.
   *
   * @param now seconds since 1970
   */
  roll(now: number, rotate?: boolean): boolean
}

export interface IdentityKeysOptions {
  readonly file: SealedFile
  readonly random: Random
  /** The preferred first. */
  readonly suites: readonly Suite[]
}

const DAY_S = 86_400
/** LSK/1, section 1.1: a key lives 7 days, 1 of them beside the next. */
export const KEM_LIFE_S = 7 * DAY_S
export const KEM_OVERLAP_S = DAY_S
/** Clocks of clients differ: a key is good from a little before it is made. */
const NOT_BEFORE_S = 300
const VERSION = 2
const SEED_BYTES = 32
const HEAD_BYTES = 1 + SEED_BYTES + 3
const ENTRY_BYTES = 12 + SEED_BYTES
const ASSERTION_BYTES = 4 + SEED_BYTES
/** By hand several times a day: servers that look up a key meanwhile still find it. */
const ASSERTIONS_MAX = 4
/** The preferred first. */
const KEMS: readonly Kem[] = [KEM.xWing, KEM.x25519, KEM.p256]
/** Suites under a key: who cannot do X25519 itself takes the P-256 key. */
const SUITES_OF: Readonly<Record<Kem, readonly Suite[]>> = {
  [KEM.xWing]: [SUITE.x25519MlKem768],
  [KEM.x25519]: [SUITE.x25519MlKem768, SUITE.x25519, SUITE.p256],
  [KEM.p256]: [SUITE.p256],
}

interface SeededPair extends KeyServerPair {
  readonly seed: Uint8Array
}

export function openIdentityKeys({ file, random, suites }: IdentityKeysOptions): IdentityKeys {
  const kept = file.read()
  const state = kept === undefined ? undefined : (read(kept) ?? file.refuse())
  kept?.fill(0)
  const seed = state?.seed ?? random.bytes(SEED_BYTES)
  const identity = ed25519Of(seed)
  const publicKey = createPublicKey(identity).export({ format: 'raw-public' })
  let nextKeyId = state?.nextKeyId ?? 1
  let pairs: readonly SeededPair[] = state?.pairs ?? []
  let assertions: readonly AssertionPair[] = state?.assertions ?? []
  let config: Uint8Array | undefined

  const make = (now: number): SeededPair[] =>
    KEMS.filter((kem) => suitesOf(kem).length > 0).map((kem) => {
      const keySeed = Buffer.from(random.bytes(SEED_BYTES))
      const keyId = nextKeyId
      nextKeyId = nextKeyId === 0xffff ? 1 : nextKeyId + 1
      const times = { notBefore: now - NOT_BEFORE_S, expires: now + KEM_LIFE_S }
      return { keyId, pair: hpkeKeyPair(kem, keySeed), seed: keySeed, ...times }
    })
  const suitesOf = (kem: Kem) => suites.filter((suite) => SUITES_OF[kem].includes(suite))
  const signedConfig = (): Uint8Array => {
    const signed = writeKeyConfig(
      pairs.map(({ keyId, pair: { kem, publicKey: key }, notBefore, expires }) => ({
        ...{ keyId, kem, notBefore, expires },
        suites: suitesOf(kem),
        publicKey: key,
      })),
    )
    const signature = sign(null, Buffer.concat([Buffer.from(KEY_CONFIG_LABEL), signed]), identity)
    return sealKeyConfig(signed, signature)
  }

  const newAssertion = (now: number): AssertionPair => ({
    seed: Buffer.from(random.bytes(SEED_BYTES)),
    madeAt: now,
  })

  return {
    publicKey,
    pairs: () => pairs,
    assertion: () => assertionKeyOf(assertions[0] as AssertionPair),
    jwks: () => assertionJwks(assertions),
    sign: (data) => sign(null, data, identity),
    offers(keyId, suite) {
      const key = pairs.find((each) => each.keyId === keyId)
      return key && suitesOf(key.pair.kem).some((each) => each === suite)
    },
    config() {
      config ??= signedConfig()
      return config
    },
    roll(now, rotate = false) {
      const living = pairs.filter(({ expires }) => now < expires)
      const newest = Math.max(0, ...living.map(({ expires }) => expires))
      const isDue = rotate || newest - now <= KEM_OVERLAP_S
      const isWhole = living.length === pairs.length && assertions.length > 0
      if (!isDue && isWhole) return false
      // By hand twice a day: only the newest of the old stay, or the configuration would overflow.
      const stay = living
        .slice(0, KEMS.length)
        .map((pair) => ({ ...pair, expires: Math.min(pair.expires, now + KEM_OVERLAP_S) }))
      const next = isDue ? [...make(now), ...stay] : living
      const isNew = isDue || assertions.length === 0
      const known = isNew ? [newAssertion(now), ...assertions] : assertions
      const signing = known
        .filter((_, i) => i === 0 || isFresh(known[i - 1], now))
        .slice(0, ASSERTIONS_MAX)
      // First of all kept: clients must not seal to a key that a restart forgets.
      file.write(write(seed, nextKeyId, next, signing))
      for (const old of assertions) if (!signing.includes(old)) old.seed.fill(0)
      assertions = signing
      for (const { keyId, seed: old } of pairs) {
        if (!next.some((pair) => pair.keyId === keyId)) old.fill(0)
      }
      pairs = next
      config = undefined
      return true
    },
  }
}

/** Was the one after it made so lately that its own signatures are still looked at? */
function isFresh(next: AssertionPair | undefined, now: number): boolean {
  return next !== undefined && now - next.madeAt < KEM_OVERLAP_S
}

function ed25519Of(seed: Uint8Array): KeyObject {
  const key = Buffer.from(seed)
  return createPrivateKey({ key, format: 'raw-private', asymmetricKeyType: 'ed25519' })
}

function write(
  seed: Uint8Array,
  nextKeyId: number,
  pairs: readonly SeededPair[],
  assertions: readonly AssertionPair[],
): Uint8Array {
  const assertionsAt = HEAD_BYTES + pairs.length * ENTRY_BYTES
  const bytes = Buffer.alloc(assertionsAt + 1 + assertions.length * ASSERTION_BYTES)
  bytes.writeUInt8(VERSION)
  bytes.set(seed, 1)
  bytes.writeUInt16BE(nextKeyId, 1 + SEED_BYTES)
  bytes.writeUInt8(pairs.length, HEAD_BYTES - 1)
  pairs.forEach(({ keyId, pair, notBefore, expires, seed: own }, i) => {
    const at = HEAD_BYTES + i * ENTRY_BYTES
    bytes.writeUInt16BE(keyId, at)
    bytes.writeUInt16BE(pair.kem, at + 2)
    bytes.writeUInt32BE(notBefore, at + 4)
    bytes.writeUInt32BE(expires, at + 8)
    bytes.set(own, at + 12)
  })
  bytes.writeUInt8(assertions.length, assertionsAt)
  assertions.forEach(({ madeAt, seed: own }, i) => {
    const at = assertionsAt + 1 + i * ASSERTION_BYTES
    bytes.writeUInt32BE(madeAt, at)
    bytes.set(own, at + 4)
  })
  return bytes
}

/** undefined for anything but what {@link write} wrote, or version 1 of it. */
function read(plain: Uint8Array) {
  const bytes = Buffer.from(plain.buffer, plain.byteOffset, plain.length)
  const version = bytes[0]
  if (bytes.length < HEAD_BYTES || (version !== 1 && version !== VERSION)) return undefined
  const end = HEAD_BYTES + bytes.readUInt8(HEAD_BYTES - 1) * ENTRY_BYTES
  if (end > bytes.length) return undefined
  const assertions = version === 1 ? [] : readAssertions(bytes.subarray(end))
  if (assertions === undefined || (version === 1 && end !== bytes.length)) return undefined
  const pairs: SeededPair[] = []
  for (let at = HEAD_BYTES; at < end; at += ENTRY_BYTES) {
    const kem = KEMS.find((each) => each === bytes.readUInt16BE(at + 2))
    if (kem === undefined) return undefined
    const seed = Buffer.from(bytes.subarray(at + 12, at + ENTRY_BYTES))
    pairs.push({
      keyId: bytes.readUInt16BE(at),
      notBefore: bytes.readUInt32BE(at + 4),
      expires: bytes.readUInt32BE(at + 8),
      pair: hpkeKeyPair(kem, seed),
      seed,
    })
  }
  const seed = Buffer.from(bytes.subarray(1, 1 + SEED_BYTES))
  return { seed, nextKeyId: bytes.readUInt16BE(1 + SEED_BYTES), pairs, assertions }
}

function readAssertions(bytes: Buffer): AssertionPair[] | undefined {
  const [count] = bytes
  if (count === undefined || bytes.length !== 1 + count * ASSERTION_BYTES) return undefined
  return Array.from({ length: count }, (_, i) => {
    const at = 1 + i * ASSERTION_BYTES
    const seed = Buffer.from(bytes.subarray(at + 4, at + ASSERTION_BYTES))
    return { madeAt: bytes.readUInt32BE(at), seed }
  })
}
