/**
 * What each client did: counts for the summary, and the pace at which it does it.
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'

export interface Target {
  readonly host: string
  readonly port: number
}

/** One kind of client: acts on `target` until `signal` says stop, and counts what it did. */
export type Client = (target: Target, signal: AbortSignal, tally: Tally) => Promise<void>

export class Tally {
  /** Answers by what they were: a status, or a word for what happened. */
  readonly outcomes = new Map<string, number>()

  count(outcome: string | number): void {
    const key = String(outcome)
    this.outcomes.set(key, (this.outcomes.get(key) ?? 0) + 1)
  }

  /** `200 x 41, 503 x 2`, the most frequent first. */
  toString(): string {
    const sorted = [...this.outcomes].sort(([, one], [, other]) => other - one)
    return sorted.map(([outcome, count]) => `${outcome} x ${count}`).join(', ') || 'nothing'
  }
}

/** Acts again and again, `everyMs` apart, until told to stop. A failed act is counted, and life goes on. */
export async function repeat(
  signal: AbortSignal,
  everyMs: number,
  tally: Tally,
  act: (round: number) => Promise<string | number>,
): Promise<void> {
  for (let round = 0; !signal.aborted; round += 1) {
    try {
      tally.count(await act(round))
    } catch (error) {
      if (!signal.aborted) tally.count(nameOf(error))
    }
    await delay(everyMs, undefined, { signal }).catch(() => {})
  }
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'failed'
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}

/** What an ordinary visitor asks for, in turn: mostly pages, now and then something slow or failing. */
const PATHS = ['/', '/static/site.css', '/api/time', '/form', '/api/items', '/large?bytes=65536']
const RARE_PATHS = ['/slow?ms=300', '/fail?status=503', '/nowhere', '/api/echo']
/** One request in so many is a rare one. */
const RARE_EVERY = 25

export function pathOf(round: number): string {
  const isRare = round % RARE_EVERY === RARE_EVERY - 1
  const paths = isRare ? RARE_PATHS : PATHS
  const turn = isRare ? Math.floor(round / RARE_EVERY) : round
  return paths[turn % paths.length] ?? '/'
}
