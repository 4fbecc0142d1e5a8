/**
 * Rows as text columns, for a terminal.
 *
 * @module
 */

/** One line per row under its headings; the last column is not padded. `nothing` when there are no rows. */
export function textTable(
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  nothing: string,
): string {
  if (rows.length === 0) return nothing
  const lines = [headings, ...rows.map((row) => row.map((cell) => plain(String(cell))))]
  const widths = headings.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Wire data must not steer a terminal: characters that control it, or the direction of text, are taken out. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu, '?')
}
