/**
 * An upstream server that keeps every octet it receives and reads it as strictly as RFC 9112 allows, with
 * code of its own: what it cannot read one way only is a violation. Answers each request with 200.
 *
 * @module
 */
import net, { type AddressInfo } from 'node:net'

export interface SeenRequest {
  readonly method: string
  readonly target: string
  /** Names in lower case, in order, with what followed the colon. */
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly framing: 'none' | 'length' | 'chunked'
}

export interface StrictOrigin {
  readonly port: number
  /** All requests since {@link forget}, in order of completion. */
  readonly seen: SeenRequest[]
  /** What was received that is not a strict request, in words. */
  readonly violations: string[]
  /** Octets of each connection, as characters. */
  readonly raw: { text: string }[]
  forget(): void
  close(): Promise<void>
}

type Read =
  | { readonly kind: 'request'; readonly request: SeenRequest; readonly length: number }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'violation'; readonly text: string }

const violation = (text: string): Read => ({ kind: 'violation', text })

/** Reads one request from the start of `text` (octets as characters). */
export function readStrictly(text: string): Read {
  const headEnd = text.indexOf('\r\n\r\n')
  const head = headEnd < 0 ? text : text.slice(0, headEnd + 2)
  if (/[^\r]\n|^\n|\r[^\n]|\0/.test(head)) return violation('bare CR, bare LF or NUL in a head')
  if (headEnd < 0) return { kind: 'incomplete' }
  const [line = '', ...lines] = text.slice(0, headEnd).split('\r\n')
  const request = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+) ([\x21-\x7e]+) HTTP\/1\.1$/.exec(line)
  if (request === null) return violation(`request line: ${line}`)
  const fields: [string, string][] = []
  for (const each of lines) {
    const field = /^([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/.exec(
      each,
    )
    if (field === null) return violation(`field line: ${each}`)
    fields.push([(field[1] as string).toLowerCase(), field[2] as string])
  }
  const all = (name: string) => fields.filter(([known]) => known === name).map(([, value]) => value)
  if (all('host').length !== 1) return violation(`${all('host').length} Host fields`)
  const [lengths, codings] = [all('content-length'), all('transfer-encoding')]
  if (lengths.length + codings.length > 1) return violation('framed more than once')
  const seen = { method: request[1] as string, target: request[2] as string, fields }
  const bodyAt = headEnd + 4
  if (codings.length === 1) {
    if (codings[0] !== 'chunked') return violation(`Transfer-Encoding: ${codings[0]}`)
    const body = readChunks(text, bodyAt)
    if (typeof body !== 'object') return body === 'incomplete' ? { kind: body } : violation(body)
    const read = { ...seen, body: body.data, framing: 'chunked' as const }
    return { kind: 'request', request: read, length: body.end }
  }
  if (lengths.length === 1 && !/^\d+$/.test(lengths[0] as string)) return violation('length')
  const length = Number(lengths[0] ?? 0)
  if (text.length < bodyAt + length) return { kind: 'incomplete' }
  const body = text.slice(bodyAt, bodyAt + length)
  const framing = lengths.length === 1 ? 'length' : 'none'
  return { kind: 'request', request: { ...seen, body, framing }, length: bodyAt + length }
}

function readChunks(text: string, from: number): { data: string; end: number } | string {
  let data = ''
  for (let at = from; ; ) {
    const line = /^([0-9a-f]{1,8})\r\n/.exec(text.slice(at, at + 16))
    if (line === null)
      return text.length - at < 12 ? 'incomplete' : `chunk ${text.slice(at, at + 16)}`
    const size = Number.parseInt(line[1] as string, 16)
    at += line[0].length
    if (size === 0) {
      const end = text.startsWith('\r\n', at) ? at : text.indexOf('\r\n\r\n', at) + 2
      return end < at || text.length < end + 2 ? 'incomplete' : { data, end: end + 2 }
    }
    if (text.length < at + size + 2) return 'incomplete'
    data += text.slice(at, at + size)
    at += size + 2
    if (text.slice(at - 2, at) !== '\r\n') return 'chunk does not end with CR LF'
  }
}

export async function startStrictOrigin(): Promise<StrictOrigin> {
  const seen: SeenRequest[] = []
  const violations: string[] = []
  const raw: { text: string }[] = []
  const sockets = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    sockets.add(socket)
    const record = { text: '' }
    raw.push(record)
    let rest = ''
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      record.text += chunk.toString('latin1')
      rest += chunk.toString('latin1')
      while (rest !== '') {
        const read = readStrictly(rest)
        if (read.kind === 'incomplete') return
        if (read.kind === 'violation') {
          violations.push(read.text)
          socket.destroy()
          return
        }
        rest = rest.slice(read.length)
        seen.push(read.request)
        answer(socket, read.request)
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    violations,
    raw,
    forget() {
      seen.length = 0
      violations.length = 0
      for (const record of raw) record.text = ''
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The body says which request is answered. */
function answer(socket: net.Socket, { method, target, body }: SeenRequest): void {
  const text = `${method} ${target} ${body.length}`
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n`
  socket.write(head + (method === 'HEAD' ? '' : text))
}
