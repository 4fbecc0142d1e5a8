/**
 * Custody as the admin API and the console show it: nodes, keys, drills, the plan, the use of keys. No secret and no share is in it.
 *
 * @module
 */
import { toHex } from '../../../ground/hex.ts'
import { isPlacement } from '../../../keys/custody/domain-rule.ts'
import { type KeyLabel, keyIdOf, writeKeyLabel } from '../../../keys/custody/key-label.ts'
import { SCHEME } from '../../../wire/share-record.ts'
import type { CustodyDesk, DeskView } from '../../custody/custody-desk.ts'
import type { DrillVerdict } from '../../custody/drill-schedule.ts'
import type { DemandSeries } from '../../custody/key-demand.ts'
import type { NodeLinks } from '../../custody/node-links.ts'
import { DEMANDED, type Demanded } from '../../custody/operation-costs.ts'
import type { Survey, SurveyedKey, SurveyedNode } from '../../custody/survey-cluster.ts'
import type { ShareEvent } from './share-alarm.ts'

export interface CustodyView {
  readonly nodes: readonly CustodyNodeView[]
  readonly keys: readonly CustodyKeyView[]
  readonly drill: {
    readonly everyS: number
    readonly repair: boolean
    readonly repairs: number
    /** Since the start. */
    readonly verdicts: readonly {
      readonly node: string
      readonly verdict: DrillVerdict
      readonly count: number
    }[]
  }
  readonly plan: PlanView
  /** When the last minute ended that was counted; null: none has. */
  readonly countedAt: number | null
  readonly operations: readonly OperationView[]
  /** The newest first. */
  readonly events: readonly ShareEvent[]
}

export interface CustodyNodeView {
  readonly id: string
  readonly domain: string
  /** `distrusted`: it has lied, and is not asked for a minute. */
  readonly state: 'up' | 'away' | 'distrusted'
  readonly shares: number
  readonly rttMs: number | null
  /** Of its CPU, as work is expected. */
  readonly load: number | null
  /** Shares that it had at hand, and that it had to read and open. */
  readonly cache: {
    readonly hits: number
    readonly misses: number
    readonly hitRate: number | null
  } | null
  /** That it has answered here since the start, the most frequent first. */
  readonly operations: readonly { readonly operation: string; readonly count: number }[]
  readonly unanswered: number
}

export interface CustodyKeyView {
  readonly id: string
  /** `USE/NAME@VERSION`; null: only its id is known here. */
  readonly name: string | null
  readonly type: 'ed25519' | 'ristretto255' | 'octets'
  readonly threshold: number
  readonly generation: number
  readonly holders: readonly string[]
  /** Holders that have this generation. */
  readonly present: number
  /** Whether any one domain may be lost, or taken over. */
  readonly isSafe: boolean
  readonly drill: {
    readonly at: number
    /** `away`: nothing is bad, and a holder did not answer. */
    readonly verdict: 'good' | 'repaired' | 'away' | 'bad'
    readonly shares: readonly {
      readonly node: string
      readonly verdict: DrillVerdict | 'repaired'
    }[]
  } | null
  readonly uses: readonly {
    readonly operation: Demanded
    /** As far back as is remembered: three weeks. */
    readonly count: number
    readonly perMinute: number | null
    /** In the mean of the coming hour. */
    readonly expectedPerMinute: number
  }[]
}

export interface PlanView {
  readonly mode: 'off' | 'plan' | 'act'
  /** null: none has been worked out yet. */
  readonly at: number | null
  readonly by: 'solver' | 'greedy' | null
  /** Of the mean operation: with shares where they are, after the moves, and what no placement is below. */
  readonly costMs: number | null
  readonly plannedMs: number | null
  readonly boundMs: number | null
  readonly isWorthIt: boolean
  readonly moves: readonly {
    readonly key: string
    readonly from: string
    readonly to: string
    /** null: it was not made. */
    readonly outcome: 'moved' | 'gone' | 'unsafe' | 'failed' | null
  }[]
}

/** Of all keys together, per minute; the last of the past is the one that is over. */
export interface OperationView {
  readonly operation: Demanded
  readonly history: readonly (number | null)[]
  readonly expected: readonly number[]
}

export interface CustodyViewOptions {
  readonly desk: Pick<CustodyDesk, 'view' | 'drills'>
  readonly links: Pick<NodeLinks, 'nodes'>
  readonly names: ReadonlyMap<string, string>
  readonly drill: { readonly everyS: number; readonly repair: boolean }
  readonly mode: PlanView['mode']
  readonly events: readonly ShareEvent[]
}

export function viewCustody(options: CustodyViewOptions): CustodyView {
  const { desk, links, names, drill, mode, events } = options
  const view = desk.view()
  const { verdicts, repairs } = desk.drills.figures()
  const counted = [...verdicts].flatMap(([node, counts]) =>
    [...counts].map(([verdict, count]) => ({ node, verdict, count })),
  )
  return {
    nodes: links.nodes.map((node) => nodeView(node, view)),
    keys: (view.survey?.keys ?? []).map((key) => keyView(key, view, view.survey, names)),
    drill: { ...drill, repairs, verdicts: counted },
    plan: planView(view, mode, names),
    countedAt: view.countedS === undefined ? null : 1000 * view.countedS,
    operations: DEMANDED.flatMap((operation) => operationView(operation, view.demand)),
    events,
  }
}

/** By id in hex. */
export function keyNames(labels: readonly KeyLabel[]): ReadonlyMap<string, string> {
  return new Map(
    labels.map((label) => [
      toHex(keyIdOf(writeKeyLabel(label))),
      `${label.use}/${label.name}@${label.version}`,
    ]),
  )
}

function nodeView(
  { id, health }: NodeLinks['nodes'][number],
  { survey, load }: DeskView,
): CustodyNodeView {
  const found = survey?.nodes.find((node) => node.id === id)
  const { answers, unanswered } = health.counts
  const operations = [...answers]
    .map(([operation, count]) => ({ operation, count }))
    .sort((a, b) => b.count - a.count)
  return {
    ...{ id, domain: found?.domain ?? id, shares: found?.shares ?? 0 },
    state: health.isExcluded ? 'distrusted' : isAway(found, health) ? 'away' : 'up',
    rttMs: found?.rttMs ?? null,
    load: load.get(id) ?? null,
    cache: cacheOf(found),
    ...{ operations, unanswered },
  }
}

/** Not asked since it has failed, or just now. */
function isAway(
  found: SurveyedNode | undefined,
  { isAway: isNow }: NodeLinks['nodes'][number]['health'],
): boolean {
  return isNow || found?.isAway === true
}

function cacheOf(found: SurveyedNode | undefined): CustodyNodeView['cache'] {
  const [hits, misses] = found?.figures ?? []
  if (hits === undefined || misses === undefined) return null
  const all = hits + misses
  return { hits, misses, hitRate: all === 0 ? null : hits / all }
}

function keyView(
  key: SurveyedKey,
  { drilled, demand }: DeskView,
  survey: Survey | undefined,
  names: ReadonlyMap<string, string>,
): CustodyKeyView {
  const id = toHex(key.keyId)
  const { threshold, generation, holders, present } = key
  const nodes = survey?.nodes ?? []
  const at = holders.map((holder) => nodes.findIndex((node) => node.id === holder))
  const domains = nodes.map(({ domain }) => domain)
  const sharing = { holders: holders.length, threshold }
  return {
    ...{ id, name: names.get(id) ?? null, type: typeOf(key.scheme) },
    ...{ threshold, generation, holders, present },
    isSafe: !at.includes(-1) && isPlacement(domains, sharing, at),
    drill: drillView(drilled.find((one) => one.keyId === id)),
    uses: demand.flatMap((series) => (series.key === id ? [useView(series)] : [])),
  }
}

function typeOf(scheme: number): CustodyKeyView['type'] {
  if (scheme === SCHEME.ed25519) return 'ed25519'
  return scheme === SCHEME.ristretto255 ? 'ristretto255' : 'octets'
}

function drillView(drilled: DeskView['drilled'][number] | undefined): CustodyKeyView['drill'] {
  if (drilled === undefined) return null
  const { at, holders, faults, repaired } = drilled
  const shares = holders.map((node) => {
    const fault = faults.find((one) => one.node === node)?.fault
    const isRepaired = repaired.some((one) => one.node === node)
    return { node, verdict: fault ?? (isRepaired ? ('repaired' as const) : ('good' as const)) }
  })
  const isBad = faults.some(({ fault }) => fault !== 'away')
  const verdict = isBad ? 'bad' : faults.length > 0 ? 'away' : undefined
  return { at, verdict: verdict ?? (repaired.length > 0 ? 'repaired' : 'good'), shares }
}

function useView({ operation, uses, history, expected }: DemandSeries) {
  const perMinute = history.at(-1) ?? null
  const sum = expected.reduce((all, one) => all + one, 0)
  const expectedPerMinute = expected.length === 0 ? 0 : sum / expected.length
  return { operation, count: uses, perMinute, expectedPerMinute }
}

function planView(
  view: DeskView,
  mode: PlanView['mode'],
  names: ReadonlyMap<string, string>,
): PlanView {
  const { plan } = view
  if (plan === undefined) {
    const nothing = { at: null, by: null, costMs: null, plannedMs: null, boundMs: null }
    return { mode, ...nothing, isWorthIt: false, moves: [] }
  }
  const { at, by, isWorthIt, results, beforeMs: costMs } = plan
  const boundMs = plan.boundMs ?? null
  const moves = plan.moves.map(({ keyId, from, to }, i) => {
    const id = toHex(keyId)
    return { key: names.get(id) ?? id, from, to, outcome: results?.[i]?.outcome ?? null }
  })
  return { mode, at, by, costMs, plannedMs: plan.costMs, boundMs, isWorthIt, moves }
}

/** None for an operation that nobody uses. */
function operationView(
  operation: Demanded,
  demand: readonly DemandSeries[],
): readonly OperationView[] {
  const own = demand.filter((series) => series.operation === operation)
  if (own.length === 0) return []
  const length = Math.max(...own.map(({ history }) => history.length))
  // All end now; some begin later.
  const history = Array.from({ length }, (_, i) => {
    const known = own.flatMap((one) =>
      i < length - one.history.length ? [] : (one.history.at(i - length) ?? []),
    )
    return known.length === 0 ? null : known.reduce((sum, one) => sum + one, 0)
  })
  const expected = (own[0]?.expected ?? []).map((_, i) =>
    own.reduce((sum, one) => sum + (one.expected[i] ?? 0), 0),
  )
  return [{ operation, history, expected }]
}
