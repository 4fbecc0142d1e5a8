/**
 * Listens for ClientHellos: each one is printed and its connection closed with a TLS alert. For
 * looking at what a client sends; it never completes a handshake.
 *
 * @module
 */
import { createServer, type Socket } from 'node:net'
import { ja4 } from '../../behavior/handshake/ja4.ts'
import { ClientHelloReader } from '../../wire/client-hello.ts'
import { type HelloLine, helloLine } from './hello-line.ts'

/** LHS/1 section 3.1: from accept to the whole hello. */
const HELLO_MS = 5000
const CONNECTIONS_MAX = 256
/** A record with the alert handshake_failure (40), fatal (RFC 8446 section 6). */
const ALERT = Uint8Array.of(21, 3, 3, 0, 2, 2, 40)

/** Resolves with the exit code: 0 after SIGINT or SIGTERM, 1 when it cannot listen. */
export function tapHellos(
  host: string,
  port: number,
  print: (line: HelloLine) => void,
  complain: (message: string) => number,
): Promise<number> {
  return new Promise((resolve) => {
    let connections = 0
    const server = createServer((socket) => {
      tap(socket, connections++, `${host}:${port}`, print, complain)
    })
    server.maxConnections = CONNECTIONS_MAX
    const stop = () => server.close(() => resolve(0))
    server.once('error', (error) => {
      process.removeListener('SIGINT', stop)
      process.removeListener('SIGTERM', stop)
      resolve(complain(`Cannot listen on ${host}:${port}: ${error.message}`))
    })
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
    server.listen(port, host === '' ? undefined : host, () => {
      const address = server.address()
      const bound = typeof address === 'object' ? address?.port : port
      process.stderr.write(`limen hello: listening on ${host}:${bound}, stop with Ctrl-C\n`)
    })
  })
}

function tap(
  socket: Socket,
  stream: number,
  file: string,
  print: (line: HelloLine) => void,
  complain: (message: string) => number,
): void {
  const reader = new ClientHelloReader()
  // Kept: the peer may be gone before its hello is printed.
  const source = socket.remoteAddress ?? ''
  const sourcePort = socket.remotePort ?? 0
  const destination = socket.localAddress ?? ''
  const destinationPort = socket.localPort ?? 0
  const deadline = setTimeout(() => socket.destroy(), HELLO_MS)
  socket.on('close', () => clearTimeout(deadline))
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: Uint8Array) => {
    const at = Date.now()
    const outcome = reader.feed(chunk, at)
    if (outcome.kind === 'more') return
    socket.removeAllListeners('data')
    socket.resume()
    const { hello } = outcome
    const error = outcome.kind === 'error' ? outcome.code : undefined
    if (hello === undefined) complain(`${source}:${sourcePort} sent no ClientHello: ${error}`)
    else {
      const ends = { source, sourcePort, destination, destinationPort }
      const fingerprint = ja4(hello, 't')
      print(
        helloLine(file, { transport: 't', stream, ...ends, nth: 1, at, hello, error, fingerprint }),
      )
    }
    socket.end(ALERT, () => socket.destroy())
  })
}
