/**
 * Load of new TLS 1.3 connections, one request each: `node handshakes.ts PORT SECONDS CONCURRENCY new|resume`.
 * X25519 and AES-128-GCM, so that all proxies do the same cryptography. Prints one JSON line.
 *
 * @module
 */
import tls from 'node:tls'

const [port, seconds, concurrency, mode] = process.argv.slice(2)
const until = performance.now() + Number(seconds) * 1000
const context = tls.createSecureContext({
  minVersion: 'TLSv1.3',
  ecdhCurve: 'X25519',
  ciphers: 'TLS_AES_128_GCM_SHA256',
})
let good = 0
let failed = 0
let resumed = 0
const times: number[] = []

function connect(tickets: Buffer[]): Promise<void> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const session = mode === 'resume' ? tickets.pop() : undefined
    const socket = tls.connect({
      host: '127.0.0.1',
      port: Number(port),
      servername: 'localhost',
      secureContext: context,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(session === undefined ? {} : { session }),
    })
    let answer = ''
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')))
    // A ticket is used once (RFC 8446 appendix C.4); a full handshake brings one or more.
    socket.on('session', (ticket) => tickets.push(ticket))
    socket.on('secureConnect', () => {
      if (socket.isSessionReused()) resumed++
      socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    })
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1', 0, 16)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (answer.startsWith('HTTP/1.1 200')) {
        good++
        times.push(performance.now() - startedAt)
      } else failed++
      resolve()
    })
  })
}

async function client(): Promise<void> {
  const tickets: Buffer[] = []
  while (performance.now() < until) await connect(tickets)
}

await Promise.all(Array.from({ length: Number(concurrency) }, client))
times.sort((a, b) => a - b)
const p99 = times[Math.floor(times.length * 0.99)] ?? 0
console.log(JSON.stringify({ good, failed, resumed, p99 }))
