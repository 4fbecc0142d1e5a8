/**
 * {@link ProfileStore} in LMDB: key = the profile's id, value = the profile, sealed under its id. Ids are keyed
 * hashes, so neighbours in the tree are as good as drawn by lot: a run from a random place is a fair sample, read
 * from one or two pages.
 *
 * @module
 */
import type { Profile } from '../../behavior/handshake/profile.ts'
import type { Clock } from '../../ground/clock.ts'
import type { Random } from '../../ground/random.ts'
import type { ProfileStore } from '../../ports/profile-store.ts'
import { usefulnessOf } from '../../ports/profile-usefulness.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { commit, type Environment } from './environment.ts'
import {
  type ProfileHead,
  readProfileHead,
  readProfileRecord,
  writeProfileRecord,
} from './profile-record.ts'

export interface LmdbProfileStoreOptions {
  readonly environment: Environment
  readonly seal: RecordSeal
  readonly keepMax: number
  /** A profile unseen for longer is gone. */
  readonly ttlMs: number
  readonly clock: Clock
  /** Chooses among whom the least useful are looked for. */
  readonly random: Random
  /** A record that cannot be opened: another key, or changed on the disk. It is left out, and goes first. */
  readonly onUnreadable?: (id: string) => void
}

/** Of a run of neighbours the least useful part goes: to lose one, so many are looked at. */
const LOOKED_AT_PER_LOSS = 8
/** One run of neighbours; a larger excess takes several. */
const RUN = 256
/** Sealed and written in one turn: a few milliseconds. */
const WRITTEN_AT_ONCE = 256
/** Records looked at after each save for those past their time. A million are through after 30 000 saves. */
const SWEEP_RUN = 32
/** Records a list looks at for each it may give: where many are past their time it gives fewer than asked. */
const LISTED_OVER_MAX = 20
/** 16 hex digits are an id; LMDB throws at empty keys and those beyond 1978 bytes. */
const ID = /^[0-9a-f]{16}$/
const STATE_KEY = 'profiler'

/** Closing it closes the environment, of which it is the only user. */
export function lmdbProfileStore(options: LmdbProfileStoreOptions): ProfileStore {
  const { environment, seal, keepMax, ttlMs, clock, random, onUnreadable = () => {} } = options
  const records = environment.openDB<Uint8Array, string>({ name: 'profiles', encoding: 'binary' })
  const states = environment.openDB<Uint8Array, string>({ name: 'states', encoding: 'binary' })
  /** Where the sweep goes on. */
  let swept = ''

  const opened = (id: string, sealed: Uint8Array): Profile | undefined => {
    const plain = seal.open(id, sealed)
    const profile = plain === undefined ? undefined : readProfileRecord(id, plain)
    if (profile === undefined) onUnreadable(id)
    return profile
  }
  const isOver = ({ lastSeen }: ProfileHead): boolean => clock.now() - lastSeen > ttlMs
  const count = (): number => (records.getStats() as { readonly entryCount: number }).entryCount
  const worthOf = (id: string, sealed: Uint8Array): number => {
    const plain = seal.open(id, sealed)
    const head = plain === undefined ? undefined : readProfileHead(plain)
    if (head === undefined || isOver(head)) return Number.NEGATIVE_INFINITY
    return usefulnessOf(head, clock.now())
  }

  /** Some of those past their time or unreadable, in turn. */
  const sweep = (): string[] => {
    const found: string[] = []
    let last = ''
    for (const { key, value } of records.getRange({ start: swept, limit: SWEEP_RUN })) {
      last = key
      if (worthOf(key, value) === Number.NEGATIVE_INFINITY) found.push(key)
    }
    // The next one, or from the beginning.
    swept = last === '' ? '' : `${last}\u0000`
    return found
  }
  /** The least useful of a run, about one in {@link LOOKED_AT_PER_LOSS}. */
  const leastUseful = (wanted: number): string[] => {
    const start = Buffer.from(random.bytes(8)).toString('hex')
    const limit = Math.min(RUN, Math.max(LOOKED_AT_PER_LOSS, wanted * LOOKED_AT_PER_LOSS))
    const run = [...records.getRange({ start, limit })]
    if (run.length < limit) run.push(...records.getRange({ end: start, limit: limit - run.length }))
    const byWorth = run
      .map(({ key, value }) => ({ key, worth: worthOf(key, value) }))
      .sort((a, b) => a.worth - b.worth)
    const part = Math.max(1, Math.floor(byWorth.length / LOOKED_AT_PER_LOSS))
    return byWorth.slice(0, Math.min(wanted, part)).map(({ key }) => key)
  }
  const removeAll = async (ids: readonly string[]): Promise<void> => {
    if (ids.length === 0) return
    await commit(records, () => {
      for (const id of ids) records.remove(id)
    })
  }

  return {
    async load(ids) {
      return ids.flatMap((id) => {
        const sealed = ID.test(id) ? records.get(id) : undefined
        const profile = sealed === undefined ? undefined : opened(id, sealed)
        return profile === undefined || isOver(profile) ? [] : [profile]
      })
    },
    async save(profiles) {
      for (let at = 0; at < profiles.length; at += WRITTEN_AT_ONCE) {
        const some = profiles.slice(at, at + WRITTEN_AT_ONCE)
        await commit(records, () => {
          for (const one of some) records.put(one.id, seal.seal(one.id, writeProfileRecord(one)))
        })
      }
      await removeAll(sweep())
      for (let excess = count() - keepMax; excess > 0; excess = count() - keepMax) {
        await removeAll(leastUseful(excess))
      }
    },
    remove: (ids) => removeAll(ids.filter((id) => ID.test(id))),
    async list({ limit, after }) {
      if (limit <= 0) return []
      const from = after === undefined || after === '' ? {} : { start: after, exclusiveStart: true }
      const found: Profile[] = []
      for (const { key, value } of records.getRange({ ...from, limit: limit * LISTED_OVER_MAX })) {
        const profile = opened(key, value)
        if (profile !== undefined && !isOver(profile)) found.push(profile)
        if (found.length >= limit) break
      }
      return found
    },
    size: async () => count(),
    async loadState() {
      const sealed = states.get(STATE_KEY)
      const plain = sealed === undefined ? undefined : seal.open(STATE_KEY, sealed)
      if (sealed !== undefined && plain === undefined) onUnreadable(STATE_KEY)
      return plain === undefined ? undefined : Buffer.from(plain).toString()
    },
    async saveState(json) {
      const sealed = seal.seal(STATE_KEY, Buffer.from(json))
      await commit(states, () => void states.put(STATE_KEY, sealed))
    },
    close: () => environment.close(),
  }
}
