/**
 * Every way in which the key server says no: codes, status, words. Problem details (RFC 9457) with their code in
 * `SessionKey-Error` too.
 *
 * @module
 */
import type { OpenRefusal } from '../../../flows/open-session.ts'

export interface KeyAnswer {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** For the metrics: `opened`, or the code of the refusal; '' when no session was asked for. */
  readonly result: string
}

export type KeyRefusal =
  | OpenRefusal
  | 'not_found'
  | 'method'
  | 'bad_type'
  | 'too_large'
  | 'host_unknown'
  | 'foreign_origin'
  | 'ticket_malformed'
  | 'ticket_invalid'
  | 'stek_unknown'
  | 'ticket_group'
  | 'busy'
  | 'not_ready'
  | 'not_built'

/** Of each: status, and a title for a person. */
export const KEY_REFUSALS: Readonly<Record<KeyRefusal, readonly [number, string]>> = {
  not_found: [404, 'There is no such path'],
  method: [405, 'Not by this method'],
  bad_type: [415, 'The body must be application/limen-lsk'],
  too_large: [413, 'The message is too large'],
  host_unknown: [421, 'This host is not served here'],
  foreign_origin: [403, 'Only pages of this origin may ask'],
  bad_message: [400, 'The message is not understood'],
  bad_init: [400, 'What the message holds is not understood'],
  bad_share: [400, 'No key can be agreed on with this share'],
  suite_refused: [400, 'This suite is not allowed'],
  kid_unknown: [400, 'The key is unknown or past its time: read the configuration again'],
  not_for_us: [400, 'The message was not sealed for this key and origin'],
  clock_skew: [400, 'The clocks are too far apart'],
  device_sig: [401, 'The device key did not sign this'],
  prev_missing: [400, 'A rotation needs its ticket'],
  prev_mac: [401, 'The old key did not sign this'],
  gen_conflict: [409, 'Another tab was first: use its key'],
  expired: [401, 'The session is over'],
  revoked: [401, 'The session was ended'],
  auth_unexpected: [400, 'Nobody logs in here'],
  auth_invalid: [401, 'The login proof is not good'],
  ticket_malformed: [401, 'The ticket is not understood'],
  ticket_invalid: [401, 'The ticket is not authentic'],
  stek_unknown: [401, 'The key of the ticket is gone'],
  ticket_group: [401, 'The ticket is of another group of hosts'],
  busy: [503, 'Too many sessions are being opened'],
  not_ready: [503, 'No key is in force yet'],
  not_built: [503, 'The scripts for browsers are not built'],
}

const RETRY_AFTER_S = 1

export function refusal(
  code: KeyRefusal,
  result: string,
  more: Readonly<Record<string, string>> = {},
): KeyAnswer {
  const [status, title] = KEY_REFUSALS[code]
  const problem = { type: `urn:limen:err:${code}`, title, status }
  const body = Buffer.from(JSON.stringify(problem))
  const fields = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'content-length': String(body.length),
    'sessionkey-error': code,
    // RFC 9110 section 15.5.2: a 401 says by what scheme.
    ...(status === 401 ? { 'www-authenticate': 'Limen' } : {}),
    ...(status === 503 ? { 'retry-after': String(RETRY_AFTER_S) } : {}),
    ...more,
  }
  return { status, fields, body, result }
}
