/**
 * Load on a proxy by the field's own tools (wrk, h2load) and our handshake client: how many requests were
 * answered, how many failed.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Contender, LOAD_CORE } from './proxies.ts'

export interface LoadResult {
  readonly good: number
  readonly failed: number
  readonly p99Ms: number
}

/** What a current browser sends along with a navigation. */
const BROWSER_FIELDS = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Cookie: sid=7d1f2c9a4b6e8d0f1a2b3c4d5e6f7081; theme=dark; csrf=abcdef0123456789abcdef0123456789',
  'Referer: https://example.org/path/to/page?with=query',
  'Sec-Fetch-Dest: document',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-Site: same-origin',
  'Sec-CH-UA: "Chromium";v="140", "Not=A?Brand";v="24"',
  'Upgrade-Insecure-Requests: 1',
  'Cache-Control: max-age=0',
]

function run(command: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('taskset', ['-c', LOAD_CORE, ...command], { maxBuffer: 1e7 }, (error, out) =>
      error === null ? resolve(out) : reject(new Error(`${command[0]} failed: ${error.message}`)),
    )
  })
}

const number = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0)

function milliseconds(text: string, pattern: RegExp): number {
  const [, value = '0', unit = 'ms'] = pattern.exec(text) ?? []
  return Number(value) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? 1)
}

async function wrk(
  url: string,
  seconds: number,
  connections: number,
  browser: boolean,
): Promise<LoadResult> {
  const fields = browser ? BROWSER_FIELDS.flatMap((field) => ['-H', field]) : []
  const out = await run([
    'wrk',
    ...fields,
    ...['-t1', `-c${connections}`, `-d${seconds}s`, '--latency', url],
  ])
  const socketErrors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    out,
  )
  const failed = (socketErrors?.slice(1) ?? []).reduce((sum, each) => sum + Number(each), 0)
  return {
    good: number(out, /(\d+) requests in/),
    failed: failed + number(out, /Non-2xx or 3xx responses: (\d+)/),
    p99Ms: milliseconds(out, /99%\s+([\d.]+)(us|ms|s)/),
  }
}

async function h2load(url: string, seconds: number): Promise<LoadResult> {
  const out = await run(['h2load', '-t1', '-c8', '-m16', `-D${seconds}`, url])
  return {
    good: number(out, /(\d+) succeeded/),
    failed: number(out, /(\d+) failed/),
    p99Ms: 0,
  }
}

async function handshakes(
  port: number,
  seconds: number,
  mode: 'new' | 'resume',
): Promise<LoadResult> {
  const file = fileURLToPath(new URL('./handshakes.ts', import.meta.url))
  const out = await run([process.execPath, file, String(port), String(seconds), '12', mode])
  const { good, failed, resumed, p99 } = JSON.parse(out) as Record<string, number>
  if (mode === 'resume' && (resumed ?? 0) < 0.5 * (good ?? 0)) {
    throw new Error(`Only ${resumed} of ${good} connections were resumed: not the case to measure`)
  }
  return { good: good ?? 0, failed: failed ?? 0, p99Ms: p99 ?? 0 }
}

export interface Work {
  readonly name: string
  /** For the table. */
  readonly text: string
  run(proxy: Contender, seconds: number): Promise<LoadResult>
}

const http = ({ httpPort }: Contender, path: string) => `http://127.0.0.1:${httpPort}${path}`
const https = ({ tlsPort }: Contender, path: string) => `https://127.0.0.1:${tlsPort}${path}`

export const WORKS: readonly Work[] = [
  {
    name: 'http_keepalive',
    text: 'HTTP keep-alive, 1 KB',
    run: (proxy, seconds) => wrk(http(proxy, '/'), seconds, 32, false),
  },
  {
    name: 'tls_keepalive',
    text: 'TLS keep-alive, 1 KB',
    run: (proxy, seconds) => wrk(https(proxy, '/'), seconds, 32, false),
  },
  {
    name: 'tls_browser',
    text: 'TLS keep-alive, 12 browser fields',
    run: (proxy, seconds) => wrk(https(proxy, '/'), seconds, 32, true),
  },
  {
    name: 'handshake',
    text: 'full TLS 1.3 handshake and a request',
    run: ({ tlsPort }, seconds) => handshakes(tlsPort, seconds, 'new'),
  },
  {
    name: 'resumed',
    text: 'resumed TLS 1.3 handshake and a request',
    run: ({ tlsPort }, seconds) => handshakes(tlsPort, seconds, 'resume'),
  },
  {
    name: 'h2',
    text: 'HTTP/2, 8 connections x 16 streams, 1 KB',
    run: (proxy, seconds) => h2load(https(proxy, '/'), seconds),
  },
  {
    name: 'body_64k',
    text: 'TLS keep-alive, 64 KB',
    run: (proxy, seconds) => wrk(https(proxy, '/64k'), seconds, 32, false),
  },
  {
    name: 'body_10m',
    text: 'TLS keep-alive, 10 MB',
    run: (proxy, seconds) => wrk(https(proxy, '/10m'), seconds, 4, false),
  },
]
