/**
 * What is done with a secret that was put together: AES-256-GCM (NIST SP 800-38D), HMAC-SHA-256 (RFC 2104), or a signature by a private key
 * (PKCS #8: Ed25519, or ECDSA and RSA with SHA-256).
 *
 * @module
 */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  type KeyObject,
  sign,
} from 'node:crypto'
import type { Random } from '../../ground/random.ts'
import type { KeyUse } from '../../keys/custody/key-label.ts'

export const ACTIONS = ['encrypt', 'decrypt', 'mac', 'sign'] as const
export type SecretAction = (typeof ACTIONS)[number]

export interface SecretInput {
  readonly keyId: Uint8Array
  readonly input: Uint8Array
  /** What is bound to a ciphertext besides the key's id. */
  readonly aad: Uint8Array
}

const NONCE_BYTES = 12
const TAG_BYTES = 16
export const AES_KEY_BYTES = 32
const CIPHER = 'aes-256-gcm'

export function actionCode(action: SecretAction): number {
  return ACTIONS.indexOf(action) + 1
}

/** undefined for none, or one that a key of this use is not for. */
export function actionOf(code: number | undefined, use: KeyUse): SecretAction | undefined {
  const action = ACTIONS[(code ?? 0) - 1]
  if (use === 'encrypt') return action === 'encrypt' || action === 'decrypt' ? action : undefined
  if (use === 'mac') return action === 'mac' ? action : undefined
  return use === 'sign-assembled' && action === 'sign' ? action : undefined
}

/** Encrypted is nonce (12) | ciphertext | tag (16). @returns undefined for what was not encrypted so, or a secret that is no key for it */
export function operate(
  action: SecretAction,
  secret: Uint8Array,
  { keyId, input, aad }: SecretInput,
  random: Random,
): Uint8Array | undefined {
  if (action === 'mac') return createHmac('sha256', secret).update(input).digest()
  if (action === 'sign') return signed(secret, input)
  if (secret.length !== AES_KEY_BYTES) return undefined
  const bound = Buffer.concat([keyId, aad])
  if (action === 'encrypt') {
    const nonce = random.bytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, secret, nonce).setAAD(bound)
    return Buffer.concat([nonce, cipher.update(input), cipher.final(), cipher.getAuthTag()])
  }
  if (input.length < NONCE_BYTES + TAG_BYTES) return undefined
  const tagAt = input.length - TAG_BYTES
  const decipher = createDecipheriv(CIPHER, secret, input.subarray(0, NONCE_BYTES))
  decipher.setAAD(bound).setAuthTag(input.subarray(tagAt))
  const plain = decipher.update(input.subarray(NONCE_BYTES, tagAt))
  try {
    decipher.final()
    return plain
  } catch {
    plain.fill(0)
    return undefined
  }
}

function signed(secret: Uint8Array, input: Uint8Array): Uint8Array | undefined {
  const key = privateKeyOf(secret)
  if (key === undefined) return undefined
  if (key.asymmetricKeyType === 'ed25519') return sign(null, input, key)
  if (key.asymmetricKeyType === 'ec') return sign('sha256', input, key)
  if (key.asymmetricKeyType !== 'rsa') return undefined
  const padding = constants.RSA_PKCS1_PSS_PADDING
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
  return sign('sha256', input, { key, padding, saltLength })
}

function privateKeyOf(secret: Uint8Array): KeyObject | undefined {
  try {
    // A view: the wrapper copies nothing.
    const key = Buffer.from(secret.buffer, secret.byteOffset, secret.length)
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
  } catch {
    return undefined
  }
}
