/**
 * The verdicts a worker was pushed, laid out for looking up while it decides: a few lookups in maps per hello, however
 * many there are. Made anew for each push.
 *
 * @module
 */
import { partsOf } from './churn.ts'
import type { SignatureMatch, Verdict } from './verdict.ts'

export interface VerdictTable {
  readonly everybody: Verdict | undefined
  readonly profiles: ReadonlyMap<string, Verdict>
  /** By the most telling field of what they match. */
  readonly signatures: ReadonlyMap<string, readonly Verdict[]>
  /** By address group. */
  readonly newcomers: ReadonlyMap<string, readonly Newcomers[]>
}

export interface Newcomers {
  readonly verdict: Verdict
  readonly part: string
  readonly known: ReadonlySet<string>
}

/** What is known of a connection when it is looked up. */
export interface HelloIdentity {
  readonly profiles: readonly string[]
  readonly ja4: string
  readonly ja4Stable: string
  readonly addressGroup: string
}

export function newVerdictTable(verdicts: readonly Verdict[]): VerdictTable {
  const profiles = new Map<string, Verdict>()
  const signatures = new Map<string, Verdict[]>()
  const newcomers = new Map<string, Newcomers[]>()
  let everybody: Verdict | undefined
  for (const verdict of verdicts) {
    const { subject } = verdict
    if (subject.kind === 'everybody') everybody = verdict
    else if (subject.kind === 'profile') profiles.set(subject.profile, verdict)
    else if (subject.kind === 'newcomers') {
      const { addressGroup, part, known } = subject
      addTo(newcomers, addressGroup, { verdict, part, known: new Set(known) })
    } else {
      const key = keyOf(subject.match)
      // One that matches everything is none.
      if (key === undefined) continue
      addTo(signatures, key, verdict)
    }
  }
  return { everybody, profiles, signatures, newcomers }
}

function addTo<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [item])
  else list.push(item)
}

function keyOf({ ja4, ja4Stable, addressGroup }: SignatureMatch): string | undefined {
  return ja4 ?? ja4Stable ?? addressGroup
}

/** Those that hold for this hello now, in no special order. */
export function verdictsOn(table: VerdictTable, hello: HelloIdentity, now: number): Verdict[] {
  const found: Verdict[] = []
  const add = (verdict: Verdict | undefined) => {
    if (verdict !== undefined && verdict.until > now) found.push(verdict)
  }
  add(table.everybody)
  for (const profile of hello.profiles) add(table.profiles.get(profile))
  const fresh = table.newcomers.get(hello.addressGroup)
  if (fresh !== undefined) {
    const parts = partsOf(hello.ja4Stable)
    for (const { verdict, part, known } of fresh) {
      if (parts.includes(part) && !known.has(hello.ja4Stable)) add(verdict)
    }
  }
  if (table.signatures.size === 0) return found
  for (const key of new Set([hello.ja4, hello.ja4Stable, hello.addressGroup])) {
    for (const verdict of table.signatures.get(key) ?? []) {
      if (verdict.subject.kind === 'signature' && matches(verdict.subject.match, hello))
        add(verdict)
    }
  }
  return found
}

export function matches(
  match: SignatureMatch,
  hello: Pick<HelloIdentity, 'ja4' | 'ja4Stable' | 'addressGroup'>,
): boolean {
  const { ja4, ja4Stable, addressGroup } = match
  if (ja4 === undefined && ja4Stable === undefined && addressGroup === undefined) return false
  return (
    (ja4 === undefined || ja4 === hello.ja4) &&
    (ja4Stable === undefined || ja4Stable === hello.ja4Stable) &&
    (addressGroup === undefined || addressGroup === hello.addressGroup)
  )
}
