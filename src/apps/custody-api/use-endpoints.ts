/**
 * Endpoints that use keys: encrypt, decrypt, rewrap, sign, verify, hmac, data keys.
 *
 * @module
 */
import { Buffer } from 'node:buffer'
import type { z } from 'zod'
import {
  type CataloguedKey,
  type ChosenVersion,
  type KeyVersion,
  versionToRead,
  versionToWrite,
} from '../../keys/custody/catalogued-key.ts'
import { type KeyOperation, wayOf } from '../../keys/custody/key-type.ts'
import { transitBinding } from '../../keys/custody/transit-binding.ts'
import { SECRET_BYTES_MAX } from '../../wire/share-record.ts'
import { readTransitText, type TransitCoding, writeTransitText } from '../../wire/transit-text.ts'
import { batched } from './batch.ts'
import type { ApiWorld, Endpoint } from './endpoint.ts'
import { done, type Outcome, refusalOf, refused } from './outcome.ts'
import { complaintOf, FIELDS } from './request-fields.ts'

type FieldsOf<K extends keyof typeof FIELDS> = z.infer<(typeof FIELDS)[K]>
type Result = Promise<Outcome<Readonly<Record<string, unknown>>>>

interface Bound {
  readonly context?: Uint8Array | undefined
  readonly associated_data?: Uint8Array | undefined
}

const NOTHING = new Uint8Array()
/** Nodes take {@link SECRET_BYTES_MAX} octets at once, a ciphertext with its nonce and tag too. */
const INPUT_BYTES_MAX = SECRET_BYTES_MAX - 28

export const encryptEndpoint = batched({
  ...{ fields: FIELDS.encrypt, common: [], partialStatus: 400 },
  async run(world, { name, key_version, plaintext, ...bound }) {
    const key = keyFor(world, name, 'encrypt', plaintext)
    if (key.kind === 'refused') return key
    const encrypted = await encrypt(world, key.value, key_version, plaintext, bound)
    plaintext.fill(0)
    return encrypted
  },
})

export const decryptEndpoint = batched({
  ...{ fields: FIELDS.decrypt, common: [], partialStatus: 400 },
  async run(world, { name, ciphertext, ...bound }) {
    const key = keyFor(world, name, 'decrypt', NOTHING)
    if (key.kind === 'refused') return key
    const plain = await decrypt(world, key.value, ciphertext, bound)
    if (plain.kind === 'refused') return plain
    const plaintext = base64Of(plain.value)
    plain.value.fill(0)
    return done({ plaintext })
  },
})

export const rewrapEndpoint = batched({
  ...{ fields: FIELDS.rewrap, common: [], partialStatus: 400 },
  async run(world, { name, ciphertext, key_version, ...bound }) {
    const key = keyFor(world, name, 'decrypt', NOTHING)
    if (key.kind === 'refused') return key
    const plain = await decrypt(world, key.value, ciphertext, bound)
    if (plain.kind === 'refused') return plain
    const encrypted = await encrypt(world, key.value, key_version, plain.value, bound)
    plain.value.fill(0)
    return encrypted
  },
})

const SIGNING = [
  ...['hash_algorithm', 'prehashed', 'signature_algorithm', 'marshaling_algorithm'],
  'salt_length',
]

export const signEndpoint = batched({
  ...{ fields: FIELDS.sign, common: ['key_version', ...SIGNING], partialStatus: 200 },
  async run(world, { name, input, key_version, marshaling_algorithm: form }) {
    const key = keyFor(world, name, 'sign', input)
    if (key.kind === 'refused') return key
    const version = versionToWrite(key.value, key_version)
    if (version.kind === 'refused') return refused(400, version.why)
    const signature = await world.work.sign(key.value, version.version, input, form)
    return done(withPublicKey(key.value, version.version, signature, codingOf(form)))
  },
})

export const verifyEndpoint = batched({
  ...{ fields: FIELDS.verify, common: [...SIGNING, 'algorithm'], partialStatus: 200 },
  run: verify,
})

export const hmacEndpoint = batched({
  ...{ fields: FIELDS.hmac, common: ['key_version', 'algorithm'], partialStatus: 200 },
  async run(world, { name, input, key_version }) {
    const key = keyFor(world, name, 'hmac', input)
    if (key.kind === 'refused') return key
    const version = versionToWrite(key.value, key_version)
    if (version.kind === 'refused') return refused(400, version.why)
    const mac = await world.work.mac(key.value, version.version, input)
    return done({ hmac: writeTransitText(version.version.version, mac) })
  },
})

/** @param showsPlaintext else what comes out is only the encrypted key */
export function dataKeyEndpoint(showsPlaintext: boolean): Endpoint {
  return async (world, asked) => {
    const read = FIELDS.dataKey.safeParse(asked.fields)
    if (!read.success) return { status: 400, errors: [complaintOf(read.error)] }
    const { name, bits, key_version, ...bound } = read.data
    const plain = world.random.bytes(bits / 8)
    const made = dataKey(world, name, key_version, plain, bound)
    const outcome = await made.catch((error: unknown) => refusalOf(error, world.tell))
    const plaintext = showsPlaintext ? { plaintext: base64Of(plain) } : {}
    plain.fill(0)
    return outcome.kind === 'refused'
      ? { status: outcome.status, errors: [outcome.why] }
      : { status: 200, data: { ...plaintext, ...outcome.value } }
  }
}

async function dataKey(
  world: ApiWorld,
  name: string,
  wanted: number,
  plain: Uint8Array,
  bound: Bound,
): Result {
  const key = keyFor(world, name, 'encrypt', plain)
  return key.kind === 'refused' ? key : await encrypt(world, key.value, wanted, plain, bound)
}

async function encrypt(
  { work }: ApiWorld,
  key: CataloguedKey,
  wanted: number,
  plain: Uint8Array,
  bound: Bound,
): Result {
  const binding = bindingOf(key, bound)
  if (binding.kind === 'refused') return binding
  const chosen = versionToWrite(key, wanted)
  if (chosen.kind === 'refused') return refused(400, chosen.why)
  const { version } = chosen.version
  const sealed = await work.encrypt(key, chosen.version, plain, binding.value)
  return done({ ciphertext: writeTransitText(version, sealed), key_version: version })
}

async function decrypt(
  { work }: ApiWorld,
  key: CataloguedKey,
  ciphertext: string,
  bound: Bound,
): Promise<Outcome<Uint8Array>> {
  const binding = bindingOf(key, bound)
  if (binding.kind === 'refused') return binding
  const read = readVersioned(key, ciphertext, 'ciphertext', 'base64')
  if (read.kind === 'refused') return read
  const { version, octets } = read.value
  const isTooLong = wayOf(key.type, 'decrypt') === 'assembled' && octets.length > SECRET_BYTES_MAX
  const plain = isTooLong ? undefined : await work.decrypt(key, version, octets, binding.value)
  return plain === undefined ? refused(400, 'invalid ciphertext: unable to decrypt') : done(plain)
}

async function verify(world: ApiWorld, fields: FieldsOf<'verify'>): Result {
  const { name, input, signature, hmac, marshaling_algorithm: form } = fields
  if ((signature === undefined) === (hmac === undefined)) {
    return refused(400, 'one of signature and hmac has to be there')
  }
  const key = keyFor(world, name, 'verify', input)
  if (key.kind === 'refused') return key
  if ((hmac !== undefined) !== (key.value.type === 'hmac')) {
    return refused(400, `key type ${key.value.type} does not verify this`)
  }
  const coding = hmac === undefined ? codingOf(form) : 'base64'
  const read = readVersioned(key.value, hmac ?? signature ?? '', 'signature', coding)
  if (read.kind === 'refused') return read
  const { version, octets } = read.value
  const valid =
    hmac === undefined
      ? world.work.verifies(key.value, version, input, octets, form)
      : await world.work.isMac(key.value, version, input, octets)
  return done({ valid })
}

/** The key, when it is of a type for this, and its nodes take as much. */
function keyFor(
  { keys }: ApiWorld,
  name: string,
  operation: KeyOperation,
  input: Uint8Array,
): Outcome<CataloguedKey> {
  const key = keys.find(name)
  if (key === undefined) return refused(400, 'encryption key not found')
  const way = wayOf(key.type, operation)
  if (way === undefined) return refused(400, `key type ${key.type} does not support ${operation}`)
  // What is encrypted together is encrypted here, under a key that was derived together.
  const goesThere = way === 'assembled' || (way === 'together' && operation === 'sign')
  if (goesThere && input.length > INPUT_BYTES_MAX) {
    return refused(413, `more than ${INPUT_BYTES_MAX} octets at once for key type ${key.type}`)
  }
  return done(key)
}

/** A context is bound to even when the key does not ask for one. */
function bindingOf({ isDerived }: CataloguedKey, bound: Bound): Outcome<Uint8Array> {
  const { context = NOTHING, associated_data = NOTHING } = bound
  if (isDerived && context.length === 0) {
    return refused(400, "missing 'context' for key derivation; the key was created as derived")
  }
  return done(transitBinding(context, associated_data))
}

const WORDS = {
  prefix: 'no prefix',
  foreign: 'it was made by a key of Vault, which is not here',
  version: 'version number could not be decoded',
  octets: 'could not decode base64',
} as const

function readVersioned(
  key: CataloguedKey,
  text: string,
  what: 'ciphertext' | 'signature',
  coding: TransitCoding,
): Outcome<{ readonly version: KeyVersion; readonly octets: Uint8Array }> {
  const read = readTransitText(text, coding)
  if (read.kind === 'refused') return refused(400, `invalid ${what}: ${WORDS[read.code]}`)
  const chosen: ChosenVersion = versionToRead(key, read.version, what)
  return chosen.kind === 'refused'
    ? refused(400, chosen.why)
    : done({ version: chosen.version, octets: read.octets })
}

function withPublicKey(
  { type }: CataloguedKey,
  { version, publicKey }: KeyVersion,
  signature: Uint8Array,
  coding: TransitCoding,
): Readonly<Record<string, unknown>> {
  return {
    signature: writeTransitText(version, signature, coding),
    key_version: version,
    ...(type === 'ed25519' ? { publickey: base64Of(publicKey) } : {}),
  }
}

function codingOf(form: 'asn1' | 'jws'): TransitCoding {
  return form === 'jws' ? 'base64url' : 'base64'
}

function base64Of(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString('base64')
}
