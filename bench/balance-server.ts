/**
 * An upstream of bounded capacity: so many requests at once, the others wait in line; a service time half fixed, half
 * exponential, of which a part is CPU. `node balance-server.ts PORT SLOTS SERVICE_MS [START_UP_S]`: it listens after so long. `/slow?factor=N`
 * changes its speed; `/times-N` takes N times as long.
 *
 * @module
 */
import { createServer, type ServerResponse } from 'node:http'

const [port = 0, slots = 1, serviceMs = 1, startUpS = 0] = process.argv.slice(2).map(Number)
/** Of the service time, burnt: six of them share a core with whatever is measured. */
const BURN_SHARE = 0.01

let busy = 0
let factor = 1
const line: (() => void)[] = []

const server = createServer((request, response) => {
  const asked = /^\/slow\?factor=(\d+)$/.exec(request.url ?? '')
  if (asked !== null) {
    factor = Number(asked[1])
    response.end('ok')
    return
  }
  const times = Number(/^\/times-(\d+)$/.exec(request.url ?? '')?.[1] ?? 1)
  if (busy < slots) serve(response, times)
  else line.push(() => serve(response, times))
}).on('connection', (socket) => socket.setNoDelay(true))
server.keepAliveTimeout = 60_000
setTimeout(() => server.listen({ port, host: '127.0.0.1', backlog: 1024 }), startUpS * 1000)

function serve(response: ServerResponse, times: number): void {
  busy++
  const ms = (serviceMs / 2 - Math.log(1 - Math.random()) * (serviceMs / 2)) * factor * times
  const until = performance.now() + ms * BURN_SHARE
  while (performance.now() < until) Math.sqrt(until)
  setTimeout(() => {
    response.setHeader('x-server', String(port))
    response.end('served\n')
    busy--
    line.shift()?.()
  }, ms)
}
