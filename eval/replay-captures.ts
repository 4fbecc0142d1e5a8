/**
 * Captured hellos (`index.jsonl`, `manifest.json` and the bytes) as live traffic through the real flow and profiler, in
 * enforce mode. Seeded: real clients come first and throughout, the others begin later at random. Two layouts: `shared`,
 * everybody behind one address, where only the handshake tells them apart; and `apart`, one network per label.
 *
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Decision } from '../src/behavior/decision.ts'
import type { HandshakeSeen } from '../src/flows/admit-handshake.ts'
import { newHelloScoring, scoreHello } from '../src/flows/score-hellos.ts'
import type { Random } from '../src/ground/random.ts'
import { ClientHelloReader } from '../src/wire/client-hello.ts'
import type { ClientHello } from '../src/wire/client-hello-message.ts'
import { seededRandom } from '../test/fixtures/seeded-random.ts'

export type Kind = 'client' | 'scanner' | 'synthetic-hostile' | 'unknown'

/** One captured connection. */
export interface Capture {
  readonly label: string
  readonly kind: Kind
  readonly bytes: Uint8Array
  /** Milliseconds since the Unix epoch. */
  readonly acceptedAt: number
  readonly chunks: readonly { readonly t_us: number; readonly n: number }[]
  /** A client that comes for the first time when the others are known. */
  readonly isLate?: boolean
  /** Read already, where the bytes are in packets of a capture; `bytes` is empty then. */
  readonly hello?: ClientHello
}

export interface LabelResult {
  readonly label: string
  readonly kind: Kind
  readonly hellos: number
  profiles: number
  /** Hellos enforced against: tier 2 or 3 by detectors in force. */
  flagged: number
  /** Which of its hellos was the first of those, from 1; 0 for none. */
  firstFlag: number
  maxScore: number
  reasons: Record<string, number>
}

export type Layout = 'shared' | 'apart'

/** A hostile client must be flagged by then. */
const FLAG_WITHIN = 20

export function summary(runs: readonly (readonly LabelResult[])[]): object {
  const all = runs.flat()
  const clients = all.filter(({ kind }) => kind === 'client')
  const hostile = all.filter(({ kind }) => kind === 'scanner' || kind === 'synthetic-hostile')
  const inTime = hostile.filter(({ firstFlag }) => firstFlag > 0 && firstFlag <= FLAG_WITHIN)
  const late = new Set(hostile.filter((one) => !inTime.includes(one)).map(({ label }) => label))
  const sum = (of: (one: LabelResult) => number) => clients.reduce((n, one) => n + of(one), 0)
  return {
    clientRuns: clients.length,
    clientRunsWithOneProfile: clients.filter(({ profiles }) => profiles === 1).length,
    clientHellos: sum(({ hellos }) => hellos),
    clientHellosEnforced: sum(({ flagged }) => flagged),
    clientScoreMax: Math.max(0, ...clients.map(({ maxScore }) => maxScore)),
    clientsEnforced: [...new Set(clients.filter((one) => one.flagged > 0).map((one) => one.label))],
    hostileRuns: hostile.length,
    hostileRunsFlaggedInTime: inTime.length,
    hostileFirstFlagMax: Math.max(0, ...hostile.map(({ firstFlag }) => firstFlag)),
    hostileMissed: [...late],
  }
}

/** One interleaving. */
export function run(captures: readonly Capture[], seed: number, layout: Layout): LabelResult[] {
  const random = seededRandom(seed)
  const order = interleave(captures, random)
  const labels = [...new Set(captures.map(({ label }) => label))]
  const results = new Map<string, LabelResult>()
  const profiles = new Map<string, Set<string>>()
  const scoring = newHelloScoring(random)
  // The time in randoms must stay the time: all within the two hours that a clock may be wrong.
  let now = Math.min(...captures.map(({ acceptedAt }) => acceptedAt))
  order.forEach((capture, i) => {
    now += -Math.log(1 - random.fraction()) * MEAN_GAP_MS
    const { seen, at } = replay(capture, now)
    const network = layout === 'shared' ? 0 : labels.indexOf(capture.label)
    const remoteAddress = `198.51.${network}.7`
    const input = { at, remoteAddress, remotePort: 1024 + (i % 60_000), seen }
    // Whether a handshake went well is not in the data: nothing is learned from it but the path's time.
    const decision = scoreHello(scoring, input, seen.kind === 'hello' ? PATH_MS : undefined)
    const total = captures.filter(({ label }) => label === capture.label).length
    const result = results.get(capture.label) ?? emptyResult(capture, total)
    results.set(capture.label, result)
    const seenBefore = profiles.get(capture.label) ?? new Set()
    profiles.set(capture.label, seenBefore.add(decision.profile ?? ''))
    result.profiles = seenBefore.size
    count(result, decision, nthOf(order, i))
  })
  return [...results.values()].sort(
    (a, b) => a.kind.localeCompare(b.kind) || a.label.localeCompare(b.label),
  )
}

/** Four connections per second. */
const MEAN_GAP_MS = 250
/** All captures were made on one machine. */
const PATH_MS = 2

function emptyResult({ label, kind }: Capture, hellos: number): LabelResult {
  return { label, kind, hellos, profiles: 0, flagged: 0, firstFlag: 0, maxScore: 0, reasons: {} }
}

function nthOf(order: readonly Capture[], index: number): number {
  const label = order[index]?.label
  let nth = 0
  for (let i = 0; i <= index; i++) if (order[i]?.label === label) nth++
  return nth
}

function count(result: LabelResult, decision: Decision, nth: number): void {
  result.maxScore = Math.max(result.maxScore, Math.round(decision.score * 100) / 100)
  if (decision.enforced >= 2) {
    result.flagged++
    if (result.firstFlag === 0) result.firstFlag = nth
  }
  for (const { code, weight } of decision.reasons) {
    if (weight > 0) result.reasons[code] = (result.reasons[code] ?? 0) + 1
  }
}

/** A third of what real clients send comes first, the rest mixed with all others; each label keeps its order. */
function interleave(captures: readonly Capture[], random: Random): Capture[] {
  const queues = new Map<string, Capture[]>()
  for (const capture of captures) {
    const queue = queues.get(capture.label)
    if (queue === undefined) queues.set(capture.label, [capture])
    else queue.push(capture)
  }
  const order: Capture[] = []
  const clients = [...queues.values()].filter(
    ([first]) => first?.kind === 'client' && first.isLate !== true,
  )
  const early = clients.flatMap((queue) => queue.splice(0, Math.ceil(queue.length / 3)))
  const lanes = new Map<string, Capture[]>()
  for (const capture of early)
    lanes.set(capture.label, [...(lanes.get(capture.label) ?? []), capture])
  drain([...lanes.values()], random, order)
  drain([...queues.values()], random, order)
  return order
}

/** The next is of a queue with the chance of what is left in it. */
function drain(queues: readonly Capture[][], random: Random, into: Capture[]): void {
  let left = queues.reduce((sum, queue) => sum + queue.length, 0)
  while (left > 0) {
    let at = random.fraction() * left
    for (const queue of queues) {
      at -= queue.length
      if (at >= 0) continue
      const next = queue.shift()
      if (next !== undefined) into.push(next)
      break
    }
    left--
  }
}

/** The chunks at their times; a hello that never ends was given up by its client. */
function replay(capture: Capture, acceptedAt: number): { seen: HandshakeSeen; at: number } {
  if (capture.hello !== undefined) {
    const times = { startedAt: acceptedAt, completedAt: acceptedAt }
    return { seen: { kind: 'hello', hello: { ...capture.hello, ...times } }, at: acceptedAt }
  }
  const reader = new ClientHelloReader()
  let from = 0
  let at = acceptedAt
  for (const { t_us, n } of capture.chunks) {
    at = acceptedAt + t_us / 1000
    const outcome = reader.feed(capture.bytes.subarray(from, from + n), at)
    if (outcome.kind !== 'more') return { seen: outcome, at }
    from += n
  }
  return { seen: { kind: 'error', code: 'closed' }, at }
}

/** Reads the folder, or `hellos` or `tls/hellos` in it. */
export function readCaptures(dataDir: string): Capture[] {
  const folder = [dataDir, join(dataDir, 'hellos'), join(dataDir, 'tls', 'hellos')].find((path) =>
    existsSync(join(path, 'index.jsonl')),
  )
  if (folder === undefined) {
    throw new Error(`Cannot find index.jsonl in ${dataDir}, hellos or tls/hellos`)
  }
  const manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  const kinds = new Map<string, Kind>(
    manifest.clients.map(({ label, kind }: { label: string; kind: Kind }) => [label, kind]),
  )
  const lines = readFileSync(join(folder, 'index.jsonl'), 'utf8').trim().split('\n')
  return lines.map((line) => {
    const { file, label, wall_ms, chunks } = JSON.parse(line)
    const bytes = new Uint8Array(readFileSync(join(folder, file)))
    return { label, kind: kinds.get(label) ?? 'unknown', bytes, acceptedAt: wall_ms, chunks }
  })
}
