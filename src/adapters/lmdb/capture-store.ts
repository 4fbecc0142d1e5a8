/**
 * {@link CaptureStore} in LMDB, in two environments like those of people: one of wrapped keys, one of what they seal. A copy of the
 * second says nothing once the key is gone. A page that LMDB has freed keeps its octets until it is used again.
 *
 * A record, before it is sealed, is u32 length of JSON | JSON of all but the body | the body.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { ulidTime } from '../../ground/ulid.ts'
import type { PersonSeal } from '../../ports/person-store.ts'
import type { Capture, CaptureStore } from '../../ports/request-capture.ts'
import { commit, type Environment } from './environment.ts'

export interface LmdbCaptureStoreOptions {
  readonly records: Environment
  readonly keys: Environment
  /** A key for each capture, by its id. */
  readonly seal: PersonSeal
  /** A capture that cannot be opened: another record key, or changed on the disk. It is left out. */
  onUnreadable?(id: string): void
}

interface Entry {
  readonly bytes: number
  readonly person: string
  /** {@link markOf} its session: who it was may be said later. Absent of captures of an earlier version. */
  readonly session?: string
}

interface Made {
  readonly id: string
  readonly wrapped: Uint8Array
  readonly sealed: Uint8Array
  readonly entry: Entry
}

const LENGTH_BYTES = 4
/** As ULIDs are. */
const ID = /^[0-9A-HJKMNP-TV-Z]{26}$/

/** Nothing to be had the session by. */
function markOf(session: string): string {
  return createHash('sha256').update(session).digest('base64url').slice(0, 22)
}

/** Closing it closes both environments, of which it is the only user. */
export function lmdbCaptureStore(options: LmdbCaptureStoreOptions): CaptureStore {
  const { seal, onUnreadable = () => {} } = options
  const open = (environment: Environment, name: string) =>
    environment.openDB<Uint8Array, string>({ name, encoding: 'binary' })
  const keys = open(options.keys, 'capture-keys')
  const records = open(options.records, 'captures')
  /** What is there, without opening it: JSON of {@link Entry}. */
  const index = open(options.records, 'capture-index')
  const known = new Map<string, Entry>()
  let bytes = 0
  for (const { key, value } of index.getRange()) {
    const entry = JSON.parse(Buffer.from(value).toString()) as Entry
    known.set(key, entry)
    bytes += entry.bytes
  }

  const read = (id: string): Capture | undefined => {
    const [wrapped, record] = ID.test(id) ? [keys.get(id), records.get(id)] : []
    if (wrapped === undefined || record === undefined) return undefined
    const plain = seal.open(id, wrapped, record)
    if (plain === undefined) onUnreadable(id)
    return plain && readCapture(plain)
  }
  const remove = async (ids: readonly string[]): Promise<number> => {
    if (ids.length === 0) return 0
    await commit(keys, () => {
      for (const id of ids) keys.remove(id)
    })
    await commit(records, () => {
      for (const id of ids) {
        records.remove(id)
        index.remove(id)
      }
    })
    for (const id of ids) {
      bytes -= known.get(id)?.bytes ?? 0
      known.delete(id)
    }
    return ids.length
  }

  return {
    async add(captures) {
      const made: Made[] = []
      for (const capture of captures) {
        const { id, person, session } = capture
        if (!ID.test(id)) throw new RangeError('Cannot keep a capture without an id')
        const wrapped = seal.newKey(id)
        const sealed = seal.seal(id, wrapped, writeCapture(capture))
        made.push({
          id,
          wrapped,
          sealed,
          entry: { bytes: sealed.length, person, session: markOf(session) },
        })
        // A large one takes milliseconds: others have their turn in between.
        await setImmediate()
      }
      // First: what is sealed under a key that is lost is lost.
      await commit(keys, () => {
        for (const { id, wrapped } of made) keys.put(id, wrapped)
      })
      await commit(records, () => {
        for (const { id, sealed, entry } of made) {
          records.put(id, sealed)
          index.put(id, Buffer.from(JSON.stringify(entry)))
        }
      })
      for (const { id, entry } of made) {
        known.set(id, entry)
        bytes += entry.bytes
      }
    },
    get: read,
    list({ limit, before }) {
      const start = before === undefined ? {} : { start: before }
      const found: Capture[] = []
      for (const id of records.getKeys({ ...start, reverse: true })) {
        if (found.length >= limit) break
        const capture = id === before ? undefined : read(id)
        if (capture !== undefined) found.push(capture)
      }
      return found
    },
    forget(beforeMs, bytesMax) {
      const going: string[] = []
      let left = bytes
      // ULIDs sort by time, and were put in that order.
      for (const id of [...known.keys()].sort()) {
        if (ulidTime(id) >= beforeMs && left <= bytesMax) break
        going.push(id)
        left -= known.get(id)?.bytes ?? 0
      }
      return remove(going)
    },
    erase(person, sessions) {
      const marks = new Set(sessions.map(markOf))
      const isOf = (entry: Entry): boolean =>
        entry.person === person || (entry.session !== undefined && marks.has(entry.session))
      return remove([...known].flatMap(([id, entry]) => (isOf(entry) ? [id] : [])))
    },
    standing: () => ({ captures: known.size, bytes }),
    async close() {
      await options.records.close()
      await options.keys.close()
    },
  }
}

function writeCapture({ body, ...about }: Capture): Uint8Array {
  const json = Buffer.from(JSON.stringify(about))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(json.length)
  return Buffer.concat([length, json, body])
}

/** What was sealed here: it is as it was written. */
function readCapture(plain: Uint8Array): Capture {
  const octets = Buffer.from(plain)
  const end = LENGTH_BYTES + octets.readUInt32BE()
  const about = JSON.parse(octets.toString('utf8', LENGTH_BYTES, end)) as Omit<Capture, 'body'>
  return { ...about, body: octets.subarray(end) }
}
