/**
 * What is secret in a folder of a device, a transport or the key service, sealed by a key of that folder (`record-seal.ts`). The key is
 * beside it in a file of its owner's, or wrapped: by a key in a PKCS #11 token, or by one that custody derives.
 *
 * | offset | bytes | `folder.sealed` |
 * |---|---|---|
 * | 0 | 4 | `LFK1` |
 * | 4 | 1 | 1 (version) |
 * | 5 | 3 | 0 |
 * | 8 | 16 | reference of the wrapping key; by custody drawn, and what the key is derived of, with the 8 octets before |
 * | 24 | 61 | the folder's key, wrapped (`ports/wrapping-key.ts`) |
 *
 * @module
 */
import { createSecretKey, type KeyObject } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { memoryWrappingKey } from '../../adapters/node/memory-key.ts'
import {
  destroyPrivateFile,
  makePrivateFolder,
  readOrMakePrivateFile,
  readPrivateFile,
  writePrivateFile,
} from '../../adapters/node/private-file.ts'
import { aesRecordSeal } from '../../adapters/node/record-seal.ts'
import { readPkcs11Uri } from '../../adapters/pkcs11/pkcs11-uri.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { DATA_KEY_BYTES, REFERENCE_BYTES, type WrappingKey } from '../../ports/wrapping-key.ts'

/** Who has the folder's key. */
export type FolderOpener =
  | { readonly kind: 'file' }
  /** An AES key in a token that was made there: `pkcs11:` (RFC 7512). */
  | { readonly kind: 'token'; readonly uri: string }
  /** 32 octets that custody derives of these, always the same; zeroed here. */
  | { readonly kind: 'custody'; derive(of: Uint8Array): Promise<Uint8Array> }

export interface SealedFolder {
  readonly seal: RecordSeal
  /** undefined: there is none. The caller zeroes it. @throws LimenError `folder-key` for what does not open */
  read(name: string): Buffer | undefined
  write(name: string, plain: Uint8Array): void
}

const FILES = { open: 'folder.key', sealed: 'folder.sealed' } as const
const HEAD = Buffer.from([0x4c, 0x46, 0x4b, 0x31, 1, 0, 0, 0])
const HEAD_BYTES = HEAD.length + REFERENCE_BYTES
const FILE_BYTES = HEAD_BYTES + 61
const SUFFIX = '.sealed'

/**
 * Made on first use; a key that was in a file is wrapped, and the file destroyed.
 *
 * @throws LimenError `folder-key` for a key that is damaged, or of another opener; `token-...`; those of `derive`
 */
export async function openSealedFolder(
  folder: string,
  opener: FolderOpener,
  random: Random,
): Promise<SealedFolder> {
  makePrivateFolder(folder)
  const key =
    opener.kind === 'file' ? keyInFile(folder, random) : await wrappedKey(folder, opener, random)
  const seal = aesRecordSeal(key, 'media', random)
  return {
    seal,
    read: (name) => readSealed(folder, name, seal),
    write: (name, plain) => writePrivateFile(join(folder, name + SUFFIX), seal.seal(name, plain)),
  }
}

/** One that is there without a seal, from before or put there by hand, is sealed and destroyed. */
function readSealed(folder: string, name: string, seal: RecordSeal): Buffer | undefined {
  const [plainFile, sealedFile] = [join(folder, name), join(folder, name + SUFFIX)]
  const plain = readPrivateFile(plainFile)
  if (plain !== undefined && !existsSync(sealedFile)) {
    writePrivateFile(sealedFile, seal.seal(name, plain))
  }
  const sealed = readPrivateFile(sealedFile)
  if (sealed === undefined) return undefined
  const opened = seal.open(name, sealed)
  if (opened === undefined) throw bad(`${sealedFile} was changed, or is of another folder`)
  const isOther = plain !== undefined && Buffer.compare(plain, opened) !== 0
  plain?.fill(0)
  if (isOther) throw bad(`${plainFile} and ${sealedFile} are not the same`)
  if (plain !== undefined) destroyPrivateFile(plainFile)
  return Buffer.from(opened.buffer, opened.byteOffset, opened.length)
}

function keyInFile(folder: string, random: Random): KeyObject {
  if (existsSync(join(folder, FILES.sealed))) {
    throw bad(`The key of ${folder} is wrapped: say by which token or custody`)
  }
  return takeIn(
    readOrMakePrivateFile(join(folder, FILES.open), () => random.bytes(DATA_KEY_BYTES)),
    folder,
  )
}

async function wrappedKey(
  folder: string,
  opener: Exclude<FolderOpener, { readonly kind: 'file' }>,
  random: Random,
): Promise<KeyObject> {
  const path = join(folder, FILES.sealed)
  const before = readPrivateFile(path)
  const isWhole = before === undefined || before.length === FILE_BYTES
  if (!isWhole || !(before?.subarray(0, HEAD.length).equals(HEAD) ?? true)) {
    throw bad(`${path} is damaged`)
  }
  const head = before?.subarray(0, HEAD_BYTES)
  const wrapping = await wrappingOf(opener, head, random)
  try {
    if (head === undefined) await wrapAnew(folder, wrapping, random)
    // What is on the disk now, and nothing else.
    const file = readPrivateFile(path) ?? Buffer.alloc(0)
    const isIts = Buffer.compare(file.subarray(HEAD.length, HEAD_BYTES), wrapping.reference) === 0
    const key = isIts ? await wrapping.unwrap(new Uint8Array(file.subarray(HEAD_BYTES))) : undefined
    if (key === undefined) throw bad(`${path} is of another token or custody, or damaged`)
    const open = join(folder, FILES.open)
    if (existsSync(open)) destroyPrivateFile(open)
    return takeIn(key, folder)
  } finally {
    await wrapping.close()
  }
}

async function wrapAnew(folder: string, wrapping: WrappingKey, random: Random): Promise<void> {
  const key = readPrivateFile(join(folder, FILES.open)) ?? Buffer.from(random.bytes(DATA_KEY_BYTES))
  try {
    const wrapped = await wrapping.wrap(key)
    writePrivateFile(join(folder, FILES.sealed), Buffer.concat([HEAD, wrapping.reference, wrapped]))
  } finally {
    key.fill(0)
  }
}

async function wrappingOf(
  opener: Exclude<FolderOpener, { readonly kind: 'file' }>,
  head: Buffer | undefined,
  random: Random,
): Promise<WrappingKey> {
  if (opener.kind === 'token') {
    const read = readPkcs11Uri(opener.uri)
    if (read.kind !== 'read') throw bad(`The token's URI is none: ${read.says}`)
    // Loaded where it is needed: it is compiled when it is installed.
    const { openTokenKey } = await import('../../adapters/pkcs11/wrapping-key.ts')
    return openTokenKey({ uri: read.uri, random })
  }
  const of = head ?? Buffer.concat([HEAD, random.bytes(REFERENCE_BYTES)])
  const reference = new Uint8Array(of.subarray(HEAD.length))
  return memoryWrappingKey(await opener.derive(new Uint8Array(of)), reference, random)
}

/** Kept outside of the heap. */
function takeIn(bytes: Uint8Array, folder: string): KeyObject {
  try {
    if (bytes.length === DATA_KEY_BYTES) return createSecretKey(bytes)
    throw bad(`${FILES.open} in ${folder} must hold ${DATA_KEY_BYTES} octets`)
  } finally {
    bytes.fill(0)
  }
}

function bad(text: string): LimenError {
  return new LimenError('folder-key', text, { side: 'operator', retry: false })
}
