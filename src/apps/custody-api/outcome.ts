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

/** Of what custody nodes, shares and the catalogue fail with. */
const STATUS: Readonly<Record<string, number>> = {
  'custody-refused': 403,
  'custody-input': 400,
  'custody-unavailable': 503,
  'custody-key-unknown': 503,
  'custody-change': 503,
  'catalogue-unwritable': 503,
}

/** @throws what is no failure of the world, as it came */
export function refusalOf(error: unknown): Refused {
  const status = error instanceof LimenError ? STATUS[error.code] : undefined
  if (status === undefined) throw error
  return refused(status, (error as LimenError).message)
}
