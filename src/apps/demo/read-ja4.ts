/**
 * Says in words what a JA4 fingerprint encodes (FoxIO JA4, technical details): its parts, left to right.
 * It only reads the text of a fingerprint; `wire/ja4.ts` makes one from a ClientHello.
 *
 * @module
 */

export interface Ja4Part {
  /** The characters themselves. */
  readonly characters: string
  readonly name: string
  readonly meaning: string
}

const PATTERN =
  /^([tqd])(\d\d|s\d|d\d)([di])(\d\d)(\d\d)([0-9a-z]{2})_([0-9a-f]{12})_([0-9a-f]{12})$/

const VERSIONS: Readonly<Record<string, string>> = {
  '13': 'TLS 1.3',
  '12': 'TLS 1.2',
  '11': 'TLS 1.1',
  '10': 'TLS 1.0',
  s3: 'SSL 3.0',
  s2: 'SSL 2.0',
  d1: 'DTLS 1.0',
  d2: 'DTLS 1.2',
  d3: 'DTLS 1.3',
}
const TRANSPORTS: Readonly<Record<string, string>> = { t: 'TCP', q: 'QUIC', d: 'DTLS' }
/** First and last character of the first ALPN name. */
const ALPN: Readonly<Record<string, string>> = {
  h2: 'HTTP/2',
  h1: 'HTTP/1.1',
  h3: 'HTTP/3',
  '00': 'no protocol named',
}

/** The parts in order, or an empty list when the text is not a JA4. */
export function readJa4(ja4: string): readonly Ja4Part[] {
  const match = PATTERN.exec(ja4)
  if (match === null) return []
  const [, transport = '', version = '', sni = '', ciphers = '', extensions = '', alpn = ''] = match
  const [cipherHash = '', extensionHash = ''] = match.slice(7)
  const part = (characters: string, name: string, meaning: string): Ja4Part => ({
    characters,
    name,
    meaning,
  })
  return [
    part(transport, 'Transport', TRANSPORTS[transport] ?? transport),
    part(version, 'Highest version', VERSIONS[version] ?? 'unknown'),
    part(sni, 'Server name', sni === 'd' ? 'you named a host' : 'you named no host'),
    part(ciphers, 'Cipher suites', `${count(ciphers)} offered`),
    part(extensions, 'Extensions', `${count(extensions)} sent`),
    part(alpn, 'First protocol', ALPN[alpn] ?? alpn),
    part(cipherHash, 'Which ciphers', 'hash of the sorted cipher list'),
    part(extensionHash, 'Which extensions', 'hash of extensions and signature algorithms'),
  ]
}

/** JA4 counts to 99 and stays there. */
function count(digits: string): string {
  return digits === '99' ? '99 or more' : String(Number(digits))
}
