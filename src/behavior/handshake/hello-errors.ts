/**
 * What went wrong with a ClientHello, in words for a person. The codes are those of the reader
 * (`wire/client-hello.ts`), and two for connections on which it never came to an end.
 *
 * @module
 */
import type { ClientHelloErrorCode } from '../../wire/client-hello.ts'
import type { Reason } from '../decision.ts'

/** `timeout`: the deadline passed first. `closed`: the client went away first. */
export type HandshakeErrorCode = ClientHelloErrorCode | 'timeout' | 'closed'

/** The reason a decision carries for a hello that could not be read: context, so weight 0. */
export function helloErrorReason(code: HandshakeErrorCode): Reason {
  return { code: `hello-${code.replace(/[:_]/g, '-')}`, text: TEXTS[code], weight: 0 }
}

const TEXTS: Readonly<Record<HandshakeErrorCode, string>> = {
  timeout: 'It did not send a whole ClientHello in time',
  closed: 'It went away before its ClientHello was whole',
  not_tls: 'It did not speak TLS',
  sslv2_hello: 'It began with SSL 2.0, which has been forbidden since 2011',
  bad_record_version: 'Its TLS record has a version that does not exist',
  empty_record: 'It sent an empty handshake record',
  record_overflow: 'It announced a TLS record above 16 KiB',
  too_many_records: 'It cut its ClientHello into more than 64 records',
  bad_record_interleave: 'It put another record into the middle of its ClientHello',
  not_client_hello: 'Its first handshake message is not a ClientHello',
  hello_too_big: 'It announced a ClientHello above 64 KiB',
  'decode:short': 'Its ClientHello ends in the middle of a field',
  'decode:session_id_length': 'Its session id is longer than 32 bytes',
  'decode:cipher_suites_length': 'Its list of cipher suites is empty or of odd length',
  'decode:compression_methods_length': 'Its list of compression methods is empty',
  'decode:extensions_length': 'The length of its extensions does not fit its ClientHello',
  'decode:extension_length': 'One of its extensions reaches past the end',
  duplicate_extension: 'It sent the same extension twice',
  psk_not_last: 'Its pre_shared_key extension is not the last',
  ext_server_name: 'Its server_name extension is malformed',
  ext_status_request: 'Its status_request extension is malformed',
  ext_supported_groups: 'Its supported_groups extension is malformed',
  ext_signature_algorithms: 'Its signature_algorithms extension is malformed',
  ext_alpn: 'Its ALPN extension is malformed',
  ext_pre_shared_key: 'Its pre_shared_key extension is malformed',
  ext_early_data: 'Its early_data extension is malformed',
  ext_supported_versions: 'Its supported_versions extension is malformed',
  ext_psk_key_exchange_modes: 'Its psk_key_exchange_modes extension is malformed',
  ext_post_handshake_auth: 'Its post_handshake_auth extension is malformed',
  ext_signature_algorithms_cert: 'Its signature_algorithms_cert extension is malformed',
  ext_key_share: 'Its key_share extension is malformed',
  ext_encrypted_client_hello: 'Its encrypted_client_hello extension is malformed',
}
