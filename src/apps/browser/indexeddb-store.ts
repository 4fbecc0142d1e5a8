/**
 * Where a browser keeps its session: one record in IndexedDB, shared by all tabs and the service worker of an origin, one
 * at a time by a lock over all of them. Keys are stored as they are, not exportable.
 *
 * @module
 */
import { memoryStore, NO_STATE, type SessionState, type SessionStore } from './session-store.ts'

const DATABASE = 'limen'
const STORE = 'session'
const RECORD = 'state'
/** Name of the lock and of the channel. */
const SHARED = 'limen-session'

/** In memory where the browser keeps nothing (a private window of some). */
export function indexedDbStore(): SessionStore {
  const channel = new BroadcastChannel(SHARED)
  const alone = memoryStore()
  const opened = open().catch(() => undefined)
  const read = async (database: IDBDatabase): Promise<SessionState> => {
    const kept = await run(database, 'readonly', (store) => store.get(RECORD))
    return { ...NO_STATE, ...(kept as Partial<SessionState> | undefined) }
  }
  return {
    async read() {
      const database = await opened
      return database === undefined ? await alone.read() : await read(database)
    },
    async exclusively(work) {
      const database = await opened
      if (database === undefined) return await alone.exclusively(work)
      return await locked(async () => {
        let isChanged = false
        const result = await work(await read(database), async (state) => {
          isChanged = true
          await run(database, 'readwrite', (store) => store.put(state, RECORD))
        })
        if (isChanged) channel.postMessage('changed')
        return result
      })
    },
    onChange: (listener) => channel.addEventListener('message', listener),
  }
}

/** Safari before 15.4 has no locks: of two tabs that rotate at once the server refuses one, which then reads again. */
async function locked<T>(act: () => Promise<T>): Promise<T> {
  const { locks } = navigator as { readonly locks?: LockManager }
  return locks === undefined ? await act() : ((await locks.request(SHARED, act)) as T)
}

function open(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1)
    request.onupgradeneeded = () => request.result.createObjectStore(STORE)
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
}

function run<T>(
  database: IDBDatabase,
  mode: IDBTransactionMode,
  act: (store: IDBObjectStore) => IDBRequest<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(STORE, mode)
    const request = act(transaction.objectStore(STORE))
    // Not before it is written: a rotation that is lost with the tab would end the session.
    transaction.oncomplete = () => resolve(request.result)
    transaction.onerror = () => reject(transaction.error)
    transaction.onabort = () => reject(transaction.error)
  })
}
