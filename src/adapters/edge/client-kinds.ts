/**
 * Kinds of clients in this worker, and what each kind asks for: whom a pool with `choose: fit` looks for a
 * server for. Found from hellos, so a client has a kind before its first request.
 *
 * @module
 */
import type { Decision } from '../../behavior/decision.ts'
import { clientTraits } from '../../behavior/handshake/client-traits.ts'
import { ClientClusters } from '../../routing/client-clusters.ts'
import type { FittingClient } from '../../routing/server-fit.ts'

/** Mean size of answers, of the last hundred or so. */
interface Usage {
  answers: number
  meanBytes: number
}

/** Answers a mean follows. */
const ANSWERS_MAX = 100
/** Before so many answers nothing is concluded from their size. */
const ANSWERS_MIN = 20
/** A kind whose answers are so many times larger (smaller) than those of a middling kind wants bandwidth (low latency). */
const SIZE_FACTOR = 2

/** Labels a server may carry that are looked for by themselves. */
export const BANDWIDTH = 'bandwidth'
export const LOW_LATENCY = 'low-latency'
export const WEBSOCKET = 'websocket'

const UNKNOWN: FittingClient = { cluster: -1, wants: [] }

/** What a pool needs that chooses by what suits the client. */
export interface FittingRequest {
  readonly client: FittingClient
  readonly kinds: ClientKinds
  /** Told which server was chosen, and why, in words. */
  readonly explain: ((server: string, why: readonly string[]) => void) | undefined
}

export class ClientKinds {
  readonly #clusters = new ClientClusters()
  readonly #usage = new Map<number, Usage>()
  readonly #onReplaced: (cluster: number) => void

  /** @param onReplaced a cluster stands for other clients from now on: forget what was known with it */
  constructor(onReplaced: (cluster: number) => void) {
    this.#onReplaced = onReplaced
  }

  /** The cluster of a client, -1 for one without a handshake. Call it once per connection. */
  clusterOf(decision: Decision | undefined): number {
    if (decision?.handshake === undefined) return UNKNOWN.cluster
    const { cluster, replaced } = this.#clusters.meet(clientTraits(decision.handshake))
    if (replaced) {
      this.#usage.delete(cluster)
      this.#onReplaced(cluster)
    }
    return cluster
  }

  /** For a request of a client of `cluster`. */
  clientOf(cluster: number, isWebSocket: boolean): FittingClient {
    const wants = isWebSocket ? [WEBSOCKET] : this.#wantsOf(cluster)
    return cluster < 0 && wants.length === 0 ? UNKNOWN : { cluster, wants }
  }

  /** An answer of `bytes` went to a client of `cluster`. */
  answered(cluster: number, bytes: number): void {
    if (cluster < 0) return
    let usage = this.#usage.get(cluster)
    if (usage === undefined) {
      usage = { answers: 0, meanBytes: 0 }
      this.#usage.set(cluster, usage)
    }
    learn(usage, bytes)
  }

  #wantsOf(cluster: number): readonly string[] {
    const usage = this.#usage.get(cluster)
    if (usage === undefined || usage.answers < ANSWERS_MIN) return []
    const middling = this.#middlingBytes()
    if (usage.meanBytes > middling * SIZE_FACTOR) return [BANDWIDTH]
    return usage.meanBytes * SIZE_FACTOR < middling ? [LOW_LATENCY] : []
  }

  /** Geometric mean over the kinds, however busy each: what is usual does not depend on who asks most. */
  #middlingBytes(): number {
    let sum = 0
    let kinds = 0
    for (const { answers, meanBytes } of this.#usage.values()) {
      if (answers < ANSWERS_MIN) continue
      sum += Math.log(Math.max(1, meanBytes))
      kinds++
    }
    return Math.exp(sum / Math.max(1, kinds))
  }
}

function learn(usage: Usage, bytes: number): void {
  usage.answers = Math.min(usage.answers + 1, ANSWERS_MAX)
  usage.meanBytes += (bytes - usage.meanBytes) / usage.answers
}
