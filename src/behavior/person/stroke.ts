/**
 * A key as far as it is known: when, how long, of which class, in which field. Never which key.
 *
 * @module
 */
import type { KeyClass } from '../../wire/behavior-batch.ts'

export interface Stroke {
  /** Of the press: seconds, of any origin. */
  readonly atS: number
  /** NaN when the release was not seen. */
  readonly holdS: number
  readonly keyClass: KeyClass
  /** A number of the page's own; 0 is no field. */
  readonly field: number
}
