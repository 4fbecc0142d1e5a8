/**
 * New TLS 1.3 connections at a given rate, whatever becomes of them, one request each:
 * `node flood-stranger.ts PORT SECONDS PER_SECOND`. Prints one JSON line.
 *
 * @module
 */
import tls from 'node:tls'

const [port, seconds, perSecond] = process.argv.slice(2)
const REQUEST = 'GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
const ANSWER_MS_MAX = 5_000

const context = tls.createSecureContext({
  minVersion: 'TLSv1.3',
  ecdhCurve: 'X25519',
  ciphers: 'TLS_AES_128_GCM_SHA256',
})
const times: number[] = []
let refused = 0

function visit(): Promise<void> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const socket = tls.connect({
      host: '127.0.0.1',
      port: Number(port),
      servername: 'localhost',
      secureContext: context,
      rejectUnauthorized: false,
    })
    let isServed = false
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy())
    socket.on('secureConnect', () => socket.write(REQUEST))
    socket.on('data', () => {
      if (!isServed) times.push(performance.now() - startedAt)
      isServed = true
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (!isServed) refused++
      resolve()
    })
  })
}

const visits: Promise<void>[] = []
const beganAt = performance.now()
const gapMs = 1000 / Number(perSecond)
const total = Number(seconds) * Number(perSecond)
while (visits.length < total) {
  const due = Math.min(total, Math.floor((performance.now() - beganAt) / gapMs) + 1)
  while (visits.length < due) visits.push(visit())
  await new Promise((resolve) => setTimeout(resolve, 2))
}
await Promise.all(visits)
times.sort((a, b) => a - b)
const at = (share: number): number => times[Math.floor((times.length - 1) * share)] ?? Number.NaN
console.log(JSON.stringify({ served: times.length, refused, p50: at(0.5), p99: at(0.99) }))
