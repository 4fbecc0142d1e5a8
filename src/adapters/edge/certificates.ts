/**
 * Which certificate a client gets: by the server name it asks for, known from the ClientHello before
 * TLS begins, so that no callback is needed during the handshake. Contexts are built once per
 * certificate, listener policy and ticket key, and swapped whole on reload.
 *
 * @module
 */
import { constants, X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { LimenError } from '../../ground/limen-error.ts'
import type { CertificateSettings, ListenerSettings } from '../../ports/data-plane.ts'
import { TicketKeys } from './ticket-keys.ts'

/**
 * AEAD with forward secrecy only, in our order: the fastest with AES instructions first. A client that puts
 * ChaCha20 first has none of those (a phone) and gets that.
 */
const CIPHERS =
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:' +
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:' +
  'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305'

const GROUPS = 'X25519MLKEM768:X25519:P-256:P-384'
/** RFC 8446 section 4.6.1 allows seven days; a day is what the ticket keys live. */
const SESSION_SECONDS = 86_400
const SESSION_ID_CONTEXT = 'limen'
/** RFC 9113 section 9.2.1 forbids it to HTTP/2, and nothing else needs it. Node has no name for the option. */
const SSL_OP_NO_RENEGOTIATION = 1 << 30

interface NamedContext {
  readonly names: readonly string[]
  readonly contexts: ReadonlyMap<string, tls.SecureContext>
}

/** Contexts for all certificates: ask with {@link Certificates.contextFor}. */
export class Certificates {
  readonly #named: readonly NamedContext[]
  readonly #exact = new Map<string, NamedContext>()
  readonly #wildcard = new Map<string, NamedContext>()

  /**
   * @throws LimenError `certificate-unusable` when a certificate or key cannot be used
   */
  constructor(certificates: readonly CertificateSettings[], ticketKeys: readonly Uint8Array[]) {
    const tickets = new TicketKeys(ticketKeys)
    this.#named = certificates.map((certificate) => namedContext(certificate, tickets))
    for (const named of this.#named) {
      for (const name of named.names) {
        const map = name.startsWith('*.') ? this.#wildcard : this.#exact
        const key = name.startsWith('*.') ? name.slice(2) : name
        if (!map.has(key)) map.set(key, named)
      }
    }
  }

  /** The context for a server name ('' when none was sent): exact, then wildcard, then the first. */
  contextFor(
    serverName: string,
    minVersion: ListenerSettings['minVersion'],
  ): tls.SecureContext | undefined {
    const name = serverName.toLowerCase()
    const named =
      this.#exact.get(name) ??
      this.#wildcard.get(name.slice(name.indexOf('.') + 1)) ??
      this.#named[0]
    return named?.contexts.get(minVersion)
  }
}

function namedContext({ certPem, keyPem }: CertificateSettings, tickets: TicketKeys): NamedContext {
  try {
    const names = (new X509Certificate(certPem).subjectAltName ?? '')
      .split(', ')
      .filter((name) => name.startsWith('DNS:'))
      .map((name) => name.slice('DNS:'.length).toLowerCase())
    const contextOf = (minVersion: ListenerSettings['minVersion']) => {
      const context = tls.createSecureContext({
        cert: certPem,
        key: keyPem,
        minVersion,
        ciphers: CIPHERS,
        ecdhCurve: GROUPS,
        honorCipherOrder: true,
        secureOptions: constants.SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_RENEGOTIATION,
        sessionIdContext: SESSION_ID_CONTEXT,
        sessionTimeout: SESSION_SECONDS,
      })
      tickets.serve(context)
      return context
    }
    return {
      names,
      contexts: new Map([
        ['TLSv1.2', contextOf('TLSv1.2')],
        ['TLSv1.3', contextOf('TLSv1.3')],
      ]),
    }
  } catch (cause) {
    throw new LimenError('certificate-unusable', 'Cannot use a certificate or its key', {
      side: 'operator',
      retry: false,
      cause,
    })
  }
}
