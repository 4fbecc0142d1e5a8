/**
 * PKCS#11 URIs (RFC 7512), as far as they name an AES key in a token: which module, which token, which object, and the file
 * its PIN is in. A PIN itself (`pin-value`) is refused: URIs are written into configurations and logs. So is anything else that would
 * have to be passed over in silence.
 *
 *     pkcs11:token=limen;object=kek?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/limen/pin
 *
 * @module
 */

export interface Pkcs11Uri {
  /** Of the path, what is given: each has to be what the token says of itself. One of `token` and `serial` at least. */
  readonly token?: string
  readonly serial?: string
  readonly manufacturer?: string
  readonly model?: string
  /** CKA_LABEL and CKA_ID of the key; one of them at least. */
  readonly object?: string
  readonly id?: Uint8Array
  /** Absolute paths. */
  readonly modulePath: string
  readonly pinFile: string
}

export type Pkcs11UriOutcome =
  | { readonly kind: 'read'; readonly uri: Pkcs11Uri }
  /** Never repeats what an attribute is, only which. */
  | { readonly kind: 'refused'; readonly says: string }

/** Longer than any path, and all names, PKCS#11 has room for. */
const URI_CHARS_MAX = 2048
/** PKCS#11 leaves CKA_ID open; tokens have some tens of octets. */
const ID_BYTES_MAX = 255
const PATH_NAMES = ['token', 'serial', 'manufacturer', 'model', 'object', 'id', 'type']
const QUERY_NAMES = ['module-path', 'pin-source']
/** Section 2.3: unreserved, pk11-res-avail, and `&` in a path, `/` `?` `|` in a query. */
const PATH_VALUE = /^(?:[\w.~:[\]@!$'()*+,=&-]|%[0-9A-Fa-f]{2})+$/
const QUERY_VALUE = /^(?:[\w.~:[\]@!$'()*+,=/?|-]|%[0-9A-Fa-f]{2})+$/

/** Never throws. */
export function readPkcs11Uri(text: string): Pkcs11UriOutcome {
  if (text.length > URI_CHARS_MAX) return refused(`is longer than ${URI_CHARS_MAX} characters`)
  const [, path, query] = /^pkcs11:([^?]*)\?(.*)$/s.exec(text) ?? []
  if (path === undefined || query === undefined) {
    return refused('has to be pkcs11:token=...;object=...?module-path=...&pin-source=file:...')
  }
  const named = attributesOf(path.split(';'), PATH_NAMES, PATH_VALUE)
  if (typeof named === 'string') return refused(named)
  const asked = attributesOf(query.split('&'), QUERY_NAMES, QUERY_VALUE)
  if (typeof asked === 'string') return refused(asked)
  return uriOf(named, asked)
}

function uriOf(
  named: ReadonlyMap<string, Buffer>,
  asked: ReadonlyMap<string, Buffer>,
): Pkcs11UriOutcome {
  const texts = new Map<string, string>()
  for (const [name, bytes] of [...named, ...asked]) {
    if (name === 'id') continue
    const text = textOf(bytes)
    if (text === undefined) return refused(`has a ${name} that is no text`)
    texts.set(name, text)
  }
  const id = named.get('id')
  if (id !== undefined && id.length > ID_BYTES_MAX) return refused('has too long an id')
  if (!texts.has('token') && !texts.has('serial')) return refused('names no token and no serial')
  if (!texts.has('object') && id === undefined) return refused('names no object and no id')
  if ((texts.get('type') ?? 'secret-key') !== 'secret-key') return refused('is of no secret-key')
  const modulePath = texts.get('module-path') ?? ''
  if (!modulePath.startsWith('/')) return refused('has no absolute module-path')
  // RFC 8089: file:/path or file:///path. RFC 7512 allows programs, too, behind a bar: not here.
  const pinFile = (texts.get('pin-source') ?? '').replace(/^file:(?:\/\/(?=\/))?/, '')
  if (!pinFile.startsWith('/') || pinFile.startsWith('//')) {
    return refused('has no pin-source that is an absolute file')
  }
  const given = Object.fromEntries(
    ['token', 'serial', 'manufacturer', 'model', 'object'].flatMap((name) => {
      const text = texts.get(name)
      return text === undefined ? [] : [[name, text]]
    }),
  )
  const uri = { ...given, ...(id === undefined ? {} : { id }), modulePath, pinFile }
  return { kind: 'read', uri }
}

/** By name, decoded; or what is wrong. */
function attributesOf(
  parts: readonly string[],
  names: readonly string[],
  value: RegExp,
): ReadonlyMap<string, Buffer> | string {
  const found = new Map<string, Buffer>()
  for (const part of parts) {
    const at = part.indexOf('=')
    const name = part.slice(0, Math.max(0, at))
    if (name === 'pin-value') return 'holds a PIN: put it into a file, and pin-source=file:...'
    if (!names.includes(name)) return 'has an attribute that is not known here'
    if (found.has(name)) return `has ${name} twice`
    const text = part.slice(at + 1)
    if (!value.test(text)) return `has a ${name} that is empty or not percent-encoded`
    found.set(name, octetsOf(text))
  }
  return found
}

/** Of text that is percent-encoded as it should be. */
function octetsOf(text: string): Buffer {
  const plain = text.replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(plain, 'latin1')
}

/** undefined unless it is UTF-8 without control characters. */
function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8')
  const isWhole = Buffer.from(text, 'utf8').equals(bytes)
  return isWhole && !/\p{Cc}/u.test(text) ? text : undefined
}

function refused(says: string): Pkcs11UriOutcome {
  return { kind: 'refused', says: `The PKCS#11 URI ${says}` }
}
