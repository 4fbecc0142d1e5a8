/**
 * Where decisions are kept: a ring, the oldest fall out when there are more than are to be kept, some at a time.
 *
 * @module
 */
import type { Decision } from '../behavior/decision.ts'

export interface DecisionLog {
  /** Adds decisions. Resolves when they are durable enough to survive the process. */
  append(decisions: readonly Decision[]): Promise<void>
  get(id: string): Decision | undefined
  /** The newest first, at most `limit`, only ids strictly below `before` when given. */
  list(query: { readonly limit: number; readonly before?: string }): readonly Decision[]
  close(): Promise<void>
}
