/**
 * A Diffie-Hellman secret of a key nobody has: each holder multiplies by its share and proves that it did (`dleq.ts`), and any
 * `threshold` of the products give the secret, s x U = sum of Lagrange's weight x product (Desmedt and Frankel 1989; Shoup and Gennaro 1998
 * for the proofs). What is made of it: `keys/custody/threshold-keys.ts`.
 *
 * @module
 */
import type { Random } from '../ground/random.ts'
import { isDleq, proveDleq } from './dleq.ts'
import type { GroupKey, KeyShare } from './feldman.ts'
import { type PrimeGroup, weightAtZero } from './prime-group.ts'

/** What a holder answers. From anywhere. */
export interface PartialProduct {
  readonly point: number
  readonly product: Uint8Array
  readonly proof: Uint8Array
}

export type Product =
  | { readonly kind: 'combined'; readonly element: Uint8Array }
  /** Too few; two of one point; or wrong: of these points. */
  | {
      readonly kind: 'refused'
      readonly code: 'below-threshold' | 'dup-x' | 'proof'
      readonly points: readonly number[]
    }

/**
 * A holder's part: share x element.
 *
 * @param context the protocol's name: a proof is good for no other
 * @returns undefined for what is no element
 */
export function multiplyPartially(
  group: PrimeGroup,
  context: Uint8Array,
  { point, share }: KeyShare,
  element: Uint8Array,
  random: Random,
): PartialProduct | undefined {
  if (!group.isElement(element)) return undefined
  const product = group.multiply(share, element)
  const publicKey = group.multiplyBase(share)
  const proof = proveDleq(group, context, share, { publicKey, element, product }, random)
  return { point, product, proof }
}

/**
 * Key x element. More parts than the threshold are checked, too; the first ones are used.
 *
 * @throws RangeError for what is no element
 */
export function combineProducts(
  group: PrimeGroup,
  context: Uint8Array,
  key: GroupKey,
  element: Uint8Array,
  parts: readonly PartialProduct[],
): Product {
  const points = parts.map(({ point }) => point)
  const twice = points.filter((point, i) => points.indexOf(point) < i)
  if (twice.length > 0) return { kind: 'refused', code: 'dup-x', points: [...new Set(twice)] }
  const used = parts.slice(0, key.threshold)
  if (used.length < key.threshold) return { kind: 'refused', code: 'below-threshold', points: [] }
  const wrong = parts.filter(({ point, product, proof }) => {
    const publicKey = key.images.get(point)
    if (publicKey === undefined) return true
    return !isDleq(group, context, { publicKey, element, product }, proof)
  })
  if (wrong.length > 0) {
    return { kind: 'refused', code: 'proof', points: wrong.map(({ point }) => point) }
  }
  const at = used.map(({ point }) => point)
  const combined = used
    .map(({ point, product }) => group.multiply(weightAtZero(group, at, point), product))
    .reduce((sum, one) => group.add(sum, one))
  return { kind: 'combined', element: combined }
}
