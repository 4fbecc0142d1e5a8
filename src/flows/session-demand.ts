/**
 * Where sessions of which key group come: first requests per edge and group, from the counters that edges report. Says how
 * many sessions live there about, and how many first requests are to be expected; by a forecaster of the pair once it knows
 * a day, by the last while before. {@link keptDemand} is what is kept over restarts.
 *
 * A step that an edge did not report on is unknown. What is only said to have been missed does not count: it may be
 * anybody's invention (`keys/session/first-requests.ts`). Fitting is the caller's, elsewhere.
 *
 * @module
 */
import {
  addToForecaster,
  FORECASTER_DEFAULTS,
  type ForecasterOptions,
  type ForecasterState,
  fitDue,
  forecastAhead,
  openForecaster,
  passTime,
} from '../forecast/forecaster.ts'
import { resumeForecaster } from '../forecast/resume-forecaster.ts'
import { type FirstRequestCounts, NO_FIRST_REQUESTS } from '../keys/session/first-requests.ts'
import type { KeptDemand } from '../ports/forecast-store.ts'

export interface SessionDemandOptions {
  readonly forecaster: ForecasterOptions
  /** The longest life of a ticket. */
  readonly ticketS: number
  /** Edges remembered; of more, those heard of longest ago are forgotten. */
  readonly edgesMax: number
  /** Pairs of edge and group that are forecast; others go by the last while. */
  readonly seriesMax: number
}

/** Five minutes, with days and weeks: a pair takes 90 KB (6336 steps, and what the models keep of them). */
const FORECASTER: ForecasterOptions = {
  ...FORECASTER_DEFAULTS,
  stepS: 300,
  historySteps: 22 * 288,
  seasons: [288, 2016],
  horizons: [1, 3, 12],
}

export const SESSION_DEMAND_DEFAULTS: Omit<SessionDemandOptions, 'ticketS'> = {
  forecaster: FORECASTER,
  edgesMax: 256,
  seriesMax: 256,
}

/** What edges say of a group. */
export type GroupReport = FirstRequestCounts & { readonly group: number }

interface GroupDemand {
  /** First requests of the last life of a ticket, in parts of it: how many by the number of the part. */
  readonly parts: Map<number, number>
  forecaster: ForecasterState | undefined
  usedUntilS: number
}

interface EdgeDemand {
  /** Of its process: what is started again counts from zero. */
  run: string
  readonly sinceS: number
  heardS: number
  last: Map<number, GroupReport>
  readonly groups: Map<number, GroupDemand>
}

export interface SessionDemand {
  readonly options: SessionDemandOptions
  readonly edges: Map<string, EdgeDemand>
}

export interface GroupOutlook {
  /** First requests within the time that was asked about. */
  readonly expected: number
  readonly by: 'forecast' | 'recent'
  /** First requests of the last life of a ticket: sessions that live there, about. */
  readonly sessions: number
  /** Until when a ticket that was shown there is good at most, seconds since 1970. */
  readonly usedUntilS: number
}

export interface EdgeOutlook {
  /** When it was first heard of. */
  readonly sinceS: number
  readonly groups: ReadonlyMap<number, GroupOutlook>
}

/** Parts of a ticket's life that are counted by themselves. */
const PARTS = 8
/** A report later than this after the one before says nothing of when the requests were. */
const REPORT_MOST_S = 60

/** Of five-minute steps there are 288 in it: 6 s for all series ({@link resumeForecaster}). Longer away, and they are begun anew. */
const AWAY_MOST_S = 86_400
/** An edge that was not heard of for so long is forgotten. */
const FORGOTTEN_S = 7 * 86_400

/**
 * @param kept what {@link keptDemand} gave before a restart
 * @returns a forecast that cannot go on is begun anew
 */
export function openSessionDemand(
  options: SessionDemandOptions,
  kept: readonly KeptDemand[] = [],
  nowS = 0,
): SessionDemand {
  const demand: SessionDemand = { options, edges: new Map() }
  const heardLast = kept
    .filter(({ edge }) => nowS - edge.heardS <= FORGOTTEN_S)
    .sort((a, b) => a.edge.heardS - b.edge.heardS)
  for (const { edge, group, last, parts, usedUntilS, forecaster } of heardLast) {
    const { id, run, sinceS, heardS } = edge
    let one = demand.edges.get(id)
    if (one === undefined) {
      one = { run, sinceS, heardS, last: new Map(), groups: new Map() }
      demand.edges.set(id, one)
      forgetOldest(demand)
    }
    const of = groupOf(demand, one, group)
    for (const [part, count] of parts) of.parts.set(part, count)
    of.usedUntilS = Math.min(usedUntilS, nowS + options.ticketS)
    if (last !== undefined) one.last.set(group, { ...last, group })
    const isGoingOn =
      of.forecaster !== undefined &&
      forecaster !== undefined &&
      resumeForecaster(forecaster, nowS, options.forecaster, AWAY_MOST_S)
    if (isGoingOn) of.forecaster = forecaster
  }
  return demand
}

/** Its forecasters go on: they are not copies. */
export function keptDemand({ edges }: SessionDemand): readonly KeptDemand[] {
  return [...edges].flatMap(([id, { run, sinceS, heardS, last, groups }]) =>
    [...groups].map(([group, { parts, usedUntilS, forecaster }]) => {
      const edge = { id, run, sinceS, heardS }
      return { edge, group, last: last.get(group), parts: [...parts], usedUntilS, forecaster }
    }),
  )
}

function forgetOldest({ edges, options }: SessionDemand): void {
  if (edges.size > options.edgesMax) edges.delete(edges.keys().next().value ?? '')
}

/**
 * Takes in the counters of an edge, since its process `run` was started. The first report of a process this has not heard of
 * before says only where counting begins; one that follows another process of the edge began at zero.
 *
 * @param nowS seconds since 1970
 */
export function noteFirstRequests(
  demand: SessionDemand,
  edge: string,
  run: string,
  reports: readonly GroupReport[],
  nowS: number,
): void {
  const known = demand.edges.get(edge)
  const one: EdgeDemand = known ?? {
    ...{ run, sinceS: nowS, heardS: nowS },
    ...{ last: new Map(), groups: new Map() },
  }
  const elapsedS = nowS - one.heardS
  const isWhole = known !== undefined && elapsedS > 0 && elapsedS <= REPORT_MOST_S
  const before = one.run === run ? one.last : new Map<number, GroupReport>()
  const reported = new Map(reports.map((report) => [report.group, report]))
  for (const group of new Set([...one.groups.keys(), ...reported.keys()])) {
    const of = groupOf(demand, one, group)
    // One that was started again has yet to meet a session of the group.
    const { found, late, usedUntil } = reported.get(group) ?? NO_FIRST_REQUESTS
    const then = before.get(group) ?? NO_FIRST_REQUESTS
    const rise = known === undefined ? 0 : Math.max(0, found + late - then.found - then.late)
    const mostS = nowS + demand.options.ticketS
    of.usedUntilS = Math.max(of.usedUntilS, Math.min(usedUntil, mostS))
    count(demand, of, rise, nowS)
    // The middle of what was counted: a report a little late or early is of the same step.
    if (of.forecaster !== undefined && isWhole) {
      addToForecaster(of.forecaster, nowS - elapsedS / 2, rise)
    }
  }
  one.run = run
  one.heardS = nowS
  one.last = reported
  // The last heard is the last in the map.
  demand.edges.delete(edge)
  demand.edges.set(edge, one)
  forgetOldest(demand)
}

/** Time went on: steps without a report are over, too. */
export function passDemandTime({ edges }: SessionDemand, nowS: number): void {
  for (const { groups } of edges.values()) {
    for (const { forecaster } of groups.values()) {
      if (forecaster !== undefined) passTime(forecaster, nowS)
    }
  }
}

/** @param aheadS the time that first requests are expected in, from now on; seconds */
export function demandAhead(
  demand: SessionDemand,
  nowS: number,
  aheadS: number,
): ReadonlyMap<string, EdgeOutlook> {
  return new Map(
    [...demand.edges].map(([edge, { sinceS, groups }]) => {
      const outlooks = [...groups].map(
        ([group, one]) => [group, outlookOf(demand, one, nowS, aheadS)] as const,
      )
      return [edge, { sinceS, groups: new Map(outlooks) }]
    }),
  )
}

/** A forecaster whose models are to be fitted, if there is one. */
export function demandToFit({ edges }: SessionDemand): ForecasterState | undefined {
  for (const { groups } of edges.values()) {
    for (const { forecaster } of groups.values()) {
      if (forecaster !== undefined && fitDue(forecaster)) return forecaster
    }
  }
  return undefined
}

function outlookOf(
  { options }: SessionDemand,
  { parts, forecaster, usedUntilS }: GroupDemand,
  nowS: number,
  aheadS: number,
): GroupOutlook {
  const oldest = partAt(options, nowS) - PARTS
  let sessions = 0
  for (const [part, count] of parts) if (part >= oldest) sessions += count
  const recent = (sessions * aheadS) / options.ticketS
  const { stepS, seasons } = options.forecaster
  const isLearned = forecaster !== undefined && forecaster.series.total >= (seasons[0] ?? 0)
  const steps = Math.max(1, Math.ceil(aheadS / stepS))
  const ahead = isLearned
    ? forecastAhead(forecaster, steps).values.reduce((sum, value) => sum + value, 0)
    : 0
  // The forecast knows what comes, the last while what nobody foresaw: who holds a key too long has lost nothing.
  const by = ahead >= recent && isLearned ? 'forecast' : 'recent'
  return { expected: Math.max(ahead, recent), by, sessions, usedUntilS }
}

function groupOf(demand: SessionDemand, edge: EdgeDemand, group: number): GroupDemand {
  const known = edge.groups.get(group)
  if (known !== undefined) return known
  const { forecaster: options, seriesMax } = demand.options
  const forecaster = countSeries(demand) < seriesMax ? openForecaster(options) : undefined
  const one: GroupDemand = { parts: new Map(), forecaster, usedUntilS: 0 }
  edge.groups.set(group, one)
  return one
}

function countSeries({ edges }: SessionDemand): number {
  let count = 0
  for (const { groups } of edges.values()) {
    for (const { forecaster } of groups.values()) if (forecaster !== undefined) count++
  }
  return count
}

function count(
  { options }: SessionDemand,
  { parts }: GroupDemand,
  rise: number,
  nowS: number,
): void {
  const now = partAt(options, nowS)
  for (const part of parts.keys()) if (part < now - PARTS) parts.delete(part)
  if (rise > 0) parts.set(now, (parts.get(now) ?? 0) + rise)
}

const partAt = ({ ticketS }: SessionDemandOptions, nowS: number): number =>
  Math.floor((nowS * PARTS) / ticketS)
