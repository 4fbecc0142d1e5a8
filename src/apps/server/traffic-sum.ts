/**
 * Sums of traffic counters over workers.
 *
 * @module
 */
import { NO_FIRST_REQUESTS } from '../../keys/session/first-requests.ts'
import {
  type HandshakeMemberCounts,
  LATENCY_BOUNDS_MS,
  type ListenerCounts,
  NO_HANDSHAKES,
  type TrafficTotals,
} from '../../ports/data-plane.ts'

export const NO_TRAFFIC: TrafficTotals = {
  at: 0,
  connectionsOpen: 0,
  connectionsTotal: 0,
  handshakesFull: 0,
  handshakesResumed: 0,
  handshakesFailed: 0,
  handshakeMembers: {},
  listeners: {},
  bytesIn: 0,
  bytesOut: 0,
  retries: 0,
  responses: [0, 0, 0, 0, 0, 0],
  refusals: {},
  sessionChecks: {},
  cacheRequests: {},
  sessionHandoffs: {},
  firstRequests: {},
  tiers: [0, 0, 0, 0],
  decisionsDropped: 0,
  observationsDropped: 0,
  latencyCounts: new Array(LATENCY_BOUNDS_MS.length + 1).fill(0),
  latencySumMs: 0,
}

function addCounts(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sums: Record<string, number> = { ...a }
  for (const [name, count] of Object.entries(b)) sums[name] = (sums[name] ?? 0) + count
  return sums
}

const addLists = (a: readonly number[], b: readonly number[]): number[] =>
  a.map((value, i) => value + (b[i] ?? 0))

function addMembers(
  a: TrafficTotals['handshakeMembers'],
  b: TrafficTotals['handshakeMembers'],
): Record<string, HandshakeMemberCounts> {
  const sums: Record<string, HandshakeMemberCounts> = { ...a }
  for (const [key, counts] of Object.entries(b)) {
    const sum = { ...(sums[key] ?? NO_HANDSHAKES) }
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name]
    sums[key] = sum
  }
  return sums
}

function addListeners(
  a: TrafficTotals['listeners'],
  b: TrafficTotals['listeners'],
): Record<string, ListenerCounts> {
  const sums: Record<string, ListenerCounts> = { ...a }
  for (const [name, { hellos, refused }] of Object.entries(b)) {
    const sum = sums[name] ?? { hellos: 0, refused: 0 }
    sums[name] = { hellos: sum.hellos + hellos, refused: sum.refused + refused }
  }
  return sums
}

function addFirstRequests(
  a: TrafficTotals['firstRequests'],
  b: TrafficTotals['firstRequests'],
): TrafficTotals['firstRequests'] {
  const sums = { ...a }
  for (const [group, more] of Object.entries(b)) {
    const sum = sums[group] ?? NO_FIRST_REQUESTS
    sums[group] = {
      found: sum.found + more.found,
      missed: sum.missed + more.missed,
      late: sum.late + more.late,
      usedUntil: Math.max(sum.usedUntil, more.usedUntil),
    }
  }
  return sums
}

/** `a + b`; the time is that of `a`. */
export function addTraffic(a: TrafficTotals, b: TrafficTotals): TrafficTotals {
  return {
    at: a.at,
    connectionsOpen: a.connectionsOpen + b.connectionsOpen,
    connectionsTotal: a.connectionsTotal + b.connectionsTotal,
    handshakesFull: a.handshakesFull + b.handshakesFull,
    handshakesResumed: a.handshakesResumed + b.handshakesResumed,
    handshakesFailed: a.handshakesFailed + b.handshakesFailed,
    handshakeMembers: addMembers(a.handshakeMembers, b.handshakeMembers),
    listeners: addListeners(a.listeners, b.listeners),
    bytesIn: a.bytesIn + b.bytesIn,
    bytesOut: a.bytesOut + b.bytesOut,
    retries: a.retries + b.retries,
    responses: addLists(a.responses, b.responses),
    refusals: addCounts(a.refusals, b.refusals),
    sessionChecks: addCounts(a.sessionChecks, b.sessionChecks),
    cacheRequests: addCounts(a.cacheRequests, b.cacheRequests),
    sessionHandoffs: addCounts(a.sessionHandoffs, b.sessionHandoffs),
    firstRequests: addFirstRequests(a.firstRequests, b.firstRequests),
    tiers: addLists(a.tiers, b.tiers),
    decisionsDropped: a.decisionsDropped + b.decisionsDropped,
    observationsDropped: a.observationsDropped + b.observationsDropped,
    latencyCounts: addLists(a.latencyCounts, b.latencyCounts),
    latencySumMs: a.latencySumMs + b.latencySumMs,
  }
}
