/**
 * A server behind the edge that takes part in handoffs, as a process that a test can kill:
 * `node handoff-origin-process.ts <id> <port> <log file> <hands|holds|keeps>`. What it hears of sessions it logs as lines
 * of JSON, before it answers. Asked to hand over a session it `hands` its state, `holds` the answer back for good, or
 * `keeps` the state to itself.
 *
 *   GET /healthz
 *   any other   JSON: its id, and the state it was given of the session that asks; later with `?ms=`
 *
 * @module
 */
import { appendFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { HANDOFF_PATH, SESSION_STATE_PATH } from '../../src/wire/handoff-notice.ts'

const [id = 'a', port = '0', log = '', manner = 'hands'] = process.argv.slice(2)
const states = new Map<string, string>()

function note(kind: string, request: IncomingMessage, body: Buffer): void {
  const { method, url: path, headers: fields } = request
  const heard = { kind, server: id, method, path, fields, body: body.toString('base64') }
  appendFileSync(log, `${JSON.stringify(heard)}\n`)
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://origin.invalid')
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const body = Buffer.concat(pieces)
  if (pathname === '/healthz') response.end('ok')
  else if (pathname === HANDOFF_PATH) {
    note('notice', request, body)
    const { sid } = JSON.parse(body.toString()) as { sid: string }
    if (manner === 'holds') return
    if (manner === 'hands') response.setHeader('content-type', 'application/octet-stream')
    response.end(manner === 'hands' ? `${states.get(sid) ?? ''}>${id}` : '')
  } else if (pathname.startsWith(SESSION_STATE_PATH)) {
    note('state', request, body)
    states.set(pathname.slice(SESSION_STATE_PATH.length), body.toString())
    response.writeHead(204).end()
  } else {
    const claims = String(request.headers['limen-assertion'] ?? '').split('.')[1] ?? ''
    const { sid } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { sid: string }
    const state = states.get(sid)
    await delay(Number(searchParams.get('ms') ?? 0))
    response.end(JSON.stringify({ id, state }))
  }
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  answer(request, response).catch(() => response.destroy())
})
server.listen(Number(port), '127.0.0.1', 2048, () => process.stdout.write('listening\n'))
process.stdin.on('end', () => process.exit(0)).resume()
