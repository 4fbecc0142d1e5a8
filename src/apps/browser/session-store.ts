/**
 * Where a browser keeps its session: one record in IndexedDB, shared by all tabs and the service worker of an
 * origin. Keys are stored as they are, not exportable.
 *
 * @module
 */
import type { Session } from './session-handshake.ts'

/** One at a time over all tabs: `change` gets what is stored and returns what is to be. */
export interface SessionStore {
  read(): Promise<Session | undefined>
  change(change: (stored: Session | undefined) => Promise<Session>): Promise<Session>
  clear(): Promise<void>
}

const DATABASE = 'limen'
const STORE = 'session'
const RECORD = 'current'
const LOCK = 'limen-session'

export function indexedDbStore(): SessionStore {
  const opened = open()
  const read = async () =>
    (await run(await opened, 'readonly', (store) => store.get(RECORD))) as Session | undefined
  const write = async (session: Session) => {
    await run(await opened, 'readwrite', (store) => store.put(session, RECORD))
    return session
  }
  return {
    read,
    change: (change) =>
      navigator.locks.request(LOCK, async () => {
        const stored = await read()
        const next = await change(stored)
        return next === stored ? next : await write(next)
      }) as Promise<Session>,
    async clear() {
      await run(await opened, 'readwrite', (store) => store.delete(RECORD))
    },
  }
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
    // Not before it is on disk: a rotation that is lost with the tab would log the user out.
    transaction.oncomplete = () => resolve(request.result)
    transaction.onerror = () => reject(transaction.error)
    transaction.onabort = () => reject(transaction.error)
  })
}
