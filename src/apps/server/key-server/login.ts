/**
 * Who logged in: a compact JWT (RFC 7519) that the application signed, sealed by the client into its first message (`AUTH`,
 * LSK/1 section 1.3). Good for one origin and a short time; what a ticket carries of it is a pseudonym.
 *
 * @module
 */
import { createHmac, hkdfSync, type KeyObject } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import type { Log } from '../../../adapters/node/json-log.ts'
import { LimenError } from '../../../ground/limen-error.ts'

export interface Login {
  /**
   * Pseudonym of who it is, 16 bytes; undefined when the proof is not good, whatever is wrong with it. Never rejects.
   *
   * @param origin the JWT's `aud`
   */
  subjectOf(proof: Uint8Array, origin: string, nowMs: number): Promise<Uint8Array | undefined>
}

export interface LoginOptions {
  /** JWK Set of the application, JSON. */
  readonly jwks: string
  /** The JWT's `iss`; undefined: any. */
  readonly issuer: string | undefined
  /** Keys the pseudonyms. */
  readonly recordKey: KeyObject
  readonly log: Log
}

/** Public keys only: a shared secret could not be told from one that servers hold too. */
const ALGORITHMS = [
  ...['EdDSA', 'Ed25519', 'ES256', 'ES384', 'ES512'],
  ...['PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'],
]
const PROOF_BYTES_MAX = 1024
const SUBJECT_CHARS_MAX = 256
const SUBJECT_BYTES = 16
/** Of the application's clock. */
const TOLERANCE_S = 5
/** The file is looked at this often at most; keys roll without a restart. */
const LOOK_MS = 10_000
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** @throws LimenError `login-jwks-bad` when the file cannot be used at start */
export function openLogin({ jwks, issuer, recordKey, log }: LoginOptions): Login {
  const keyBytes = Buffer.from(hkdfSync('sha256', recordKey, '', 'limen/session-subject', 32))
  let { keys, changedAt } = readKeys(jwks)
  let lookedAt = Number.NEGATIVE_INFINITY
  const keysNow = (nowMs: number): typeof keys => {
    if (nowMs - lookedAt < LOOK_MS) return keys
    lookedAt = nowMs
    try {
      if (statSync(jwks).mtimeMs !== changedAt) {
        ;({ keys, changedAt } = readKeys(jwks))
        log.info({ file: jwks }, 'New keys of who logs in')
      }
    } catch (error) {
      log.error({ err: error }, 'Cannot read the keys of who logs in: the old ones stay')
    }
    return keys
  }
  return {
    async subjectOf(proof, origin, nowMs) {
      const text = Buffer.from(proof).toString('latin1')
      if (proof.length > PROOF_BYTES_MAX || !COMPACT.test(text)) return undefined
      try {
        const { payload } = await jwtVerify(text, keysNow(nowMs), {
          algorithms: ALGORITHMS,
          audience: origin,
          ...(issuer === undefined ? {} : { issuer }),
          requiredClaims: ['exp', 'sub'],
          clockTolerance: TOLERANCE_S,
          currentDate: new Date(nowMs),
        })
        const { sub } = payload
        if (sub === undefined || sub === '' || sub.length > SUBJECT_CHARS_MAX) return undefined
        return createHmac('sha256', keyBytes).update(sub).digest().subarray(0, SUBJECT_BYTES)
      } catch {
        return undefined
      }
    },
  }
}

function readKeys(path: string) {
  try {
    const changedAt = statSync(path).mtimeMs
    const set = JSON.parse(readFileSync(path, 'utf8')) as JSONWebKeySet
    if (set.keys.length === 0) throw new RangeError('It holds no keys')
    // Whoever could sign with what lies here could be anybody.
    if (set.keys.some((key) => key.d !== undefined || key.k !== undefined)) {
      throw new RangeError('It holds a private key')
    }
    return { keys: createLocalJWKSet(set), changedAt }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const text = `sessions.login.jwks: ${path} is no JWK Set of public keys: ${why}`
    throw new LimenError('login-jwks-bad', text, { side: 'operator', retry: false, cause: error })
  }
}
