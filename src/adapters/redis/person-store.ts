/**
 * {@link PersonStore} in a Redis that all edges share: `limen:person:<id>` is a hash of revision and record, `limen:person-key:<id>`
 * the wrapped key, `limen:people` the set of ids. All is sealed and in base64; edges need the same record key.
 *
 * What Redis writes to its own disk (RDB, AOF) is a copy as any other: one from before an erasure holds the wrapped key,
 * and the record key opens that.
 *
 * @module
 */
import { PERSON_ID, readPerson, writePerson } from '../../behavior/person/person-record.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { PersonSeal, PersonStore } from '../../ports/person-store.ts'
import type { RecordSeal } from '../../ports/record-seal.ts'
import { openRedisClient, type RedisPlace } from './open-client.ts'

export interface RedisPersonStoreOptions extends RedisPlace {
  readonly seal: PersonSeal
  /** Of what is nobody's. */
  readonly stateSeal: RecordSeal
  /** An answer later than this is none. No request waits for it. */
  readonly timeoutMs?: number
  onUnreadable?(id: string): void
}

const TIMEOUT_MS = 2_000
/** Asked at once; beyond it nobody can say in time. */
const ASKED_MAX = 1_000
const PREFIX = 'limen:person:'
const KEY_PREFIX = 'limen:person-key:'
const ALL = 'limen:people'
const STATE = 'limen:people-state'

/** KEYS record, key, all; ARGV expected revision or '', record, wrapped key, id. -1: another revision, -2: another key. */
const SAVE = `
if redis.call('GET', KEYS[2]) ~= ARGV[3] then return -2 end
local before = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
if ARGV[1] ~= '' and before ~= tonumber(ARGV[1]) then return -1 end
redis.call('HSET', KEYS[1], 'revision', before + 1, 'record', ARGV[2])
redis.call('SADD', KEYS[3], ARGV[4])
return before + 1`
const ANOTHER_REVISION = -1
const ANOTHER_KEY = -2
/** A key that is erased again and again while somebody saves: somebody is at odds with himself. */
const SAVE_ATTEMPTS_MAX = 3

/** Connects by itself, again and again. While it is not connected all calls reject with a {@link LimenError}. */
export function redisPersonStore(options: RedisPersonStoreOptions): PersonStore {
  const { seal, stateSeal, timeoutMs = TIMEOUT_MS, onUnreadable = () => {} } = options
  const client = openRedisClient(options, ASKED_MAX)

  const ask = async <T>(answer: (redis: typeof client) => Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('no answer in time')), timeoutMs)
    })
    try {
      if (!client.isReady) throw new Error('not connected')
      const answered = answer(client)
      // Late or not, somebody must hear of it.
      answered.catch(() => {})
      return await Promise.race([answered, late])
    } catch (cause) {
      const text = `Redis does not answer for people: ${(cause as Error).message}`
      throw new LimenError('person-store-silent', text, { side: 'operator', retry: true, cause })
    } finally {
      clearTimeout(timer)
    }
  }
  const keyFor = async (id: string): Promise<string> => {
    const made = toText(seal.newKey(id))
    await ask((redis) => redis.set(KEY_PREFIX + id, made, { condition: 'NX' }))
    return (await ask((redis) => redis.get(KEY_PREFIX + id))) ?? made
  }
  const trySave = async (id: string, text: string, over: string): Promise<number> => {
    const wrapped = await keyFor(id)
    const record = toText(seal.seal(id, fromText(wrapped), Buffer.from(text)))
    const saved = await ask((redis) =>
      redis.eval(SAVE, {
        keys: [PREFIX + id, KEY_PREFIX + id, ALL],
        arguments: [over, record, wrapped, id],
      }),
    )
    return Number(saved)
  }
  return {
    async load(id) {
      if (!PERSON_ID.test(id)) return undefined
      const [wrapped, kept] = await ask((redis) =>
        Promise.all([redis.get(KEY_PREFIX + id), redis.hGetAll(PREFIX + id)]),
      )
      const { record, revision } = kept as { readonly record?: string; readonly revision?: string }
      if (wrapped === null || record === undefined) return undefined
      const plain = seal.open(id, fromText(wrapped), fromText(record))
      const person = plain === undefined ? undefined : readPerson(id, Buffer.from(plain).toString())
      if (person === undefined) onUnreadable(id)
      return person && { person, revision: Number(revision) }
    },
    async save(person, over) {
      const { id } = person
      if (!PERSON_ID.test(id)) throw new RangeError('Cannot save a person without an id')
      const text = writePerson(person)
      for (let attempt = 0; attempt < SAVE_ATTEMPTS_MAX; attempt++) {
        const saved = await trySave(id, text, over === undefined ? '' : String(over))
        if (saved === ANOTHER_REVISION) return undefined
        if (saved !== ANOTHER_KEY) return saved
      }
      const text2 = 'A person is erased as fast as it is saved'
      throw new LimenError('person-store-silent', text2, { side: 'limen', retry: true })
    },
    async erase(id) {
      if (!PERSON_ID.test(id)) return false
      const [hadKey, hadRecord] = await ask((redis) =>
        redis
          .multi()
          .del(KEY_PREFIX + id)
          .del(PREFIX + id)
          .sRem(ALL, id)
          .execTyped(),
      )
      return Number(hadKey) + Number(hadRecord) > 0
    },
    size: () => ask((redis) => redis.sCard(ALL)),
    some: (count) => ask((redis) => redis.sRandMemberCount(ALL, count)),
    async loadState() {
      const sealed = await ask((redis) => redis.get(STATE))
      const plain = sealed === null ? undefined : stateSeal.open(STATE, fromText(sealed))
      return plain === undefined ? undefined : Buffer.from(plain).toString()
    },
    async saveState(json) {
      const sealed = toText(stateSeal.seal(STATE, Buffer.from(json)))
      await ask((redis) => redis.set(STATE, sealed))
    },
    async close() {
      client.removeAllListeners('error').on('error', () => {})
      client.destroy()
    },
  }
}

const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const fromText = (text: string): Buffer => Buffer.from(text, 'base64')
