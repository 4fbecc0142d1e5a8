/**
 * {@link DecisionLog} in LMDB, a record per page: sealing and storing each decision by itself cost a handshake 28 us, a
 * page of them costs little more than one.
 *
 * Key: the page's second, its number, how many decisions it has. Value: they, as JSON, sealed.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import { type DecisionLog, secondOf } from '../../ports/decision-log.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { commit, type Environment } from './environment.ts'

export interface LmdbDecisionLogOptions {
  readonly environment: Environment
  readonly seal: RecordSeal
  /** Decisions kept; the oldest page goes when the others hold as many. */
  readonly keepMax: number
  /** A page that cannot be opened: another key, or changed on the disk. It is left out. */
  readonly onUnreadable?: (page: string) => void
}

/** Behind all that can be in a key. */
const END = '~'

/** Closing it closes the environment, of which it is the only user so far. */
export function lmdbDecisionLog(options: LmdbDecisionLogOptions): DecisionLog {
  const { environment, seal, keepMax, onUnreadable = () => {} } = options
  const pages = environment.openDB<Uint8Array, string>({
    name: 'decision-pages',
    encoding: 'binary',
  })
  let next = 0
  let kept = 0
  for (const key of pages.getKeys()) {
    const { number, count } = read(key)
    next = Math.max(next, number + 1)
    kept += count
  }

  const opened = (key: string, sealed: Uint8Array): readonly Decision[] => {
    const plain = seal.open(key, sealed)
    if (plain === undefined) {
      onUnreadable(key)
      return []
    }
    const page = JSON.parse(Buffer.from(plain).toString()) as Decision[]
    return page.map((decision) => ({ ...BEFORE_POOLS, ...decision }))
  }
  const forgetOldest = async (): Promise<void> => {
    const oldest: string[] = []
    let left = kept
    for (const key of pages.getKeys()) {
      const { count } = read(key)
      if (left - count < keepMax) break
      left -= count
      oldest.push(key)
    }
    if (oldest.length === 0) return
    await commit(pages, () => {
      for (const key of oldest) pages.remove(key)
    })
    kept = left
  }
  /** Those of one second, by id; of an id that is there twice the one appended last. */
  const second = (name: string): Map<string, Decision> => {
    const found = new Map<string, Decision>()
    const range = { start: `${name} `, end: `${name} ${END}` }
    for (const { key, value } of pages.getRange(range)) {
      for (const decision of opened(key, value)) found.set(decision.id, decision)
    }
    return found
  }

  return {
    async append(given) {
      const made = given.map(({ second: name, count, json }) => {
        const key = keyOf(name, next++, count)
        return { key, count, sealed: seal.seal(key, Buffer.from(json)) }
      })
      await commit(pages, () => {
        for (const { key, sealed } of made) pages.put(key, sealed)
      })
      for (const { count } of made) kept += count
      if (kept > keepMax) await forgetOldest()
    },
    get(id) {
      return isId(id) ? second(secondOf(id)).get(id) : undefined
    },
    list({ limit, before }) {
      if (before !== undefined && !isId(before)) return []
      const listed: Decision[] = []
      let from = before === undefined ? END : `${secondOf(before)} ${END}`
      while (listed.length < limit) {
        const [newest] = pages.getKeys({ start: from, reverse: true, limit: 1 })
        if (newest === undefined) break
        const name = read(newest).second
        const ofSecond = [...second(name).values()]
        listed.push(
          ...ofSecond
            .filter(({ id }) => before === undefined || id < before)
            .sort((a, b) => (a.id < b.id ? 1 : -1)),
        )
        from = `${name} `
      }
      return listed.slice(0, limit)
    },
    close: () => environment.close(),
  }
}

/** What decisions kept by version 0.1.0 and before do not say. */
const BEFORE_POOLS = { enforced: 1, pool: 'primary', member: '' } as const

/** Numbers are padded, so that pages of one second sort as they were appended. */
function keyOf(name: string, number: number, count: number): string {
  return `${name} ${String(number).padStart(15, '0')} ${count}`
}

function read(key: string): { second: string; number: number; count: number } {
  const [name = '', number = '0', count = '0'] = key.split(' ')
  return { second: name, number: Number(number), count: Number(count) }
}

/** LMDB refuses empty keys and those beyond 1978 bytes with an exception; an id has 26 characters. */
function isId(id: string): boolean {
  return /^[\x21-\x7e]{1,64}$/.test(id)
}
