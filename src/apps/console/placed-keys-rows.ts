/**
 * Keys placed ahead of sessions and the first requests that met them, as rows of one table. Pure: the part feeds it.
 *
 * @module
 */
import type { PlacementsView } from './api/views.ts'

export type PlacementState = PlacementsView['placements'][number]['state'] | 'not placed'

/** An edge and a group. */
export interface PlacedKeysRow {
  readonly edge: string
  readonly group: number
  readonly state: PlacementState
  /** ms; null: not placed. */
  readonly since: number | null
  /** '': not placed. */
  readonly why: string
  readonly firstRequests: FirstRequestCounts
}

export interface FirstRequestCounts {
  /** Those that found their key, and those that missed it. */
  readonly all: number
  readonly found: number
  readonly missed: number
  /** Of those missed: not over, the key came later. */
  readonly late: number
}

/** What is shown of many rows, and how many are not. */
export interface RowsShown {
  readonly rows: readonly PlacedKeysRow[]
  readonly morePlaced: number
  readonly moreNotPlaced: number
}

/** 256 edges may have 32 placements each; the API has all. */
export const PLACED_SHOWN = 20
/** So many whatever is placed: where a key was missed and none is placed is what one looks for. */
export const NOT_PLACED_SHOWN = 10

/** What is placed, then what is not but had first requests; of each those with the most missed first. */
export function placedKeysRows({
  placements,
  firstRequests,
}: Pick<PlacementsView, 'placements' | 'firstRequests'>): readonly PlacedKeysRow[] {
  const counts = new Map(firstRequests.map((one) => [nameOf(one), countsOf(one)]))
  const placed = placements.map(
    ({ edge, group, state, since, why }): PlacedKeysRow => ({
      ...{ edge, group, state, since, why },
      firstRequests: counts.get(nameOf({ edge, group })) ?? NO_COUNTS,
    }),
  )
  const names = new Set(placements.map(nameOf))
  const others = firstRequests
    .filter((one) => !names.has(nameOf(one)) && countsOf(one).all > 0)
    .map(
      (one): PlacedKeysRow => ({
        ...{ edge: one.edge, group: one.group, state: 'not placed', since: null, why: '' },
        firstRequests: countsOf(one),
      }),
    )
  return [...placed.sort(inOrder), ...others.sort(inOrder)]
}

/** The first of either kind. @param rows as `placedKeysRows` has them */
export function rowsShown(rows: readonly PlacedKeysRow[]): RowsShown {
  const placed = rows.filter(({ state }) => state !== 'not placed')
  const others = rows.filter(({ state }) => state === 'not placed')
  return {
    rows: [...placed.slice(0, PLACED_SHOWN), ...others.slice(0, NOT_PLACED_SHOWN)],
    morePlaced: Math.max(0, placed.length - PLACED_SHOWN),
    moreNotPlaced: Math.max(0, others.length - NOT_PLACED_SHOWN),
  }
}

const NO_COUNTS: FirstRequestCounts = { all: 0, found: 0, missed: 0, late: 0 }

/** Late ones were missed before: they count once (`keys/session/first-requests.ts`). */
function countsOf({
  found,
  missed,
  late,
}: PlacementsView['firstRequests'][number]): FirstRequestCounts {
  return { all: found + missed, found, missed, late }
}

function nameOf({ edge, group }: { readonly edge: string; readonly group: number }): string {
  return `${edge}/${group}`
}

function inOrder(a: PlacedKeysRow, b: PlacedKeysRow): number {
  const byMissed = b.firstRequests.missed - a.firstRequests.missed
  return byMissed || a.edge.localeCompare(b.edge, 'en', { numeric: true }) || a.group - b.group
}
