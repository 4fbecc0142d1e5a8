/**
 * What an operation comes to: a value, or a refusal with the status and the words its caller gets.
 *
 * @module
 */
import { LimenError } from '../../ground/limen-error.ts'

export type Outcome<T> = { readonly kind: 'done'; readonly value: T } | Refused

export interface Refused {
  readonly kind: 'refused'
  readonly status: number
  /** Never a secret. */
  readonly why: string
}

export function done<T>(value: T): Outcome<T> {
  return { kind: 'done', value }
}

export function refused(status: number, why: string): Refused {
  return { kind: 'refused', status, why }
}

interface Told {
  readonly status: number
  readonly why: string
}

const NOT_ALLOWED: Told = { status: 500, why: 'this coordinator may not do that at the nodes' }
const TOO_FEW: Told = { status: 503, why: 'too few custody nodes can do that now' }
/** Of what custody nodes, shares and the catalogue fail with: names of nodes and of keys there are for the operator. */
const TOLD: Readonly<Record<string, Told>> = {
  'custody-refused': NOT_ALLOWED,
  'custody-input': { status: 400, why: 'the custody nodes do not take this input' },
  'custody-unavailable': TOO_FEW,
  'custody-key-unknown': { status: 503, why: 'no custody node that answers has this key' },
  'custody-change': { status: 503, why: 'the custody nodes cannot change keys now' },
  'catalogue-unwritable': { status: 503, why: 'the catalogue cannot be written' },
}
/** As a change of shares says it of a node that refuses by its access rules. */
const REFUSED_AT = / \(refused\)/

/**
 * @param tell of the operator: what has failed, and where
 * @throws what is no failure of the world, as it came
 */
export function refusalOf(error: unknown, tell: (text: string) => void): Refused {
  const told = error instanceof LimenError ? TOLD[error.code] : undefined
  if (told === undefined) throw error
  const { message } = error as LimenError
  const isRefused = told === TOLD['custody-change'] && REFUSED_AT.test(message)
  const { status, why } = isRefused ? NOT_ALLOWED : told
  // What was asked for is the client's affair.
  if (status >= 500) tell(message)
  return refused(status, why)
}
