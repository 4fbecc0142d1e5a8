/**
 * Who may do what with which key in custody. Rows are read from above: the first one that names the caller, the key and the operation
 * decides, and no later row is looked at, so that a row above can take away what one below would give. Its hours and its rate
 * are conditions of it. What no row names is refused. Who a caller is, its certificate has said before.
 *
 * @module
 */

export interface AccessRow {
  /** Both have to fit. `*` in an id stands for any characters; without an id: every caller of the role. */
  readonly caller: { readonly role: string; readonly id?: string }
  /** Name of the key; `*` stands for any characters but `/`, `**` for any. */
  readonly key: string
  /** Names, or `*` alone for all. */
  readonly operations: readonly string[]
  /** Of each caller by itself. Without it: no limit. */
  readonly rate?: AccessRate
  /** UTC, from the first to before the second; over midnight when the first is later. */
  readonly hours?: { readonly from: HourOfDay; readonly to: HourOfDay }
}

export interface AccessRate {
  readonly perS: number
  /** Operations at once after a pause; at least 1. */
  readonly burst: number
}

/** `HH:MM`, 00:00 to 24:00. */
export type HourOfDay = string

export interface AccessQuestion {
  readonly caller: { readonly role: string; readonly id: string }
  readonly keyName: string
  readonly operation: string
  /** Milliseconds since 1970. */
  readonly now: number
}

export type AccessDecision =
  /** `row`: its index. */
  | { readonly kind: 'allowed'; readonly row: number }
  | { readonly kind: 'refused'; readonly code: 'no-rule' }
  | { readonly kind: 'refused'; readonly code: 'hours' | 'rate'; readonly row: number }

/** Decides, and counts what it allows against the rate of the row. */
export type DecideAccess = (question: AccessQuestion) => AccessDecision

/** Callers whose rate one row remembers; more at once than that are refused. A caller is known by its certificate. */
const CALLERS_MAX = 10_000
const MINUTES_PER_DAY = 1440
const MINUTE_MS = 60_000

interface Bucket {
  tokens: number
  at: number
}

interface CompiledRow {
  readonly role: string
  readonly isId: (id: string) => boolean
  readonly isKey: (key: string) => boolean
  /** undefined: all. */
  readonly operations: ReadonlySet<string> | undefined
  readonly isOpen: (now: number) => boolean
  readonly takes: (caller: string, now: number) => boolean
}

/**
 * @param words operations that there are. One that is not would name nothing, and a row below decide instead of its own; without them any goes
 * @throws RangeError for hours, a rate, an operation or a row that says nothing sensible, naming its index
 */
export function compileAccess(
  rows: readonly AccessRow[],
  words?: ReadonlySet<string>,
): DecideAccess {
  for (const [index, row] of rows.entries()) if (words !== undefined) checkWords(row, index, words)
  const compiled = rows.map(compileRow)
  return ({ caller, keyName, operation, now }) => {
    const row = compiled.findIndex(
      ({ role, isId, isKey, operations }) =>
        role === caller.role &&
        isId(caller.id) &&
        (operations?.has(operation) ?? true) &&
        isKey(keyName),
    )
    const found = compiled[row]
    if (found === undefined) return { kind: 'refused', code: 'no-rule' }
    if (!found.isOpen(now)) return { kind: 'refused', code: 'hours', row }
    if (!found.takes(caller.id, now)) return { kind: 'refused', code: 'rate', row }
    return { kind: 'allowed', row }
  }
}

function checkWords(
  { caller, key, operations }: AccessRow,
  index: number,
  words: ReadonlySet<string>,
): void {
  const unknown = operations.find((word) => word !== '*' && !words.has(word))
  if (unknown === undefined) return
  const known = [...words].sort().join(', ')
  throw new RangeError(
    `Row ${index} (role ${caller.role}, key ${key}) names an operation ${unknown}; there are ${known}, and *`,
  )
}

function compileRow(row: AccessRow, index: number): CompiledRow {
  const { caller, key, operations, rate, hours } = row
  if (caller.role === '' || key === '' || operations.length === 0) {
    throw new RangeError(`Row ${index} names no role, no key or no operation`)
  }
  return {
    role: caller.role,
    isId: caller.id === undefined ? () => true : globOf(caller.id),
    isKey: globOf(key),
    operations: operations.includes('*') ? undefined : new Set(operations),
    isOpen: hours === undefined ? () => true : hoursOf(hours, index),
    takes: rate === undefined ? () => true : bucketsOf(rate, index),
  }
}

/** Without regular expressions, which take exponential time for some patterns: at most pattern x text steps. */
function globOf(pattern: string): (text: string) => boolean {
  if (!pattern.includes('*')) return (text) => text === pattern
  const parts = partsOf(pattern)
  return (text) => matches(parts, text)
}

/** Characters, `*` and `**`. */
function partsOf(pattern: string): readonly string[] {
  return pattern.match(/\*+|[^*]/gsu)?.map((part) => (part.length > 2 ? '**' : part)) ?? []
}

/** Which numbers of parts the text so far can have been matched by, character by character. */
function matches(parts: readonly string[], text: string): boolean {
  let reached = afterStars(parts, new Set([0]))
  for (const char of text) {
    const next = new Set<number>()
    for (const at of reached) {
      const part = parts[at]
      if (part === '**' || (part === '*' && char !== '/')) next.add(at)
      else if (part === char) next.add(at + 1)
    }
    if (next.size === 0) return false
    reached = afterStars(parts, next)
  }
  return reached.has(parts.length)
}

/** Stars match nothing, too. Adding to a set while going through it goes through what was added. */
function afterStars(parts: readonly string[], reached: Set<number>): Set<number> {
  for (const at of reached) if (parts[at] === '*' || parts[at] === '**') reached.add(at + 1)
  return reached
}

function hoursOf(
  { from, to }: NonNullable<AccessRow['hours']>,
  index: number,
): (now: number) => boolean {
  const begin = minutesOf(from, index)
  const end = minutesOf(to, index)
  if (begin === end) throw new RangeError(`Row ${index} is open from ${from} to ${to}: never`)
  return (now) => {
    const minute = Math.floor(now / MINUTE_MS) % MINUTES_PER_DAY
    return begin < end ? minute >= begin && minute < end : minute >= begin || minute < end
  }
}

function minutesOf(hour: HourOfDay, index: number): number {
  const [, hours, minutes] = /^(\d\d):([0-5]\d)$/.exec(hour) ?? []
  const sum = Number(hours) * 60 + Number(minutes)
  // Also of what is no number.
  if (!(sum <= MINUTES_PER_DAY)) throw new RangeError(`Row ${index} has no hour ${hour}`)
  return sum
}

/** One bucket of tokens for each caller. */
function bucketsOf(
  { perS, burst }: AccessRate,
  index: number,
): (caller: string, now: number) => boolean {
  if (!(perS > 0 && burst >= 1 && Number.isFinite(perS) && Number.isFinite(burst))) {
    throw new RangeError(`Row ${index} has a rate of ${perS} per second, ${burst} at once`)
  }
  const buckets = new Map<string, Bucket>()
  const fill = (bucket: Bucket, now: number): number => {
    // A clock that was set back gives nothing and takes nothing.
    bucket.tokens = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) / 1000) * perS)
    bucket.at = now
    return bucket.tokens
  }
  return (caller, now) => {
    let bucket = buckets.get(caller)
    if (bucket === undefined) {
      if (buckets.size >= CALLERS_MAX) {
        // Full ones say nothing that a new one would not.
        for (const [id, one] of buckets) if (fill(one, now) >= burst) buckets.delete(id)
        if (buckets.size >= CALLERS_MAX) return false
      }
      bucket = { tokens: burst, at: now }
      buckets.set(caller, bucket)
    }
    if (fill(bucket, now) < 1) return false
    bucket.tokens -= 1
    return true
  }
}
