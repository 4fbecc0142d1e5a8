/**
 * What drills have found, as words and tones: which shares are bad, and of keys how they are called.
 *
 * @module
 */
import type { CustodyKey } from './api/views.ts'

export interface BadShare {
  readonly key: string
  readonly node: string
  readonly verdict: string
}

/** So much of an id tells keys apart. */
const ID_SHOWN = 8

/** That the latest drills have found. A node that was away is none: it has its own state. */
export function badShares(keys: readonly CustodyKey[]): readonly BadShare[] {
  return keys.flatMap((key) =>
    (key.drill?.shares ?? []).flatMap(({ node, verdict }): BadShare[] =>
      toneOf(verdict) === 'bad' ? [{ key: nameOf(key), node, verdict }] : [],
    ),
  )
}

export function toneOf(verdict: string | undefined): 'good' | 'warn' | 'bad' | 'plain' {
  if (verdict === undefined) return 'plain'
  if (verdict === 'good') return 'good'
  return verdict === 'repaired' || verdict === 'away' ? 'warn' : 'bad'
}

export function nameOf({ name, id }: Pick<CustodyKey, 'name' | 'id'>): string {
  return name ?? `${id.slice(0, ID_SHOWN)}…`
}
