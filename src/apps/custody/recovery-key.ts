/**
 * The recovery key of a cluster, which its operators hold shares of and nobody else (LRC1, `wire/custody-backup.ts`): it wraps the cluster's
 * identity, and the private keys of two holders that are not there until enough operators bring them to life. Backups are dealt to these two,
 * which needs no operator; see `back-up.ts`.
 *
 * @module
 */
import { createPublicKey, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hpkeKeyPair } from '../../adapters/node/hpke.ts'
import { makeSealedKey, sealedKeyOf } from '../../adapters/node/sealed-key.ts'
import { isSameOctets } from '../../crypto/prime-group.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { joinOctets, octetsOf } from '../../ground/octets.ts'
import type { Random } from '../../ground/random.ts'
import type { WrappingKey } from '../../ports/wrapping-key.ts'
import {
  RECOVERY_HOLDERS,
  RECOVERY_LABEL,
  type RecoveryKey,
  readRecoveryKey,
  type WrappedPair,
  writeRecoveryKey,
} from '../../wire/custody-backup.ts'
import { KEM } from '../../wire/key-config.ts'
import { ed25519PublicKey } from './node-world.ts'
import { isDocumentOf } from './signed-document.ts'

export interface NewRecoveryKey {
  /** Of the manifest of the operators' shares. */
  readonly operatorsPath: string
  /** Where their shares go, one line each: to be handed out, and removed. */
  readonly sharesPath: string
  readonly shares: number
  readonly threshold: number
  /** The cluster's, private. */
  readonly identityKey: KeyObject
  readonly random: Random
}

/** What operators bring back. Zeroed by whoever has it. */
export interface Recovered {
  /** Ed25519, 32 octets. */
  readonly identity: Uint8Array
  /** X25519, 32 octets each. */
  readonly holders: readonly Uint8Array[]
}

const SEED_BYTES = 32
const NEWLINE = 0x0a

/** Signed; LRC1. @throws LimenError `key-file-there`; RangeError for numbers of operators that cannot be */
export async function makeRecoveryKey(options: NewRecoveryKey): Promise<Uint8Array> {
  const { operatorsPath, sharesPath, identityKey, random, shares, threshold } = options
  makeSealedKey({ path: operatorsPath, sharesPath, shares, threshold, random })
  const written = readFileSync(sharesPath)
  const operators = new Uint8Array(readFileSync(operatorsPath))
  const { key, reference } = openByShares(operators, linesOf(written), random)
  written.fill(0)
  const wrapped = async (secret: Uint8Array, publicKey: Uint8Array): Promise<WrappedPair> => {
    const pair = { publicKey, wrapped: await key.wrap(secret) }
    secret.fill(0)
    return pair
  }
  const seed = identityKey.export({ format: 'raw-private' })
  const identity = await wrapped(
    seed,
    createPublicKey(identityKey).export({ format: 'raw-public' }),
  )
  const holders: WrappedPair[] = []
  for (let i = 0; i < RECOVERY_HOLDERS; i++) {
    const own = random.bytes(SEED_BYTES)
    holders.push(await wrapped(own, hpkeKeyPair(KEM.x25519, own).publicKey))
  }
  await key.close()
  const signed = writeRecoveryKey({ reference, identity, holders })
  const signature = sign(null, joinOctets(octetsOf(RECOVERY_LABEL), signed), identityKey)
  return joinOctets(signed, signature)
}

/** @throws LimenError `backup-damaged` for what is none, or not signed by the identity in it, or by another than `identity` */
export function checkRecoveryKey(bytes: Uint8Array, identity?: KeyObject): RecoveryKey {
  const read = readRecoveryKey(bytes)
  if (read === undefined) throw damaged('It is no recovery key of custody')
  const own = ed25519PublicKey(read.value.identity.publicKey)
  if (identity !== undefined && !own.equals(identity)) {
    throw damaged('The recovery key is of another cluster')
  }
  if (!isDocumentOf(own, RECOVERY_LABEL, read)) throw damaged('The recovery key has been changed')
  return read.value
}

/**
 * @param operators the manifest of their shares
 * @param lines of operators, as they were handed out; the caller zeroes them
 * @throws LimenError `operator-shares`: which line is at fault, or how many are missing; `backup-damaged`
 */
export async function recover(
  recovery: RecoveryKey,
  operators: Uint8Array,
  lines: readonly Uint8Array[],
  random: Random,
): Promise<Recovered> {
  const { key, reference } = openByShares(operators, lines, random)
  try {
    if (!isSameOctets(reference, recovery.reference)) {
      throw damaged('The operators hold shares of another recovery key')
    }
    const [identity, ...holders] = await Promise.all(
      [recovery.identity, ...recovery.holders].map(async ({ wrapped }) => {
        const secret = await key.unwrap(wrapped)
        if (secret === undefined) throw damaged('The recovery key does not open')
        return secret
      }),
    )
    return { identity: identity ?? new Uint8Array(), holders }
  } finally {
    await key.close()
  }
}

/** Lines of a file of operators' shares; views, so that zeroing the file zeroes them. */
export function linesOf(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, at)
    const end = found < 0 ? bytes.length : found
    if (end > at) lines.push(bytes.subarray(at, end))
    at = end + 1
  }
  return lines
}

function openByShares(operators: Uint8Array, lines: readonly Uint8Array[], random: Random) {
  const sealed = sealedKeyOf(operators, random, 'The manifest of operators')
  try {
    let missing = sealed.state().threshold
    for (const [i, line] of lines.entries()) {
      const given = sealed.give(line)
      if (given.kind === 'unsealed') {
        const key: WrappingKey = given.key
        return { key, reference: key.reference }
      }
      // The same line twice does no harm, and does not count.
      if (given.kind === 'refused' && given.code !== 'dup-x') {
        throw sharesError(`Line ${i + 1} of the operators' shares is not good: ${given.code}`)
      }
      if (given.kind === 'sealed') missing = given.missing
    }
    throw sharesError(`${missing} more of the operators' shares are needed`)
  } finally {
    sealed.forget()
  }
}

function sharesError(text: string): LimenError {
  return new LimenError('operator-shares', text, { side: 'operator', retry: false })
}

function damaged(text: string): LimenError {
  return new LimenError('backup-damaged', text, { side: 'operator', retry: false })
}
