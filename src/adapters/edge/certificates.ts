/**
 * Which certificate a client gets: by the server name it asks for, known from the ClientHello before
 * TLS begins, so that no callback is needed during the handshake. Contexts are built per certificate,
 * listener policy and ticket key, lent to one handshake each (`tls-slots.ts`), and swapped whole on reload.
 *
 * @module
 */
import { constants, X509Certificate } from 'node:crypto'
import tls from 'node:tls'
import { LimenError } from '../../ground/limen-error.ts'
import type { CertificateSettings, ListenerSettings } from '../../ports/data-plane.ts'
import type { ClientHello } from '../../wire/client-hello-message.ts'
import type { RetryGroup } from './hello-retry.ts'
import { type TicketHolder, TicketKeys, withoutTickets } from './ticket-keys.ts'
import { type Lease, TlsSlots } from './tls-slots.ts'

/**
 * AEAD with forward secrecy only, in our order: the fastest with AES instructions first. A client that puts
 * ChaCha20 first has none of those (a phone) and gets that.
 */
const CIPHERS =
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:' +
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:' +
  'ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305'

/** What the primary pool shares keys by, in order of preference; `PRIMARY_GROUPS` of `hello-retry.ts`. */
const GROUPS = 'X25519MLKEM768:X25519:P-256:P-384'
/** RFC 8446 section 4.6.1 allows seven days; a day is what the ticket keys live. */
const SESSION_SECONDS = 86_400
const SESSION_ID_CONTEXT = 'limen'
/** RFC 9113 section 9.2.1 forbids it to HTTP/2, and nothing else needs it. Node has no name for the option. */
const SSL_OP_NO_RENEGOTIATION = 1 << 30

interface NamedContexts {
  readonly names: readonly string[]
  readonly slots: ReadonlyMap<ListenerSettings['minVersion'], TlsSlots>
  /** Of the rigorous pool, by the groups it may share keys by; made when first asked for. */
  readonly rigorous: (groups: string) => tls.SecureContext
}

/** Contexts for all certificates: ask with {@link Certificates.lend}. */
export class Certificates {
  readonly #named: readonly NamedContexts[]
  readonly #exact = new Map<string, NamedContexts>()
  readonly #wildcard = new Map<string, NamedContexts>()
  readonly #tickets: TicketKeys

  /**
   * @throws LimenError `certificate-unusable` when a certificate or key cannot be used
   */
  constructor(certificates: readonly CertificateSettings[], ticketKeys: readonly Uint8Array[]) {
    const tickets = new TicketKeys(ticketKeys)
    this.#tickets = tickets
    this.#named = certificates.map((certificate) => namedContexts(certificate, tickets))
    for (const named of this.#named) {
      for (const name of named.names) {
        const map = name.startsWith('*.') ? this.#wildcard : this.#exact
        const key = name.startsWith('*.') ? name.slice(2) : name
        if (!map.has(key)) map.set(key, named)
      }
    }
  }

  /**
   * A context for a server name ('' when none was sent): exact, then wildcard, then the first. Its tickets name
   * `profile`, '' for nobody. To be given back when the handshake is over.
   */
  lend(
    serverName: string,
    minVersion: ListenerSettings['minVersion'],
    profile: string,
  ): Lease | undefined {
    return this.#contextsFor(serverName)?.slots.get(minVersion)?.lend(profile)
  }

  /** For the rigorous pool: TLS 1.3, no tickets. With `retry` it shares keys by that group only. */
  rigorousFor(serverName: string, retry: RetryGroup | undefined): tls.SecureContext | undefined {
    return this.#contextsFor(serverName)?.rigorous(retry ?? GROUPS)
  }

  /** Whom the session a client wants to resume was made for, by the ticket in its hello. */
  lineageOf({ psk, sessionTicket }: ClientHello): string | undefined {
    const ticket = psk ?? sessionTicket
    return ticket === undefined ? undefined : this.#tickets.lineageOf(ticket)
  }

  #contextsFor(serverName: string): NamedContexts | undefined {
    const name = serverName.toLowerCase()
    return (
      this.#exact.get(name) ??
      this.#wildcard.get(name.slice(name.indexOf('.') + 1)) ??
      this.#named[0]
    )
  }
}

function namedContexts(certificate: CertificateSettings, tickets: TicketKeys): NamedContexts {
  try {
    const names = (new X509Certificate(certificate.certPem).subjectAltName ?? '')
      .split(', ')
      .filter((name) => name.startsWith('DNS:'))
      .map((name) => name.slice('DNS:'.length).toLowerCase())
    const slots = (minVersion: ListenerSettings['minVersion']) =>
      new TlsSlots((holder: TicketHolder) => {
        const context = newContext(certificate, minVersion, GROUPS)
        tickets.serve(context, holder)
        return context
      })
    const rigorous = new Map<string, tls.SecureContext>()
    return {
      names,
      slots: new Map([
        ['TLSv1.2', slots('TLSv1.2')],
        ['TLSv1.3', slots('TLSv1.3')],
      ]),
      rigorous: (groups) => {
        let context = rigorous.get(groups)
        if (context === undefined) {
          context = newContext(certificate, 'TLSv1.3', groups)
          withoutTickets(context)
          rigorous.set(groups, context)
        }
        return context
      },
    }
  } catch (cause) {
    throw new LimenError('certificate-unusable', 'Cannot use a certificate or its key', {
      side: 'operator',
      retry: false,
      cause,
    })
  }
}

function newContext(
  { certPem, keyPem }: CertificateSettings,
  minVersion: ListenerSettings['minVersion'],
  groups: string,
): tls.SecureContext {
  return tls.createSecureContext({
    cert: certPem,
    key: keyPem,
    minVersion,
    ciphers: CIPHERS,
    ecdhCurve: groups,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_PRIORITIZE_CHACHA | SSL_OP_NO_RENEGOTIATION,
    sessionIdContext: SESSION_ID_CONTEXT,
    sessionTimeout: SESSION_SECONDS,
  })
}
