/**
 * Fields of requests of Vault's transit engine, as far as they are served: closed, so that what is asked for and not done is refused and
 * not ignored. Numbers and flags may be text, as command lines send them.
 *
 * @module
 */
import { z } from 'zod'
import { KEY_NAME } from '../../keys/custody/catalogued-key.ts'
import { DEFAULT_KEY_TYPE, KEY_TYPES, type KeyType } from '../../keys/custody/key-type.ts'
import { TRANSIT_TEXT_MAX } from '../../wire/transit-text.ts'

/** Of one request. A thousand signatures took 14 s on a busy machine (decision 0022); Vault has no limit. */
export const BATCH_ITEMS_MAX = 1000
const REFERENCE_MAX = 256
/** Vault's own limit for chance. */
const RANDOM_BYTES_MAX = 128 * 1024

/** As Vault's clients write it: padded; bits behind the last octet do not matter, as in examples of Vault's own. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const octets = z
  .string()
  .max(TRANSIT_TEXT_MAX)
  .transform((text, issues) => {
    if (text.length % 4 === 0 && BASE64.test(text)) return octetsOfBase64(text)
    issues.addIssue({ code: 'custom', message: 'failed to base64-decode' })
    return z.NEVER
  })
const text = z.string().max(TRANSIT_TEXT_MAX)
const count = z.union([
  z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number),
])
const flag = z.union([
  z.boolean(),
  z.enum(['true', 'false']).transform((value) => value === 'true'),
])
/** What is not done here: may be said, as long as it is off. */
const off = flag.refine((value) => !value, 'is not supported').optional()
const noPeriod = z.union([z.literal(0), z.enum(['0', '0s', '0h'])], 'is not supported').optional()

const name = z.string().regex(KEY_NAME, 'is no name of a key')
const keyVersion = count.default(0)
const context = octets.optional()
const associatedData = octets.optional()
const reference = z.string().max(REFERENCE_MAX).optional()
const sha256 = z.enum(['sha2-256'], 'only sha2-256 is supported')
const signing = {
  /** Ed25519 hashes by itself: `none` says so. */
  hash_algorithm: z.enum(['sha2-256', 'none'], 'only sha2-256 is supported').optional(),
  prehashed: off,
  signature_algorithm: z.enum(['pss'], 'only pss is supported').optional(),
  marshaling_algorithm: z.enum(['asn1', 'jws']).default('asn1'),
  salt_length: z.enum(['auto', 'hash', '32'], 'only as long as the hash').optional(),
}

export const FIELDS = {
  encrypt: z.strictObject({
    ...{ name, plaintext: octets, context, associated_data: associatedData },
    ...{ key_version: keyVersion, reference },
  }),
  decrypt: z.strictObject({
    ...{ name, ciphertext: text, context, associated_data: associatedData, reference },
  }),
  rewrap: z.strictObject({
    ...{ name, ciphertext: text, context, associated_data: associatedData },
    ...{ key_version: keyVersion, reference },
  }),
  sign: z.strictObject({ name, input: octets, key_version: keyVersion, reference, ...signing }),
  verify: z.strictObject({
    ...{ name, input: octets, signature: text.optional(), hmac: text.optional(), reference },
    ...signing,
    algorithm: sha256.optional(),
  }),
  hmac: z.strictObject({
    ...{ name, input: octets, key_version: keyVersion, reference },
    algorithm: sha256.optional(),
  }),
  dataKey: z.strictObject({
    name,
    bits: z
      .union([
        z.literal([128, 256, 512]),
        z
          .enum(['128', '256', '512'])
          .transform((value) => (value === '128' ? 128 : value === '256' ? 256 : 512)),
      ])
      .default(256),
    ...{ context, associated_data: associatedData, key_version: keyVersion },
  }),
  random: z.strictObject({
    bytes: count.pipe(z.int().min(1).max(RANDOM_BYTES_MAX)).default(32),
    format: z.enum(['base64', 'hex']).default('base64'),
    source: z.enum(['platform'], 'only platform is supported').optional(),
  }),
  hash: z.strictObject({
    input: octets,
    algorithm: z
      .enum([
        ...(['sha2-224', 'sha2-256', 'sha2-384', 'sha2-512'] as const),
        ...(['sha3-224', 'sha3-256', 'sha3-384', 'sha3-512'] as const),
      ])
      .default('sha2-256'),
    format: z.enum(['hex', 'base64']).default('hex'),
  }),
  create: z.strictObject({
    name,
    type: z.enum(Object.keys(KEY_TYPES) as [KeyType, ...KeyType[]]).default(DEFAULT_KEY_TYPE),
    derived: flag.default(false),
    ...{ convergent_encryption: off, exportable: off, allow_plaintext_backup: off },
    auto_rotate_period: noPeriod,
  }),
  config: z.strictObject({
    name,
    min_decryption_version: count.optional(),
    min_encryption_version: count.optional(),
    deletion_allowed: flag.optional(),
    ...{ exportable: off, allow_plaintext_backup: off, auto_rotate_period: noPeriod },
  }),
  trim: z.strictObject({ name, min_available_version: count }),
  key: z.strictObject({ name }),
  none: z.strictObject({}),
} as const

export const BATCH_FIELDS = {
  batch_input: z.array(z.record(z.string(), z.unknown())).min(1).max(BATCH_ITEMS_MAX),
  partial_failure_response_code: count.pipe(z.int().min(200).max(599)).optional(),
}

/** What is wrong, in one line, without what was sent. */
export function complaintOf({ issues }: z.ZodError): string {
  return issues
    .slice(0, 4)
    .map((issue) => {
      const { path, message } = issue
      return path.length === 0 ? message : `${path.join('.')}: ${message}`
    })
    .join('; ')
    .slice(0, 400)
}

/** In memory of their own, so that they can be zeroed. */
function octetsOfBase64(text: string): Uint8Array {
  const octets = Buffer.allocUnsafeSlow(Buffer.byteLength(text, 'base64'))
  octets.write(text, 'base64')
  return new Uint8Array(octets.buffer)
}
