/**
 * The site's few static files, read once at start; an unknown name is a 404, so no path reaches the disk.
 *
 * @module
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Exchange, send } from './reply.ts'
import type { Handler } from './router.ts'

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  'site.css': 'text/css; charset=utf-8',
  'spread.js': 'text/javascript; charset=utf-8',
  'echo.js': 'text/javascript; charset=utf-8',
  'behavior.js': 'text/javascript; charset=utf-8',
  'mark.svg': 'image/svg+xml',
}

interface StaticFile {
  readonly contentType: string
  readonly bytes: Buffer
  readonly etag: string
}

export function staticFiles(): Handler {
  const files = new Map<string, StaticFile>()
  for (const [name, contentType] of Object.entries(CONTENT_TYPES)) {
    const bytes = readFileSync(new URL(`./static/${name}`, import.meta.url))
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 16)}"`
    files.set(name, { contentType, bytes, etag })
  }
  return (exchange) => sendFile(exchange, files.get(exchange.rest || 'mark.svg'))
}

function sendFile(exchange: Exchange, file: StaticFile | undefined): void {
  if (file === undefined) {
    send(exchange, 404, 'text/plain; charset=utf-8', 'not found\n')
    return
  }
  const { request, response } = exchange
  response.setHeader('etag', file.etag)
  response.setHeader('cache-control', 'public, max-age=300')
  if (request.headers['if-none-match'] === file.etag) {
    response.writeHead(304).end()
    return
  }
  send(exchange, 200, file.contentType, file.bytes)
}
