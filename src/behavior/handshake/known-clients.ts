/**
 * A guess at the software behind a ClientHello, for people to read: never evidence, since a client can
 * send what it likes. It looks at traits that outlive versions (which extensions, in which order, how
 * the cipher list begins) rather than at whole fingerprints.
 *
 * Where the traits come from: our own captures of November 2026 (curl 7.88 and s_client with OpenSSL
 * 3.0, GnuTLS 3.7, Python 3.11, Node 20 and 24, PHP 8.2, Go 1.19, Chromium 156, nmap 7.93, sslscan
 * 2.0.7; first hellos of each are in `test/fixtures/hellos`); for Firefox and Safari the signatures of
 * lwthiker (MIT); for Java the order in OpenJDK's `SSLExtension.java`.
 *
 * @module
 */
import type { ClientHello } from '../../wire/client-hello-message.ts'
import { isGrease } from '../../wire/grease.ts'

/** Returns e.g. `Chromium`, `curl (OpenSSL)`, `Go`; '' when nothing known resembles it. */
export function guessClient(hello: ClientHello): string {
  const has = hello.extensions
  if (ALPS.some((type) => has.includes(type))) return 'Chromium'
  if (hello.grease) return guessGreaser(hello)
  // delegated_credentials (RFC 9345) and record_size_limit (RFC 8449): NSS with the browser's settings.
  if (has.includes(34) && has.includes(28)) return 'Firefox'
  if (begins(hello.ciphers, [0x1302, 0x1303, 0x1301, 0x1304]) && has.includes(28)) return 'GnuTLS'
  if (isGo(hello)) return 'Go'
  // status_request_v2 (RFC 6961) lives on in JSSE, which sends signature_algorithms_cert as well.
  if (has.includes(17) && has.includes(50)) return 'Java'
  if (isNmap(hello)) return 'nmap'
  if (begins(without(has, [0]), [11, 35, 13, 10])) return 'sslscan'
  if (isOpenSsl(hello)) return guessOpenSslUser(hello)
  return ''
}

/** application_settings (ALPS), old and new code point: only Chromium and what is built on it. */
const ALPS = [17513, 17613]

function guessGreaser(hello: ClientHello): string {
  const ciphers = hello.ciphers.filter((cipher) => !isGrease(cipher))
  // Apple's list puts AES-256 with ECDSA first among those for TLS 1.2.
  if (begins(ciphers, [0x1301, 0x1302, 0x1303, 0xc02c, 0xc02b])) return 'Safari'
  return begins(ciphers, [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f]) ? 'Chromium' : ''
}

/** crypto/tls appends its TLS 1.3 suites to the others. */
function isGo(hello: ClientHello): boolean {
  const { ciphers, extensions } = hello
  const count = ciphers.length
  if (count < 4 || !extensions.includes(18) || !extensions.includes(65281)) return false
  const last = ciphers.slice(count - 3)
  return last.every((cipher) => cipher >> 8 === 0x13) && (ciphers[0] ?? 0) >> 8 !== 0x13
}

/** tls.lua writes its hello by hand: few extensions, in an order of its own, always these curves. */
function isNmap(hello: ClientHello): boolean {
  const order = without(hello.extensions, [0, 16])
  const known =
    same(order, []) || same(order, [10, 11]) || same(order, [10, 11, 13]) || begins(order, [10, 43])
  if (!known || hello.sessionId.length > 0) return false
  if (order.length > 0) return begins(hello.groups, [0x17, 0x18, 0x19, 0x1d, 0x100])
  // SSL 3.0: suites in rounds of 64, and the record carries the version of the hello.
  return hello.ciphers.length === 64 && hello.recordVersion === hello.legacyVersion
}

/** libssl writes its extensions in the order of its table; these are what every build has. */
const OPENSSL_ORDER = [11, 10, 22, 23, 13, 43, 45, 51]
/** ... and these come and go with settings and state. */
const OPENSSL_OPTIONAL = [0, 5, 16, 18, 21, 27, 28, 35, 41, 42, 49, 13172, 65281]

function isOpenSsl(hello: ClientHello): boolean {
  const order = without(hello.extensions, OPENSSL_OPTIONAL)
  return order.length >= 3 && order.every((type, i) => type === OPENSSL_ORDER[i])
}

/** Who uses OpenSSL is told by the cipher list it was given. */
function guessOpenSslUser(hello: ClientHello): string {
  if (hello.ciphers.some(isAnonymous) || hello.ciphers.includes(0x1305)) return 'sslscan'
  const ciphers = hello.ciphers.filter((cipher) => cipher >> 8 !== 0x13)
  if (begins(ciphers, [0xc02f, 0xc02b, 0xc030, 0xc02c, 0x9e, 0xc027])) return 'Node.js'
  if (begins(ciphers, [0xc02f, 0xc02b, 0xc030, 0xc02c, 0x9e, 0xa2])) return 'PHP'
  if (begins(ciphers, [0xc02c, 0xc030, 0xc02b, 0xc02f, 0xcca9])) return 'Python'
  if (begins(ciphers, [0xc02c, 0xc030, 0x9f, 0xcca9]) && hello.alpn[0] === 'h2') {
    return 'curl (OpenSSL)'
  }
  return 'OpenSSL'
}

/** Cipher suites without a certificate (DH_anon, ECDH_anon): RFC 5246 section A.5, RFC 4492, RFC 5288. */
const ANONYMOUS = new Set([
  0x17, 0x18, 0x19, 0x1a, 0x1b, 0x34, 0x3a, 0x46, 0x6c, 0x6d, 0x89, 0x9b, 0xa6, 0xa7, 0xbf, 0xc5,
  0xc015, 0xc016, 0xc017, 0xc018, 0xc019,
])

export function isAnonymous(cipher: number): boolean {
  return ANONYMOUS.has(cipher)
}

function begins(list: readonly number[], start: readonly number[]): boolean {
  if (list.length < start.length) return false
  for (let i = 0; i < start.length; i++) if (list[i] !== start[i]) return false
  return true
}

function same(list: readonly number[], other: readonly number[]): boolean {
  return list.length === other.length && begins(list, other)
}

function without(list: readonly number[], left: readonly number[]): readonly number[] {
  return list.filter((type) => !left.includes(type))
}
