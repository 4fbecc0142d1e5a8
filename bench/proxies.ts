/**
 * The proxies that are compared, each with the configuration its documentation would give for this job:
 * one core, TLS 1.2 and 1.3, keep-alive on both sides, X-Forwarded-For, no access log. HAProxy is there twice: so,
 * and adding the fields that Limen always adds.
 *
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Contender {
  readonly name: string
  readonly httpPort: number
  readonly tlsPort: number
  readonly pid: number
}

export interface Bed {
  /** A folder of this run for configuration files; gone afterwards. */
  readonly folder: string
  readonly upstreamPort: number
  /** PEM files: chain, key, both. */
  readonly cert: string
  readonly key: string
  readonly both: string
  /** Processes to end when the run is over. */
  readonly started: ChildProcess[]
}

/** The proxy runs on one core, load and upstream on the other. */
export const PROXY_CORE = '0'
export const LOAD_CORE = '1'
const START_MS = 60_000
const root = fileURLToPath(new URL('..', import.meta.url))

/** Starts a program on a core; its output is shown when it does not come up. */
export function start(bed: Bed, core: string, command: readonly string[], env = {}): ChildProcess {
  const child = spawn('taskset', ['-c', core, ...command], {
    cwd: bed.folder,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, to be ended as one.
    detached: true,
  })
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors = (errors + String(chunk)).slice(-2000)
  })
  child.on('exit', (code) => {
    if (code !== 0 && code !== null) console.error(`${command[0]} ended with ${code}: ${errors}`)
  })
  bed.started.push(child)
  return child
}

/** And goes on to: Limen binds an address for a moment before its workers do, to see whether another program has it. */
export async function untilListening(port: number): Promise<void> {
  const until = Date.now() + START_MS
  let wasOpen = false
  while (Date.now() < until) {
    const isNow = await isOpen(port)
    if (wasOpen && isNow) return
    wasOpen = isNow
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`Nothing listens on port ${port} after ${START_MS / 1000} s`)
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => resolve(true))
    socket.on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })
}

/** The upstream: nginx answering 1 KB, 64 KB and 10 MB from memory or the page cache. */
export async function startUpstream(bed: Bed): Promise<void> {
  const www = join(bed.folder, 'www')
  mkdirSync(www)
  writeFileSync(join(www, '64k'), Buffer.alloc(65_536, 'x'))
  writeFileSync(join(www, '10m'), Buffer.alloc(10_485_760, 'x'))
  const config = join(bed.folder, 'upstream.conf')
  writeFileSync(
    config,
    `user root; worker_processes 1; daemon off; pid ${bed.folder}/upstream.pid; error_log ${bed.folder}/upstream.log;
events { worker_connections 16384; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on; sendfile on;
  server { listen 127.0.0.1:${bed.upstreamPort} backlog=4096; root ${www}; default_type text/plain;
    location = / { return 200 "${'x'.repeat(1024)}"; } } }
`,
  )
  start(bed, LOAD_CORE, ['nginx', '-c', config])
  await untilListening(bed.upstreamPort)
}

type StartProxy = (bed: Bed, httpPort: number, tlsPort: number) => ChildProcess

const limen: StartProxy = (bed, httpPort, tlsPort) => {
  const config = join(bed.folder, 'limen.yaml')
  writeFileSync(
    config,
    `data: ${bed.folder}/limen-data
workers: 1
log: { level: warn }
listeners:
  - { name: plain, address: '127.0.0.1:${httpPort}' }
  - { name: web, address: '127.0.0.1:${tlsPort}', tls: { alpn: [h2, http/1.1] } }
certificates: [{ certFile: ${bed.cert}, keyFile: ${bed.key} }]
pools:
  - { name: site, servers: [{ id: a, address: '127.0.0.1:${bed.upstreamPort}' }] }
routes: [{ path: /, pool: site }]
limits: { connectionsMax: 20000, requestsPerConnection: 1000000000 }
timeouts: { idleMs: 600000, upstreamIdleMs: 60000 }
admin: { address: '127.0.0.1:${httpPort + 2}' }
metrics: { address: '127.0.0.1:${httpPort + 3}' }
`,
  )
  return start(bed, PROXY_CORE, [join(root, 'bin/limen'), 'up', '-c', config])
}

/** What Limen tells the server of the client beyond X-Forwarded-For and its own decision, as rules of HAProxy. */
const FORWARDED_FIELDS = `  http-request add-header Via "1.1 haproxy"
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  http-request set-header X-Forwarded-Port %[dst_port]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header Forwarded 'for=%[src];proto=%[ssl_fc,iif(https,http)];host="%[req.hdr(host)]"'
`

const haproxy =
  (fields: string): StartProxy =>
  (bed, httpPort, tlsPort) => {
    const config = join(bed.folder, `haproxy-${httpPort}.cfg`)
    writeFileSync(
      config,
      `global
  nbthread 1
  maxconn 15000
  no strict-limits
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout client 600s
  timeout server 60s
  timeout connect 5s
  timeout http-keep-alive 600s
frontend front
  bind 127.0.0.1:${httpPort} backlog 4096
  bind 127.0.0.1:${tlsPort} ssl crt ${bed.both} alpn h2,http/1.1 backlog 4096
  option forwardfor
${fields}  option http-no-delay
  default_backend site
backend site
  http-reuse always
  option http-no-delay
  server a 127.0.0.1:${bed.upstreamPort} pool-max-conn 256
`,
    )
    return start(bed, PROXY_CORE, ['haproxy', '-db', '-f', config])
  }

const nginx: StartProxy = (bed, httpPort, tlsPort) => {
  const config = join(bed.folder, 'nginx.conf')
  writeFileSync(
    config,
    `worker_processes 1; daemon off; pid ${bed.folder}/nginx.pid; error_log ${bed.folder}/nginx.log;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; tcp_nodelay on;
  upstream site { server 127.0.0.1:${bed.upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
  ssl_certificate ${bed.cert}; ssl_certificate_key ${bed.key}; ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_tickets on;
  server { listen 127.0.0.1:${httpPort} backlog=4096; listen 127.0.0.1:${tlsPort} ssl http2 backlog=4096;
    location / { proxy_pass http://site; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } } }
`,
  )
  return start(bed, PROXY_CORE, ['nginx', '-c', config])
}

const caddy: StartProxy = (bed, httpPort, tlsPort) => {
  const config = join(bed.folder, 'Caddyfile')
  const proxy = `reverse_proxy 127.0.0.1:${bed.upstreamPort} {
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }`
  writeFileSync(
    config,
    `{
  admin off
  auto_https off
}
http://127.0.0.1:${httpPort} {
  ${proxy}
}
https://127.0.0.1:${tlsPort}, https://localhost:${tlsPort} {
  tls ${bed.cert} ${bed.key}
  ${proxy}
}
`,
  )
  return start(bed, PROXY_CORE, ['caddy', 'run', '--config', config, '--adapter', 'caddyfile'], {
    GOMAXPROCS: '1',
    HOME: bed.folder,
  })
}

const nodePeer =
  (file: string): StartProxy =>
  (bed, httpPort, tlsPort) =>
    start(bed, PROXY_CORE, [
      process.execPath,
      join(root, 'bench/peers', file),
      ...[httpPort, tlsPort, bed.upstreamPort].map(String),
      bed.cert,
      bed.key,
    ])

/** What the others are measured by. */
export const REFERENCE = 'haproxy'
/** HAProxy telling the server as much of the client as Limen does. */
export const SAME_FIELDS = 'haproxy-fields'

/** In the order of the table. */
const PROXIES: readonly (readonly [name: string, start: StartProxy])[] = [
  [REFERENCE, haproxy('')],
  ['limen', limen],
  [SAME_FIELDS, haproxy(FORWARDED_FIELDS)],
  ['nginx', nginx],
  ['caddy', caddy],
  ['undici', nodePeer('undici.ts')],
  ['http-proxy-3', nodePeer('http-proxy-3.ts')],
]

export async function startProxies(bed: Bed, firstPort: number): Promise<Contender[]> {
  const proxies: Contender[] = []
  for (const [index, [name, startProxy]] of PROXIES.entries()) {
    const httpPort = firstPort + index * 10
    const tlsPort = httpPort + 1
    const child = startProxy(bed, httpPort, tlsPort)
    await untilListening(httpPort)
    await untilListening(tlsPort)
    proxies.push({ name, httpPort, tlsPort, pid: child.pid ?? 0 })
  }
  return proxies
}
