/**
 * Paths that misbehave on request, each within a bound: to see what the edge makes of a slow, failing,
 * vanishing or large answer.
 *
 * @module
 */
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { type Exchange, sendJson, sendProblem } from './reply.ts'
import type { Route } from './router.ts'

export const SLOW_MS_MAX = 30_000
export const LARGE_BYTES_MAX = 100_000_000
/** How much of /large is written at a time; Node's own high-water mark is 64 KiB. */
const LARGE_CHUNK_BYTES = 65_536

export const TROUBLE_ROUTES: readonly Route[] = [
  { method: 'GET', pattern: '/slow', handler: slow },
  { method: '*', pattern: '/fail', handler: fail },
  { method: '*', pattern: '/drop', handler: (exchange) => drop(exchange) },
  { method: 'GET', pattern: '/large', handler: large },
]

/** `?ms=` from 0 to 30 000, 1000 without one. */
async function slow(exchange: Exchange): Promise<void> {
  const ms = numberIn(exchange, 'ms', 1000, 0, SLOW_MS_MAX)
  if (ms === undefined) return
  const left = new AbortController()
  exchange.response.once('close', () => left.abort())
  try {
    await delay(ms, undefined, { signal: left.signal })
  } catch {
    return // the client went away: nobody to answer
  }
  sendJson(exchange, 200, { server: exchange.server, waitedMs: ms })
}

/** `?status=` from 400 to 599, 500 without one. */
function fail(exchange: Exchange): void {
  const status = numberIn(exchange, 'status', 500, 400, 599)
  if (status !== undefined) sendProblem(exchange, status, 'You asked for this failure')
}

/** Closes the connection without an answer. */
function drop(exchange: Exchange): void {
  exchange.request.socket.destroy()
}

/** `?bytes=` from 0 to 100 000 000, 1 000 000 without one; waits for a slow reader instead of buffering. */
async function large(exchange: Exchange): Promise<void> {
  const bytes = numberIn(exchange, 'bytes', 1_000_000, 0, LARGE_BYTES_MAX)
  if (bytes === undefined) return
  const { request, response } = exchange
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  const chunk = Buffer.alloc(LARGE_CHUNK_BYTES, 'limen ')
  const left = new AbortController()
  response.once('close', () => left.abort())
  for (let sent = 0; sent < bytes; sent += chunk.length) {
    if (response.write(chunk.subarray(0, Math.min(chunk.length, bytes - sent)))) continue
    try {
      await once(response, 'drain', { signal: left.signal })
    } catch {
      return
    }
  }
  response.end()
}

/** A whole number from the query; undefined when it was wrong and has been answered with 422. */
function numberIn(
  exchange: Exchange,
  name: string,
  otherwise: number,
  min: number,
  max: number,
): number | undefined {
  const text = exchange.url.searchParams.get(name)
  const value = text === null ? otherwise : Number(text)
  if (text !== '' && Number.isInteger(value) && value >= min && value <= max) return value
  sendProblem(exchange, 422, `${name} must be a whole number from ${min} to ${max}`)
  return undefined
}
