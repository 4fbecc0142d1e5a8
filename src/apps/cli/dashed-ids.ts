/**
 * Ids of sessions and subjects are base64url, so some begin with a dash: on a command line they look like options.
 *
 * @module
 */

/** 16 bytes in base64url that begin with a dash; no option of ours looks like that. */
const DASHED_ID = /^-[\w-]{20}[AQgw]$/

/** The arguments, with such ids last and behind `--`, where nothing is an option. */
export function idsLast(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  const [before, after] = end < 0 ? [argv, []] : [argv.slice(0, end), argv.slice(end + 1)]
  const ids = before.filter((word) => DASHED_ID.test(word))
  if (ids.length === 0) return argv
  return [...before.filter((word) => !DASHED_ID.test(word)), '--', ...ids, ...after]
}
