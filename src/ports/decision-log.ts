/**
 * Where decisions are kept: a ring, the oldest fall out when there are more than are to be kept, some at a time. They come
 * and are kept by the page, as text: of most connections nobody ever reads the decision.
 *
 * @module
 */
import type { Decision } from '../behavior/decision.ts'

/** Decisions of about one second, as JSON. */
export interface DecisionPage {
  /** What their ids begin with ({@link secondOf}). */
  readonly second: string
  readonly count: number
  /** A JSON array of `count` decisions. */
  readonly json: string
}

export interface DecisionLog {
  /** Adds decisions. Resolves when they are durable enough to survive the process. */
  append(pages: readonly DecisionPage[]): Promise<void>
  get(id: string): Decision | undefined
  /** The newest first, at most `limit`, only ids strictly below `before` when given. */
  list(query: { readonly limit: number; readonly before?: string }): readonly Decision[]
  close(): Promise<void>
}

/** Of a ULID: 1.02 s, as two base32 characters of the ten that hold the milliseconds are left out. */
const SECOND_CHARACTERS = 8
/** What is read to get at one decision; below the 100 KB that `gather-handshakes.ts` tells of, at a kilobyte and a half each. */
const PAGE_DECISIONS_MAX = 64

export function secondOf(id: string): string {
  return id.slice(0, SECOND_CHARACTERS)
}

export function decisionPages(decisions: readonly Decision[]): DecisionPage[] {
  const pages: DecisionPage[] = []
  for (const [second, all] of Map.groupBy(decisions, ({ id }) => secondOf(id))) {
    for (let at = 0; at < all.length; at += PAGE_DECISIONS_MAX) {
      const page = all.slice(at, at + PAGE_DECISIONS_MAX)
      pages.push({ second, count: page.length, json: JSON.stringify(page) })
    }
  }
  return pages
}

export function decisionsOf({ json }: DecisionPage): Decision[] {
  return JSON.parse(json) as Decision[]
}
