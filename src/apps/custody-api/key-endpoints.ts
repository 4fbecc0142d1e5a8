/**
 * Endpoints about keys themselves: create, read, list, delete, config, rotate, trim.
 *
 * @module
 */
import type { z } from 'zod'
import { type CataloguedKey, type KeyVersion, latestOf } from '../../keys/custody/catalogued-key.ts'
import { KEY_TYPES, wayOf } from '../../keys/custody/key-type.ts'
import type { Answer, ApiWorld, Asked, Endpoint } from './endpoint.ts'
import { spkiKey } from './key-work.ts'
import type { Outcome } from './outcome.ts'
import { complaintOf, FIELDS } from './request-fields.ts'

export const createEndpoint = reading(FIELDS.create, async ({ keys }, { name, type, derived }) => {
  if (derived && wayOf(type, 'encrypt') === undefined) {
    return { status: 400, errors: [`key derivation is not supported for type ${type}`] }
  }
  const made = await keys.make(name, type, derived)
  if (made.kind === 'refused') return { status: made.status, errors: [made.why] }
  const { key, isNew } = made.value
  const warnings = isNew ? [] : [`key ${name} already existed`]
  return { status: 200, data: viewOf(key), warnings }
})

export const readEndpoint = reading(FIELDS.key, async ({ keys }, { name }) => {
  const key = keys.find(name)
  return key === undefined ? { status: 404, errors: [] } : { status: 200, data: viewOf(key) }
})

export const listEndpoint = reading(FIELDS.none, async (world) => {
  const keys = world.keys.names()
  return keys.length === 0 ? { status: 404, errors: [] } : { status: 200, data: { keys } }
})

export const deleteEndpoint = reading(FIELDS.key, async ({ keys }, { name }) => {
  const outcome = await keys.delete(name)
  return outcome.kind === 'refused'
    ? { status: outcome.status, errors: [`error deleting policy ${name}: ${outcome.why}`] }
    : { status: 204 }
})

export const configEndpoint = reading(FIELDS.config, async ({ keys }, fields) => {
  const { name, min_decryption_version, min_encryption_version, deletion_allowed } = fields
  const outcome = await keys.configure(name, {
    minDecryption: min_decryption_version,
    minEncryption: min_encryption_version,
    deletionAllowed: deletion_allowed,
  })
  return answerOf(outcome)
})

export const rotateEndpoint = reading(FIELDS.key, async ({ keys }, { name }) =>
  answerOf(await keys.rotate(name)),
)

export const trimEndpoint = reading(FIELDS.trim, async ({ keys }, fields) =>
  answerOf(await keys.trim(fields.name, fields.min_available_version)),
)

function reading<T>(
  fields: z.ZodType<T>,
  act: (world: ApiWorld, fields: T) => Promise<Answer>,
): Endpoint {
  return async (world: ApiWorld, asked: Asked) => {
    const read = fields.safeParse(asked.fields)
    if (!read.success) return { status: 400, errors: [complaintOf(read.error)] }
    return await act(world, read.data)
  }
}

function answerOf(outcome: Outcome<CataloguedKey>): Answer {
  return outcome.kind === 'refused'
    ? { status: outcome.status, errors: [outcome.why] }
    : { status: 200, data: viewOf(outcome.value) }
}

/** As Vault shows a key. */
function viewOf(key: CataloguedKey): Readonly<Record<string, unknown>> {
  const { type, name, versions, isDerived } = key
  const does = (operation: 'encrypt' | 'decrypt' | 'sign'): boolean =>
    wayOf(type, operation) !== undefined
  return {
    ...{ name, type, derived: isDerived, deletion_allowed: key.deletionAllowed },
    ...{ exportable: false, allow_plaintext_backup: false, imported_key: false },
    ...{ auto_rotate_period: 0, latest_version: latestOf(key) },
    min_available_version: key.minAvailable,
    min_decryption_version: key.minDecryption,
    min_encryption_version: key.minEncryption,
    ...{ supports_encryption: does('encrypt'), supports_decryption: does('decrypt') },
    ...{ supports_signing: does('sign'), supports_derivation: does('encrypt') },
    keys: Object.fromEntries(versions.map((one) => [one.version, versionView(key, one)])),
  }
}

function versionView({ type }: CataloguedKey, { createdAt, publicKey }: KeyVersion): unknown {
  if (!KEY_TYPES[type].hasPublicKey) return Math.floor(createdAt / 1000)
  const isSpki = type === 'ecdsa-p256' || type === 'rsa-2048' || type === 'rsa-4096'
  return {
    name: type === 'ecdsa-p256' ? 'P-256' : type,
    creation_time: new Date(createdAt).toISOString(),
    public_key: isSpki
      ? spkiKey(publicKey).export({ format: 'pem', type: 'spki' })
      : Buffer.from(publicKey).toString('base64'),
  }
}
