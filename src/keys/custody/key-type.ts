/**
 * Types of keys of the operations API, and how each operation with them is done: here, with what everybody may know; together, by `t`
 * holders none of whom has the key; or assembled, in one node for as long as it takes. Together is the default wherever the algorithm
 * has it. Whoever takes a type that has it not, chooses to have the key put together.
 *
 * @module
 */
import type { KeyUse } from './key-label.ts'

export const KEY_TYPES = {
  /** HPKE (`threshold-keys.ts`): anybody encrypts, `t` holders decrypt. The default. */
  'ristretto255-hpke': {
    use: 'open',
    ways: { encrypt: 'here', decrypt: 'together' },
    hasPublicKey: true,
  },
  /** AES-256-GCM under a key of its own for each ciphertext, which `t` holders derive. */
  derive: {
    use: 'derive',
    ways: { encrypt: 'together', decrypt: 'together' },
    hasPublicKey: false,
  },
  /** FROST; what comes out is Ed25519 (RFC 8032). */
  ed25519: { use: 'sign', ways: { sign: 'together', verify: 'here' }, hasPublicKey: true },
  'aes256-gcm96': {
    use: 'encrypt',
    ways: { encrypt: 'assembled', decrypt: 'assembled' },
    hasPublicKey: false,
  },
  /** HMAC-SHA-256; verifying is computing it again. */
  hmac: { use: 'mac', ways: { hmac: 'assembled', verify: 'assembled' }, hasPublicKey: false },
  'ecdsa-p256': {
    use: 'sign-assembled',
    ways: { sign: 'assembled', verify: 'here' },
    hasPublicKey: true,
  },
  'rsa-2048': {
    use: 'sign-assembled',
    ways: { sign: 'assembled', verify: 'here' },
    hasPublicKey: true,
  },
  'rsa-4096': {
    use: 'sign-assembled',
    ways: { sign: 'assembled', verify: 'here' },
    hasPublicKey: true,
  },
} as const satisfies Readonly<Record<string, KeyTypeFacts>>

export type KeyType = keyof typeof KEY_TYPES
export const DEFAULT_KEY_TYPE: KeyType = 'ristretto255-hpke'

/** What a key itself is needed for; a rewrap is a decryption and an encryption, a data key chance and an encryption. */
export type KeyOperation = 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'hmac'
export type Way = 'here' | 'together' | 'assembled'

interface KeyTypeFacts {
  readonly use: KeyUse
  readonly ways: Readonly<Partial<Record<KeyOperation, Way>>>
  readonly hasPublicKey: boolean
}

/** undefined: keys of this type are not for it. */
export function wayOf(type: KeyType, operation: KeyOperation): Way | undefined {
  const { ways }: KeyTypeFacts = KEY_TYPES[type]
  return ways[operation]
}

/** How a new key comes to be: by all its holders together, so that nobody ever has it, or made in one place and dealt. */
export function makingOf(type: KeyType): 'together' | 'dealt' {
  const { use }: KeyTypeFacts = KEY_TYPES[type]
  return use === 'open' || use === 'derive' || use === 'sign' ? 'together' : 'dealt'
}

export function isKeyType(text: string): text is KeyType {
  return Object.hasOwn(KEY_TYPES, text)
}
