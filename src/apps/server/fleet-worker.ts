/**
 * The supervisor's end of one worker process.
 *
 * @module
 */
import { type ChildProcess, fork } from 'node:child_process'
import { getFips } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { ServerOrder, ServerReport } from '../../adapters/edge/edge.ts'
import { LimenError } from '../../ground/limen-error.ts'
import type { Suspicion } from '../../keys/session/suspicions.ts'
import type {
  BehaviorMet,
  CachePurge,
  ConnectionView,
  DataPlaneSettings,
  HandshakesSeen,
  SessionKeysGiven,
  SessionTier,
  TrafficTotals,
  WorkerView,
} from '../../ports/data-plane.ts'
import type { DecisionPage } from '../../ports/decision-log.ts'
import { NO_TRAFFIC } from './traffic-sum.ts'
import type { FromWorker, KnownPlace, SessionPlaced, ToWorker } from './worker-messages.ts'

export interface FleetWorkerOptions {
  readonly id: number
  /** Of the whole fleet. */
  readonly workers: number
  readonly restarts: number
  readonly startedAt: number
  onDecisions(pages: readonly DecisionPage[]): void
  onHandshakes(seen: HandshakesSeen): void
  onEjected(pool: string, server: string): void
  onSessionKeysHeld(worker: FleetWorker, stekIds: readonly number[]): void
  onSessionKeyMissed(stekId: number): void
  onSessionFeedGap(worker: FleetWorker): void
  onReplayAsks(worker: FleetWorker, asks: FromWorker & { readonly kind: 'replay-asks' }): void
  onProofsSeen(worker: FleetWorker, proofs: string): void
  onSessionSuspected(worker: FleetWorker, suspicion: Suspicion): void
  onSessionsPlaced(worker: FleetWorker, places: readonly SessionPlaced[]): void
  onSessionMoved(worker: FleetWorker, moved: FromWorker & { readonly kind: 'session-moved' }): void
  onBehavior(met: readonly BehaviorMet[]): void
  onExit(worker: FleetWorker, how: string): void
}

/** A worker that does not answer a question in this time is treated as if it had none to give. */
const ANSWER_MS = 2_000
/** Settings can take a while on a busy machine: many certificates, many listeners. */
const APPLY_MS = 30_000

// The extension is this file's own: .ts from a clone, .js from a published package.
const WORKER_FILE = fileURLToPath(
  new URL(`./edge-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
)

/** One TLS session ticket where OpenSSL makes two (docs/decisions/0034); Node has no other way to ask for it. */
const OPENSSL_CONFIG = fileURLToPath(new URL('./edge-worker.cnf', import.meta.url))

/**
 * OpenSSL takes and gives back hundreds of small pieces of memory in a handshake; of each size glibc keeps 7 at hand for a
 * thread, which is too few for several handshakes at once (docs/decisions/0034). Other C libraries do not read this.
 */
const MALLOC_TUNABLES = 'glibc.malloc.tcache_count=127'

/**
 * Of V8's nursery, per worker. In one run of handshakes 64 stood at 0.84 of HAProxy and 16 at 0.70, in keep-alive no
 * difference was to be seen; the machine was noisy (docs/decisions/0004).
 */
const SEMI_SPACE_MIB = 64

type Pending = { readonly resolve: (message: FromWorker | undefined) => void }

export class FleetWorker {
  readonly options: FleetWorkerOptions
  traffic: TrafficTotals = NO_TRAFFIC
  servers: readonly ServerReport[] = []
  readonly #process: ChildProcess
  #state: WorkerView['state'] = 'starting'
  #rssBytes = 0
  #calls = 0
  readonly #pending = new Map<number, Pending>()
  readonly #exited: Promise<void>

  constructor(options: FleetWorkerOptions) {
    this.options = options
    this.#process = fork(WORKER_FILE, [String(options.id), String(options.workers)], {
      serialization: 'advanced',
      // Connections make much garbage that dies young: a larger nursery is emptied less often.
      execArgv: [`--max-semi-space-size=${SEMI_SPACE_MIB}`, ...opensslConfig(process.env)],
      env: { GLIBC_TUNABLES: MALLOC_TUNABLES, ...process.env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    this.#process.on('message', (message) => this.#told(message as FromWorker))
    this.#process.on('error', () => {})
    this.#exited = new Promise((resolve) => {
      this.#process.on('exit', (code, signal) => {
        this.#state = 'dead'
        for (const { resolve: answer } of this.#pending.values()) answer(undefined)
        this.#pending.clear()
        options.onExit(this, signal ?? `exit code ${code}`)
        resolve()
      })
    })
  }

  /** @throws LimenError with the worker's own code when it could not take the settings */
  async apply(settings: DataPlaneSettings): Promise<void> {
    const answer = await this.#ask((call) => ({ kind: 'apply', call, settings }), APPLY_MS)
    if (answer?.kind !== 'applied') {
      throw new LimenError('worker-silent', `Worker ${this.options.id} did not take the settings`, {
        side: 'limen',
        retry: true,
      })
    }
    const { failure } = answer
    if (failure !== undefined) {
      throw new LimenError(failure.code, failure.message, { side: 'operator', retry: false })
    }
    this.#state = 'serving'
  }

  order(orders: readonly ServerOrder[]): void {
    this.#send({ kind: 'orders', orders })
  }

  /** `json` of all verdicts: written once for all workers. */
  judge(json: string): void {
    this.#send({ kind: 'judge', json })
  }

  giveSessionKeys(given: SessionKeysGiven): void {
    this.#send({ kind: 'session-keys', given })
  }

  /** `json` of entries of the feed of revocations. */
  feedSessions(json: string, anew: boolean): void {
    this.#send({ kind: 'session-feed', json, anew })
  }

  tellSuspicion(suspicion: Suspicion): void {
    this.#send({ kind: 'session-suspected', suspicion })
  }

  answerReplays(batch: number, letters: string): void {
    this.#send({ kind: 'replay-answers', batch, letters })
  }

  tellProofs(proofs: string): void {
    this.#send({ kind: 'proofs-seen', proofs })
  }

  tellPlaces(places: readonly KnownPlace[]): void {
    if (places.length === 0) return
    this.#send({ kind: 'sessions-placed', places })
  }

  tellTiers(tiers: readonly SessionTier[]): void {
    if (tiers.length > 0) this.#send({ kind: 'tiers', tiers })
  }

  purgeCaches(purge: CachePurge): void {
    this.#send({ kind: 'purge-caches', purge })
  }

  sessionMoved(call: number): void {
    this.#send({ kind: 'session-moved', call })
  }

  async connections(limit: number): Promise<readonly ConnectionView[]> {
    const answer = await this.#ask((call) => ({ kind: 'connections', call, limit }), ANSWER_MS)
    return answer?.kind === 'connections' ? answer.views : []
  }

  async drain(graceMs: number): Promise<void> {
    if (this.#state === 'dead') return
    this.#state = 'draining'
    this.#send({ kind: 'drain', graceMs })
    const late = setTimeout(() => this.#process.kill('SIGKILL'), graceMs + 3_000)
    await this.#exited
    clearTimeout(late)
  }

  /** Ends it at once. */
  kill(): void {
    this.#process.kill('SIGKILL')
  }

  /** What it counted has been taken over: it must not count twice. */
  forget(): void {
    this.traffic = NO_TRAFFIC
    this.servers = []
  }

  view(): WorkerView {
    return {
      id: this.options.id,
      pid: this.#process.pid ?? 0,
      state: this.#state,
      startedAt: this.options.startedAt,
      restarts: this.options.restarts,
      connections: this.traffic.connectionsOpen,
      rssBytes: this.#rssBytes,
    }
  }

  #send(message: ToWorker): void {
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  #ask(of: (call: number) => ToWorker, timeoutMs: number): Promise<FromWorker | undefined> {
    const call = ++this.#calls
    return new Promise((resolve) => {
      const timer = setTimeout(() => answer(undefined), timeoutMs)
      const answer = (message: FromWorker | undefined) => {
        clearTimeout(timer)
        this.#pending.delete(call)
        resolve(message)
      }
      if (this.#state === 'dead') return answer(undefined)
      this.#pending.set(call, { resolve: answer })
      this.#send(of(call))
    })
  }

  #told(message: FromWorker): void {
    switch (message.kind) {
      case 'applied':
      case 'connections':
        this.#pending.get(message.call)?.resolve(message)
        break
      case 'decisions':
        this.options.onDecisions(message.pages)
        break
      case 'handshakes':
        this.options.onHandshakes(JSON.parse(message.json) as HandshakesSeen)
        break
      case 'ejected':
        this.options.onEjected(message.pool, message.server)
        break
      case 'session-keys-held':
        this.options.onSessionKeysHeld(this, message.stekIds)
        break
      case 'session-key-missed':
        this.options.onSessionKeyMissed(message.stekId)
        break
      case 'session-feed-gap':
        this.options.onSessionFeedGap(this)
        break
      case 'replay-asks':
        this.options.onReplayAsks(this, message)
        break
      case 'proofs-seen':
        this.options.onProofsSeen(this, message.proofs)
        break
      case 'session-suspected':
        this.options.onSessionSuspected(this, message.suspicion)
        break
      case 'sessions-placed':
        this.options.onSessionsPlaced(this, message.places)
        break
      case 'session-moved':
        this.options.onSessionMoved(this, message)
        break
      case 'behavior':
        this.options.onBehavior(message.met)
        break
      case 'report':
        this.traffic = message.traffic
        this.servers = message.servers
        this.#rssBytes = message.rssBytes
        break
      default:
    }
  }
}

/** Who configures OpenSSL himself (providers, FIPS) keeps what he configured. */
export function opensslConfig(environment: NodeJS.ProcessEnv): string[] {
  const { OPENSSL_CONF = '', NODE_OPTIONS = '' } = environment
  const isTheirs = OPENSSL_CONF !== '' || NODE_OPTIONS.includes('--openssl-') || getFips() !== 0
  return isTheirs ? [] : [`--openssl-config=${OPENSSL_CONFIG}`]
}
