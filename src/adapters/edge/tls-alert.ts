/**
 * The fatal alert that answers what is not a usable ClientHello (RFC 8446 section 6.2), or one that is not
 * served, so that a client is told instead of cut off.
 *
 * @module
 */
const UNEXPECTED_MESSAGE = 10
const RECORD_OVERFLOW = 22
const ILLEGAL_PARAMETER = 47
const ACCESS_DENIED = 49
const DECODE_ERROR = 50
const PROTOCOL_VERSION = 70
/** "Unrelated to the peer or the correctness of the protocol": try again later. */
const INTERNAL_ERROR = 80

const ALERTS: Readonly<Record<string, number>> = {
  not_tls: UNEXPECTED_MESSAGE,
  sslv2_hello: PROTOCOL_VERSION,
  bad_record_version: PROTOCOL_VERSION,
  empty_record: UNEXPECTED_MESSAGE,
  record_overflow: RECORD_OVERFLOW,
  bad_record_interleave: UNEXPECTED_MESSAGE,
  not_client_hello: UNEXPECTED_MESSAGE,
  psk_not_last: ILLEGAL_PARAMETER,
  'rigorous-rate': ACCESS_DENIED,
  'rigorous-full': INTERNAL_ERROR,
  'rigorous-busy': INTERNAL_ERROR,
  'member-unreachable': INTERNAL_ERROR,
}

/** A whole alert record: type 21, version 3.3, length 2, level fatal. */
export function tlsAlertFor(code: string): Buffer {
  return Buffer.of(21, 3, 3, 0, 2, 2, ALERTS[code] ?? DECODE_ERROR)
}
