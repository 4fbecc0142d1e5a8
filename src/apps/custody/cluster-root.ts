/**
 * The root of an embedded cluster of custody nodes: 32 octets by chance, from which each node's keys and the cluster's identity are derived.
 * It is wrapped under a key that is in shares of operators, and, unless these are to open it at each start, in a file besides.
 *
 * | file | |
 * |---|---|
 * | `operator-shares.txt` | shares of operators, one line each: to be moved away |
 * | `operators.lcm` | the manifest of these |
 * | `root.sealed` | the root, wrapped under the key that they open |
 * | `root.key` | the root as it is |
 *
 * @module
 */
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import {
  destroyPrivateFile,
  makePrivateFolder,
  readPrivateFile,
  writePrivateFile,
} from '../../adapters/node/private-file.ts'
import { makeSealedKey, openSealedKey, type SealedKey } from '../../adapters/node/sealed-key.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Random } from '../../ground/random.ts'
import type { WrappingKey } from '../../ports/wrapping-key.ts'
import { takeShares } from './unseal-door.ts'

export const ROOT_FILES = {
  shares: 'operator-shares.txt',
  manifest: 'operators.lcm',
  sealed: 'root.sealed',
  key: 'root.key',
  door: 'unseal.sock',
} as const

export interface ClusterRootOptions {
  readonly folder: string
  /** `file`: what is in the folder opens it; `operators`: only their shares do, and the file is destroyed. */
  readonly unseal: 'file' | 'operators'
  readonly operators: { readonly shares: number; readonly threshold: number }
  readonly random: Random
  /** Told where operators have to give their shares; it goes on when they have. */
  onSealed(door: string): void
  /** Ends the wait for operators. */
  readonly signal: AbortSignal
}

export interface ClusterRoot {
  /** Whether it was made just now. */
  readonly isNew: boolean
  /** Of the root and these words; 32 octets, to be zeroed. */
  derive(words: string): Buffer
}

const ROOT_BYTES = 32
const NEWLINE = 0x0a

/**
 * Makes it when there is none.
 *
 * @throws LimenError `custody-root-bad` when files do not fit together, `custody-sealed`, `cannot-listen`, those of {@link openSealedKey}
 */
export async function openClusterRoot(options: ClusterRootOptions): Promise<ClusterRoot> {
  const { folder, unseal } = options
  const isNew = !existsSync(join(folder, ROOT_FILES.sealed))
  if (isNew) await make(options)
  const file = readPrivateFile(join(folder, ROOT_FILES.key))
  let root = file && takeIn(file, folder)
  if (unseal === 'operators') {
    // Those who opened it have their shares: what is in the file is needed no more.
    if (!isNew || root === undefined) root = await openByOperators(options)
    const key = join(folder, ROOT_FILES.key)
    if (existsSync(key)) destroyPrivateFile(key)
  }
  if (root !== undefined) return { isNew, derive: deriverOf(root) }
  const text = `There is no ${ROOT_FILES.key} in ${folder}: custody.unseal: operators opens it by their shares`
  throw bad(text)
}

/** Whether shares of operators are still where they were written. */
export function areSharesHere(folder: string): boolean {
  return existsSync(join(folder, ROOT_FILES.shares))
}

function deriverOf(root: KeyObject): ClusterRoot['derive'] {
  return (words) =>
    Buffer.from(hkdfSync('sha256', root, '', `limen/custody root\0${words}`, ROOT_BYTES))
}

/** What marks it as made is written last: what an attempt before has left is no cluster yet. */
async function make({ folder, operators, random }: ClusterRootOptions): Promise<void> {
  makePrivateFolder(folder)
  const isFolder = (name: string): boolean => statSync(join(folder, name)).isDirectory()
  if (readdirSync(folder).some(isFolder)) {
    throw bad(`There are shares in ${folder}, but no ${ROOT_FILES.sealed}`)
  }
  for (const name of Object.values(ROOT_FILES)) rmSync(join(folder, name), { force: true })
  const path = join(folder, ROOT_FILES.manifest)
  const sharesPath = join(folder, ROOT_FILES.shares)
  makeSealedKey({ path, sharesPath, random, ...operators })
  // With what operators will have: shares that do not open it are found now.
  const wrapping = givenAll(openSealedKey(path, random), readPrivateFile(sharesPath), folder)
  const root = random.bytes(ROOT_BYTES)
  const wrapped = await wrapping.wrap(root)
  await wrapping.close()
  writePrivateFile(join(folder, ROOT_FILES.key), root)
  root.fill(0)
  writePrivateFile(join(folder, ROOT_FILES.sealed), wrapped)
}

function givenAll(sealed: SealedKey, file: Buffer | undefined, folder: string): WrappingKey {
  let rest = file ?? Buffer.alloc(0)
  try {
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      const outcome = sealed.give(new Uint8Array(rest.subarray(0, end)))
      if (outcome.kind === 'unsealed') return outcome.key
      rest = rest.subarray(end + 1)
    }
  } finally {
    file?.fill(0)
    sealed.forget()
  }
  throw bad(`The shares in ${folder} open nothing`)
}

async function openByOperators(options: ClusterRootOptions): Promise<KeyObject> {
  const { folder, random, signal, onSealed } = options
  const door = join(folder, ROOT_FILES.door)
  const sealed = openSealedKey(join(folder, ROOT_FILES.manifest), random)
  const wrapping = await takeShares({ sealed, door, signal, onOpen: () => onSealed(door) })
  try {
    const wrapped = readPrivateFile(join(folder, ROOT_FILES.sealed)) ?? Buffer.alloc(0)
    const root = await wrapping.unwrap(wrapped)
    if (root === undefined) throw bad(`${ROOT_FILES.sealed} in ${folder} does not open`)
    return takeIn(root, folder)
  } finally {
    await wrapping.close()
  }
}

/** Kept outside of the heap. */
function takeIn(bytes: Uint8Array, folder: string): KeyObject {
  try {
    if (bytes.length === ROOT_BYTES) return createSecretKey(bytes)
    throw bad(`${ROOT_FILES.key} in ${folder} must hold ${ROOT_BYTES} octets`)
  } finally {
    bytes.fill(0)
  }
}

function bad(text: string): LimenError {
  return new LimenError('custody-root-bad', text, { side: 'operator', retry: false })
}
