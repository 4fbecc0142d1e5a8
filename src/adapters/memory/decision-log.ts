/**
 * {@link DecisionLog} in memory: for tests, and for a Limen whose disk fails. Gone with the process.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import { type DecisionLog, decisionsOf } from '../../ports/decision-log.ts'

export function memoryDecisionLog({ keepMax }: { readonly keepMax: number }): DecisionLog {
  const byId = new Map<string, Decision>()
  /** Ascending. Workers interleave, so a newcomer may belong a few places before the end. */
  const ids: string[] = []

  const insert = (decision: Decision): void => {
    if (!byId.has(decision.id)) {
      let at = ids.length
      while (at > 0 && (ids[at - 1] ?? '') > decision.id) at--
      ids.splice(at, 0, decision.id)
    }
    byId.set(decision.id, decision)
  }
  const firstNotBelow = (id: string): number => {
    let low = 0
    let high = ids.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((ids[middle] ?? '') < id) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    async append(pages) {
      for (const decision of pages.flatMap(decisionsOf)) insert(decision)
      const excess = Math.max(0, ids.length - keepMax)
      for (const id of ids.splice(0, excess)) byId.delete(id)
    },
    get: (id) => byId.get(id),
    list({ limit, before }) {
      const end = before === undefined ? ids.length : firstNotBelow(before)
      const newest = ids.slice(Math.max(0, end - limit), end).reverse()
      return newest.flatMap((id) => byId.get(id) ?? [])
    },
    async close() {
      byId.clear()
      ids.length = 0
    },
  }
}
