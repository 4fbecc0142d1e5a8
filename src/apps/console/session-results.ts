/**
 * What checks of session keys came to, in words for people, and how much attention each asks for.
 *
 * @module
 */

export type Tone = 'good' | 'warn' | 'bad'

export interface SessionResult {
  readonly code: string
  readonly text: string
  readonly tone: Tone
  readonly count: number
}

type Known = readonly [text: string, tone: Tone]

/** `warn`: happens to honest clients too. `bad`: an honest client does not do that. */
const KNOWN: Readonly<Record<string, Known>> = {
  valid: ['under a session key', 'good'],
  bearer: ['with the cookie alone', 'good'],
  none: ['as nobody, where that may be', 'good'],
  session_needed: ['nothing was shown where a session is needed', 'warn'],
  sig_stale: ['the proof is too old, or from the future', 'warn'],
  stek_unknown: ['the key of the ticket is not here', 'warn'],
  not_yet: ['the ticket is not good yet', 'warn'],
  expired: ['the session was over', 'warn'],
  superseded: ['the session went on under a newer key', 'warn'],
  revoked: ['the session was ended', 'warn'],
  bearer_refused: ['the cookie alone, where it does not count', 'warn'],
  feed_silent: ['not known whether the session was ended', 'warn'],
  replay_window_full: ['not known whether the proof came before', 'warn'],
  replay_unavailable: ['nobody could say whether the proof came before', 'warn'],
  replay: ['the proof came before', 'bad'],
  sig_params: ['the proof is missing or malformed', 'bad'],
  sig_invalid: ['the proof is of another request, or of another key', 'bad'],
  ticket_malformed: ['no ticket', 'bad'],
  ticket_invalid: ['the ticket is not authentic', 'bad'],
  ticket_group: ['the ticket is of another site', 'bad'],
  keyid: ['the proof names another session than the ticket', 'bad'],
  digest_missing: ['a body without its digest', 'bad'],
  digest_mismatch: ['the body is not the one that was signed', 'bad'],
  body_unsealed: ['a body that is not sealed, where it is to be', 'bad'],
  body_malformed: ['a sealed body that is none', 'bad'],
  body_keyid: ['a body sealed under another key than the ticket has', 'warn'],
  body_truncated: ['a sealed body that ends too early', 'bad'],
  body_auth: ['a sealed body that is not authentic', 'bad'],
}
const HANDOFF_REASONS: Readonly<Record<string, string>> = {
  load: 'the server had too much to do',
  fail: 'the server was down or ejected',
  drain: 'the server was draining',
  tier: 'the tier changed',
}
const HANDOFF_RESULTS: Readonly<Record<string, Known>> = {
  told: ['the old server was told', 'good'],
  moved: ['its state is at the new server', 'good'],
  late: ['the old server was told when it was back', 'good'],
  state_lost: ['its state did not get there', 'warn'],
  refused: ['the old server said no', 'warn'],
  lost: ['the old server never heard', 'warn'],
}
const TONES: readonly Tone[] = ['good', 'warn', 'bad']

/** A kind of handoffs. */
export interface HandoffResult {
  readonly reason: string
  readonly result: string
  readonly text: string
  readonly tone: Tone
  readonly count: number
}

/** The most frequent first. @param handoffs by `reason/result` */
export function handoffsOf(handoffs: Readonly<Record<string, number>>): readonly HandoffResult[] {
  return Object.entries(handoffs)
    .map(([key, count]): HandoffResult => {
      const [reason = '', result = ''] = key.split('/')
      const [meaning, tone] = HANDOFF_RESULTS[result] ?? ['', 'warn']
      const text = [HANDOFF_REASONS[reason], meaning].filter(Boolean).join('; ')
      return { reason, result, text, tone, count }
    })
    .sort((one, other) => other.count - one.count)
}

/** Those that passed first, then the most frequent first. */
export function resultsOf(checks: Readonly<Record<string, number>>): readonly SessionResult[] {
  const results = Object.entries(checks).map(([code, count]): SessionResult => {
    const [text, tone] = KNOWN[code] ?? ['', 'warn']
    return { code, text, tone, count }
  })
  const passedFirst = ({ tone }: SessionResult): number => (tone === 'good' ? 0 : 1)
  return results.sort(
    (one, other) =>
      passedFirst(one) - passedFirst(other) ||
      other.count - one.count ||
      TONES.indexOf(other.tone) - TONES.indexOf(one.tone),
  )
}
