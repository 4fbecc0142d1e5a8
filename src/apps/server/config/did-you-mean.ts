/**
 * The known word nearest to an unknown one, by edits (Levenshtein distance).
 *
 * @module
 */

/** ` (did you mean "x"?)`, or '' when nothing known is near: at most a third of the letters differ. */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = known
    .map((candidate) => ({ candidate, edits: editsBetween(word, candidate) }))
    .filter(({ candidate, edits }) => edits <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.edits - b.edits)[0]
  return near === undefined ? '' : ` (did you mean "${near.candidate}"?)`
}

/** Words here are keys and names: no longer than this matters. */
const LETTERS_MAX = 64

function editsBetween(from: string, to: string): number {
  const a = from.slice(0, LETTERS_MAX).toLowerCase()
  const b = to.slice(0, LETTERS_MAX).toLowerCase()
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
