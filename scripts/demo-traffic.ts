/**
 * Drives the running demo with real clients, and with one that behaves like a scanner:
 * `npm run demo:traffic -- --seconds 30`. The console then has something to show.
 *
 * @module
 */
import { once } from 'node:events'
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import { browser } from './demo-traffic/browser.ts'
import { findChromium } from './demo-traffic/chromium.ts'
import { nodeHttps, undiciHttp2, webSocket } from './demo-traffic/libraries.ts'
import { curl, openssl } from './demo-traffic/programs.ts'
import { scanner } from './demo-traffic/scanner.ts'
import { type Client, Tally, type Target } from './demo-traffic/tally.ts'

const SECONDS_MAX = 3600

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    target: { type: 'string', default: '127.0.0.1:8443' },
  },
})
process.exitCode = await main(Number(values.seconds), readTarget(values.target))

async function main(seconds: number, target: Target): Promise<number> {
  if (!(seconds > 0 && seconds <= SECONDS_MAX)) {
    console.error(`--seconds must be a number from 1 to ${SECONDS_MAX}`)
    return 2
  }
  const address = `${target.host}:${target.port}`
  if (!(await listens(target))) {
    console.error(
      `Nothing listens on ${address}. Start the demo first, in another window: npm start`,
    )
    return 1
  }
  const clients = clientsHere()
  console.log(
    `Driving https://${address} for ${seconds} s with ${clients.length} kinds of clients:`,
  )
  for (const [name] of clients) console.log(`  ${name}`)
  const signal = AbortSignal.timeout(seconds * 1000)
  const tallies = clients.map(async ([name, client]) => {
    const tally = new Tally()
    await client(target, signal, tally).catch((error: unknown) => tally.count(firstLine(error)))
    return [name, tally] as const
  })
  console.log('\nWhat they got:')
  for (const [name, tally] of await Promise.all(tallies)) {
    console.log(`  ${name.padEnd(22)} ${tally}`)
  }
  return 0
}

function clientsHere(): readonly (readonly [name: string, client: Client])[] {
  const chromium = findChromium()
  if (chromium === undefined) console.log('Chromium is not installed: going without (set CHROMIUM)')
  return [
    ['curl, HTTP/1.1', curl('--http1.1')],
    ['curl, HTTP/2', curl('--http2')],
    ['openssl s_client', openssl],
    ['node:https', nodeHttps],
    ['undici, HTTP/2', undiciHttp2],
    ['WebSocket', webSocket],
    ...(chromium === undefined ? [] : [['Chromium', browser(chromium)] as const]),
    ['scanner-like', scanner],
  ]
}

async function listens({ host, port }: Target): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(2000) })
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

function readTarget(text: string): Target {
  const [host = '', port = ''] = text.split(':')
  return { host, port: Number(port) }
}

/** Playwright's errors go on with a log of what it did. */
function firstLine(error: unknown): string {
  return String(error).split('\n')[0] ?? ''
}
