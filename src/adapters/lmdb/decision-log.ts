/**
 * {@link DecisionLog} in LMDB: key = id (ULIDs sort by time), value = the decision as JSON, sealed.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import type { DecisionLog } from '../../ports/decision-log.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { commit, type Environment } from './environment.ts'

export interface LmdbDecisionLogOptions {
  readonly environment: Environment
  readonly seal: RecordSeal
  /** Decisions kept. Passed for a moment by the batch being appended. */
  readonly keepMax: number
  /** A record that cannot be opened: another key, or changed on the disk. It is left out. */
  readonly onUnreadable?: (id: string) => void
}

/** Closing it closes the environment, of which it is the only user so far. */
export function lmdbDecisionLog(options: LmdbDecisionLogOptions): DecisionLog {
  const { environment, seal, keepMax, onUnreadable = () => {} } = options
  const records = environment.openDB<Uint8Array, string>({ name: 'decisions', encoding: 'binary' })

  const opened = (id: string, sealed: Uint8Array): Decision | undefined => {
    const plain = seal.open(id, sealed)
    if (plain === undefined) {
      onUnreadable(id)
      return undefined
    }
    return { ...BEFORE_POOLS, ...(JSON.parse(Buffer.from(plain).toString()) as Decision) }
  }

  return {
    async append(decisions) {
      await commit(records, () => {
        for (const decision of decisions) {
          const plain = Buffer.from(JSON.stringify(decision))
          records.put(decision.id, seal.seal(decision.id, plain))
        }
      })
      const { entryCount } = records.getStats() as { readonly entryCount: number }
      if (entryCount > keepMax) {
        const oldest = [...records.getKeys({ limit: entryCount - keepMax })]
        await commit(records, () => {
          for (const id of oldest) records.remove(id)
        })
      }
    },
    get(id) {
      const sealed = isKey(id) ? records.get(id) : undefined
      return sealed === undefined ? undefined : opened(id, sealed)
    },
    list({ limit, before }) {
      if (before !== undefined && !isKey(before)) return []
      const from = before === undefined ? {} : { start: before, exclusiveStart: true }
      const found: Decision[] = []
      for (const { key, value } of records.getRange({ ...from, reverse: true })) {
        if (found.length >= limit) break
        const decision = opened(key, value)
        if (decision !== undefined) found.push(decision)
      }
      return found
    },
    close: () => environment.close(),
  }
}

/** What decisions kept by version 0.1.0 and before do not say. */
const BEFORE_POOLS = { enforced: 1, pool: 'primary', member: '' } as const

/** LMDB refuses empty keys and those beyond 1978 bytes with an exception; an id has 26. */
function isKey(id: string): boolean {
  return id.length > 0 && id.length <= 64
}
