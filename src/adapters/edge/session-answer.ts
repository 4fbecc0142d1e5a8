/**
 * What a request hears that is not, or not rightly, made under a session key (LSK/1): problem details with the code in
 * `SessionKey-Error` besides; a browser that comes without a session gets the page that opens one.
 *
 * @module
 */
import type { ProofRefusal } from '../../keys/session/validate-request.ts'
import type { Answer } from './answer.ts'
import type { BodyRefusal } from './body-intake.ts'
import { STATUS_TEXTS } from './refusal.ts'

/** Stable: clients switch on it. */
export type SessionRefusal =
  | ProofRefusal
  | BodyRefusal
  | 'session_needed'
  | 'body_unsealed'
  | 'replay_unavailable'

const TEXTS: Readonly<Record<SessionRefusal, string>> = {
  session_needed: 'this is only served under a session key',
  sig_params: 'the proof of the session key is missing or malformed',
  sig_stale: 'the proof is too old, or from the future: compare the clock with Date',
  ticket_malformed: 'SessionKey is no ticket',
  stek_unknown: 'the key of this ticket is not here',
  ticket_invalid: 'the ticket is not authentic',
  not_yet: 'the ticket is not good yet',
  expired: 'the session is over',
  ticket_group: 'the session is of another site',
  revoked: 'the session was ended',
  superseded: 'the session goes on under a newer key',
  feed_silent: 'it cannot be told whether the session was ended',
  keyid: 'the proof names another session than the ticket',
  digest_missing: 'a proof of a request with a body must cover content-digest, in SHA-256',
  digest_mismatch: 'the body is not the one of content-digest',
  sig_invalid: 'the proof is not of this request, or not of this key',
  replay: 'this proof was used before',
  replay_window_full: 'it cannot be told whether this proof was used before',
  replay_unavailable: 'it cannot be told whether this proof was used before',
  body_unsealed: 'bodies are to be sealed here: Content-Encoding must end with aes128gcm',
  body_malformed: 'the sealed body is none of RFC 8188, or its records are too large',
  body_keyid: 'the body is sealed under another key than the ticket has',
  body_truncated: 'the sealed body ends before its last record',
  body_auth: 'the sealed body is not authentic',
  bearer_refused: 'this session takes no cookie: a proof is needed',
}
/** The others are 401. */
const STATUSES: ReadonlyMap<SessionRefusal, number> = new Map([
  ['digest_mismatch', 400],
  ['body_unsealed', 400],
  ['body_malformed', 400],
  ['body_keyid', 400],
  ['body_truncated', 400],
  ['body_auth', 400],
  ['stek_unknown', 503],
  ['feed_silent', 503],
  ['replay_window_full', 503],
  ['replay_unavailable', 503],
])

/** Opens a session in a browser and loads the place asked for again; of the key server. */
const START_SCRIPT = '/.well-known/limen/start.js'
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<title>One moment, please</title>
</head>
<body>
<main>
<h1>One moment, please</h1>
<p role="status" aria-live="polite">A session is being opened with a key of your browser's own. What you sent in a form has not arrived.</p>
<noscript><p>This site is only served under a session key, which needs JavaScript. Please turn it on for this site and load the page again.</p></noscript>
</main>
<script type="module" src="${START_SCRIPT}"></script>
</body>
</html>
`
const PAGE_FIELDS: Answer['fields'] = [
  ['Content-Type', 'text/html; charset=utf-8'],
  ['Content-Security-Policy', "default-src 'self'; base-uri 'none'; form-action 'none'"],
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'same-origin'],
]

/**
 * @param decision what a person can ask `limen decisions explain` about, '' for none
 * @param page for a person with a browser: only of use when a session is to be opened
 * @param now milliseconds since 1970, told to clients that are to compare their clocks
 */
export function sessionAnswer(
  code: SessionRefusal,
  decision: string,
  page: boolean,
  now: number,
): Answer {
  // A cookie has nobody to try again; the page brings one, who does.
  const opensAnew = page && code === 'stek_unknown'
  const status = opensAnew ? 401 : (STATUSES.get(code) ?? 401)
  const fields: Answer['fields'] = [
    ['SessionKey-Error', code],
    ['Cache-Control', 'no-store'],
    ['Date', new Date(now).toUTCString()],
    // RFC 9110 section 15.5.2: a 401 says by what scheme.
    ...(status === 401 ? [['WWW-Authenticate', 'Limen'] as const] : []),
    ...(status === 503 ? [['Retry-After', '1'] as const] : []),
  ]
  if (page && status === 401) return { status, fields: [...PAGE_FIELDS, ...fields], body: PAGE }
  const problem = {
    type: `urn:limen:err:${code}`,
    title: STATUS_TEXTS[status] ?? 'Error',
    status,
    detail: TEXTS[code],
    ...(decision === '' ? {} : { decision }),
  }
  const body = JSON.stringify(problem)
  return { status, fields: [['Content-Type', 'application/problem+json'], ...fields], body }
}

/** Is it a person's browser that asks for a page? Fields as they came, '' when absent. */
export function isNavigation(method: string, fetchMode: string, accept: string): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false
  if (fetchMode !== '') return fetchMode === 'navigate'
  return /\btext\/html\b/i.test(accept)
}
