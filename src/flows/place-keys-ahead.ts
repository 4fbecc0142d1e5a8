/**
 * `place-keys-ahead`: which groups' keys an edge should hold besides those it serves, before their sessions come. By what is
 * expected there (`session-demand.ts`), and by announced drains: the sessions of an edge that goes are expected at the others,
 * in proportion to those they have.
 *
 * Given early, taken back late: a key is taken back when nothing was expected for `keepS`, and never while a session of the
 * edge is under it. State in, state out; who carries keys is another's business (`apps/server/cluster/place-keys.ts`).
 *
 * @module
 */
import type { EdgeOutlook } from './session-demand.ts'

export interface PlaceKeysOptions {
  /** Placed so long before; seconds. */
  readonly leadS: number
  /** Held so long after it was needed last; seconds. */
  readonly keepS: number
  /** Groups placed at one edge. */
  readonly groupsMax: number
}

/** Five minutes: an edge takes keys within a second, and one that was just lost comes back within some. */
export const PLACE_KEYS_DEFAULTS: PlaceKeysOptions = { leadS: 300, keepS: 3600, groupsMax: 32 }

/** An edge, as it is now. */
export interface PlacedEdge {
  readonly edge: string
  /** Others are given nothing new, and their sessions are no measure. */
  readonly isListening: boolean
  /** Holds these always; undefined: all. */
  readonly serves: ReadonlySet<number> | undefined
  /** May hold no others; undefined: all. */
  readonly mayServe: ReadonlySet<number> | undefined
  /** When its sessions go elsewhere, seconds since 1970; undefined: nobody said so. */
  readonly drainsAtS: number | undefined
  /** Undefined: it was not heard of. */
  readonly outlook: EdgeOutlook | undefined
}

export type PlacementReason =
  /** First requests come there, or are forecast. */
  | { readonly kind: 'recent' | 'forecast'; readonly expected: number }
  /** `from` drains; `expected` with what comes by itself. */
  | { readonly kind: 'drain'; readonly from: string; readonly expected: number }
  /** It is not known for long: as at others that do not serve the group. */
  | { readonly kind: 'others'; readonly expected: number }
  /** Nothing is expected, but a session is under it. */
  | { readonly kind: 'used'; readonly untilS: number }
  /** Nothing was expected since a while. */
  | { readonly kind: 'kept'; readonly untilS: number }

export interface Placement {
  /** Seconds since 1970. */
  readonly sinceS: number
  /** When it was needed last. */
  readonly neededS: number
  readonly reason: PlacementReason
}

/** Of each edge, by groups. */
export type Placements = ReadonlyMap<string, ReadonlyMap<number, Placement>>

/** First requests expected within the lead from which a key is placed: one chance in ten that somebody would wait for it... */
const EXPECTED_LEAST = 0.1
/** ...and below which it is not needed any more. */
const EXPECTED_KEEP = EXPECTED_LEAST / 2
/** What is held is given up for another group only where that is expected so much more. */
const HELD_FACTOR = 2
/** Of an edge that is known for less, the others say what to expect. */
const YOUNG_S = 3600
/**
 * A ticket is good so long after its end at an edge whose clock is late: one that is later than 5 s refuses every proof
 * (`keys/session/replay-window.ts`), and a report is 5 s old at most.
 */
const LATE_S = 10

interface Need {
  readonly expected: number
  readonly reason: PlacementReason
}

/** @param edges all there are: of others nothing stays placed */
export function placeKeysAhead(
  before: Placements,
  edges: readonly PlacedEdge[],
  nowS: number,
  options: PlaceKeysOptions = PLACE_KEYS_DEFAULTS,
): Placements {
  const after = new Map<string, ReadonlyMap<number, Placement>>()
  const isSoon = ({ drainsAtS }: PlacedEdge): boolean =>
    drainsAtS !== undefined && drainsAtS - nowS <= options.leadS
  const seen = edges.map((one) => (isSoon(one) ? one : { ...one, drainsAtS: undefined }))
  const survey = surveyOf(seen, nowS)
  for (const one of seen) {
    const needs = needsOf(one, survey, nowS)
    const placed = placeAt(one, before.get(one.edge) ?? new Map(), needs, nowS, options)
    if (placed.size > 0) after.set(one.edge, placed)
  }
  return after
}

function placeAt(
  edge: PlacedEdge,
  before: ReadonlyMap<number, Placement>,
  needs: ReadonlyMap<number, Need>,
  nowS: number,
  { keepS, groupsMax }: PlaceKeysOptions,
): ReadonlyMap<number, Placement> {
  const used: [number, Placement][] = []
  const rest: [group: number, placement: Placement, rank: number][] = []
  for (const [group, placement] of before) {
    if (!isPlaceable(edge, group)) continue
    const { expected, reason } = needs.get(group) ?? NO_NEED
    const isNeeded = expected >= EXPECTED_KEEP
    const usedUntilS = (edge.outlook?.groups.get(group)?.usedUntilS ?? 0) + LATE_S
    const keptUntilS = placement.neededS + keepS
    if (usedUntilS > nowS) {
      const why = isNeeded ? reason : ({ kind: 'used', untilS: usedUntilS } as const)
      used.push([group, { ...placement, ...(isNeeded ? { neededS: nowS } : {}), reason: why }])
    } else if (isNeeded) {
      rest.push([group, { ...placement, neededS: nowS, reason }, expected * HELD_FACTOR])
    } else if (keptUntilS > nowS) {
      rest.push([group, { ...placement, reason: { kind: 'kept', untilS: keptUntilS } }, 0])
    }
  }
  for (const [group, { expected, reason }] of needs) {
    const isNew = !before.has(group) && edge.isListening && isPlaceable(edge, group)
    if (!isNew || expected < EXPECTED_LEAST) continue
    rest.push([group, { sinceS: nowS, neededS: nowS, reason }, expected])
  }
  rest.sort(([a, , one], [b, , other]) => other - one || a - b)
  const free = Math.max(0, groupsMax - used.length)
  const chosen = rest.slice(0, free).map(([group, placement]) => [group, placement] as const)
  return new Map([...used, ...chosen])
}

const NO_NEED: Need = { expected: 0, reason: { kind: 'recent', expected: 0 } }

function isPlaceable(edge: PlacedEdge, group: number): boolean {
  return servesNot(edge, group) && edge.mayServe?.has(group) !== false
}

/** What all edges together say, once for all of them. */
interface Survey {
  /** Those that go within the lead, or went. */
  readonly draining: readonly PlacedEdge[]
  /** Of the edges that sessions go to then. */
  readonly weights: number
  /** By groups, of the edges that serve them not: first requests expected, and how many edges those are. */
  readonly elsewhere: ReadonlyMap<number, { readonly expected: number; readonly edges: number }>
}

function surveyOf(edges: readonly PlacedEdge[], nowS: number): Survey {
  const takers = edges.filter((one) => one.isListening && !isDraining(one))
  const staying = edges.filter((one) => one.isListening && !isGone(one, nowS))
  const groups = new Set(staying.flatMap(({ outlook }) => [...(outlook?.groups.keys() ?? [])]))
  const elsewhere = [...groups].map((group) => {
    const alike = staying.filter((one) => servesNot(one, group))
    const expected = alike.reduce((sum, one) => sum + expectedAt(one, group), 0)
    return [group, { expected, edges: alike.length }] as const
  })
  return {
    draining: edges.filter(isDraining),
    weights: takers.reduce((sum, one) => sum + weightOf(one), 0),
    elsewhere: new Map(elsewhere),
  }
}

/** What is expected at an edge within the lead, by groups. Of drains only those within the lead are known here. */
function needsOf(one: PlacedEdge, survey: Survey, nowS: number): ReadonlyMap<number, Need> {
  const needs = new Map<number, Need>()
  if (!one.isListening || isGone(one, nowS)) return needs
  for (const [group, { expected, by }] of one.outlook?.groups ?? []) {
    needs.set(group, { expected, reason: { kind: by, expected } })
  }
  const isYoung = nowS - (one.outlook?.sinceS ?? nowS) < YOUNG_S
  if (isYoung) addOthers(needs, one, survey)
  if (isDraining(one)) return needs
  for (const from of survey.draining) addDrain(needs, one, from, survey, nowS)
  return needs
}

/** The mean of the other edges that do not serve a group: what comes there, comes here. */
function addOthers(needs: Map<number, Need>, one: PlacedEdge, { elsewhere }: Survey): void {
  for (const [group, { expected: all, edges }] of elsewhere) {
    const own = needs.get(group)?.expected ?? 0
    const [others, count] = servesNot(one, group) ? [all - own, edges - 1] : [all, edges]
    const expected = others / Math.max(1, count)
    if (expected > own) needs.set(group, { expected, reason: { kind: 'others', expected } })
  }
}

function addDrain(
  needs: Map<number, Need>,
  one: PlacedEdge,
  from: PlacedEdge,
  { weights }: Survey,
  nowS: number,
): void {
  const share = weightOf(one) / weights
  for (const [group, { sessions, usedUntilS }] of from.outlook?.groups ?? []) {
    // What was counted may be of before this was started.
    const moving = Math.max(sessions, usedUntilS > nowS ? 1 : 0)
    if (moving === 0) continue
    const expected = moving * share + (needs.get(group)?.expected ?? 0)
    needs.set(group, { expected, reason: { kind: 'drain', from: from.edge, expected } })
  }
}

/** Its sessions, and one: an edge that has none takes some, too. */
function weightOf({ outlook }: PlacedEdge): number {
  let weight = 1
  for (const { sessions } of outlook?.groups.values() ?? []) weight += sessions
  return weight
}

const expectedAt = ({ outlook }: PlacedEdge, group: number): number =>
  outlook?.groups.get(group)?.expected ?? 0
const servesNot = ({ serves }: PlacedEdge, group: number): boolean => serves?.has(group) === false
const isDraining = ({ drainsAtS }: PlacedEdge): boolean => drainsAtS !== undefined
const isGone = ({ drainsAtS = Number.POSITIVE_INFINITY }: PlacedEdge, nowS: number): boolean =>
  drainsAtS <= nowS
