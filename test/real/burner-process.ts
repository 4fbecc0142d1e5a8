/**
 * An upstream server that takes its time to start: `node burner-process.ts PORT START_UP_MS`. It answers who it is and which variables of Limen it was
 * given, and ends on SIGTERM when what it has is answered.
 *
 * @module
 */
import { createServer } from 'node:http'

const [port = 0, startUpMs = 0] = process.argv.slice(2).map(Number)

const server = createServer((_request, response) => {
  const ours = Object.keys(process.env).filter((name) => name.startsWith('LIMEN_'))
  const text = JSON.stringify({ pid: process.pid, port, ours })
  response.end(text)
})
setTimeout(() => server.listen(port, '127.0.0.1'), startUpMs)
process.once('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
