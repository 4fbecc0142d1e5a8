/**
 * `signals`: shared security signals with other parties (OpenID SSF and CAEP), taken and told (docs/signals.md).
 *
 * @module
 */
import { isIP } from 'node:net'
import { z } from 'zod'
import { isLoopback } from './address.ts'
import { CONFIG_DEFAULTS } from './defaults.ts'
import { address, file } from './words.ts'

const D = CONFIG_DEFAULTS.signals
const URL_MAX = 2048
const NAME_MAX = 512
/** Each is a socket or a queue. */
const PARTIES_MAX = 16
const EVERY_S_MAX = 3600

/** https, or http to this machine; nothing secret in it: it is shown. */
export function isSignalUrl(text: string): boolean {
  if (text.length > URL_MAX || !URL.canParse(text)) return false
  const { protocol, username, password, hostname, hash } = new URL(text)
  const host = hostname.replace(/^\[|\]$/g, '')
  // A name may begin like an address.
  const isHere = host === 'localhost' || (isIP(host) !== 0 && isLoopback(host))
  const isSafe = protocol === 'https:' || (protocol === 'http:' && isHere)
  return isSafe && host !== '' && username === '' && password === '' && hash === ''
}

const url = z
  .string()
  .refine(isSignalUrl, { message: 'must be an https URL without a password (http: loopback only)' })
const party = z.string().min(1).max(NAME_MAX)

const transmitter = z.strictObject({
  issuer: party.describe('The iss of its tokens.'),
  audience: party.optional().describe('The aud of its tokens; signals.issuer without it.'),
  jwks: file.optional().describe('JWK Set of the keys it signs with: a file.'),
  jwksUrl: url.optional().describe('The same, by https: instead of jwks.'),
  tokenFile: file.optional().describe('It may push: the bearer token that it shows.'),
  poll: z
    .strictObject({
      url: url.describe('Where its tokens are asked for (RFC 8936).'),
      tokenFile: file.optional().describe('The bearer token that is shown there.'),
      everyS: z
        .int()
        .min(1)
        .max(EVERY_S_MAX)
        .default(D.pollEveryS)
        .describe('Seconds between two questions while there is nothing.'),
    })
    .optional()
    .describe('It is asked.'),
})

const receiver = z.strictObject({
  url: url.describe('Where tokens are pushed to (RFC 8935).'),
  audience: party.describe('The aud of what it is told.'),
  tokenFile: file.optional().describe('The bearer token that is shown there.'),
  events: z
    .array(z.enum(['session-revoked', 'assurance-level-change']))
    .min(1)
    .default([...D.events])
    .describe('What it is told.'),
})

export const signalsSchema = z.strictObject({
  issuer: url
    .refine((text) => URL.canParse(text) && new URL(text).origin === text, {
      message: 'must be an origin, e.g. https://edge.example.org',
    })
    .optional()
    .describe('What Limen calls itself: iss of what it tells, aud of what it is told.'),
  address: address
    .optional()
    .describe('Where others push to, and read keys and metadata; below signals.issuer outside.'),
  certificate: z
    .strictObject({ certFile: file.describe('PEM chain.'), keyFile: file.describe('PEM key.') })
    .optional()
    .describe('Serve that by TLS: needed when the address is not loopback.'),
  transmitters: z
    .array(transmitter)
    .max(PARTIES_MAX)
    .default([])
    .describe('Whose security events are taken.'),
  receivers: z
    .array(receiver)
    .max(PARTIES_MAX)
    .default([])
    .describe('Who is told of revoked sessions and changed tiers.'),
})
