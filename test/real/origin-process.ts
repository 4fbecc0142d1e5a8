/**
 * An upstream server as a process that a test can kill: `node origin-process.ts <id> <port> <log file> [<field> [<ms>]]`.
 * With a field, `name: value`, it is in all its answers; with a time it takes that long for each.
 * Says which requests it got in the log, before it answers, so that the record outlives it.
 *
 *   GET  /who/...      `<id> <target>`
 *   GET  /slow?ms=     the same, later
 *   GET  /large?bytes= that many octets
 *   POST /keep/<name>  logs the name, answers after `?ms=`
 *   GET  /requests     how many there were, these and /healthz not counted
 *
 * @module
 */

import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const CHUNK = Buffer.alloc(65_536, 'limen ')
const [id = 'a', port = '0', log = '', field = '', pause = '0'] = process.argv.slice(2)
let requests = 0

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin.invalid')
  if (pathname === '/healthz') {
    response.end('ok')
    return
  }
  if (pathname === '/requests') {
    response.end(String(requests))
    return
  }
  requests++
  const colon = field.indexOf(': ')
  if (colon > 0) response.setHeader(field.slice(0, colon), field.slice(colon + 2))
  if (request.method === 'POST') {
    appendFileSync(log, `${pathname.slice('/keep/'.length)}\n`)
    for await (const _ of request);
  }
  const ms = Number(searchParams.get('ms') ?? pause)
  if (ms > 0) await delay(ms)
  const bytes = searchParams.get('bytes')
  if (bytes === null) response.end(`${id} ${request.url}`)
  else await large(response, Number(bytes))
}

async function large(response: ServerResponse, bytes: number): Promise<void> {
  response.writeHead(200, { 'content-length': bytes })
  const left = new AbortController()
  response.once('close', () => left.abort())
  for (let at = 0; at < bytes; at += CHUNK.length) {
    const more = response.write(CHUNK.subarray(0, Math.min(bytes - at, CHUNK.length)))
    if (!more) await once(response, 'drain', { signal: left.signal })
  }
  response.end()
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  answer(request, response).catch(() => response.destroy())
})
server.listen(Number(port), '127.0.0.1', 2048, () => {
  const { port: bound } = server.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ id, port: bound })}\n`)
})
// Whoever started it is gone: so is the need for it.
process.stdin.on('end', () => process.exit(0)).resume()
