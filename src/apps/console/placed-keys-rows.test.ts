import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlacementsView } from './api/views.ts'
import { NOT_PLACED_SHOWN, PLACED_SHOWN, placedKeysRows, rowsShown } from './placed-keys-rows.ts'

const placed = (edge: string, group: number): PlacementsView['placements'][number] => ({
  ...{ edge, group, state: 'held', since: 1000 * group, why: '3.0 first requests expected' },
})
const counted = (
  edge: string,
  group: number,
  [found, missed, late]: readonly [found: number, missed: number, late: number],
): PlacementsView['firstRequests'][number] => ({ edge, group, found, missed, late })
const names = (rows: ReturnType<typeof placedKeysRows>): string[] =>
  rows.map(({ edge, group, state }) => `${edge} ${group} ${state}`)

test('placedKeysRows() has the first requests of each placement, late ones among those missed', () => {
  const rows = placedKeysRows({
    placements: [placed('a', 1)],
    firstRequests: [
      counted('a', 1, [7, 3, 2]),
      counted('a', 2, [1, 1, 0]),
      counted('b', 1, [9, 0, 0]),
    ],
  })
  assert.deepEqual(rows[0], {
    ...{ edge: 'a', group: 1, state: 'held', since: 1000, why: '3.0 first requests expected' },
    firstRequests: { all: 10, found: 7, missed: 3, late: 2 },
  })
})

test('placedKeysRows() has zeros for a placement that no session came to', () => {
  const [row] = placedKeysRows({ placements: [placed('a', 1)], firstRequests: [] })
  assert.deepEqual(row?.firstRequests, { all: 0, found: 0, missed: 0, late: 0 })
})

test('placedKeysRows() has pairs without a placement, unless nothing came there', () => {
  const rows = placedKeysRows({
    placements: [placed('a', 1)],
    firstRequests: [
      counted('a', 1, [1, 0, 0]),
      counted('a', 2, [0, 0, 0]),
      counted('b', 1, [0, 1, 0]),
    ],
  })
  assert.deepEqual(names(rows), ['a 1 held', 'b 1 not placed'])
  assert.deepEqual([rows[1]?.since, rows[1]?.why], [null, ''])
})

test('placedKeysRows() puts what is placed first, then what was missed most, then goes by name', () => {
  const rows = placedKeysRows({
    placements: [placed('edge-10', 1), placed('edge-2', 10), placed('edge-2', 9), placed('z', 1)],
    firstRequests: [
      counted('a', 1, [50, 0, 0]),
      counted('b', 1, [0, 99, 0]),
      counted('z', 1, [0, 1, 0]),
    ],
  })
  assert.deepEqual(names(rows), [
    ...['z 1 held', 'edge-2 9 held', 'edge-2 10 held', 'edge-10 1 held'],
    ...['b 1 not placed', 'a 1 not placed'],
  ])
})

test('rowsShown() keeps some of what is not placed, however much is placed, and says how many more there are', () => {
  const groups = Array.from({ length: 32 }, (_, group) => group)
  const rows = placedKeysRows({
    placements: groups.map((group) => placed('a', group)),
    firstRequests: groups.map((group) => counted('b', group, [0, group + 1, 0])),
  })
  const { rows: shown, morePlaced, moreNotPlaced } = rowsShown(rows)
  assert.equal(shown.length, PLACED_SHOWN + NOT_PLACED_SHOWN)
  assert.deepEqual(names(shown.slice(PLACED_SHOWN - 1, PLACED_SHOWN + 1)), [
    ...[`a ${PLACED_SHOWN - 1} held`, 'b 31 not placed'],
  ])
  assert.deepEqual([morePlaced, moreNotPlaced], [32 - PLACED_SHOWN, 32 - NOT_PLACED_SHOWN])
})

test('rowsShown() shows all of a few', () => {
  const rows = placedKeysRows({ placements: [placed('a', 1)], firstRequests: [] })
  assert.deepEqual(rowsShown(rows), { rows, morePlaced: 0, moreNotPlaced: 0 })
})
