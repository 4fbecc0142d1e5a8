/**
 * A session client in the place of undici's own connections: for `fetch`, `undici.request` and whatever takes a dispatcher.
 *
 *     await fetch('https://shop.test/api/cart', { dispatcher: sessionDispatcher(shop) })
 *
 * Requests are the client's: their bodies are read whole before they are sent, because the digest goes first, and what is
 * refused for its proof is made again. Redirects are left to who dispatches. Not for upgrades: a WebSocket is opened by
 * `webSocketUrl()`.
 *
 * @module
 */
import { Dispatcher } from 'undici'
import type { SessionClient } from './session-fetch.ts'

type Handler = Dispatcher.DispatchHandler

/** Fields of one connection, and the length that the client counts itself. */
const NOT_PASSED = new Set(['host', 'connection', 'content-length', 'transfer-encoding', 'expect'])
/** What comes is decoded already. */
const DECODED = new Set(['content-encoding', 'content-length'])

/** @param client closed by its own `end()`; `close()` of the dispatcher leaves it open */
export function sessionDispatcher(client: SessionClient): Dispatcher {
  const dispatch = (options: Dispatcher.DispatchOptions, handler: Handler): boolean => {
    const exchange = new Exchange()
    run(client, options, handler, exchange).catch((error: unknown) => {
      handler.onResponseError?.(exchange, error instanceof Error ? error : new Error(String(error)))
    })
    return true
  }
  // It holds nothing of its own.
  const end = async (): Promise<void> => {}
  return Object.assign(new Dispatcher(), { dispatch, close: end, destroy: end })
}

async function run(
  client: SessionClient,
  options: Dispatcher.DispatchOptions,
  handler: Handler,
  exchange: Exchange,
): Promise<void> {
  const { origin, path, method, upgrade, query } = options
  if (upgrade !== undefined && upgrade !== null && upgrade !== false) {
    throw new TypeError('Cannot upgrade: open WebSockets by webSocketUrl()')
  }
  if (query !== undefined && query !== null) throw new TypeError('Put the query into the path')
  handler.onRequestStart?.(exchange, {})
  const body = await bodyOf(options.body)
  const fields = [...fieldsOf(options.headers)]
  const response = await client(new URL(path, origin), {
    method,
    headers: fields.filter(([name]) => !NOT_PASSED.has(name.toLowerCase())),
    redirect: 'manual',
    signal: exchange.signal,
    ...(body === undefined ? {} : { body }),
  })
  const came = answerFields(response)
  // What `fetch` reads; others take the object.
  exchange.rawHeaders = came.flatMap(([name, value]) => [Buffer.from(name), Buffer.from(value)])
  handler.onResponseStart?.(exchange, response.status, asObject(came), response.statusText)
  for await (const piece of response.body ?? []) {
    await exchange.resumed
    exchange.signal.throwIfAborted()
    handler.onResponseData?.(exchange, Buffer.from(piece))
  }
  await exchange.resumed
  handler.onResponseEnd?.(exchange, {})
}

/** One request, as who dispatched it can hold it back or give it up. */
class Exchange implements Dispatcher.DispatchController {
  rawHeaders: Buffer[] = []
  readonly #abort = new AbortController()
  #resumed: PromiseWithResolvers<void> | undefined

  get signal(): AbortSignal {
    return this.#abort.signal
  }

  get aborted(): boolean {
    return this.signal.aborted
  }

  get reason(): Error | null {
    return (this.signal.reason as Error | undefined) ?? null
  }

  get paused(): boolean {
    return this.#resumed !== undefined
  }

  /** Resolved when it is not paused. */
  get resumed(): Promise<void> | undefined {
    return this.#resumed?.promise
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers()
  }

  resume(): void {
    this.#resumed?.resolve()
    this.#resumed = undefined
  }

  abort(reason: Error): void {
    this.#abort.abort(reason)
    this.resume()
  }
}

/** @throws TypeError for a body that is none */
async function bodyOf(body: unknown): Promise<Uint8Array<ArrayBuffer> | FormData | undefined> {
  if (body === undefined || body === null) return undefined
  if (body instanceof FormData) return body
  if (typeof body === 'string' || body instanceof Uint8Array)
    return Uint8Array.from(Buffer.from(body))
  if (typeof body !== 'object' || !(Symbol.asyncIterator in body)) {
    throw new TypeError('Cannot send this as a body')
  }
  const pieces: Buffer[] = []
  for await (const piece of body as AsyncIterable<string | Uint8Array>)
    pieces.push(Buffer.from(piece))
  return Uint8Array.from(Buffer.concat(pieces))
}

/** In any of the shapes that dispatchers take: names and values in turn, pairs, or an object. */
function* fieldsOf(headers: unknown): Generator<[string, string]> {
  if (headers === undefined || headers === null) return
  if (Array.isArray(headers) && !Array.isArray(headers[0])) {
    for (let at = 0; at + 1 < headers.length; at += 2) {
      yield* values(String(headers[at]), headers[at + 1])
    }
    return
  }
  const isPairs = typeof headers === 'object' && Symbol.iterator in headers
  const pairs = isPairs
    ? (headers as Iterable<[string, unknown]>)
    : Object.entries(headers as object)
  for (const [name, value] of pairs) yield* values(name, value)
}

function* values(name: string, value: unknown): Generator<[string, string]> {
  if (value === undefined || value === null) return
  for (const one of Array.isArray(value) ? value : [value]) yield [name, String(one)]
}

function answerFields({ headers }: Response): readonly [string, string][] {
  const isDecoded = headers.has('content-encoding')
  return [...headers].filter(([name]) => !isDecoded || !DECODED.has(name))
}

function asObject(fields: readonly [string, string][]): Record<string, string | string[]> {
  const object: Record<string, string | string[]> = {}
  for (const [name, value] of fields) {
    // Of cookies there may be several; all others come joined.
    if (name === 'set-cookie') object[name] = [...(object[name] ?? []), value]
    else object[name] = value
  }
  return object
}
