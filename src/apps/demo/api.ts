/**
 * The demo's JSON API: time, echo, who you are, and notes (`/api/items`) to create, read, change, delete.
 *
 * @module
 */
import { readBody } from './body.ts'
import { type Items, readItemText } from './items.ts'
import { type Exchange, sendJson, sendProblem } from './reply.ts'
import type { Route } from './router.ts'
import { readVisitor } from './visitor.ts'

export function apiRoutes(items: Items): readonly Route[] {
  return [
    { method: 'GET', pattern: '/api/me', handler: sendVisitor },
    { method: 'GET', pattern: '/api/time', handler: sendTime },
    { method: '*', pattern: '/api/echo', handler: echo },
    {
      method: 'GET',
      pattern: '/api/items',
      handler: (exchange) =>
        sendJson(exchange, 200, { server: exchange.server, items: items.list() }),
    },
    { method: 'POST', pattern: '/api/items', handler: (exchange) => addItem(exchange, items) },
    { method: 'GET', pattern: '/api/items/*', handler: (exchange) => getItem(exchange, items) },
    { method: 'PUT', pattern: '/api/items/*', handler: (exchange) => changeItem(exchange, items) },
    {
      method: 'DELETE',
      pattern: '/api/items/*',
      handler: (exchange) => removeItem(exchange, items),
    },
  ]
}

function sendVisitor(exchange: Exchange): void {
  sendJson(exchange, 200, { server: exchange.server, ...readVisitor(exchange.request.headers) })
}

function sendTime(exchange: Exchange): void {
  const at = Date.now()
  sendJson(exchange, 200, { server: exchange.server, at, iso: new Date(at).toISOString() })
}

/** Says what arrived: method, path, headers, and the body as text. */
async function echo(exchange: Exchange): Promise<void> {
  const bytes = await bodyOf(exchange)
  if (bytes === undefined) return
  const { method, url, headers } = exchange.request
  sendJson(exchange, 200, {
    server: exchange.server,
    method,
    url,
    headers,
    bodyBytes: bytes.length,
    body: bytes.toString('utf8'),
  })
}

async function addItem(exchange: Exchange, items: Items): Promise<void> {
  const text = await itemTextOf(exchange)
  if (text === undefined) return
  const item = items.add(text)
  exchange.response.setHeader('location', `/api/items/${item.id}`)
  sendJson(exchange, 201, item)
}

function getItem(exchange: Exchange, items: Items): void {
  const item = items.get(Number(exchange.rest))
  if (item === undefined) sendProblem(exchange, 404, 'There is no such note on this server')
  else sendJson(exchange, 200, item)
}

async function changeItem(exchange: Exchange, items: Items): Promise<void> {
  const text = await itemTextOf(exchange)
  if (text === undefined) return
  const item = items.change(Number(exchange.rest), text)
  if (item === undefined) sendProblem(exchange, 404, 'There is no such note on this server')
  else sendJson(exchange, 200, item)
}

function removeItem(exchange: Exchange, items: Items): void {
  if (!items.remove(Number(exchange.rest))) {
    sendProblem(exchange, 404, 'There is no such note on this server')
    return
  }
  exchange.response.writeHead(204).end()
}

async function itemTextOf(exchange: Exchange): Promise<string | undefined> {
  const bytes = await bodyOf(exchange)
  if (bytes === undefined) return undefined
  const outcome = readItemText(bytes)
  if (outcome.kind === 'text') return outcome.text
  sendProblem(exchange, 422, outcome.why)
  return undefined
}

/** The body, or undefined when the answer has been given already. */
export async function bodyOf(exchange: Exchange): Promise<Buffer | undefined> {
  const outcome = await readBody(exchange.request)
  if (outcome.kind === 'body') return outcome.bytes
  if (outcome.kind === 'too-large') {
    exchange.response.setHeader('connection', 'close')
    sendProblem(exchange, 413, 'A body has at most 64 KiB here')
  }
  return undefined
}
