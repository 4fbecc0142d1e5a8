/**
 * The edge beside its peers: CPU time per request, each proxy on the same core in alternating rounds, and
 * memory per idle TLS connection. A ratio is HAProxy's CPU per request over the proxy's, paired by round;
 * the median over rounds is reported, so that a noisy neighbour in one round does not decide. `same_fields` is
 * the same to HAProxy when it tells the server as much of the client as Limen always does.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import https from 'node:https'
import { fileURLToPath } from 'node:url'
import { endBed, makeBed } from './bed.ts'
import { type LoadResult, WORKS, type Work } from './load.ts'
import { cpuMicros, residentBytes } from './process-tree.ts'
import {
  type Contender,
  LOAD_CORE,
  REFERENCE,
  SAME_FIELDS,
  startProxies,
  startUpstream,
} from './proxies.ts'

const {
  /** Longer runs and more rounds make steadier figures. */
  LIMEN_BENCH_SECONDS = '3',
  LIMEN_BENCH_ROUNDS = '5',
  /** `h2,handshake` runs only these works; `haproxy,limen` only these proxies. */
  LIMEN_BENCH_WORKS,
  LIMEN_BENCH_PEERS,
  /** 0 leaves the memory out. */
  LIMEN_BENCH_IDLE = '10000',
} = process.env
const SECONDS = Number(LIMEN_BENCH_SECONDS)
const ROUNDS = Number(LIMEN_BENCH_ROUNDS)
const ONLY_WORKS = LIMEN_BENCH_WORKS?.split(',')
const ONLY_PEERS = LIMEN_BENCH_PEERS?.split(',')
const IDLE_CONNECTIONS = Number(LIMEN_BENCH_IDLE)
/** Until what is compiled while it runs is compiled: Limen, undici and http-proxy-3 are. */
const WARM_UP_SECONDS = 4
const FIRST_PORT = 19_100

interface Sample extends LoadResult {
  readonly micros: number
}

interface Row {
  readonly proxy: string
  readonly micros: number
  readonly ratio: number
  readonly low: number
  readonly high: number
  /** To HAProxy with the same fields. */
  readonly sameFields: number
  readonly failed: number
  readonly p99Ms: number
}

type Say = (line: string) => void

export async function benchEdge(say: Say): Promise<object> {
  const bed = makeBed()
  try {
    await startUpstream(bed)
    const proxies = (await startProxies(bed, FIRST_PORT)).filter(
      ({ name }) => ONLY_PEERS === undefined || ONLY_PEERS.includes(name),
    )
    const ratios: Record<string, number> = {}
    const same_fields: Record<string, number> = {}
    const peers: Record<string, Record<string, number>> = {}
    for (const work of WORKS.filter(({ name }) => ONLY_WORKS?.includes(name) ?? true)) {
      const rows = await compare(work, proxies)
      say(`\n${work.text}: CPU per request, ${ROUNDS} alternating rounds of ${SECONDS} s`)
      say('  proxy            us/request   ratio (low-high)      failed   p99 ms   to same fields')
      for (const row of rows) {
        say(`  ${line(row)}`)
        if (row.proxy === 'limen') {
          ratios[work.name] = round(row.ratio)
          same_fields[work.name] = round(row.sameFields)
        } else {
          peers[row.proxy] ??= {}
          Object.assign(peers[row.proxy] ?? {}, { [work.name]: round(row.ratio) })
        }
      }
    }
    const each = proxies.filter(({ name }) => name !== SAME_FIELDS)
    const memory = IDLE_CONNECTIONS > 0 ? await idleMemory(each, say) : {}
    return { ratios, same_fields, peers, memory }
  } finally {
    await endBed(bed)
  }
}

async function compare(work: Work, proxies: readonly Contender[]): Promise<Row[]> {
  const samples = new Map<string, Sample[]>(proxies.map(({ name }) => [name, []]))
  for (const proxy of proxies) await work.run(proxy, WARM_UP_SECONDS)
  for (let turn = 0; turn < ROUNDS; turn++) {
    for (const proxy of turn % 2 === 0 ? proxies : proxies.toReversed()) {
      const before = cpuMicros(proxy.pid)
      const result = await work.run(proxy, SECONDS)
      const micros = (cpuMicros(proxy.pid) - before) / result.good
      samples.get(proxy.name)?.push({ ...result, micros })
    }
  }
  const ratiosTo = (reference: string, own: readonly Sample[]): number[] =>
    own.map(({ micros }, turn) => (samples.get(reference)?.[turn]?.micros ?? Number.NaN) / micros)
  return proxies.map(({ name }) => {
    const own = samples.get(name) ?? []
    const ratios = ratiosTo(REFERENCE, own)
    return {
      proxy: name,
      micros: median(own.map(({ micros }) => micros)),
      ratio: median(ratios),
      low: Math.min(...ratios),
      high: Math.max(...ratios),
      sameFields: median(ratiosTo(SAME_FIELDS, own)),
      failed: own.reduce((sum, { failed }) => sum + failed, 0),
      p99Ms: median(own.map(({ p99Ms }) => p99Ms)),
    }
  })
}

/** Bytes per idle TLS connection of each proxy, and whether new requests are still answered. */
async function idleMemory(
  proxies: readonly Contender[],
  say: Say,
): Promise<Record<string, object>> {
  say(`\n${IDLE_CONNECTIONS} idle TLS connections: memory each, new requests answered meanwhile`)
  const memory: Record<string, object> = {}
  for (const proxy of proxies) {
    const before = residentBytes(proxy.pid)
    const clients = await openIdle(proxy)
    // A proxy that closes idle connections early is measured on those it kept.
    const bytes = (residentBytes(proxy.pid) - before) / Math.max(1, clients.open)
    const answered = await askAnew(proxy, 100)
    clients.process.kill()
    memory[proxy.name.replaceAll('-', '_')] = {
      connections: clients.open,
      bytes_each: Math.round(bytes),
      new_requests_answered: answered,
    }
    say(
      `  ${proxy.name.padEnd(14)} ${(bytes / 1024).toFixed(1).padStart(7)} KB, ${clients.open} kept, ${answered} of 100 answered`,
    )
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  return memory
}

function openIdle(proxy: Contender): Promise<{ open: number; process: ChildProcess }> {
  const file = fileURLToPath(new URL('./idle-clients.ts', import.meta.url))
  const args = [
    '-c',
    LOAD_CORE,
    process.execPath,
    file,
    String(proxy.tlsPort),
    String(IDLE_CONNECTIONS),
  ]
  const child = spawn('taskset', args, { stdio: ['pipe', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let out = ''
    child.stdout?.on('data', (chunk) => {
      out += String(chunk)
      if (!out.includes('\n')) return
      const { open } = JSON.parse(out) as { open: number }
      resolve({ open, process: child })
    })
    child.on('exit', (code) => reject(new Error(`The idle clients ended with ${code}`)))
  })
}

async function askAnew(proxy: Contender, times: number): Promise<number> {
  let answered = 0
  for (let i = 0; i < times; i++) {
    answered += await new Promise<number>((resolve) => {
      const options = {
        host: '127.0.0.1',
        port: proxy.tlsPort,
        servername: 'localhost',
        agent: false,
        rejectUnauthorized: false,
        timeout: 5000,
      }
      const request = https.get(options, (response) => {
        response.resume()
        response.on('end', () => resolve(response.statusCode === 200 ? 1 : 0))
      })
      request.on('timeout', () => request.destroy())
      request.on('error', () => resolve(0))
    })
  }
  return answered
}

function median(values: readonly number[]): number {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? Number.NaN
}

const round = (value: number): number => Math.round(value * 1000) / 1000

function line({ proxy, micros, ratio, low, high, failed, p99Ms, sameFields }: Row): string {
  const range = `${ratio.toFixed(2)} (${low.toFixed(2)}-${high.toFixed(2)})`
  return `${proxy.padEnd(14)} ${micros.toFixed(1).padStart(12)}   ${range.padEnd(20)} ${String(failed).padStart(6)} ${p99Ms.toFixed(1).padStart(8)} ${sameFields.toFixed(2).padStart(16)}`
}
