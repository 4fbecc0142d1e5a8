/**
 * Key agreements by the names they have in `limen.yaml`.
 *
 * @module
 */
import { SUITE, type Suite } from '../../../wire/key-message.ts'
import type { Config } from '../config/schema.ts'

export type SuiteName = Config['sessions']['suites'][number]

export const SUITES: Readonly<Record<SuiteName, Suite>> = {
  x25519: SUITE.x25519,
  p256: SUITE.p256,
  'x25519-mlkem768': SUITE.x25519MlKem768,
}
