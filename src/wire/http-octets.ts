/**
 * Character classes of HTTP/1.1 as lookup tables: RFC 9110 section 5.6.2 (token), section 5.5 (field
 * value), RFC 3986 section 3 (what a request target and a host may hold).
 *
 * @module
 */

export const CR = 13
export const LF = 10
export const SP = 32
export const HTAB = 9
export const COLON = 58

function table(of: (octet: number) => boolean): Uint8Array {
  const classes = new Uint8Array(256)
  for (let octet = 0; octet < 256; octet++) classes[octet] = of(octet) ? 1 : 0
  return classes
}

const among = (text: string) => {
  const octets = new Set([...text].map((char) => char.charCodeAt(0)))
  return (octet: number): boolean => octets.has(octet)
}

const isAlphaNumeric = (octet: number): boolean =>
  (octet >= 48 && octet <= 57) || (octet >= 65 && octet <= 90) || (octet >= 97 && octet <= 122)

const isTokenMark = among("!#$%&'*+-.^_`|~")
const isHostMark = among("-._~%!$&'()*+,;=:[]")

/** tchar: what a method or a field name is made of. */
export const TOKEN = table((octet) => isAlphaNumeric(octet) || isTokenMark(octet))

/** Field value: visible ASCII, SP, HTAB and obs-text. No control character, no DEL. */
export const FIELD_VALUE = table((octet) => octet === HTAB || (octet >= SP && octet !== 127))

/** Request target: visible ASCII without `#` (a fragment is never sent). Raw octets above 127 are refused. */
export const TARGET = table((octet) => octet > SP && octet < 127 && octet !== 35)

/** reg-name, IPv4, bracketed IPv6 and port; `@` and `/` cannot occur. */
export const HOST = table((octet) => isAlphaNumeric(octet) || isHostMark(octet))

/** The value of a hexadecimal digit, 255 for anything else. */
export const HEX_VALUE = Uint8Array.from({ length: 256 }, (_, octet) => {
  if (octet >= 48 && octet <= 57) return octet - 48
  const lower = octet | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : 255
})

/** ASCII text as octets: for the names that the parsers compare with. */
export function octetsOf(ascii: string): Uint8Array {
  return Uint8Array.from(ascii, (char) => char.charCodeAt(0))
}

/** Whether `bytes[from..]` begins with `lower`, ignoring ASCII case. `lower` is lower case. */
export function startsWithIgnoringCase(
  bytes: Uint8Array,
  from: number,
  lower: Uint8Array,
): boolean {
  for (let i = 0; i < lower.length; i++) {
    let octet = bytes[from + i] as number
    if (octet >= 65 && octet <= 90) octet |= 32
    if (octet !== lower[i]) return false
  }
  return true
}
