/**
 * What a flood of handshakes from one fingerprint does to everybody else: time from connect to the first octet of the
 * answer, for strangers in the primary pool, while the flood goes to the rigorous pool of the same worker; without the
 * bound per profile; and to the primary pool, as if there were no other. Edge on one core, clients on the other, the
 * flood with the lower priority there: what is measured is the edge.
 *
 * @module
 */
import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LOAD_CORE, PROXY_CORE } from './proxies.ts'

const { LIMEN_BENCH_SECONDS = '8', LIMEN_BENCH_ROUNDS = '3' } = process.env
const SECONDS = Number(LIMEN_BENCH_SECONDS)
const ROUNDS = Number(LIMEN_BENCH_ROUNDS)
/** What is normal here, and ten times that. */
const STRANGERS_PER_SECOND = 50
const FLOOD_PER_SECOND = 500
const UNBOUNDED = 1_000_000

const EDGE = fileURLToPath(new URL('flood-edge.ts', import.meta.url))
const STRANGER = fileURLToPath(new URL('flood-stranger.ts', import.meta.url))
const HELLOS = fileURLToPath(new URL('flood-hellos.ts', import.meta.url))

interface Case {
  readonly name: string
  readonly pool: 'primary' | 'rigorous'
  readonly perProfilePerSecond: number
  readonly floodPerSecond: number
}

const CASES: readonly Case[] = [
  { name: 'quiet', pool: 'rigorous', perProfilePerSecond: 5, floodPerSecond: 0 },
  { name: 'rigorous', pool: 'rigorous', perProfilePerSecond: 5, floodPerSecond: FLOOD_PER_SECOND },
  {
    name: 'rigorous, any rate',
    pool: 'rigorous',
    perProfilePerSecond: UNBOUNDED,
    floodPerSecond: FLOOD_PER_SECOND,
  },
  { name: 'primary', pool: 'primary', perProfilePerSecond: 5, floodPerSecond: FLOOD_PER_SECOND },
]

interface Seen {
  readonly served: number
  readonly refused: number
  readonly p50: number
  readonly p99: number
}

export async function benchFlood(say: (line: string) => void): Promise<object> {
  const seen = new Map<string, { stranger: Seen; flood: Seen | undefined }[]>()
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of CASES) seen.set(one.name, [...(seen.get(one.name) ?? []), await run(one)])
  }
  say(`strangers at ${STRANGERS_PER_SECOND}/s, flood at ${FLOOD_PER_SECOND}/s, ${ROUNDS} rounds`)
  say('  flood goes to        p50 ms   p99 ms   p99 to quiet   strangers failed   flood served')
  const quiet = seen.get('quiet') ?? []
  const cases: Record<string, object> = {}
  for (const [name, rounds] of seen) {
    const p50 = median(rounds.map(({ stranger }) => stranger.p50))
    const p99 = median(rounds.map(({ stranger }) => stranger.p99))
    const ratio = median(
      rounds.map(({ stranger }, round) => stranger.p99 / (quiet[round]?.stranger.p99 ?? 1)),
    )
    const failed = rounds.reduce((sum, { stranger }) => sum + stranger.refused, 0)
    const served = rounds.reduce((sum, { flood }) => sum + (flood?.served ?? 0), 0)
    say(
      `  ${name.padEnd(20)} ${p50.toFixed(1).padStart(6)} ${p99.toFixed(1).padStart(8)} ${ratio.toFixed(2).padStart(14)} ${String(failed).padStart(18)} ${String(served).padStart(14)}`,
    )
    cases[name] = { p50, p99, ratio, failed, served }
  }
  return cases
}

async function run({ pool, perProfilePerSecond, floodPerSecond }: Case) {
  const edge = fork(EDGE, [pool, String(perProfilePerSecond)], {
    execPath: 'taskset',
    // As `apps/server/fleet-worker.ts` starts workers.
    execArgv: ['-c', PROXY_CORE, process.execPath, '--max-semi-space-size=64'],
  })
  try {
    const { port } = await told<{ port: number }>(edge)
    // Compiled, and pools warm, before anything counts.
    await client(STRANGER, port, 2, STRANGERS_PER_SECOND)
    if (floodPerSecond > 0) await client(HELLOS, port, 2, floodPerSecond, 10)
    const flood =
      floodPerSecond > 0 ? client(HELLOS, port, SECONDS + 1, floodPerSecond, 10) : undefined
    if (flood !== undefined) await new Promise((resolve) => setTimeout(resolve, 500))
    const stranger = await client(STRANGER, port, SECONDS, STRANGERS_PER_SECOND)
    return { stranger, flood: await flood }
  } finally {
    edge.kill('SIGKILL')
  }
}

async function told<T>(child: ChildProcess): Promise<T> {
  const [message] = (await once(child, 'message')) as [T]
  return message
}

async function client(
  program: string,
  port: number,
  seconds: number,
  perSecond: number,
  niceness = 0,
): Promise<Seen> {
  const numbers = [port, seconds, perSecond].map(String)
  const { stdout } = await promisify(execFile)('taskset', [
    ...['-c', LOAD_CORE, 'nice', '-n', String(niceness)],
    ...[process.execPath, program, ...numbers],
  ])
  return JSON.parse(stdout) as Seen
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}
