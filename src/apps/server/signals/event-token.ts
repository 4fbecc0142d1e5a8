/**
 * Security Event Tokens (RFC 8417) as the Shared Signals Framework restricts them: signed, for us, lately, with no `sub` and no
 * `exp`, so that none of them passes for a login nor a login for one of them. What they say is read for the events of CAEP and
 * RISC that something follows from here; of others only that they are unknown.
 *
 * @module
 */
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { ALGORITHMS } from '../public-key-set.ts'
import { type EventSubject, readEventSubject } from './event-subject.ts'

export type EventKind =
  | 'session-revoked'
  | 'assurance-level-change'
  | 'device-compliance-change'
  | 'account-disabled'
  | 'credential-compromise'
  | 'verification'
  | 'unknown'

export interface SecurityEvent {
  readonly kind: EventKind
  /** undefined: nobody that could be known here. */
  readonly subject: EventSubject | undefined
  /** Of a change of assurance. */
  readonly direction?: 'increase' | 'decrease'
  /** Somebody did it themselves: a logout. */
  readonly byUser: boolean
}

export interface EventToken {
  readonly id: string
  /** Seconds since 1970. */
  readonly issuedAt: number
  readonly events: readonly SecurityEvent[]
}

/** RFC 8935, section 2.4, as far as a token can be the reason. */
export type TokenError = 'invalid_request' | 'invalid_key' | 'invalid_issuer' | 'invalid_audience'

/** `unavailable`: its keys cannot be had now. */
export type TokenOutcome =
  | { readonly kind: 'good'; readonly token: EventToken }
  | { readonly kind: 'refused'; readonly error: TokenError; readonly why: string }
  | { readonly kind: 'unavailable'; readonly why: string }

export interface TokenRules {
  readonly issuer: string
  readonly audience: string
  readonly keys: JWTVerifyGetKey
}

/** Ten times a usual one. */
export const TOKEN_BYTES_MAX = 16_384
/** Older ones are refused: as long as ids of tokens are remembered, a transmitter may be away. */
export const TOKEN_AGE_S_MAX = 86_400
/** Clocks of others. */
const TOLERANCE_S = 60
const ID_CHARS_MAX = 256
/** SSF 1.0 wants one, or several names of the same. */
const EVENTS_MAX = 4
const COMPACT = /^[\w-]+\.[\w-]+\.[\w-]+$/
const CAEP = 'https://schemas.openid.net/secevent/caep/event-type/'
const RISC = 'https://schemas.openid.net/secevent/risc/event-type/'

const KINDS: ReadonlyMap<string, EventKind> = new Map<string, EventKind>([
  [`${CAEP}session-revoked`, 'session-revoked'],
  [`${CAEP}assurance-level-change`, 'assurance-level-change'],
  [`${CAEP}device-compliance-change`, 'device-compliance-change'],
  [`${RISC}account-disabled`, 'account-disabled'],
  [`${RISC}credential-compromise`, 'credential-compromise'],
  ['https://schemas.openid.net/secevent/ssf/event-type/verification', 'verification'],
])

const claims = z.object({
  jti: z.string().min(1).max(ID_CHARS_MAX),
  iat: z.number().min(0).max(Number.MAX_SAFE_INTEGER),
  sub: z.never().optional(),
  exp: z.never().optional(),
  sub_id: z.unknown().optional(),
  events: z
    .record(z.string().min(1).max(ID_CHARS_MAX), z.record(z.string(), z.unknown()))
    .refine((events) => {
      const count = Object.keys(events).length
      return count >= 1 && count <= EVENTS_MAX
    }),
})
const compliance = z.enum(['compliant', 'not-compliant'])
/** What is read of each; more may be there. */
const PAYLOADS: Partial<Record<EventKind, z.ZodType>> = {
  'assurance-level-change': z.object({
    namespace: z.string(),
    current_level: z.string(),
    change_direction: z.enum(['increase', 'decrease']).optional(),
  }),
  'device-compliance-change': z.object({ current_status: compliance, previous_status: compliance }),
}

/** Never rejects. @param now milliseconds since 1970 */
export async function readEventToken(
  text: string,
  { issuer, audience, keys }: TokenRules,
  now: number,
): Promise<TokenOutcome> {
  if (text.length > TOKEN_BYTES_MAX || !COMPACT.test(text)) {
    return refused('invalid_request', 'no compact JWS')
  }
  try {
    const { payload } = await jwtVerify(text, keys, {
      ...{ algorithms: [...ALGORITHMS], typ: 'secevent+jwt', issuer, audience },
      ...{ requiredClaims: ['jti', 'iat', 'events'], maxTokenAge: TOKEN_AGE_S_MAX },
      ...{ clockTolerance: TOLERANCE_S, currentDate: new Date(now) },
    })
    return readClaims(payload)
  } catch (error) {
    return outcomeOf(error)
  }
}

function readClaims(payload: JWTPayload): TokenOutcome {
  const read = claims.safeParse(payload)
  if (!read.success) {
    const [where = ''] = read.error.issues.map(({ path }) => String(path[0] ?? ''))
    return refused('invalid_request', `the claim ${where} is not as it must be`)
  }
  const { jti: id, iat: issuedAt, sub_id: about, events } = read.data
  const found: SecurityEvent[] = []
  for (const [uri, said] of Object.entries(events)) {
    const event = readEvent(KINDS.get(uri) ?? 'unknown', said, about)
    if (event === undefined) {
      return refused('invalid_request', 'an event or its subject is not as it must be')
    }
    found.push(event)
  }
  return { kind: 'good', token: { id, issuedAt, events: found } }
}

/** @param about `sub_id`; older transmitters say it in each event */
function readEvent(
  kind: EventKind,
  said: Readonly<Record<string, unknown>>,
  about: unknown,
): SecurityEvent | undefined {
  const byUser = said['initiating_entity'] === 'user'
  if (kind === 'unknown') return { kind, subject: undefined, byUser }
  if (PAYLOADS[kind]?.safeParse(said).success === false) return undefined
  const subject = readEventSubject(about ?? said['subject'])
  if (subject.kind === 'bad') return undefined
  const direction = said['change_direction']
  return {
    ...{ kind, byUser, subject: subject.kind === 'read' ? subject.subject : undefined },
    ...(direction === 'increase' || direction === 'decrease' ? { direction } : {}),
  }
}

const KEY_ERRORS = [
  ...[errors.JWSSignatureVerificationFailed, errors.JOSEAlgNotAllowed],
  ...[errors.JWKSNoMatchingKey, errors.JWKSMultipleMatchingKeys],
]
const CLAIM_ERRORS: Readonly<Record<string, TokenError>> = {
  iss: 'invalid_issuer',
  aud: 'invalid_audience',
}

function outcomeOf(error: unknown): TokenOutcome {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) {
    const { claim } = error
    return refused(CLAIM_ERRORS[claim] ?? 'invalid_request', `${claim} is not as it must be`)
  }
  if (KEY_ERRORS.some((Kind) => error instanceof Kind)) {
    return refused('invalid_key', 'not signed by a key of the transmitter')
  }
  const isOurs = error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid
  if (isOurs || error instanceof errors.JOSENotSupported) {
    return refused('invalid_request', 'no security event token')
  }
  return { kind: 'unavailable', why: 'its keys cannot be had' }
}

function refused(error: TokenError, why: string): TokenOutcome {
  return { kind: 'refused', error, why }
}
