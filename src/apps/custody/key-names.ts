/**
 * The names of keys that were made here: nodes know keys by ids, which are hashes of names. One line each, `USE VERSION NAME`. Losing the file loses
 * no key, and whoever knows a name may use it without.
 *
 * @module
 */

import { readPrivateFile, writePrivateFile } from '../../adapters/node/private-file.ts'
import { toHex } from '../../ground/hex.ts'
import { LimenError } from '../../ground/limen-error.ts'
import { KEY_USES, type KeyLabel, keyIdOf, writeKeyLabel } from '../../keys/custody/key-label.ts'

/** By id of the key in hex. */
export type KeyNames = ReadonlyMap<string, KeyLabel>

const NAMES_MAX = 100_000
const LINE = /^([a-z-]{3,14}) ([1-9]\d{0,9}) ([!-~]{1,128})$/

/** No file: no names. @throws LimenError `names-damaged` with the number of the line */
export function readKeyNames(path: string): KeyNames {
  return parseKeyNames(readPrivateFile(path)?.toString('latin1') ?? '', path)
}

/** @throws LimenError `names-damaged` */
export function parseKeyNames(text: string, path: string): KeyNames {
  const names = new Map<string, KeyLabel>()
  const lines = text.split('\n')
  for (const [i, line] of lines.entries()) {
    if (line === '') continue
    const label = labelOf(line)
    if (label === undefined || i >= NAMES_MAX) {
      const details = { side: 'operator', retry: false } as const
      throw new LimenError('names-damaged', `${path}:${i + 1}: not USE VERSION NAME`, details)
    }
    names.set(idOf(label), label)
  }
  return names
}

/** One more. A name that is there already changes nothing. */
export function addKeyName(path: string, label: KeyLabel): void {
  write(path, new Map(readKeyNames(path)).set(idOf(label), label))
}

/** Of a key that is there no more. */
export function dropKeyName(path: string, keyId: Uint8Array): void {
  const names = new Map(readKeyNames(path))
  if (names.delete(toHex(keyId))) write(path, names)
}

function write(path: string, names: KeyNames): void {
  const lines = [...names.values()].map(({ use, version, name }) => `${use} ${version} ${name}\n`)
  writePrivateFile(path, lines.join(''))
}

function labelOf(line: string): KeyLabel | undefined {
  const [, word, version, name] = LINE.exec(line) ?? []
  const use = KEY_USES.find((one) => one === word)
  if (use === undefined || name === undefined || Number(version) >= 2 ** 32) return undefined
  return { use, version: Number(version), name }
}

function idOf(label: KeyLabel): string {
  return toHex(keyIdOf(writeKeyLabel(label)))
}
