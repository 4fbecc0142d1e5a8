/**
 * Keys on their way to edges before their sessions (`place-keys-ahead`): hears what edges count, knows which of them drain, asks
 * the flow (`flows/place-keys-ahead.ts`) once a second what each should hold, and has the desk tell those for which that
 * changed. With `forecast.mode: observe` nothing is sent, only shown. What edges counted is kept over restarts.
 *
 * @module
 */
import type { Log } from '../../../adapters/node/json-log.ts'
import {
  type PlaceKeysOptions,
  type Placement,
  type PlacementReason,
  type Placements,
  placeKeysAhead,
} from '../../../flows/place-keys-ahead.ts'
import {
  demandAhead,
  demandToFit,
  keptDemand,
  noteFirstRequests,
  openSessionDemand,
  passDemandTime,
  SESSION_DEMAND_DEFAULTS,
} from '../../../flows/session-demand.ts'
import { adoptFit, fitJob } from '../../../forecast/forecaster.ts'
import type { Clock } from '../../../ground/clock.ts'
import { NO_FIRST_REQUESTS } from '../../../keys/session/first-requests.ts'
import type { ForecastStore, KeptDemand } from '../../../ports/forecast-store.ts'
import type { FitForecast } from '../forecast-fitting.ts'
import type { PlacementsView } from '../key-server/key-views.ts'
import type { FirstRequestReport } from './first-request-report.ts'

export interface PlaceKeys {
  /** Groups whose keys an edge is to hold besides those it serves. */
  placedAt(edge: string): ReadonlySet<number>
  /** It has come, in this process; `held`: what it says was placed there before. */
  listens(edge: string, run: string, held: readonly number[]): void
  reported(edge: string, report: FirstRequestReport): void
  /** Its sessions go elsewhere in so many seconds; undefined: they do not. False: no such edge. */
  drain(edge: string, inS: number | undefined): boolean
  /** When its sessions go elsewhere, milliseconds since 1970; 0: nobody said so. */
  drainsAt(edge: string): number
  view(): PlacementsView
  /** Resolves when what was counted is kept. */
  close(): Promise<void>
}

/** An edge as the desk knows it. */
export interface EdgeStanding {
  readonly edge: string
  readonly run: string
  readonly isListening: boolean
  readonly serves: ReadonlySet<number> | undefined
  readonly mayServe: ReadonlySet<number> | undefined
  holdsAll(group: number): boolean
}

export interface PlaceKeysRoom {
  readonly mode: 'observe' | 'act'
  readonly placement: PlaceKeysOptions
  readonly ticketS: number
  /** All there are. */
  readonly groups: readonly number[]
  readonly fit: FitForecast
  /** What edges counted is kept there; absent: it is gone with the process. */
  readonly store?: Pick<ForecastStore, 'saveDemand'>
  /** What was kept. */
  readonly kept?: readonly KeptDemand[]
  /** Step of its forecasts in seconds. */
  readonly stepS?: number
  readonly clock: Clock
  readonly log: Log
  edges(): readonly EdgeStanding[]
  /** An edge is to fetch its keys: they are others. */
  refresh(edge: string): void
}

interface Drain {
  readonly atS: number
  /** Of the process that drains: another of the same edge does not. */
  readonly run: string
}

const TICK_MS = 1000
/** A fit that failed is tried again after so long; the models there are go on. */
const REFIT_S = 3600
const NONE: ReadonlySet<number> = new Set()
/** What is lost when the process is killed, and how long an edge has to come back after a start before it counts as gone. */
const KEPT_EVERY_S = 300
const RETURN_S = 60

export function placeKeys(room: PlaceKeysRoom): PlaceKeys {
  const { mode, placement, ticketS, groups, fit, store, clock, log } = room
  const now = (): number => clock.now() / 1000
  const { forecaster } = SESSION_DEMAND_DEFAULTS
  const { stepS = forecaster.stepS, kept = [] } = room
  const options = { ...SESSION_DEMAND_DEFAULTS, ticketS, forecaster: { ...forecaster, stepS } }
  const known = kept.filter(({ group }) => groups.includes(group))
  const demand = openSessionDemand(options, known, now())
  const openedS = now()
  /** In this process. */
  const heard = new Set<string>()
  const drains = new Map<string, Drain>()
  let placements: Placements = new Map()
  let isFitting = false
  let refitAtS = 0
  let keptS = openedS
  let keeping: Promise<void> | undefined

  const look = (): void => {
    const nowS = now()
    passDemandTime(demand, nowS)
    const outlooks = demandAhead(demand, nowS, placement.leadS)
    const standings = new Map(room.edges().map((one) => [one.edge, one]))
    for (const edge of drains.keys()) {
      if (!standings.has(edge) && !outlooks.has(edge)) drains.delete(edge)
    }
    const isReturning = (edge: string): boolean =>
      !standings.has(edge) && !heard.has(edge) && nowS - openedS < RETURN_S
    const names = [...new Set([...standings.keys(), ...outlooks.keys()])]
    const edges = names
      .filter((edge) => !isReturning(edge))
      .map((edge) => {
        const standing = standings.get(edge)
        return {
          edge,
          isListening: standing?.isListening ?? false,
          serves: standing?.serves,
          mayServe: standing?.mayServe,
          // One that was away for long: its sessions are elsewhere already.
          drainsAtS: drains.get(edge)?.atS ?? (standing === undefined ? nowS : undefined),
          outlook: outlooks.get(edge),
        }
      })
    const before = placements
    placements = placeKeysAhead(before, edges, nowS, placement)
    for (const { edge } of edges) tellChanges(edge, before.get(edge), placements.get(edge))
    void refit()
    if (nowS - keptS >= KEPT_EVERY_S) void keep()
  }

  /** What is still being written is waited for, not queued behind. */
  const keep = (): Promise<void> => {
    keptS = now()
    keeping ??= (store?.saveDemand(keptDemand(demand)) ?? Promise.resolve())
      .catch((error: unknown) => {
        log.error(
          { err: error },
          'Where sessions come cannot be kept: the next start will not know it',
        )
      })
      .finally(() => {
        keeping = undefined
      })
    return keeping
  }

  const tellChanges = (
    edge: string,
    before: ReadonlyMap<number, Placement> = new Map(),
    after: ReadonlyMap<number, Placement> = new Map(),
  ): void => {
    const given = [...after].filter(([group]) => !before.has(group))
    const gone = [...before.keys()].filter((group) => !after.has(group))
    for (const [group, { reason }] of given) {
      const text = mode === 'act' ? 'Keys are placed ahead' : 'Keys would be placed ahead'
      log.info({ edge, group, why: placementText(reason) }, text)
    }
    for (const group of gone) log.info({ edge, group }, 'Placed keys are not needed any more')
    if (mode === 'act' && given.length + gone.length > 0) room.refresh(edge)
  }

  const refit = async (): Promise<void> => {
    const due = isFitting || now() < refitAtS ? undefined : demandToFit(demand)
    if (due === undefined) return
    isFitting = true
    try {
      adoptFit(due, await fit(fitJob(due)))
    } catch (error) {
      refitAtS = now() + REFIT_S
      log.error({ err: error }, 'Forecast models were not fitted: the old ones go on')
    } finally {
      isFitting = false
    }
  }

  const timer = setInterval(() => {
    try {
      look()
    } catch (error) {
      // A defect of ours must not end the control process: what is placed stays.
      log.error({ err: error }, 'Cannot place keys')
    }
  }, TICK_MS)
  timer.unref()

  return {
    placedAt: (edge) => (mode === 'act' ? new Set(placements.get(edge)?.keys()) : NONE),
    listens(edge, run, held) {
      if (drains.get(edge)?.run !== run) drains.delete(edge)
      if (mode !== 'act' || placements.has(edge) || heard.has(edge)) return
      // Given before this was started: it stays until it is known not to be needed. Of an edge that was heard here
      // before this knows better: what it says may have been taken back while it was away.
      const nowS = now()
      const reason = { kind: 'kept', untilS: nowS + placement.keepS } as const
      const there = held.filter((group) => groups.includes(group)).slice(0, placement.groupsMax)
      const placed = there.map((group) => [group, { sinceS: nowS, neededS: nowS, reason }] as const)
      placements = new Map([...placements, [edge, new Map(placed)]])
    },
    reported(edge, { run, draining, groups: counted }) {
      heard.add(edge)
      const ours = counted.filter(({ group }) => groups.includes(group))
      noteFirstRequests(demand, edge, run, ours, now())
      if (!draining || drains.has(edge)) return
      drains.set(edge, { atS: now(), run })
      log.info({ edge }, 'An edge drains')
      look()
    },
    drain(edge, inS) {
      const standing = room.edges().find((one) => one.edge === edge)
      if (standing === undefined) return false
      if (inS === undefined) drains.delete(edge)
      else drains.set(edge, { atS: now() + inS, run: standing.run })
      look()
      return true
    },
    drainsAt: (edge) => Math.round((drains.get(edge)?.atS ?? 0) * 1000),
    view() {
      const standings = new Map(room.edges().map((one) => [one.edge, one]))
      const outlooks = demandAhead(demand, now(), placement.leadS)
      const stateOf = (edge: string, group: number) => {
        if (mode !== 'act') return 'shown'
        return standings.get(edge)?.holdsAll(group) === true ? 'held' : 'sent'
      }
      return {
        mode,
        placements: inOrder(placements).flatMap(([edge, of]) =>
          inOrder(of).map(([group, { sinceS, neededS, reason }]) => ({
            ...{ edge, group, state: stateOf(edge, group), reason: reason.kind },
            ...{ since: Math.round(sinceS * 1000), needed: Math.round(neededS * 1000) },
            why: placementText(reason),
          })),
        ),
        firstRequests: inOrder(outlooks).flatMap(([edge, outlook]) =>
          inOrder(outlook.groups).map(([group, { expected, sessions }]) => {
            const { found, missed, late } =
              demand.edges.get(edge)?.last.get(group) ?? NO_FIRST_REQUESTS
            return { edge, group, found, missed, late, sessions, expected }
          }),
        ),
      }
    },
    async close() {
      clearInterval(timer)
      await keeping
      await keep()
    },
  }
}

function placementText(reason: PlacementReason): string {
  const until = (untilS: number): string => new Date(untilS * 1000).toISOString()
  if (reason.kind === 'used') return `a session is under it until ${until(reason.untilS)}`
  if (reason.kind === 'kept') return `was needed; kept until ${until(reason.untilS)}`
  const count = `${reason.expected.toPrecision(2)} first requests expected`
  if (reason.kind === 'drain') return `${count}: ${reason.from} drains or is gone`
  if (reason.kind === 'others') return `${count}: as at others that do not serve the group`
  return reason.kind === 'forecast' ? `${count} by the forecast` : `${count} by the last while`
}

/** By name, or by number. */
function inOrder<K extends string | number, V>(map: ReadonlyMap<K, V>): [K, V][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
