/**
 * A series in a CSV file: a line for each time, a column of times, a column of values; as monitoring systems export them, and
 * as the traces of `eval/` come. Fields may be quoted (RFC 4180), lines may not be broken within quotes. The first line names the
 * columns, unless it begins with a time: they are numbered then. A time that has no line, or no value ('', `null`, `NaN`, `-`),
 * is unknown: `NaN`. What is no number and none of these is refused.
 *
 * Times are whole numbers of steps (below 10^8), seconds (below 10^11) or milliseconds since the epoch, or dates in UTC unless they say
 * otherwise (`1998-04-30 21:30`, `1998-04-30`). Lines may come in any order; values of the same step add up.
 *
 * @module
 */

export interface SeriesFile {
  /** Seconds since the epoch of the first value; of step 0 for files that count steps. */
  readonly startS: number
  readonly stepS: number
  readonly values: Float64Array
}

export interface SeriesCsvOptions {
  /** Name of the column of values; by default `requests`, `value` or `count`, else the only one beside the times. */
  readonly column?: string | undefined
  /** Seconds; by default the commonest distance of two times, a minute where steps are counted. */
  readonly stepS?: number | undefined
  /** Values that count; others are left out. All by default. */
  readonly accepts?: (value: number) => boolean
}

export interface LeftOut {
  readonly count: number
  /** Of the file, from 1. */
  readonly firstLine: number
}

export type SeriesCsv =
  | { readonly kind: 'series'; readonly series: SeriesFile; readonly leftOut?: LeftOut }
  | SeriesRefusal

export interface SeriesRefusal {
  readonly kind: 'refused'
  readonly line: number
  readonly reason: string
  /** Another name of a column would do. */
  readonly wantsColumn: boolean
}

/** Of values: ten years of minutes. */
const VALUES_MAX = 5_300_000
const STEP_NUMBERS_BELOW = 1e8
const SECONDS_BELOW = 1e11
const USUAL_COLUMNS = ['requests', 'value', 'count']
const MINUTE_S = 60
const UNKNOWN = ['', 'nan', 'null', 'none', 'nil', 'na', 'n/a', '-']
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
/** Of names of columns, in what is said. */
const NAMES_MAX = 12
/** Characters of a field, there. */
const SHOWN_MAX = 40

interface Row {
  /** Seconds, or steps. */
  readonly at: number
  readonly value: number
}

/** Never throws. */
export function readSeriesCsv(text: string, options: SeriesCsvOptions = {}): SeriesCsv {
  const lines = text.split(/\r\n?|\n/)
  const layout = layoutOf(lines, options.column)
  if ('kind' in layout) return layout
  const found = rowsOf(lines, layout, options.accepts ?? (() => true))
  if ('kind' in found) return found
  const { rows, counted, leftOut } = found
  if (rows.every(({ value }) => Number.isNaN(value))) return valueless(layout, found)
  const read = onGrid(rows, counted, options.stepS)
  return read.kind === 'refused' || leftOut === undefined ? read : { ...read, leftOut }
}

interface Layout {
  readonly columns: readonly string[]
  readonly valueAt: number
  /** Index of the first line of values. */
  readonly from: number
}

function layoutOf(lines: readonly string[], wanted: string | undefined): Layout | SeriesRefusal {
  const head = Math.max(
    lines.findIndex((line) => line.trim() !== ''),
    0,
  )
  const first = fieldsOf(lines[head] ?? '')
  if (first === undefined) return refused(head + 1, UNCLOSED)
  const isData = timeOf(first[0] ?? '') !== undefined
  const columns = isData ? first.map((_, i) => String(i + 1)) : first
  const valueAt = valueColumn(columns, wanted)
  if (typeof valueAt === 'number') return { columns, valueAt, from: isData ? head : head + 1 }
  return { ...refused(head + 1, valueAt), wantsColumn: columns.length > 1 }
}

interface Rows {
  readonly rows: readonly Row[]
  /** Times are numbers of steps. */
  readonly counted: boolean
  readonly leftOut: LeftOut | undefined
}

function rowsOf(
  lines: readonly string[],
  { valueAt, from }: Layout,
  accepts: (value: number) => boolean,
): Rows | SeriesRefusal {
  const rows: Row[] = []
  let counted: boolean | undefined
  let leftOut: LeftOut | undefined
  for (let i = from; i < lines.length; i++) {
    const line = lines[i] ?? ''
    if (line.trim() === '') continue
    const row = rowOf(line, valueAt)
    if (typeof row === 'string') return refused(i + 1, row)
    counted ??= row.isStep
    if (row.isStep !== counted) return refused(i + 1, 'it has another kind of time than the first')
    const { at, value } = row
    const isLeft = !Number.isNaN(value) && !(Number.isFinite(value) && accepts(value))
    if (isLeft)
      leftOut = { firstLine: leftOut?.firstLine ?? i + 1, count: (leftOut?.count ?? 0) + 1 }
    rows.push({ at, value: isLeft ? Number.NaN : value })
  }
  return { rows, counted: counted === true, leftOut }
}

function rowOf(line: string, valueAt: number): (Row & { readonly isStep: boolean }) | string {
  const fields = fieldsOf(line)
  if (fields === undefined) return UNCLOSED
  const at = timeOf(fields[0] ?? '')
  if (at === undefined) return 'its first field is no time'
  const field = fields[valueAt] ?? ''
  const value = numberOf(field)
  return value === undefined
    ? `its value is no number: ${field.slice(0, SHOWN_MAX)}`
    : { ...at, value }
}

function valueless({ columns, from }: Layout, { rows, leftOut }: Rows): SeriesRefusal {
  if (rows.length === 0) return refused(Math.max(from, 1), 'there are no values')
  if (leftOut !== undefined) return refused(leftOut.firstLine, NO_GOOD)
  const wantsColumn = columns.length > 2
  return { ...refused(from + 1, 'no line from here on has a value'), wantsColumn }
}

const UNCLOSED = 'a quote is not closed on its line, or text follows it'
const NO_GOOD = 'no value from here on is one that counts'

/** Trimmed, and without their quotes (RFC 4180, 2); undefined where these do not close. */
function fieldsOf(line: string): readonly string[] | undefined {
  if (!line.includes('"')) return line.split(',').map((field) => field.trim())
  const fields: string[] = []
  const field = /\s*(?:"((?:[^"]|"")*)"\s*|([^",]*))(,|$)/y
  while (field.lastIndex <= line.length) {
    const found = field.exec(line)
    if (found === null) return undefined
    const [, quoted, bare = '', comma] = found
    fields.push((quoted?.replaceAll('""', '"') ?? bare).trim())
    if (comma === '') break
  }
  return fields
}

/** NaN: unknown; undefined: no number. */
function numberOf(field: string): number | undefined {
  if (NUMBER.test(field)) return Number(field)
  return UNKNOWN.includes(field.toLowerCase()) ? Number.NaN : undefined
}

function onGrid(rows: readonly Row[], counted: boolean, wanted: number | undefined): SeriesCsv {
  const stepS = wanted ?? (counted ? MINUTE_S : commonestStep(rows))
  const step = counted ? 1 : stepS
  let first = Number.POSITIVE_INFINITY
  let last = Number.NEGATIVE_INFINITY
  for (const { at } of rows) {
    first = Math.min(first, Math.floor(at / step))
    last = Math.max(last, Math.floor(at / step))
  }
  if (last - first >= VALUES_MAX) {
    return refused(1, `it spans more than ${VALUES_MAX} steps of ${stepS} s`)
  }
  const values = new Float64Array(last - first + 1).fill(Number.NaN)
  for (const { at, value } of rows) {
    if (!Number.isFinite(value)) continue
    const i = Math.floor(at / step) - first
    const there = values[i] as number
    values[i] = Number.isNaN(there) ? value : there + value
  }
  return { kind: 'series', series: { startS: first * stepS, stepS, values } }
}

/** Which it is, or why none. */
function valueColumn(columns: readonly string[], wanted: string | undefined): number | string {
  const [, ...others] = columns
  const some = others.slice(0, NAMES_MAX).map((name) => name.slice(0, SHOWN_MAX))
  const names = `${some.join(', ')}${others.length > NAMES_MAX ? ', ...' : ''}`
  if (others.length === 0) return 'the first line names no column for a time and a value'
  if (wanted !== undefined) {
    const at = columns.indexOf(wanted, 1)
    return at > 0 ? at : `the first line names no column for ${wanted}, but ${names}`
  }
  const usual = others.findIndex((name) => USUAL_COLUMNS.includes(name.toLowerCase()))
  if (usual >= 0) return usual + 1
  return others.length === 1 ? 1 : `several columns can be the values: ${names}`
}

function timeOf(field: string): { readonly at: number; readonly isStep: boolean } | undefined {
  if (/^\d{1,15}(\.\d{1,9})?$/.test(field)) {
    const number = Number(field)
    if (number < STEP_NUMBERS_BELOW) return { at: number, isStep: true }
    return { at: number < SECONDS_BELOW ? number : number / 1000, isStep: false }
  }
  if (/^\d{4}-\d\d-\d\d$/.test(field)) return dateOf(field)
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(field)) return undefined
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(field)
  return dateOf(hasZone ? field : `${field.replace(' ', 'T')}Z`)
}

/** A day alone begins at midnight in UTC. */
function dateOf(text: string): { readonly at: number; readonly isStep: boolean } | undefined {
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : { at: ms / 1000, isStep: false }
}

function commonestStep(rows: readonly Row[]): number {
  const times = rows.map(({ at }) => at).sort((a, b) => a - b)
  const counts = new Map<number, number>()
  let best = MINUTE_S
  for (let i = 1; i < times.length; i++) {
    const distance = (times[i] as number) - (times[i - 1] as number)
    if (distance <= 0) continue
    const count = (counts.get(distance) ?? 0) + 1
    counts.set(distance, count)
    if (count > (counts.get(best) ?? 0)) best = distance
  }
  return best
}

function refused(line: number, reason: string): SeriesRefusal {
  return { kind: 'refused', line, reason, wantsColumn: false }
}
