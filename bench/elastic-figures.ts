/**
 * What a run of `elastic-run.ts` comes to: how the crowd was served, and how servers were let go when it was over. Which servers were let
 * go too early is worked out anew, by the requests that were sent, not by what Limen says it measured.
 *
 * @module
 */
import type { ScalingAction } from '../src/apps/server/scale-pools.ts'

export interface ElasticFigures {
  readonly requests: number
  readonly p50: number
  /** A request that failed counts as one that took as long as a client waits. */
  readonly p99: number
  readonly failed: number
  /** Of processes from their order to their end, and the first server. */
  readonly server_minutes: number
  readonly servers_most: number
  /** Seconds from the beginning of what is measured; negative: before. */
  readonly started_at_s: readonly number[]
  readonly ready_at_s: readonly number[]
}

/** After the crowd, to the end. */
export interface QuietFigures {
  readonly requests: number
  readonly p50: number
  readonly p99: number
  readonly failed: number
  readonly server_minutes: number
  /** When the last has gone. */
  readonly servers_least: number
  readonly let_go: readonly LetGo[]
  /** Let go although the load sent within {@link STABLE_S} before asked for more than were left. */
  readonly let_go_early: number
  /** Requests sent, and failed, from the order to drain to {@link GOING_S} later. */
  readonly requests_while_going: number
  readonly failed_while_going: number
}

export interface LetGo {
  /** Seconds from the beginning of what is measured. */
  readonly at_s: number
  readonly left: number
  /** Servers that the highest load sent within {@link STABLE_S} before asks for. */
  readonly needed: number
}

/** For each request when it was sent, ms since the load began, and how long it took, ms; -1: it failed. */
export type Answers = readonly (readonly [at: number, latencyMs: number])[]

/** What was seen of a pool. */
export interface Looks {
  readonly servers: readonly { readonly atS: number; readonly count: number }[]
  /** The oldest first. */
  readonly actions: readonly ScalingAction[]
}

/** Of the run. */
export interface Span {
  /** Since the epoch: what is measured begins. */
  readonly beganAt: number
  /** Seconds of load before that, and to the end of the crowd and of all from there on. */
  readonly warmUpS: number
  readonly crowdS: number
  readonly wholeS: number
}

/** How long a client waits. */
const CLIENT_MS = 10_000
/** Fewer only when fewer would have done for so long: as `flows/plan-capacity.ts` promises. */
const STABLE_S = 300
/** Over so long load is measured. */
const MEASURED_S = 15
/** A drain, and a process that ends. */
const GOING_S = 5

export function figuresOf(answers: Answers, looks: Looks, span: Span): ElasticFigures {
  const counts = countsIn(looks, 0, span.crowdS)
  const when = (did: string): readonly number[] =>
    momentsOf(looks, did, span).filter((atS) => atS < span.crowdS)
  return {
    ...served(sentIn(answers, 0, span.crowdS, span)),
    server_minutes: serverMinutes(counts, span.crowdS),
    servers_most: Math.max(...counts),
    started_at_s: when('process.start').map(Math.round),
    ready_at_s: when('process.ready').map(Math.round),
  }
}

/** @param perServer requests per second for one server at the utilisation wanted */
export function quietFiguresOf(
  answers: Answers,
  looks: Looks,
  span: Span,
  perServer: number,
): QuietFigures {
  const { crowdS, wholeS } = span
  const counts = countsIn(looks, crowdS, wholeS)
  const drains = momentsOf(looks, 'process.drain', span).filter((atS) => atS < wholeS)
  const letGo = drains.map((atS): LetGo => {
    const needed = Math.ceil(highestLoad(answers, atS, span) / perServer)
    return { at_s: Math.round(atS), left: leftAfter(looks, atS, span), needed }
  })
  const going = sentIn(answers, crowdS, wholeS, span).filter(([at]) => {
    const sentS = at / 1000 - span.warmUpS
    return drains.some((atS) => sentS >= atS && sentS < atS + GOING_S)
  })
  return {
    ...served(sentIn(answers, crowdS, wholeS, span)),
    server_minutes: serverMinutes(counts, wholeS - crowdS),
    servers_least: Math.min(...counts),
    let_go: letGo,
    let_go_early: letGo.filter(({ left, needed }) => left < needed).length,
    requests_while_going: going.length,
    failed_while_going: going.filter(([, ms]) => ms < 0).length,
  }
}

/** Requests per second: the most that was sent in any {@link MEASURED_S} of the last {@link STABLE_S}. */
function highestLoad(answers: Answers, atS: number, { warmUpS }: Span): number {
  const fromS = Math.max(0, Math.floor(atS + warmUpS - STABLE_S))
  const perSecond = new Array<number>(Math.max(0, Math.floor(atS + warmUpS) - fromS)).fill(0)
  for (const [at] of answers) {
    const second = Math.floor(at / 1000) - fromS
    if (second in perSecond) perSecond[second] = (perSecond[second] ?? 0) + 1
  }
  const windows = perSecond.slice(0, 1 - MEASURED_S).map((_, i) => {
    const sum = perSecond.slice(i, i + MEASURED_S).reduce((total, count) => total + count, 0)
    return sum / MEASURED_S
  })
  return Math.max(0, ...windows)
}

/** The first server, and processes that were started and not let go, all orders of that moment carried out. */
function leftAfter(looks: Looks, atS: number, span: Span): number {
  const until = (did: string): number =>
    momentsOf(looks, did, span).filter((one) => one <= atS + TOGETHER_S).length
  return 1 + until('process.start') + until('process.resume') - until('process.drain')
}

/** Orders this near to one another are of one look. */
const TOGETHER_S = 0.5

function momentsOf({ actions }: Looks, did: string, { beganAt }: Span): readonly number[] {
  return actions.filter((one) => one.did === did).map(({ at }) => (at - beganAt) / 1000)
}

function sentIn(answers: Answers, fromS: number, toS: number, { warmUpS }: Span): Answers {
  const [from, to] = [(warmUpS + fromS) * 1000, (warmUpS + toS) * 1000]
  return answers.filter(([at]) => at >= from && at < to)
}

function countsIn({ servers }: Looks, fromS: number, toS: number): readonly number[] {
  return servers.filter(({ atS }) => atS >= fromS && atS < toS).map(({ count }) => count)
}

function serverMinutes(counts: readonly number[], seconds: number): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
  return rounded((mean * seconds) / 60)
}

function served(answers: Answers) {
  const latencies = answers.map(([, ms]) => (ms < 0 ? CLIENT_MS : ms)).sort((a, b) => a - b)
  return {
    requests: answers.length,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    failed: answers.filter(([, ms]) => ms < 0).length,
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return rounded(sorted[Math.floor(share * sorted.length)] ?? Number.NaN)
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}
