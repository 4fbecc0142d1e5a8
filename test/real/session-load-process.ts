/**
 * Clients of `limen/client` in a process of their own: each asks at a steady pace under one session, by methods that may be
 * made twice and by others, and counts exactly what became of each request. Told `report` or `stop` by its parent.
 *
 * @module
 */
import { memoryStore, sessionFetch } from '../../src/apps/client/session-fetch.ts'

export interface LoadSetup {
  readonly origin: string
  readonly authorityKey: string
  readonly clients: number
  readonly everyMs: number
}

export interface LoadFailure {
  readonly method: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly why: string
}

export interface SessionLoadReport {
  /** Answered rightly. */
  readonly answered: number
  /** What a client saw as failed, after it did what a client may do. */
  readonly failures: readonly LoadFailure[]
  /** Connections that broke under a request that may be made again, which was, and was answered. */
  readonly again: number
  /** Per client, the sessions it had and the generations of the last. */
  readonly sessions: readonly { readonly ids: readonly string[]; readonly generation: number }[]
}

const TRIES = 3

const setup = JSON.parse(process.argv[2] ?? '') as LoadSetup
let answered = 0
let again = 0
const failures: LoadFailure[] = []
let isOver = false

const clients = Array.from({ length: setup.clients }, (_, number) => {
  const store = memoryStore()
  const client = sessionFetch({ ...setup, store })
  return { number, store, client, ids: new Set<string>(), generation: 0 }
})
type Client = (typeof clients)[number]

/** undefined: answered. Errors of the connection are thrown. */
async function ask({ client }: Client, method: string, path: string): Promise<string | undefined> {
  const body = method === 'POST' ? { body: `of ${path}` } : {}
  const response = await client(path, { method, ...body })
  const text = await response.text()
  if (response.status !== 200) {
    return `${response.status} ${response.headers.get('sessionkey-error') ?? ''}`
  }
  const echoed = JSON.parse(text) as { url: string; method: string; body: string }
  const isOurs = echoed.url === path && echoed.method === method
  return isOurs && (method !== 'POST' || echoed.body === `of ${path}`)
    ? undefined
    : 'another answer'
}

async function insist(client: Client, method: string, path: string): Promise<string | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      const why = await ask(client, method, path)
      if (tries > 1 && why === undefined) again++
      return why
    } catch (error) {
      const { message, cause } = error as Error
      // Whether it was done is not known: only what may be made twice is.
      if (method === 'POST' || tries >= TRIES) return `${message}: ${String(cause ?? '')}`
    }
  }
}

async function run(client: Client): Promise<void> {
  for (let n = 0; !isOver; n++) {
    const begun = performance.now()
    const method = n % 4 === 3 ? 'POST' : 'GET'
    const why = await insist(client, method, `/echo?client=${client.number}&n=${n}`)
    if (why === undefined) answered++
    else failures.push({ method, at: Date.now(), why })
    const { session } = await client.store.read()
    if (session !== undefined) {
      client.ids.add(Buffer.from(session.sessionId).toString('base64url'))
      client.generation = session.generation
    }
    const left = setup.everyMs * (0.5 + Math.random()) - (performance.now() - begun)
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, left)))
  }
}

const runs = Promise.all(clients.map(run))
process.on('message', async (said) => {
  if (said === 'stop') {
    isOver = true
    await runs
  }
  const sessions = clients.map(({ ids, generation }) => ({ ids: [...ids], generation }))
  process.send?.({ answered, failures, again, sessions } satisfies SessionLoadReport, () => {
    if (said === 'stop') process.exit(0)
  })
})
process.on('disconnect', () => process.exit(0))
