import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  PLACE_KEYS_DEFAULTS,
  type PlacedEdge,
  type PlaceKeysOptions,
  type Placements,
  placeKeysAhead,
} from './place-keys-ahead.ts'
import type { GroupOutlook } from './session-demand.ts'

const SEED = 20261121
const NOW = 1_800_000_000
const NONE: Placements = new Map()

const seen = (expected: number, more: Partial<GroupOutlook> = {}): GroupOutlook => ({
  ...{ expected, by: 'recent', sessions: expected * 3, usedUntilS: 0 },
  ...more,
})
const edgeOf = (
  edge: string,
  groups: Readonly<Record<number, GroupOutlook>> = {},
  more: Partial<PlacedEdge> = {},
): PlacedEdge => ({
  ...{ edge, isListening: true, serves: new Set([1]), mayServe: undefined, drainsAtS: undefined },
  outlook: {
    sinceS: NOW - 100_000,
    groups: new Map(Object.entries(groups).map(([group, one]) => [Number(group), one])),
  },
  ...more,
})
const groupsAt = (placements: Placements, edge: string): number[] =>
  [...(placements.get(edge)?.keys() ?? [])].sort((a, b) => a - b)
const reasonAt = (placements: Placements, edge: string, group: number) =>
  placements.get(edge)?.get(group)?.reason

describe('placeKeysAhead()', () => {
  it('places what is expected at an edge that does not serve it, and nothing else', () => {
    const edges = [
      edgeOf('a', { 1: seen(50), 2: seen(0.2), 3: seen(0.09) }),
      edgeOf('b', { 1: seen(50), 3: seen(7, { by: 'forecast' }) }),
      edgeOf('c', { 4: seen(50) }, { serves: undefined }),
    ]
    const placed = placeKeysAhead(NONE, edges, NOW)
    assert.deepEqual(groupsAt(placed, 'a'), [2])
    assert.deepEqual(reasonAt(placed, 'a', 2), { kind: 'recent', expected: 0.2 })
    assert.deepEqual(reasonAt(placed, 'b', 3), { kind: 'forecast', expected: 7 })
    assert.deepEqual(groupsAt(placed, 'c'), [])
  })

  it('gives the groups of an edge that drains to the others, in proportion, within the lead', () => {
    const edgesAt = (drainsAtS: number | undefined) => [
      edgeOf('a', { 1: seen(1), 2: seen(1, { sessions: 90 }) }, { serves: undefined, drainsAtS }),
      edgeOf('b', { 1: seen(1, { sessions: 29 }) }),
      edgeOf('c', { 1: seen(1, { sessions: 59 }) }),
      edgeOf('d', {}, { mayServe: new Set([1]) }),
      edgeOf('e', {}, { isListening: false }),
    ]
    assert.equal(placeKeysAhead(NONE, edgesAt(undefined), NOW).size, 0)
    const { leadS } = PLACE_KEYS_DEFAULTS
    assert.equal(placeKeysAhead(NONE, edgesAt(NOW + leadS + 1), NOW).size, 0)
    const placed = placeKeysAhead(NONE, edgesAt(NOW + leadS), NOW)
    assert.deepEqual([...placed.keys()], ['b', 'c'])
    // 90 sessions; 30, 60 and 1 are the weights.
    const shares = ['b', 'c'].map((edge) => {
      const reason = reasonAt(placed, edge, 2)
      return reason?.kind === 'drain' && reason.from === 'a' ? reason.expected : 0
    })
    assert.deepEqual(shares, [(90 * 30) / 91, (90 * 60) / 91])
  })

  it('counts a session of before it was started as one that moves', () => {
    const used = seen(0, { usedUntilS: NOW + 5 })
    const a = edgeOf('a', { 2: used }, { serves: undefined, drainsAtS: NOW })
    assert.deepEqual(groupsAt(placeKeysAhead(NONE, [a, edgeOf('b')], NOW), 'b'), [2])
  })

  it('expects at an edge of which little is known what comes to others that do not serve it', () => {
    const young = edgeOf('new', {}, { outlook: { sinceS: NOW - 10, groups: new Map() } })
    const others = [
      edgeOf('a', { 2: seen(4) }),
      edgeOf('b', { 2: seen(2) }),
      edgeOf('c', { 3: seen(9) }, { serves: undefined }),
    ]
    const placed = placeKeysAhead(NONE, [young, ...others], NOW)
    assert.deepEqual(reasonAt(placed, 'new', 2), { kind: 'others', expected: 3 })
    assert.deepEqual(groupsAt(placed, 'new'), [2])
    assert.deepEqual(groupsAt(placed, 'b'), [2])
    const old = placeKeysAhead(NONE, [edgeOf('old'), ...others], NOW)
    assert.deepEqual(groupsAt(old, 'old'), [])
  })

  it('takes back what was not needed for long, not before, and not while it is used', () => {
    const { keepS } = PLACE_KEYS_DEFAULTS
    const busy = edgeOf('a', { 2: seen(1), 3: seen(1) })
    const usedUntilS = NOW + keepS + 100
    const idle = edgeOf('a', { 2: seen(0.04), 3: seen(0, { usedUntilS }) })
    let placed = placeKeysAhead(NONE, [busy], NOW)
    placed = placeKeysAhead(placed, [edgeOf('a', { 2: seen(0.06), 3: seen(1) })], NOW + 10)
    placed = placeKeysAhead(placed, [idle], NOW + 10 + keepS - 1)
    assert.deepEqual(reasonAt(placed, 'a', 2), { kind: 'kept', untilS: NOW + 10 + keepS })
    assert.deepEqual(reasonAt(placed, 'a', 3), { kind: 'used', untilS: usedUntilS + 10 })
    placed = placeKeysAhead(placed, [idle], NOW + 10 + keepS)
    assert.deepEqual(groupsAt(placed, 'a'), [3])
    placed = placeKeysAhead(placed, [idle], usedUntilS + 9)
    assert.deepEqual(groupsAt(placed, 'a'), [3])
    placed = placeKeysAhead(placed, [idle], usedUntilS + 10)
    assert.equal(placed.size, 0)
  })

  it('gives up what is held only for a group that is expected twice as much', () => {
    const options = { ...PLACE_KEYS_DEFAULTS, groupsMax: 1 }
    const first = placeKeysAhead(NONE, [edgeOf('a', { 2: seen(1) })], NOW, options)
    const next = (other: number) =>
      groupsAt(
        placeKeysAhead(first, [edgeOf('a', { 2: seen(1), 3: seen(other) })], NOW, options),
        'a',
      )
    assert.deepEqual([next(0.9), next(1.9), next(2.1)], [[2], [2], [3]])
  })

  it(`holds its promises whatever comes (seed ${SEED})`, () => {
    fc.assert(
      fc.property(steps, limits, (moments, options) => {
        let before = NONE
        let now = NOW
        for (const [wait, each] of moments) {
          now += wait
          const edges = each.map((one, i): PlacedEdge => ({ edge: `e${i}`, ...one }))
          const after = placeKeysAhead(before, edges, now, options)
          const again = placeKeysAhead(after, edges, now, options)
          for (const one of edges) {
            checkEdge(one, before, after, now, options)
            const twice = groupsAt(again, one.edge)
            assert.deepEqual(twice, groupsAt(after, one.edge), 'said twice, it is the same')
          }
          before = after
        }
      }),
      { seed: SEED, numRuns: 1000 },
    )
  })
})

const GROUPS = 6
const groupSet = fc
  .option(fc.uniqueArray(fc.integer({ min: 1, max: GROUPS })), { nil: undefined })
  .map((groups) => groups && new Set(groups))
const outlook = fc.record({
  expected: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 50, noNaN: true })),
  by: fc.constantFrom('recent' as const, 'forecast' as const),
  sessions: fc.integer({ min: 0, max: 1000 }),
  usedUntilS: fc.integer({ min: NOW - 100, max: NOW + 400 }),
})
const edge = fc.record({
  isListening: fc.boolean(),
  serves: groupSet,
  mayServe: groupSet,
  drainsAtS: fc.option(fc.integer({ min: NOW - 50, max: NOW + 900 }), { nil: undefined }),
  outlook: fc.option(
    fc.record({
      sinceS: fc.integer({ min: NOW - 10_000, max: NOW }),
      groups: fc
        .array(fc.tuple(fc.integer({ min: 1, max: GROUPS }), outlook))
        .map((pairs) => new Map(pairs)),
    }),
    { nil: undefined },
  ),
})
const moment = fc.array(edge, { minLength: 1, maxLength: 4 })
const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 200 }), moment), { maxLength: 8 })
const limits = fc.record({
  leadS: fc.integer({ min: 1, max: 600 }),
  keepS: fc.integer({ min: 0, max: 600 }),
  groupsMax: fc.integer({ min: 0, max: GROUPS }),
})

function mayHold({ serves, mayServe }: PlacedEdge, group: number): boolean {
  return serves?.has(group) === false && mayServe?.has(group) !== false
}

function checkEdge(
  one: PlacedEdge,
  before: Placements,
  after: Placements,
  now: number,
  { keepS, groupsMax }: PlaceKeysOptions,
): void {
  const held = before.get(one.edge) ?? new Map()
  const placed = after.get(one.edge) ?? new Map()
  const isRoom = groupsMax >= GROUPS
  const seenAt = [...(one.outlook?.groups ?? [])]
  assert.ok(placed.size <= Math.max(groupsMax, held.size), 'the bound')
  for (const group of placed.keys()) {
    assert.ok(mayHold(one, group), 'what it serves or may not have is not placed')
    assert.ok(one.isListening || held.has(group), 'nothing new for one that is away')
  }
  for (const [group, { usedUntilS }] of seenAt) {
    const isUsed = held.has(group) && mayHold(one, group) && usedUntilS > now
    if (isUsed) assert.ok(placed.has(group), 'a key in use stays')
  }
  for (const [group, { neededS }] of held) {
    const isKept = isRoom && mayHold(one, group) && now < neededS + keepS
    if (isKept) assert.ok(placed.has(group), 'kept')
  }
  if (!one.isListening || one.drainsAtS !== undefined || !isRoom) return
  for (const [group, { expected }] of seenAt) {
    if (mayHold(one, group) && expected >= 0.1) assert.ok(placed.has(group), 'expected')
  }
}
