/**
 * Balancing on real processes: six upstreams of unequal capacity under a recorded flash crowd, then five equal ones of which
 * one becomes ten times slower and well again, once where all requests cost the same and once where they do not. HAProxy, nginx and Limen with each of its policies, in the same run, the same
 * load, one after the other. Last, servers that come and go (`elastic.ts`).
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { get } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endBed, makeBed } from './bed.ts'
import { benchElastic } from './elastic.ts'
import { FLASH_CROWD } from './flash-crowd.ts'
import { type Bed, LOAD_CORE, PROXY_CORE, start, untilListening } from './proxies.ts'

const {
  /** Of each of the 45 pieces of the flash crowd. */
  LIMEN_BENCH_SECONDS = '0.8',
  /** Comma-separated names, `elastic` for the servers that come and go; all by default. */
  LIMEN_BENCH_PEERS,
} = process.env
const SECONDS = Number(LIMEN_BENCH_SECONDS)
const ONLY = LIMEN_BENCH_PEERS?.split(',')

/** Requests each serves at once; each takes SERVICE_MS in the mean. */
const SLOTS = [1, 1, 2, 2, 4, 4]
const SERVICE_MS = 30
/** Of what all of them can serve, at the peak. */
const UTILISATION = 0.85
/** Five of four slots and 8 ms can serve 2500 requests a second: a slow one is not needed. */
const EQUAL = { slots: 4, serviceMs: 8, servers: 5, perSecond: 400 }
const SLOW_FACTOR = 10
/** Of fifty requests one takes fifty times as long as most, and four ten times: 8 ms become 22. */
const MIXED: readonly string[] = [
  '/times-50',
  ...Array(4).fill('/times-10'),
  ...Array(45).fill('/'),
]
/** Seconds it is well, then slow, then well again. */
const WELL_S = 4
const SLOW_S = 10
const AGAIN_S = 6
/** Left out: from a change to what it comes to. */
const SETTLING_S = 1

/** Of each run, what became of as many is printed. */
const FAILURES_TOLD = 20

const FIRST_SERVER = 19_301
const PROXY = 19_351
const ROOT = fileURLToPath(new URL('..', import.meta.url))

interface Answer {
  readonly at: number
  readonly latencyMs: number
  readonly server: string
  readonly path: string
  readonly moved: boolean
}

interface Contender {
  readonly name: string
  start(bed: Bed, ports: readonly number[]): void
}

const POLICIES = ['latency', 'p2c', 'least-loaded', 'prequal', 'round-robin'] as const
const CONTENDERS: readonly Contender[] = [
  haproxy('roundrobin', 'balance roundrobin'),
  haproxy('leastconn', 'balance leastconn'),
  haproxy('random(2)', 'balance random(2)'),
  haproxy('source', 'balance source\n  hash-type consistent'),
  { name: 'nginx least_conn', start: startNginx },
  ...POLICIES.map((choose) => limen(choose, choose, '')),
  limen('consistent-hash', 'consistent-hash', '__Host-at'),
  limen('latency sticky', 'latency', '__Host-at'),
]

const SLOW_HEAD =
  '  proxy                      slow share %  p99 ms while  p99 ms before  share % a second after  least and most of others %'

export async function benchBalance(say: (line: string) => void): Promise<object> {
  const contenders = CONTENDERS.filter(({ name }) => ONLY === undefined || ONLY.includes(name))
  say(`flash crowd, ${SLOTS.length} servers that serve ${SLOTS.join(', ')} at once`)
  say(
    '  proxy                      requests   p50 ms   p99 ms  p99 ms at the peak  failed  moves/1000',
  )
  const flash: Record<string, object> = {}
  for (const contender of contenders) flash[contender.name] = await flashCrowd(contender, say)
  say(`one of ${EQUAL.servers} equal servers ${SLOW_FACTOR} times slower for ${SLOW_S} s`)
  say(SLOW_HEAD)
  const slow: Record<string, object> = {}
  for (const contender of contenders) slow[contender.name] = await slowServer(contender, ['/'], say)
  say('the same, where one request of fifty takes fifty times as long as most, four ten times')
  say(SLOW_HEAD)
  const mixed: Record<string, object> = {}
  for (const contender of contenders)
    mixed[contender.name] = await slowServer(contender, MIXED, say)
  const isElastic = ONLY === undefined || ONLY.includes('elastic')
  return { flash, slow, mixed, ...(isElastic ? { elastic: await benchElastic(say) } : {}) }
}

async function flashCrowd(contender: Contender, say: (line: string) => void): Promise<object> {
  const capacity = SLOTS.reduce((sum, slots) => sum + slots, 0) * (1000 / SERVICE_MS)
  const rates = FLASH_CROWD.map((share) => Math.round(share * capacity * UTILISATION))
  const load = { secondsEach: SECONDS, rates, paths: ['/'] }
  const { answers, failed } = await run(contender, SLOTS, SERVICE_MS, load)
  const peakFrom = (FLASH_CROWD.length * 2 * SECONDS * 1000) / 3
  const peak = answers.filter(({ at }) => at >= peakFrom)
  const result = {
    requests: answers.length,
    p50: quantile(answers, 0.5),
    p99: quantile(answers, 0.99),
    p99_peak: quantile(peak, 0.99),
    failed,
    moves_per_1000: rounded((1000 * answers.filter(({ moved }) => moved).length) / answers.length),
  }
  const { requests, p50, p99, p99_peak, moves_per_1000 } = result
  say(
    `  ${contender.name.padEnd(24)} ${pad(requests, 10)} ${pad(p50, 8)} ${pad(p99, 8)} ${pad(p99_peak, 19)} ` +
      `${pad(failed, 7)} ${pad(moves_per_1000, 11)}`,
  )
  return result
}

/** @param paths each as likely; percentiles are of those that ask for `/` */
async function slowServer(
  contender: Contender,
  paths: readonly string[],
  say: (line: string) => void,
): Promise<object> {
  const seconds = WELL_S + SLOW_S + AGAIN_S
  const rates = Array.from({ length: seconds }, () => EQUAL.perSecond)
  const slots = Array.from({ length: EQUAL.servers }, () => EQUAL.slots)
  const change = async (): Promise<void> => {
    await sleep(WELL_S)
    await ask(FIRST_SERVER, `/slow?factor=${SLOW_FACTOR}`)
    await sleep(SLOW_S)
    await ask(FIRST_SERVER, '/slow?factor=1')
  }
  const load = { secondsEach: 1, rates, paths }
  const { answers, failed } = await run(contender, slots, EQUAL.serviceMs, load, change)
  const within = (from: number, to: number) =>
    answers.filter(({ at }) => at >= from * 1000 && at < to * 1000)
  const share = (of: readonly Answer[], server = FIRST_SERVER) =>
    rounded((100 * of.filter((one) => one.server === String(server)).length) / of.length)
  const common = (of: readonly Answer[]) => of.filter(({ path }) => path === '/')
  const before = within(SETTLING_S, WELL_S)
  const during = within(WELL_S + SETTLING_S, WELL_S + SLOW_S)
  const after = within(WELL_S + SLOW_S + SETTLING_S, seconds)
  const others = slots.slice(1).map((_, i) => share(during, FIRST_SERVER + 1 + i))
  const result = {
    slow_share_percent: share(during),
    p99_while_slow: quantile(common(during), 0.99),
    p99_before: quantile(common(before), 0.99),
    share_after_percent: share(after),
    others_least_percent: Math.min(...others),
    others_most_percent: Math.max(...others),
    failed,
  }
  say(
    `  ${contender.name.padEnd(24)} ${pad(result.slow_share_percent, 14)} ${pad(result.p99_while_slow, 13)} ` +
      `${pad(result.p99_before, 14)} ${pad(result.share_after_percent, 23)} ` +
      `${pad(result.others_least_percent, 15)} ${pad(result.others_most_percent, 10)}`,
  )
  return result
}

interface Load {
  readonly secondsEach: number
  /** Requests per second, one after the other. */
  readonly rates: readonly number[]
  /** Each as likely. */
  readonly paths: readonly string[]
}

/** The contender in front of fresh servers, under this load. */
async function run(
  contender: Contender,
  slots: readonly number[],
  serviceMs: number,
  load: Load,
  meanwhile: () => Promise<void> = async () => {},
): Promise<{ answers: Answer[]; failed: number }> {
  const bed = makeBed()
  try {
    const ports = slots.map((_, i) => FIRST_SERVER + i)
    for (const [i, port] of ports.entries()) {
      const command = ['bench/balance-server.ts', String(port), String(slots[i]), String(serviceMs)]
      start(bed, LOAD_CORE, [
        process.execPath,
        join(ROOT, command[0] as string),
        ...command.slice(1),
      ])
    }
    for (const port of ports) await untilListening(port)
    contender.start(bed, ports)
    await untilListening(PROXY)
    const done = loadOf(bed, load)
    await meanwhile()
    return await done
  } finally {
    await endBed(bed)
  }
}

function loadOf(
  bed: Bed,
  { secondsEach, rates, paths }: Load,
): Promise<{ answers: Answer[]; failed: number }> {
  const file = join(bed.folder, 'answers.json')
  const script = join(ROOT, 'bench/balance-load.ts')
  const args = [script, String(PROXY), String(secondsEach), rates.join(','), file, paths.join()]
  return new Promise((resolve, reject) => {
    execFile('taskset', ['-c', LOAD_CORE, process.execPath, ...args], (error, _out, err) => {
      if (error !== null) {
        reject(new Error(`The load failed: ${err}`))
        return
      }
      const { answers, failures } = JSON.parse(readFileSync(file, 'utf8')) as {
        answers: Answer[]
        failures: string[]
      }
      for (const failure of failures.slice(0, FAILURES_TOLD)) console.error(`failed: ${failure}`)
      resolve({ answers, failed: failures.length })
    })
  })
}

function limen(name: string, choose: string, cookie: string): Contender {
  return {
    name: `limen ${name}`,
    start(bed, ports) {
      const servers = ports.map((port) => ({ id: `s${port}`, address: `127.0.0.1:${port}` }))
      const affinity = cookie === '' ? {} : { affinity: { cookie } }
      const config = {
        data: join(bed.folder, 'limen-data'),
        workers: 1,
        log: { level: 'warn' },
        listeners: [{ name: 'web', address: `127.0.0.1:${PROXY}`, tls: {} }],
        certificates: [{ certFile: bed.cert, keyFile: bed.key }],
        pools: [{ name: 'site', servers, choose, ...affinity }],
        routes: [{ pool: 'site' }],
        admin: { address: `127.0.0.1:${PROXY + 1}` },
        metrics: { address: `127.0.0.1:${PROXY + 2}` },
      }
      const file = join(bed.folder, 'limen.yaml')
      writeFileSync(file, JSON.stringify(config))
      start(bed, PROXY_CORE, [join(ROOT, 'bin/limen'), 'up', '-c', file])
    },
  }
}

function haproxy(name: string, balance: string): Contender {
  return {
    name: `haproxy ${name}`,
    start(bed, ports) {
      const servers = ports.map((port) => `  server s${port} 127.0.0.1:${port}`).join('\n')
      const config = `global
  nbthread 1
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
frontend front
  bind 127.0.0.1:${PROXY} ssl crt ${bed.both}
  default_backend site
backend site
  ${balance}
  http-reuse always
${servers}
`
      const file = join(bed.folder, 'haproxy.cfg')
      writeFileSync(file, config)
      start(bed, PROXY_CORE, ['haproxy', '-db', '-f', file])
    },
  }
}

function startNginx(bed: Bed, ports: readonly number[]): void {
  const servers = ports.map((port) => `server 127.0.0.1:${port};`).join(' ')
  const file = join(bed.folder, 'nginx.conf')
  mkdirSync(join(bed.folder, 'www'), { recursive: true })
  writeFileSync(
    file,
    `worker_processes 1; daemon off; pid ${bed.folder}/nginx.pid; error_log ${bed.folder}/nginx.log;
events { worker_connections 4096; }
http { access_log off;
  upstream site { least_conn; ${servers} keepalive 256; }
  server { listen 127.0.0.1:${PROXY} ssl; ssl_certificate ${bed.cert}; ssl_certificate_key ${bed.key};
    location / { proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection ""; } } }
`,
  )
  start(bed, PROXY_CORE, ['nginx', '-c', file])
}

function ask(port: number, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path }, (response) => response.resume().on('end', resolve)).on(
      'error',
      reject,
    )
  })
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}

function quantile(answers: readonly Answer[], share: number): number {
  const sorted = answers.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b)
  return rounded(sorted[Math.floor(share * sorted.length)] ?? Number.NaN)
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

function pad(value: number, width: number): string {
  return String(value).padStart(width)
}
