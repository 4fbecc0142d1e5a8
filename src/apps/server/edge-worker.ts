/**
 * The process of one edge worker: an `Edge` (`adapters/edge`) whose gatekeeper is the admission flow,
 * driven by the supervisor (`fleet.ts`) over IPC. Started by it, never by hand.
 *
 * @module
 */
import { Edge } from '../../adapters/edge/edge.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { systemRandom } from '../../adapters/node/system-random.ts'
import type { Decision, Reason } from '../../behavior/decision.ts'
import type { Verdict } from '../../behavior/handshake/verdict.ts'
import { newVerdictTable } from '../../behavior/handshake/verdict-table.ts'
import { admitHandshake, admitPlain, newAdmission } from '../../flows/admit-handshake.ts'
import { HandshakeGathering } from '../../flows/gather-handshakes.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { NumberedEntry } from '../../keys/session/revocations.ts'
import type { AdmissionSettings, BehaviorMet, TrafficTotals } from '../../ports/data-plane.ts'
import { decisionPages } from '../../ports/decision-log.ts'
import { workerHandoff } from './worker-handoff.ts'
import type { ApplyFailure, FromWorker, ToWorker } from './worker-messages.ts'
import { workerReplay } from './worker-replay.ts'
import { workerSessions } from './worker-sessions.ts'

/** Decisions are sent in batches this often; the console is as fresh as this. */
const DECISIONS_MS = 200
/** Decisions waiting to be sent; beyond it they are dropped and counted. */
const DECISIONS_MAX = 4096
/** Observations and outcomes waiting to be sent, of each so many; beyond it they are dropped and counted. */
const SEEN_MAX = 4096
const REPORT_MS = 500
/** Users and proofs waiting to be sent; who is dropped stays unknown until the session has been quiet. */
const BEHAVIOR_MAX = 4096
/** When the supervisor is gone, what runs may still finish. */
const ORPHAN_GRACE_MS = 5_000

const worker = Number(process.argv[2] ?? 0)
process.title = `limen edge ${worker}`

const random = systemRandom()
const admission = newAdmission({
  clock: systemClock,
  random,
  settings: nobodyYet(),
})
const replay = workerReplay(tell, Number(process.argv[3] ?? 1) > 1)
const sessions = workerSessions(random, replay, {
  onMissed: (stekId) => tell({ kind: 'session-key-missed', stekId }),
  onSuspected: (suspicion) => tell({ kind: 'session-suspected', suspicion }),
})
const handoff = workerHandoff(tell)
let decisions: Decision[] = []
let behaviorMet: BehaviorMet[] = []
/** Sent lately, TLS and not served yet: sent again with what served them. */
const sent = new Map<string, Decision>()
const gathering = new HandshakeGathering(SEEN_MAX)
/** Only pools that choose by what fits say what they chose. */
let fits = false

const edge = new Edge({
  worker,
  clock: systemClock,
  random,
  gatekeeper: {
    admitHandshake(connection, seen) {
      const { decision, observation } = admitHandshake(admission, connection, seen)
      gathering.see(observation, !decision.reasons.some(isExact))
      return decision
    },
    admitPlain: (connection) => admitPlain(admission, connection),
  },
  onDecision(decision) {
    if (decisions.length < DECISIONS_MAX) decisions.push(decision)
    else edge.meter.decisionsDropped++
  },
  onServed(id, choice) {
    const waiting = decisions.findIndex((decision) => decision.id === id)
    const decision = decisions[waiting] ?? sent.get(id)
    if (decision === undefined) return
    sent.delete(id)
    const served = { ...decision, served: choice }
    if (waiting >= 0) decisions[waiting] = served
    else if (decisions.length < DECISIONS_MAX) decisions.push(served)
  },
  onOutcome: (outcome) => gathering.end(outcome),
  onEjected: (pool, server) => tell({ kind: 'ejected', pool, server }),
  sessions: sessions.guard,
  onSessionPlaced: (pool, { id: session, generation }, server) =>
    handoff.placed({ pool, session, generation, server }),
  onSessionMoved: (move, waits) => handoff.moved(move, waits),
  onBehavior(met) {
    if (behaviorMet.length < BEHAVIOR_MAX) behaviorMet.push(met)
  },
})

function isExact({ detector, weight }: Reason): boolean {
  return detector === 'randomness' && weight > 0
}

function tell(message: FromWorker): void {
  // A supervisor that dies meanwhile is noticed by `disconnect`, not here.
  if (process.connected) process.send?.(message, () => undefined)
}

function traffic(): TrafficTotals {
  const { meter } = edge
  return {
    at: systemClock.now(),
    connectionsOpen: meter.connectionsOpen,
    connectionsTotal: meter.connectionsTotal,
    handshakesFull: meter.handshakesFull,
    handshakesResumed: meter.handshakesResumed,
    handshakesFailed: meter.handshakesFailed,
    bytesIn: meter.bytesIn,
    bytesOut: meter.bytesOut,
    retries: meter.retries,
    responses: meter.responses,
    handshakeMembers: Object.fromEntries(meter.handshakeMembers),
    listeners: Object.fromEntries(meter.listeners),
    refusals: Object.fromEntries(meter.refusals),
    sessionChecks: Object.fromEntries(meter.sessionChecks),
    cacheRequests: Object.fromEntries(meter.cacheRequests),
    // Counted by the supervisor.
    sessionHandoffs: {},
    firstRequests: sessions.firstRequests(),
    tiers: meter.tiers,
    decisionsDropped: meter.decisionsDropped,
    observationsDropped: gathering.dropped,
    latencyCounts: meter.latencyCounts,
    latencySumMs: meter.latencySumMs,
  }
}

function report(): void {
  tell({
    kind: 'report',
    traffic: traffic(),
    servers: edge.servers(),
    rssBytes: process.memoryUsage.rss(),
  })
}

/** Decisions first: what is seen refers to them. */
function flush(): void {
  if (decisions.length > 0) {
    const batch = decisions
    decisions = []
    for (const page of decisionPages(batch)) tell({ kind: 'decisions', pages: [page] })
    if (fits) rememberSent(batch)
  }
  if (behaviorMet.length > 0) {
    tell({ kind: 'behavior', met: behaviorMet })
    behaviorMet = []
  }
  const captured = edge.takeCaptured()
  if (captured !== undefined) tell({ kind: 'behavior', met: [captured] })
  for (const seen of gathering.take()) tell({ kind: 'handshakes', json: JSON.stringify(seen) })
}

function rememberSent(batch: readonly Decision[]): void {
  for (const decision of batch) {
    if (decision.served !== undefined) continue
    sent.set(decision.id, decision)
    if (sent.size > DECISIONS_MAX) sent.delete(sent.keys().next().value ?? '')
  }
}

/** Until the supervisor has sent settings no listener is open. */
function nobodyYet(): AdmissionSettings {
  const pool = { choose: 'random', region: '', members: [] } as const
  const never = Number.POSITIVE_INFINITY
  return {
    mode: 'observe',
    detectors: {
      ...{ randomness: 'observe', rarity: 'observe', form: 'observe' },
      ...{ profile: 'observe', rate: 'observe', signature: 'observe' },
    },
    ...{ tier2: never, tier3: never, profileKey: new Uint8Array(16), primary: pool },
    rigorous: {
      ...{ ...pool, connectionsMax: 0, perProfilePerSecond: 0, work: 0 },
      ...{ helloRetry: false, userAgentCheck: false },
    },
  }
}

function failureOf(error: unknown): ApplyFailure {
  if (error instanceof LimenError) return { code: error.code, message: error.message }
  return { code: 'apply-failed', message: error instanceof Error ? error.message : String(error) }
}

async function drain(graceMs: number): Promise<void> {
  await edge.drain(graceMs)
  drained = true
  flush()
  report()
  process.disconnect?.()
  // Messages still in the channel are written before the process ends by itself; this is the latest.
  setTimeout(() => process.exit(0), 1_000).unref()
}

let applied: Promise<void> = Promise.resolve()

/** In the order they came: two at once would both open the same new listener. */
async function apply(message: ToWorker & { kind: 'apply' }): Promise<void> {
  try {
    await edge.apply(message.settings)
    admission.settings = message.settings.admission
    fits = message.settings.pools.some(({ choose }) => choose === 'fit')
    tell({ kind: 'applied', call: message.call })
  } catch (error) {
    tell({ kind: 'applied', call: message.call, failure: failureOf(error) })
  }
}

process.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'apply':
      applied = applied.then(() => apply(message))
      break
    case 'orders':
      edge.order(message.orders)
      break
    case 'connections':
      // Whoever sees a connection can ask for its decision.
      flush()
      tell({ kind: 'connections', call: message.call, views: edge.connections(message.limit) })
      break
    case 'judge':
      admission.verdicts = newVerdictTable(JSON.parse(message.json) as Verdict[])
      break
    case 'session-keys':
      tell({ kind: 'session-keys-held', stekIds: sessions.take(message.given) })
      break
    case 'session-feed': {
      const entries = JSON.parse(message.json) as NumberedEntry[]
      const isWhole = sessions.hear(entries, message.anew, systemClock.now() / 1000)
      if (!isWhole) tell({ kind: 'session-feed-gap' })
      break
    }
    case 'replay-answers':
      replay.answered(message.batch, message.letters)
      break
    case 'proofs-seen':
      sessions.sawElsewhere(message.proofs.split(' '), systemClock.now() / 1000)
      break
    case 'session-suspected':
      sessions.suspectedElsewhere(message.suspicion)
      break
    case 'sessions-placed':
      edge.placeSessions(message.places)
      break
    case 'session-moved':
      handoff.done(message.call)
      break
    case 'tiers':
      edge.tellTiers(message.tiers)
      sessions.behaves(message.tiers)
      break
    case 'purge-caches':
      edge.purgeCaches(message.purge)
      break
    case 'drain':
      void drain(message.graceMs)
      break
    default:
  }
})

let leaving = false
let drained = false
process.on('disconnect', () => {
  if (leaving || drained) return
  // A supervisor that goes in the middle of a drain was told to stop at once.
  if (edge.draining) process.exit(0)
  leaving = true
  void edge.drain(ORPHAN_GRACE_MS).then(() => process.exit(0))
})
// The supervisor gets these too (same process group, Ctrl-C) and drains us in its own order.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
process.on('SIGHUP', () => {})

setInterval(flush, DECISIONS_MS).unref()
setInterval(report, REPORT_MS).unref()
tell({ kind: 'ready' })
