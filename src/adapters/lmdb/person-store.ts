/**
 * {@link PersonStore} in LMDB, in two environments: one of wrapped keys, one of what they seal. Copies of the second (backups)
 * say nothing without the first, which is small and is not to be copied. A page that LMDB has freed keeps its octets until
 * it is used again.
 *
 * A record is u32 revision | what {@link PersonSeal} made.
 *
 * @module
 */
import { randomBytes } from 'node:crypto'
import { PERSON_ID, readPerson, writePerson } from '../../behavior/person/person-record.ts'
import type { PersonSeal, PersonStore } from '../../ports/person-store.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { commit, type Environment } from './environment.ts'

export interface LmdbPersonStoreOptions {
  readonly records: Environment
  readonly keys: Environment
  readonly seal: PersonSeal
  /** Of what is nobody's. */
  readonly stateSeal: RecordSeal
  /** A record that cannot be opened: another record key, or changed on the disk. It is learned anew. */
  onUnreadable?(id: string): void
}

const REVISION_BYTES = 4
const ID_BYTES = 16
const STATE_KEY = 'people'

/** Closing it closes both environments, of which it is the only user. */
export function lmdbPersonStore(options: LmdbPersonStoreOptions): PersonStore {
  const { seal, stateSeal, onUnreadable = () => {} } = options
  const open = (environment: Environment, name: string) =>
    environment.openDB<Uint8Array, string>({ name, encoding: 'binary' })
  const keys = open(options.keys, 'person-keys')
  const records = open(options.records, 'people')
  const states = open(options.records, 'states')
  /** Of one person one after the other, or two would make each a key; those of others share their commits. */
  const turns = new Map<string, Promise<unknown>>()
  const inTurn = <T>(id: string, work: () => Promise<T>): Promise<T> => {
    const next = (turns.get(id) ?? Promise.resolve()).then(work)
    const turn = next
      .catch(() => {})
      .finally(() => {
        if (turns.get(id) === turn) turns.delete(id)
      })
    turns.set(id, turn)
    return next
  }
  const revisionOf = (id: string): number => {
    const record = records.get(id)
    return record === undefined ? 0 : Buffer.from(record).readUInt32BE()
  }
  const isId = (id: string): boolean => PERSON_ID.test(id)
  return {
    async load(id) {
      const [wrapped, record] = isId(id) ? [keys.get(id), records.get(id)] : []
      if (wrapped === undefined || record === undefined) return undefined
      const bytes = Buffer.from(record)
      const plain = seal.open(id, wrapped, bytes.subarray(REVISION_BYTES))
      const person = plain === undefined ? undefined : readPerson(id, Buffer.from(plain).toString())
      if (person === undefined) onUnreadable(id)
      return person && { person, revision: bytes.readUInt32BE() }
    },
    save: (person, over) =>
      inTurn(person.id, async () => {
        const { id } = person
        if (!isId(id)) throw new RangeError('Cannot save a person without an id')
        const before = revisionOf(id)
        if (over !== undefined && over !== before) return undefined
        let wrapped = keys.get(id)
        if (wrapped === undefined) {
          const made = seal.newKey(id)
          // First: what is sealed under a key that is lost is lost.
          await commit(keys, () => void keys.put(id, made))
          wrapped = made
        }
        const revision = Buffer.alloc(REVISION_BYTES)
        revision.writeUInt32BE(before + 1)
        const sealed = seal.seal(id, wrapped, Buffer.from(writePerson(person)))
        await commit(records, () => void records.put(id, Buffer.concat([revision, sealed])))
        return before + 1
      }),
    erase: (id) =>
      inTurn(id, async () => {
        if (!isId(id) || (keys.get(id) === undefined && records.get(id) === undefined)) return false
        await commit(keys, () => void keys.remove(id))
        await commit(records, () => void records.remove(id))
        return true
      }),
    size: async () => (records.getStats() as { readonly entryCount: number }).entryCount,
    async some(count) {
      // Ids are drawn evenly by the hash they are; whoever comes after a drawn one is drawn too.
      const start = randomBytes(ID_BYTES).toString('hex')
      const after = [...records.getKeys({ start, limit: count })]
      return [...after, ...records.getKeys({ end: start, limit: count - after.length })]
    },
    async loadState() {
      const sealed = states.get(STATE_KEY)
      const plain = sealed === undefined ? undefined : stateSeal.open(STATE_KEY, sealed)
      return plain === undefined ? undefined : Buffer.from(plain).toString()
    },
    async saveState(json) {
      const sealed = stateSeal.seal(STATE_KEY, Buffer.from(json))
      await commit(states, () => void states.put(STATE_KEY, sealed))
      // A commit is there for other processes; only then it is on the disk (overlappingSync of lmdb).
      await states.flushed
    },
    async close() {
      await Promise.all(turns.values())
      await options.records.close()
      await options.keys.close()
    },
  }
}
