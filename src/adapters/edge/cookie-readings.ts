/**
 * What a cookie holds, for whichever server reads it. Servers differ: some undo percent escapes, quotes and what is escaped in them, some
 * look at the case of names, some take the first of several, some the last, and some end a pair at a space or a comma. Who may spell a
 * cookie so that it is another one here and the same one there gets out of what sticks to it; so every reading counts.
 *
 * Made for comparison only: what is sent on to servers stays as it came.
 *
 * @module
 */

export interface CookieReading {
  /** One octet per character, without quotes and escapes; a space is `+` (as in forms). */
  readonly value: string
  /** Not cut at a space or a comma: what is cut may be what all cookies of an application begin with. */
  readonly isWhole: boolean
}

/** Browsers send one for each path and domain that fits: a handful. */
export const COOKIES_OF_NAME_MAX = 8
const NONE: readonly CookieReading[] = []
/** PHP makes one of these. */
const LIKE_UNDERSCORE = '(?:[_.[ +]|%(?:5f|2e|5b|20|2b))'
const QUOTED = /"((?:[^"\\]|\\.)*)"/y
const SPACE = /[\s\x85]/

export class CookieReader {
  readonly #pattern: RegExp

  /** @param name a token (RFC 9110 section 5.6.2) */
  constructor(name: string) {
    const spelled = Array.from(name, spellingsOf).join('')
    this.#pattern = new RegExp(`(?:^|[;,\\s\\x85])${spelled}[\\s\\x85]*=`, 'gi')
  }

  /** Of a Cookie field; undefined when it has more than {@link COOKIES_OF_NAME_MAX} of that name. Empty ones are none. */
  read(cookies: string): readonly CookieReading[] | undefined {
    const pattern = this.#pattern
    pattern.lastIndex = 0
    if (!pattern.test(cookies)) return NONE
    const found = new Map<string, boolean>()
    for (let count = 1; ; count++) {
      if (count > COOKIES_OF_NAME_MAX) return undefined
      readAt(cookies, pattern.lastIndex, found)
      if (!pattern.test(cookies)) break
    }
    return Array.from(found, ([value, isWhole]) => ({ value, isWhole }))
  }
}

function readAt(cookies: string, from: number, found: Map<string, boolean>): void {
  const end = cookies.indexOf(';', from)
  const text = trimmed(cookies, from, end < 0 ? cookies.length : end)
  note(found, canonical(text), true)
  const first = text[0]
  if (first === '"') {
    // In quotes there may be a semicolon, and something behind them.
    QUOTED.lastIndex = cookies.indexOf('"', from)
    const quoted = QUOTED.exec(cookies)?.[0]
    if (quoted !== undefined && quoted !== text) note(found, canonical(quoted), true)
  } else if (first !== '{' && first !== '[') {
    const cut = text.search(/[\s,\x85]/)
    if (cut > 0) note(found, canonical(text.slice(0, cut)), false)
  }
}

/** By hand: an expression for what ends in spaces looks at each run of them again and again. */
function trimmed(text: string, start: number, end: number): string {
  let [from, to] = [start, end]
  while (from < to && SPACE.test(text[from] ?? '')) from++
  while (to > from && SPACE.test(text[to - 1] ?? '')) to--
  return text.slice(from, to)
}

function note(found: Map<string, boolean>, value: string, isWhole: boolean): void {
  if (value !== '') found.set(value, isWhole || found.get(value) === true)
}

function canonical(text: string): string {
  const isQuoted = text.length > 1 && text.startsWith('"') && text.endsWith('"')
  const plain = isQuoted ? text.slice(1, -1).replace(/\\([0-3][0-7]{2}|.)/g, unescaped) : text
  const decoded = plain.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return decoded.replaceAll(' ', '+')
}

/** `\"`, or `\042` as Python writes it. */
function unescaped(_: string, what: string): string {
  return what.length === 3 ? String.fromCharCode(Number.parseInt(what, 8)) : what
}

/** In either case, and as a percent escape. */
function spellingsOf(character: string): string {
  if (character === '_' || character === '.') return LIKE_UNDERSCORE
  const [lower, upper] = [character.toLowerCase(), character.toUpperCase()].map((each) =>
    each.charCodeAt(0).toString(16).padStart(2, '0'),
  )
  return `(?:\\x${lower}|%(?:${lower}|${upper}))`
}
