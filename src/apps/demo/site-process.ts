/**
 * One demo server as a process: `node site-process.ts <id> <port>`. Prints `{"id", "port"}` when it
 * listens, ends on SIGTERM or SIGINT. Tests kill it -9 to see an upstream vanish.
 *
 * @module
 */
import { startDemoServer } from './site.ts'

const [id = 'a', port = '0'] = process.argv.slice(2)
const server = await startDemoServer(id, Number(port))
process.stdout.write(`${JSON.stringify({ id: server.id, port: server.port })}\n`)
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void server.close())
}
