/**
 * The record key: seals what is kept in `data`. With custody it is on the disk wrapped under a key that custody derives, and is in memory
 * while Limen runs; without it is in a file.
 *
 * | offset | bytes | `record.sealed` |
 * |---|---|---|
 * | 0 | 4 | `LRK1` |
 * | 4 | 1 | 1 (version) |
 * | 5 | 3 | 0 |
 * | 8 | 16 | id, by chance: what the wrapping key is derived of, with the 8 octets before; and its reference |
 * | 24 | 61 | the record key, wrapped (`memory-key.ts`) |
 *
 * @module
 */
import { createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { memoryWrappingKey } from '../../adapters/node/memory-key.ts'
import {
  destroyPrivateFile,
  readOrMakePrivateFile,
  readPrivateFile,
  writePrivateFile,
} from '../../adapters/node/private-file.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import { REFERENCE_BYTES, type WrappingKey } from '../../ports/wrapping-key.ts'
import { STATE_FILES } from './state-files.ts'

const KEY_BYTES = 32
const HEAD = Buffer.from([0x4c, 0x52, 0x4b, 0x31, 1, 0, 0, 0])
const HEAD_BYTES = HEAD.length + REFERENCE_BYTES
const FILE_BYTES = HEAD_BYTES + 61

/** 32 octets that custody derives of these, always the same; the caller zeroes them. */
export type DeriveKey = (of: Uint8Array) => Promise<Uint8Array>

/** Of a file, made on first use. @throws LimenError `record-key-bad`; `custody-off` when it is sealed by custody */
export function recordKeyInFile(data: string, random: Random): KeyObject {
  if (isRecordKeySealed(data)) {
    const text = `The record key in ${data} is sealed by custody, and custody.mode is off`
    throw new LimenError('custody-off', text, { side: 'operator', retry: false })
  }
  const bytes = readOrMakePrivateFile(join(data, STATE_FILES.recordKey), () =>
    random.bytes(KEY_BYTES),
  )
  return takeIn(bytes, data)
}

/** Whether there is one that only custody opens. */
export function isRecordKeySealed(data: string): boolean {
  return existsSync(join(data, STATE_FILES.recordSealed))
}

/**
 * Made on first use; one in a file is taken over, and the file destroyed.
 *
 * @throws LimenError `record-key-bad`, and those of `derive`
 */
export async function recordKeyInCustody(
  data: string,
  derive: DeriveKey,
  random: Random,
): Promise<KeyObject> {
  const path = join(data, STATE_FILES.recordSealed)
  const inFile = readPrivateFile(join(data, STATE_FILES.recordKey))
  const before = inFile && takeIn(inFile, data)
  if (!existsSync(path)) {
    const key = before?.export() ?? Buffer.from(random.bytes(KEY_BYTES))
    writePrivateFile(path, await sealed(key, derive, random))
    key.fill(0)
  }
  // What is on the disk now, and nothing else.
  const key = takeIn(await opened(data, derive, random), data)
  if (before === undefined) return key
  if (!timingSafeEqual(before.export(), key.export())) {
    throw bad(
      `${STATE_FILES.recordKey} and ${STATE_FILES.recordSealed} in ${data} are not the same`,
    )
  }
  destroyPrivateFile(join(data, STATE_FILES.recordKey))
  return key
}

async function sealed(key: Uint8Array, derive: DeriveKey, random: Random): Promise<Uint8Array> {
  const head = Buffer.concat([HEAD, random.bytes(REFERENCE_BYTES)])
  const wrapping = await wrappingOf(head, derive, random)
  try {
    return Buffer.concat([head, await wrapping.wrap(key)])
  } finally {
    await wrapping.close()
  }
}

async function opened(data: string, derive: DeriveKey, random: Random): Promise<Uint8Array> {
  const file = readPrivateFile(join(data, STATE_FILES.recordSealed)) ?? Buffer.alloc(0)
  const isWhole = file.length === FILE_BYTES && file.subarray(0, HEAD.length).equals(HEAD)
  if (!isWhole) throw bad(`${STATE_FILES.recordSealed} in ${data} is damaged`)
  const wrapping = await wrappingOf(file.subarray(0, HEAD_BYTES), derive, random)
  try {
    const key = await wrapping.unwrap(new Uint8Array(file.subarray(HEAD_BYTES)))
    if (key !== undefined) return key
    throw bad(`${STATE_FILES.recordSealed} in ${data} is not of this custody, or damaged`)
  } finally {
    await wrapping.close()
  }
}

async function wrappingOf(head: Buffer, derive: DeriveKey, random: Random): Promise<WrappingKey> {
  const reference = new Uint8Array(head.subarray(HEAD.length))
  return memoryWrappingKey(await derive(new Uint8Array(head)), reference, random)
}

/** Kept outside of the heap. */
function takeIn(bytes: Uint8Array, data: string): KeyObject {
  try {
    if (bytes.length === KEY_BYTES) return createSecretKey(bytes)
    throw bad(`${STATE_FILES.recordKey} in ${data} must hold ${KEY_BYTES} bytes`)
  } finally {
    bytes.fill(0)
  }
}

function bad(text: string): LimenError {
  return new LimenError('record-key-bad', text, { side: 'operator', retry: false })
}
