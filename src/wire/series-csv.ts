/**
 * A series in a CSV file: a line for each time, a column of times, a column of values; as monitoring systems export them, and
 * as the traces of `eval/` come. Fields are not quoted. A time that has no line, or whose value is no number, is unknown: `NaN`.
 *
 * Times are whole numbers of steps (below 10^8), seconds (below 10^11) or milliseconds since the epoch, or dates in UTC unless they say
 * otherwise (`1998-04-30 21:30`). Lines may come in any order; values of the same step add up.
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
  /** Name of the column of values; by default `requests`, `value` or `count`, else the second. */
  readonly column?: string | undefined
  /** Seconds; by default the commonest distance of two times, a minute where steps are counted. */
  readonly stepS?: number | undefined
}

export type SeriesCsv =
  | { readonly kind: 'series'; readonly series: SeriesFile }
  | { readonly kind: 'refused'; readonly line: number; readonly reason: string }

/** Of values: ten years of minutes. */
const VALUES_MAX = 5_300_000
const STEP_NUMBERS_BELOW = 1e8
const SECONDS_BELOW = 1e11
const USUAL_COLUMNS = ['requests', 'value', 'count']
const MINUTE_S = 60

interface Row {
  /** Seconds, or steps. */
  readonly at: number
  readonly value: number
}

/** Never throws. */
export function readSeriesCsv(text: string, options: SeriesCsvOptions = {}): SeriesCsv {
  const lines = text.split(/\r?\n/)
  const columns = (lines[0] ?? '').split(',').map((name) => name.trim())
  const valueAt = valueColumn(columns, options.column)
  if (valueAt < 1) {
    const wanted = options.column === undefined ? 'a time and a value' : options.column
    return refused(1, `the first line names no column for ${wanted}`)
  }
  const rows: Row[] = []
  let counted: boolean | undefined
  for (const [i, line] of lines.entries()) {
    if (i === 0 || line.trim() === '') continue
    const fields = line.split(',')
    const at = timeOf((fields[0] ?? '').trim())
    if (at === undefined) return refused(i + 1, 'its first field is no time')
    counted ??= at.isStep
    if (at.isStep !== counted) return refused(i + 1, 'it has another kind of time than the first')
    const field = (fields[valueAt] ?? '').trim()
    rows.push({ at: at.at, value: field === '' ? Number.NaN : Number(field) })
  }
  if (rows.length === 0) return refused(1, 'there are no values')
  return onGrid(rows, counted === true, options.stepS)
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

function valueColumn(columns: readonly string[], wanted: string | undefined): number {
  if (wanted !== undefined) return columns.indexOf(wanted)
  const usual = columns.findIndex((name) => USUAL_COLUMNS.includes(name.toLowerCase()))
  return usual > 0 ? usual : columns.length > 1 ? 1 : -1
}

function timeOf(field: string): { readonly at: number; readonly isStep: boolean } | undefined {
  if (/^\d{1,15}(\.\d{1,9})?$/.test(field)) {
    const number = Number(field)
    if (number < STEP_NUMBERS_BELOW) return { at: number, isStep: true }
    return { at: number < SECONDS_BELOW ? number : number / 1000, isStep: false }
  }
  if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(field)) return undefined
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(field)
  const ms = Date.parse(hasZone ? field : `${field.replace(' ', 'T')}Z`)
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

function refused(line: number, reason: string): SeriesCsv {
  return { kind: 'refused', line, reason }
}
