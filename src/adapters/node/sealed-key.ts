/**
 * A {@link WrappingKey} that is in shares of operators: on the disk is only the manifest of its shares (LCM1, not signed), and a node is
 * sealed until enough of them are given (`keys/custody/unseal.ts`).
 *
 * @module
 */
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { OctetShare } from '../../keys/custody/octet-shares.ts'
import { readOperatorShare, writeOperatorShare } from '../../keys/custody/operator-share.ts'
import {
  beginUnsealing,
  operatorIds,
  sealByShares,
  type Unsealed,
  type UnsealRefusal,
} from '../../keys/custody/unseal.ts'
import { DATA_KEY_BYTES, REFERENCE_BYTES, type WrappingKey } from '../../ports/wrapping-key.ts'
import {
  readCustodyManifest,
  sealCustodyManifest,
  writeCustodyManifest,
} from '../../wire/custody-manifest.ts'
import { memoryWrappingKey } from './memory-key.ts'
import {
  flushFolder,
  makePrivateFolder,
  readPrivateFile,
  writePrivateFile,
} from './private-file.ts'

export interface SealedKeyOptions {
  /** Of the manifest. */
  readonly path: string
  /** Where the shares go, one line each: to be handed out, and removed. */
  readonly sharesPath: string
  /** 2 to 255 operators, any `threshold` of whom open it. */
  readonly shares: number
  readonly threshold: number
  readonly random: Random
}

export type KeyUnsealed =
  | { readonly kind: 'sealed'; readonly missing: number }
  | { readonly kind: 'unsealed'; readonly key: WrappingKey }
  /** `format`, `checksum`: a text that is no share, or has a mistake in it. */
  | {
      readonly kind: 'refused'
      readonly code: UnsealRefusal | 'format' | 'checksum'
      readonly points: readonly number[]
    }

export interface SealedKey {
  /** How many are needed, and whose shares are there. */
  state(): { readonly threshold: number; readonly points: readonly number[] }
  /** One line of an operator's; the caller zeroes it. */
  give(line: Uint8Array): KeyUnsealed
  /** One that came another way; the caller zeroes it. */
  giveShare(reference: Uint8Array, held: OctetShare): KeyUnsealed
  /** Zeroes and forgets what was given. */
  forget(): void
}

const OWNER_ONLY = 0o600
const SIGNATURE_BYTES = 64
const END_OF_LINE = Buffer.from('\n')

/**
 * A new key, whose shares are nowhere but in the file at `sharesPath`.
 *
 * @throws LimenError `key-file-there` when either file is; RangeError for numbers that cannot be
 */
export function makeSealedKey({ path, sharesPath, random, ...sharing }: SealedKeyOptions): void {
  for (const one of [path, sharesPath]) {
    if (existsSync(one)) throw failed('key-file-there', `${one} is there already`)
  }
  const key = random.bytes(DATA_KEY_BYTES)
  const reference = random.bytes(REFERENCE_BYTES)
  const { shares, threshold } = sharing
  const sealed = sealByShares(reference, key, operatorIds(shares), threshold, random)
  key.fill(0)
  const lines = sealed.shares.map((held) =>
    writeOperatorShare({ threshold, shares, reference, held }),
  )
  // The shares first: a key that nobody has a share of must not look like one.
  writeOnce(sharesPath, lines)
  for (const secret of [...lines, ...sealed.shares.flatMap(({ share, salt }) => [share, salt])]) {
    secret.fill(0)
  }
  const unsigned = writeCustodyManifest(sealed.manifest)
  writePrivateFile(path, sealCustodyManifest(unsigned, new Uint8Array(SIGNATURE_BYTES)))
}

/** @throws LimenError `key-file-missing`, `key-file-damaged` */
export function openSealedKey(path: string, random: Random): SealedKey {
  const file = readPrivateFile(path)
  if (file === undefined) throw failed('key-file-missing', `There is no wrapping key in ${path}`)
  return sealedKeyOf(new Uint8Array(file), random, path)
}

/** @param bytes the manifest of its shares @param from where they are from, for errors @throws LimenError `key-file-damaged` */
export function sealedKeyOf(bytes: Uint8Array, random: Random, from: string): SealedKey {
  const manifest = readCustodyManifest(bytes)?.manifest
  if (manifest?.checkValue === undefined) {
    throw failed('key-file-damaged', `${from} is no manifest of a wrapping key, or damaged`)
  }
  const unsealing = beginUnsealing(manifest)
  const withKey = (outcome: Unsealed): KeyUnsealed =>
    outcome.kind === 'unsealed'
      ? { kind: 'unsealed', key: memoryWrappingKey(outcome.key, manifest.keyId, random) }
      : outcome
  return {
    state: unsealing.state,
    forget: unsealing.forget,
    giveShare: (reference, held) => withKey(unsealing.give(reference, held)),
    give(line) {
      const outcome = readOperatorShare(line)
      if (outcome.kind === 'refused') return { ...outcome, points: [] }
      const { reference, held } = outcome.share
      const given = withKey(unsealing.give(reference, held))
      held.share.fill(0)
      held.salt.fill(0)
      return given
    },
  }
}

/** For the owner alone, and never over another file. */
function writeOnce(path: string, lines: readonly Uint8Array[]): void {
  makePrivateFolder(dirname(path))
  const file = openSync(path, 'wx', OWNER_ONLY)
  try {
    for (const line of lines) {
      const bytes = Buffer.concat([line, END_OF_LINE])
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
      bytes.fill(0)
    }
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  flushFolder(dirname(path))
}

function failed(code: string, message: string): LimenError {
  return new LimenError(code, message, { side: 'operator', retry: false })
}
