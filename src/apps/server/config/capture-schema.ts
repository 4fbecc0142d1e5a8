/**
 * `behavior.capture`: what is kept of requests of sessions in tier 3, for whoever analyses them (docs/behavior.md).
 *
 * @module
 */
import { z } from 'zod'
import { CONFIG_DEFAULTS as D } from './defaults.ts'
import { file } from './words.ts'

const C = D.behavior.capture
/** The seal of a capture opens 4 MiB at most (`person-seal.ts`). */
const REQUEST_BYTES_MAX = 2 ** 20
const BYTES_MAX = 2 ** 40
const FIELD = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/
const FIELDS_MAX = 100
/** A year. */
const KEEP_S_MAX = 366 * 86_400

const bytes = (least: number, most: number) => z.int().min(least).max(most)

export const captureSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(C.enabled)
    .describe('Requests of sessions in tier 3 are kept, sealed. Needs mode: enforce to have any.'),
  requestBytes: bytes(0, REQUEST_BYTES_MAX)
    .default(C.requestBytes)
    .describe('Of a body so much; the head is kept as a whole.'),
  sessionBytes: bytes(1, BYTES_MAX)
    .default(C.sessionBytes)
    .describe('Of one session no more than that in a day.'),
  dayBytes: bytes(1, BYTES_MAX).default(C.dayBytes).describe('Of all sessions in a day (UTC).'),
  keepBytes: bytes(1, BYTES_MAX)
    .default(C.keepBytes)
    .describe('In all: then the oldest are forgotten.'),
  keepS: z
    .int()
    .min(60)
    .max(KEEP_S_MAX)
    .default(C.keepS)
    .describe('After so many seconds they are forgotten.'),
  redact: z
    .array(z.string().regex(FIELD, 'must be the name of a field'))
    .max(FIELDS_MAX)
    .default([...C.redact])
    .describe('Fields whose values are left out. Proofs and cookies of Limen itself always are.'),
  eve: file
    .exactOptional()
    .describe('Events as Suricata writes them (EVE JSON): a file, or unix:PATH of a socket.'),
})
