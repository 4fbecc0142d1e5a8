/**
 * The groups of threshold protocols by libsodium, compiled to WebAssembly: ten to twenty times as fast as integers of JavaScript
 * (`docs/decisions/0019-custody-arithmetic.md`), and in constant time. Meaning is `crypto/`.
 *
 * @module
 */
import sodium from 'libsodium-wrappers-sumo'
import type { MappedGroup, PrimeGroup, SigningGroup } from '../../crypto/prime-group.ts'
import { PublicSum } from './public-sum.ts'

export interface SodiumGroups {
  readonly ed25519: SigningGroup
  readonly ristretto255: MappedGroup
}

/** Once the module is compiled, which takes some ten milliseconds. */
export async function sodiumGroups(): Promise<SodiumGroups> {
  await sodium.ready
  return { ed25519: ed25519(), ristretto255: ristretto255() }
}

/** libsodium's wrappers throw Error and TypeError, with other words each. */
function contract<T>(what: string, call: () => T): T {
  try {
    return call()
  } catch (cause) {
    throw new RangeError(`Cannot ${what}`, { cause })
  }
}

/** Both groups have one order. */
function scalars() {
  return {
    reduce: (wide) => sodium.crypto_core_ed25519_scalar_reduce(wide),
    addScalars: (a, b) => sodium.crypto_core_ed25519_scalar_add(a, b),
    subtractScalars: (a, b) => sodium.crypto_core_ed25519_scalar_sub(a, b),
    multiplyScalars: (a, b) => sodium.crypto_core_ed25519_scalar_mul(a, b),
    invertScalar: (a) =>
      contract('invert a scalar', () => sodium.crypto_core_ed25519_scalar_invert(a)),
  } satisfies Partial<PrimeGroup>
}

function ed25519(): SigningGroup {
  const sum = new PublicSum()
  return {
    ...scalars(),
    identity: Uint8Array.of(1, ...new Uint8Array(31)),
    isElement: (bytes) =>
      bytes.length === sodium.crypto_core_ed25519_BYTES &&
      sodium.crypto_core_ed25519_is_valid_point(bytes),
    add: (a, b) => contract('add elements', () => sodium.crypto_core_ed25519_add(a, b)),
    multiply: (scalar, element) =>
      contract('multiply an element', () =>
        sodium.crypto_scalarmult_ed25519_noclamp(scalar, element),
      ),
    multiplyBase: (scalar) =>
      contract('multiply the generator', () =>
        sodium.crypto_scalarmult_ed25519_base_noclamp(scalar),
      ),
    sumPublic: (elements, products) => sum.of(elements, products),
    isSignature: (signature, message, publicKey) =>
      sodium.crypto_sign_verify_detached(signature, message, publicKey),
  }
}

function ristretto255(): MappedGroup {
  const identity = new Uint8Array(32)
  return {
    ...scalars(),
    identity,
    isElement: (bytes) =>
      bytes.length === sodium.crypto_core_ristretto255_BYTES &&
      bytes.some((octet) => octet !== 0) &&
      sodium.crypto_core_ristretto255_is_valid_point(bytes),
    add: (a, b) => contract('add elements', () => sodium.crypto_core_ristretto255_add(a, b)),
    multiply: (scalar, element) =>
      contract('multiply an element', () => sodium.crypto_scalarmult_ristretto255(scalar, element)),
    multiplyBase: (scalar) =>
      contract('multiply the generator', () => sodium.crypto_scalarmult_ristretto255_base(scalar)),
    fromUniform: (bytes) =>
      contract('map octets', () => sodium.crypto_core_ristretto255_from_hash(bytes)),
  }
}
