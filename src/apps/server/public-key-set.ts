/**
 * A JWK Set (RFC 7517) of public keys in a file. It is looked at again now and then: keys roll without a restart, and a
 * file that has become bad leaves the old keys in force.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { createLocalJWKSet, type JSONWebKeySet } from 'jose'
import type { Log } from '../../adapters/node/json-log.ts'

/** Public keys only: a shared secret could not be told from one that servers hold too. */
export const ALGORITHMS: readonly string[] = [
  ...['EdDSA', 'Ed25519', 'ES256', 'ES384', 'ES512'],
  ...['PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'],
]
/** The file is looked at this often at most. */
const LOOK_MS = 10_000

type KeySet = ReturnType<typeof createLocalJWKSet>

/**
 * @param whose for the log, e.g. `who logs in`
 * @returns the keys in force at a time, in milliseconds
 * @throws Error when the file is no JWK Set of public keys
 */
export function publicKeySet(path: string, whose: string, log: Log): (nowMs: number) => KeySet {
  let { keys, changedAt } = readKeys(path)
  let lookedAt = Number.NEGATIVE_INFINITY
  return (nowMs) => {
    if (nowMs - lookedAt < LOOK_MS) return keys
    lookedAt = nowMs
    try {
      if (statSync(path).mtimeMs !== changedAt) {
        ;({ keys, changedAt } = readKeys(path))
        log.info({ file: path }, `New keys of ${whose}`)
      }
    } catch (error) {
      log.error({ err: error }, `Cannot read the keys of ${whose}: the old ones stay`)
    }
    return keys
  }
}

function readKeys(path: string) {
  const changedAt = statSync(path).mtimeMs
  const set = JSON.parse(readFileSync(path, 'utf8')) as JSONWebKeySet
  if (set.keys.length === 0) throw new RangeError('It holds no keys')
  // Whoever could sign with what lies here could be anybody.
  if (set.keys.some((key) => key.d !== undefined || key.k !== undefined)) {
    throw new RangeError('It holds a private key')
  }
  return { keys: createLocalJWKSet(set), changedAt }
}
