/**
 * The data plane with session keys beside itself without: the same edge on one core, requests over kept connections (HTTP/1.1,
 * TLS) that it validates each, and the same that it does not look at. Proofs are made before each round by this process, each is
 * used once, and the replay window is as in service. CPU of the edge's processes per request, in alternating rounds.
 *
 * @module
 */
import { execFile } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Session } from '../src/apps/browser/session-handshake.ts'
import { proofFields } from '../src/apps/browser/sign-request.ts'
import { openSession, type Send } from '../test/open-session.ts'
import { endBed, makeBed } from './bed.ts'
import { cpuMicros } from './process-tree.ts'
import { type Bed, LOAD_CORE, PROXY_CORE, start, startUpstream, untilListening } from './proxies.ts'

const {
  LIMEN_BENCH_SECONDS = '3',
  LIMEN_BENCH_ROUNDS = '7',
  /** For the edge's processes, e.g. `--cpu-prof`. */
  LIMEN_BENCH_NODE_OPTIONS,
} = process.env
const SECONDS = Number(LIMEN_BENCH_SECONDS)
const ROUNDS = Number(LIMEN_BENCH_ROUNDS)
/** Until what it runs is compiled. */
const WARM_UP_SECONDS = 3
const PORT = 19_201
/** Tickets that take turns. */
const SESSIONS = 256
/** Requests that are made for a round, over what the fastest so far would have taken; what is left over is thrown away. */
const SPARE = 2
const CONNECTIONS = 32
/** Signed at once: WebCrypto works beside us. */
const BATCH = 512
/** The route of this name validates, that of the other does not. */
const KEYED = `localhost:${PORT}`
const PLAIN = `127.0.0.1:${PORT}`
const ORIGIN = `https://${KEYED}`

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** For wrk: requests of one length, one after the other. */
const SCRIPT = `
local all, size, at
function init(args)
  local file = assert(io.open(args[1], "rb"))
  all = file:read("*a")
  file:close()
  size, at = tonumber(args[2]), 0
end
function request()
  local from = at % #all
  at = at + size
  return all:sub(from + 1, from + size)
end
`

/** What a round asks for; the same octets for both, but for the Host. */
type Work = 'plain' | 'same_octets' | 'validated'
const WORKS: readonly Work[] = ['plain', 'same_octets', 'validated']

export interface PlaneResult {
  /** CPU per request without over with validation: 1 is no cost. */
  readonly data_plane_ratio: number
  readonly data_plane_ratio_same_octets: number
  readonly data_plane_plain_us: number
  readonly data_plane_validated_us: number
}

export async function benchSessionPlane(say: (line: string) => void): Promise<PlaneResult> {
  const bed = makeBed()
  try {
    await startUpstream(bed)
    const edge = await startEdge(bed)
    const sessions = await Promise.all(
      Array.from({ length: SESSIONS }, () => openSession(ORIGIN, send)),
    )
    const micros: Record<Work, number[]> = { plain: [], same_octets: [], validated: [] }
    let perSecond = 0
    const measure = async (work: Work, seconds: number): Promise<number> => {
      for (;;) {
        const count = Math.ceil(seconds * perSecond * SPARE)
        const { us, answered } = await round(bed, edge, sessions, work, seconds, count)
        perSecond = Math.max(perSecond, answered / seconds)
        // Too few were made, so that some came twice: a machine whose other work is over is much faster at once.
        if (work === 'plain' || answered <= count) return us
      }
    }
    // Plain ones are the fastest, and need no count; the second time they are compiled.
    for (const work of ['plain', ...WORKS] as const) await measure(work, WARM_UP_SECONDS)
    for (let turn = 0; turn < ROUNDS; turn++) {
      for (const work of turn % 2 === 0 ? WORKS : WORKS.toReversed()) {
        micros[work].push(await measure(work, SECONDS))
      }
    }
    const ratios = (than: Work): number[] =>
      micros[than].map((us, turn) => us / (micros.validated[turn] ?? Number.NaN))
    for (const work of WORKS) say(`  ${work.padEnd(14)} ${median(micros[work]).toFixed(1)} us`)
    const plain = ratios('plain')
    const range = `${Math.min(...plain).toFixed(2)}-${Math.max(...plain).toFixed(2)}`
    say(`  ratio          ${median(plain).toFixed(3)} (${range})`)
    return {
      data_plane_ratio: rounded(median(plain)),
      data_plane_ratio_same_octets: rounded(median(ratios('same_octets'))),
      data_plane_plain_us: rounded(median(micros.plain)),
      data_plane_validated_us: rounded(median(micros.validated)),
    }
  } finally {
    await endBed(bed)
  }
}

async function startEdge(bed: Bed): Promise<number> {
  const config = join(bed.folder, 'limen.yaml')
  const text = {
    data: join(bed.folder, 'limen-data'),
    workers: 1,
    log: { level: 'warn' },
    listeners: [{ name: 'web', address: `127.0.0.1:${PORT}`, tls: {} }],
    certificates: [{ certFile: bed.cert, keyFile: bed.key }],
    pools: [{ name: 'site', servers: [{ id: 'a', address: `127.0.0.1:${bed.upstreamPort}` }] }],
    routes: [{ host: 'localhost', pool: 'site', sessionKey: 'required' }, { pool: 'site' }],
    sessions: { enabled: true, openPerSecondMax: 100_000 },
    limits: { requestsPerConnection: 1_000_000_000 },
    admin: { address: `127.0.0.1:${PORT + 1}` },
    metrics: { address: `127.0.0.1:${PORT + 2}` },
  }
  writeFileSync(config, JSON.stringify(text))
  const options = LIMEN_BENCH_NODE_OPTIONS
  const env = options === undefined ? {} : { NODE_OPTIONS: options }
  const child = start(bed, PROXY_CORE, [join(ROOT, 'bin/limen'), 'up', '-c', config], env)
  await untilListening(PORT)
  return child.pid ?? 0
}

/**
 * Microseconds of CPU of the edge per request, and how many were answered.
 *
 * @param count signed requests to be made before
 * @throws Error when a request was not answered with 200, unless they were not enough
 */
async function round(
  bed: Bed,
  edge: number,
  sessions: readonly Session[],
  work: Work,
  seconds: number,
  count: number,
): Promise<{ readonly us: number; readonly answered: number }> {
  const file = join(bed.folder, 'requests')
  const script = join(bed.folder, 'requests.lua')
  const head = `GET / HTTP/1.1\r\nHost: ${work === 'validated' ? KEYED : PLAIN}\r\n`
  const pieces =
    work === 'plain' ? [Buffer.from(`${head}\r\n`)] : await signedRequests(sessions, head, count)
  const size = pieces[0]?.length ?? 0
  writeFileSync(file, Buffer.concat(pieces))
  writeFileSync(script, SCRIPT)
  const before = cpuMicros(edge)
  const out = await run([
    ...['wrk', '-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '-s', script, `https://${PLAIN}/`],
    ...['--', file, String(size)],
  ])
  const spent = cpuMicros(edge) - before
  rmSync(file)
  const good = Number(/(\d+) requests in/.exec(out)?.[1] ?? 0)
  const failed = /Non-2xx or 3xx responses: \d+|Socket errors: .*/.exec(out)?.[0]
  const isAgain = work !== 'plain' && good > pieces.length
  if ((failed !== undefined && !isAgain) || good === 0) {
    throw new Error(`Not all were answered: ${failed}`)
  }
  return { us: spent / good, answered: good }
}

/** All of one length. */
async function signedRequests(
  sessions: readonly Session[],
  head: string,
  count: number,
): Promise<Buffer[]> {
  const url = new URL(`${ORIGIN}/`)
  const requests: Buffer[] = []
  while (requests.length < count) {
    const now = Date.now() / 1000
    const batch = Array.from({ length: BATCH }, async (_, i) => {
      const session = sessions[(requests.length + i) % sessions.length] as Session
      const fields = Object.entries(await proofFields(session, { method: 'GET', url }, now))
      return Buffer.from(`${head}${fields.map((one) => `${one.join(': ')}\r\n`).join('')}\r\n`)
    })
    requests.push(...(await Promise.all(batch)))
  }
  return requests
}

const send: Send = (method, path, fields, body) =>
  new Promise((resolve, reject) => {
    const headers = { 'content-length': String(body.length), ...fields }
    const take = (answer: IncomingMessage): void => {
      const pieces: Buffer[] = []
      answer.on('data', (piece: Buffer) => pieces.push(piece)).on('error', reject)
      answer.on('end', () => {
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(pieces) })
      })
    }
    const options = { method, headers, rejectUnauthorized: false }
    request(`${ORIGIN}${path}`, options, take).on('error', reject).end(body)
  })

function run(command: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('taskset', ['-c', LOAD_CORE, ...command], (error, out, err) =>
      error === null ? resolve(out) : reject(new Error(`${command[0]} failed: ${err}`)),
    )
  })
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000
}
