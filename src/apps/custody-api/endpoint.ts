/**
 * What all endpoints of the operations API have in common: what they are asked, and what they answer.
 *
 * @module
 */
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import type { AccessDecision } from '../../keys/custody/access-policy.ts'
import type { KeyDesk } from './key-desk.ts'
import type { KeyWork } from './key-work.ts'

export interface ApiWorld {
  readonly keys: KeyDesk
  readonly work: KeyWork
  readonly random: Random
  readonly clock: Clock
  /** Of the operator: what fails at the nodes, and where; one line, no secret. */
  tell(text: string): void
}

export interface Asked {
  /** Of the body, and of the path: the latter under the names its route gives them. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Once more for an item of a batch after the first: each counts against the caller's rate. */
  again(): AccessDecision
  /** Whether anybody still waits for the answer. */
  isWaitedFor(): boolean
}

export interface Answer {
  readonly status: number
  /** Without it, and without errors: no body. */
  readonly data?: Readonly<Record<string, unknown>>
  readonly errors?: readonly string[]
  readonly warnings?: readonly string[]
  /** For the audit log. */
  readonly items?: { readonly asked: number; readonly failed: number }
}

/** @throws what is a bug; failures of the world are answers */
export type Endpoint = (world: ApiWorld, asked: Asked) => Promise<Answer>
