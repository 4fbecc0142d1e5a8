/**
 * A series and what is expected of it, drawn with characters: `#` what was, `o` what is expected, `-` the upper line.
 *
 * @module
 */

export interface Plotted {
  /** NaN: unknown, left empty. */
  readonly past: Float64Array
  readonly expected: Float64Array
  readonly high: Float64Array
}

/** Lines with a scale to their left; steps are averaged where there are more than columns. */
export function textPlot(
  { past, expected, high }: Plotted,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): string {
  const pastColumns = Math.round((columns * past.length) / (past.length + expected.length))
  const was = squeezed(past, Math.min(pastColumns, past.length))
  const ahead = squeezed(expected, Math.min(columns - pastColumns, expected.length))
  const above = squeezed(high, ahead.length)
  const most = Math.max(...[...was, ...ahead, ...above].filter(Number.isFinite), 0) || 1
  const rowOf = (value: number): number => Math.round((Math.max(0, value) / most) * (rows - 1))
  const label = (row: number): string => scale((most * row) / (rows - 1))
  const width = Math.max(...Array.from({ length: rows }, (_, row) => label(row).length))
  const lines = Array.from({ length: rows }, (_, i) => {
    const row = rows - 1 - i
    const before = was.map((value) => (rowOf(value) >= row && value > 0 ? '#' : ' ')).join('')
    const after = ahead.map((value, at) => {
      if (rowOf(value) === row) return 'o'
      return rowOf(above[at] ?? 0) === row ? '-' : ' '
    })
    return `${label(row).padStart(width)} |${before}|${after.join('')}`.trimEnd()
  })
  return [...lines, `${' '.repeat(width)} # was   o expected   - P95`].join('\n')
}

function squeezed(values: Float64Array, columns: number): number[] {
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * values.length) / columns)
    const to = Math.floor(((column + 1) * values.length) / columns)
    const known = values.slice(from, to).filter(Number.isFinite)
    return known.reduce((sum, value) => sum + value, 0) / known.length
  })
}

function scale(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3)
}
