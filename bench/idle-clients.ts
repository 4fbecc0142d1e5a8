/**
 * Holds idle TLS connections open: `node idle-clients.ts PORT COUNT`. Each has made one request. Prints one
 * JSON line `{open, failed}` when all are there, and stays until its standard input ends.
 *
 * @module
 */
import tls from 'node:tls'

const [port, count] = process.argv.slice(2).map(Number)
const secureContext = tls.createSecureContext({ minVersion: 'TLSv1.3', ecdhCurve: 'X25519' })
/** As many handshakes at once: enough to keep the proxy busy, few enough to time out none. */
const AT_ONCE = 50
/** Of a proxy that answers none of the first in this time no more are asked for. */
const ANSWER_MS = 5000
let open = 0
let failed = 0
const held: tls.TLSSocket[] = []

function connect(): Promise<void> {
  return new Promise((resolve) => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port: port ?? 0,
      servername: 'localhost',
      secureContext,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    })
    let length = 0
    socket.setTimeout(ANSWER_MS, () => {
      if (length < 1024) socket.destroy()
    })
    socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
    socket.on('data', (chunk) => {
      const before = length
      length += chunk.length
      if (before < 1024 && length >= 1024) {
        open++
        held.push(socket)
        resolve()
      }
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (length >= 1024) open--
      failed++
      resolve()
    })
  })
}

let left = count ?? 0
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0 && (open > 0 || failed < AT_ONCE)) await connect()
  }),
)
console.log(JSON.stringify({ open, failed }))
process.stdin.on('end', () => process.exit(0)).resume()
