/**
 * Who logged in: a compact JWT (RFC 7519) that the application signed, sealed by the client into its first message (`AUTH`,
 * LSK/1 section 1.3). Good for one origin and a short time; what a ticket carries of it is a pseudonym.
 *
 * @module
 */
import { createHmac, hkdfSync, type KeyObject } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { Log } from '../../../adapters/node/json-log.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import { ALGORITHMS, publicKeySet } from '../public-key-set.ts'

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

const PROOF_BYTES_MAX = 1024
const SUBJECT_CHARS_MAX = 256
const SUBJECT_BYTES = 16
/** Of the application's clock. */
const TOLERANCE_S = 5
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** @throws LimenError `login-jwks-bad` when the file cannot be used at start */
export function openLogin({ jwks, issuer, recordKey, log }: LoginOptions): Login {
  const pseudonym = subjectPseudonyms(recordKey)
  const keysNow = openKeys(jwks, log)
  return {
    async subjectOf(proof, origin, nowMs) {
      const text = Buffer.from(proof).toString('latin1')
      if (proof.length > PROOF_BYTES_MAX || !COMPACT.test(text)) return undefined
      try {
        const { payload } = await jwtVerify(text, keysNow(nowMs), {
          algorithms: [...ALGORITHMS],
          audience: origin,
          ...(issuer === undefined ? {} : { issuer }),
          requiredClaims: ['exp', 'sub'],
          clockTolerance: TOLERANCE_S,
          currentDate: new Date(nowMs),
        })
        const { sub } = payload
        if (sub === undefined || sub === '' || sub.length > SUBJECT_CHARS_MAX) return undefined
        return pseudonym(sub)
      } catch {
        return undefined
      }
    },
  }
}

/** The pseudonym of somebody, 16 bytes, by the `sub` that the application has of them. */
export function subjectPseudonyms(recordKey: KeyObject): (sub: string) => Buffer {
  const keyBytes = Buffer.from(hkdfSync('sha256', recordKey, '', 'limen/session-subject', 32))
  return (sub) => createHmac('sha256', keyBytes).update(sub).digest().subarray(0, SUBJECT_BYTES)
}

function openKeys(path: string, log: Log): ReturnType<typeof publicKeySet> {
  try {
    return publicKeySet(path, 'who logs in', log)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    const text = `sessions.login.jwks: ${path} is no JWK Set of public keys: ${why}`
    throw new LimenError('login-jwks-bad', text, { side: 'operator', retry: false, cause: error })
  }
}
