/**
 * Drills all keys of a cluster over and over, spread evenly over a period: a key at a time, so that nodes have little to do at once, and a bad share
 * is found within the period. What is found is told once, and again when it is good; if so configured it is repaired from the others.
 *
 * @module
 */
import { toHex } from '../../ground/hex.ts'
import {
  type DrilledShare,
  type DrillOptions,
  drillKey,
  keysOf,
  repair,
  type ShareFault,
} from './drill.ts'
import type { ShareDriver } from './drive-change.ts'

export interface DrillScheduleOptions extends DrillOptions {
  /** Every key is drilled once in so long. */
  readonly everyMs: number
  /** Repairs what it can; undefined: nothing is changed. */
  readonly driver: Pick<ShareDriver, 'reshare'> | undefined
  /** Each finding once; `fault` undefined: the share is good again. */
  onFinding(finding: DrillFinding): void
  /** A repair that has not been possible, or the drill itself has failed. */
  onError(text: string): void
  readonly now: () => number
}

export interface DrillFinding {
  /** Hex. */
  readonly keyId: string
  readonly node: string
  readonly fault: ShareFault | undefined
}

export interface DrilledKey {
  /** Hex. */
  readonly keyId: string
  readonly at: number
  readonly shares: number
  readonly faults: readonly DrillFinding[]
}

/** Between two keys at least: a cluster of many keys is drilled more slowly than asked for, rather than all the time. */
const PAUSE_MS_MIN = 10
/** A cluster without keys is looked at again. */
const EMPTY_MS = 60_000

export class DrillSchedule {
  readonly #options: DrillScheduleOptions
  readonly #drilled = new Map<string, DrilledKey>()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isClosed = false
  #queue: Uint8Array[] = []
  #keys = 0
  #repairs = 0

  constructor(options: DrillScheduleOptions) {
    this.#options = options
  }

  /** The first key at once. */
  begin(): void {
    this.#next(0)
  }

  /** The latest drill of every key. */
  results(): readonly DrilledKey[] {
    return [...this.#drilled.values()]
  }

  figures(): { readonly keys: number; readonly faults: number; readonly repairs: number } {
    const faults = this.results().reduce((sum, one) => sum + one.faults.length, 0)
    return { keys: this.#drilled.size, faults, repairs: this.#repairs }
  }

  /** When what is under way is over. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #next(ms: number): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      this.#running = this.#step()
    }, ms)
    this.#timer.unref()
  }

  async #step(): Promise<void> {
    try {
      if (this.#queue.length === 0) await this.#list()
      const keyId = this.#queue.shift()
      if (keyId !== undefined) await this.#drill(keyId)
    } catch (error) {
      this.#options.onError((error as Error).message)
    }
    const { everyMs } = this.#options
    this.#next(this.#keys === 0 ? Math.min(EMPTY_MS, everyMs) : everyMs / this.#keys)
  }

  async #list(): Promise<void> {
    this.#queue = await keysOf(this.#options.links)
    // Slower than asked for when there are very many.
    this.#keys = Math.min(this.#queue.length, Math.ceil(this.#options.everyMs / PAUSE_MS_MIN))
    const ids = new Set(this.#queue.map(toHex))
    for (const id of this.#drilled.keys()) if (!ids.has(id)) this.#drilled.delete(id)
  }

  async #drill(keyId: Uint8Array): Promise<void> {
    const { driver, onError } = this.#options
    const shares = await drillKey(this.#options, keyId)
    this.#keep(keyId, shares)
    if (driver === undefined || shares.every(({ fault }) => fault === undefined)) return
    try {
      await repair(driver, shares)
      this.#repairs++
      this.#keep(keyId, await drillKey(this.#options, keyId))
    } catch (error) {
      onError((error as Error).message)
    }
  }

  #keep(keyId: Uint8Array, shares: readonly DrilledShare[]): void {
    const id = toHex(keyId)
    const before = this.#drilled.get(id)?.faults ?? []
    const faults = shares.flatMap(({ node, fault }): DrillFinding[] =>
      fault === undefined ? [] : [{ keyId: id, node, fault }],
    )
    this.#drilled.set(id, { keyId: id, at: this.#options.now(), shares: shares.length, faults })
    for (const one of faults) {
      const isKnown = before.some(({ node, fault }) => node === one.node && fault === one.fault)
      if (!isKnown) this.#options.onFinding(one)
    }
    for (const { node } of before) {
      const isGood = !faults.some((one) => one.node === node)
      if (isGood) this.#options.onFinding({ keyId: id, node, fault: undefined })
    }
  }
}
