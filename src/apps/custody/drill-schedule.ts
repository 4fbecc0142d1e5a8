/**
 * Drills all keys of a cluster over and over, spread evenly over a period: a key at a time, so that nodes have little to do at once, and a bad share
 * is found within the period. What is found is told once, and again when it is good; if so configured it is repaired from the others.
 *
 * @module
 */
import { fromHex, toHex } from '../../ground/hex.ts'
import { type DrilledShare, type DrillOptions, drillKey, repair, type ShareFault } from './drill.ts'
import type { ShareDriver } from './drive-change.ts'
import { keysOf, mayHideKeys } from './listed-keys.ts'

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
  /** Whose shares were asked for, by id. */
  readonly holders: readonly string[]
  readonly faults: readonly DrillFinding[]
  /** Found and made good by this drill. */
  readonly repaired: readonly DrillFinding[]
}

export interface DrillFigures {
  /** Results of shares since the start, by node, then by fault, `good` for none. */
  readonly verdicts: ReadonlyMap<string, ReadonlyMap<DrillVerdict, number>>
  readonly repairs: number
}

export type DrillVerdict = ShareFault | 'good'

/** Between two keys at least: a cluster of many keys is drilled more slowly than asked for, rather than all the time. */
const PAUSE_MS_MIN = 10
/** A cluster without keys is looked at again. */
const EMPTY_MS = 60_000
/** Between keys of the first round: who is started again every hour has drilled all keys all the same. */
const FIRST_ROUND_MS = 1_000

export class DrillSchedule {
  readonly #options: DrillScheduleOptions
  readonly #drilled = new Map<string, DrilledKey>()
  readonly #verdicts = new Map<string, Map<DrillVerdict, number>>()
  #timer: NodeJS.Timeout | undefined
  /** One key at a time, whoever asks. Never rejects. */
  #last: Promise<void> = Promise.resolve()
  #asked: Promise<void> | undefined
  #isClosed = false
  #queue: Uint8Array[] = []
  #keys = 0
  #rounds = 0
  #repairs = 0

  constructor(options: DrillScheduleOptions) {
    this.#options = options
  }

  /** The first key at once. */
  begin(): void {
    this.#next(0)
  }

  /** All keys, one after the other. Who asks while it is under way waits for the same. Never rejects. */
  drillNow(): Promise<void> {
    this.#asked ??= this.#drillAll().finally(() => {
      this.#asked = undefined
    })
    return this.#asked
  }

  /** The latest drill of every key. */
  results(): readonly DrilledKey[] {
    return [...this.#drilled.values()]
  }

  figures(): DrillFigures {
    return { verdicts: this.#verdicts, repairs: this.#repairs }
  }

  /** When what is under way is over. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#asked
    await this.#last
  }

  #next(ms: number): void {
    if (this.#isClosed) return
    this.#timer = setTimeout(() => {
      void this.#alone(() => this.#step()).finally(() => this.#next(this.#pauseMs()))
    }, ms)
    this.#timer.unref()
  }

  #pauseMs(): number {
    const { everyMs } = this.#options
    if (this.#keys === 0) return Math.min(EMPTY_MS, everyMs)
    const pauseMs = everyMs / this.#keys
    const isFirst = this.#rounds === 1 && this.#queue.length > 0
    return isFirst ? Math.min(FIRST_ROUND_MS, pauseMs) : pauseMs
  }

  #alone(act: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(act).catch((error: Error) => this.#options.onError(error.message))
    return this.#last
  }

  async #step(): Promise<void> {
    if (this.#queue.length === 0) {
      await this.#list()
      this.#rounds++
    }
    const keyId = this.#queue.shift()
    if (keyId !== undefined) await this.#drill(keyId)
  }

  async #drillAll(): Promise<void> {
    let keys: Uint8Array[] = []
    await this.#alone(async () => {
      await this.#list()
      keys = this.#queue.splice(0)
    })
    for (const keyId of keys) {
      if (!this.#isClosed) await this.#alone(() => this.#drill(keyId))
    }
  }

  async #list(): Promise<void> {
    const { ids: listed, silent } = await keysOf(this.#options.links)
    const ids = new Set(listed.map(toHex))
    // Keys that only they hold are not gone.
    if (mayHideKeys(silent)) for (const id of this.#drilled.keys()) ids.add(id)
    this.#queue = [...ids].sort().map(fromHex)
    // Slower than asked for when there are very many.
    this.#keys = Math.min(this.#queue.length, Math.ceil(this.#options.everyMs / PAUSE_MS_MIN))
    for (const id of this.#drilled.keys()) if (!ids.has(id)) this.#drilled.delete(id)
  }

  async #drill(keyId: Uint8Array): Promise<void> {
    const { driver, onError } = this.#options
    const shares = await drillKey(this.#options, keyId)
    // Nobody answers for it: what was found before still holds.
    if (shares.length === 0) return
    const faults = this.#keep(keyId, shares)
    // Who is away has lost nothing yet; a reshare needs it, too.
    if (driver === undefined || faults.every(({ fault }) => fault === 'away')) return
    try {
      await repair(driver, shares)
      this.#repairs++
      this.#keep(keyId, await drillKey(this.#options, keyId), faults)
    } catch (error) {
      onError((error as Error).message)
    }
  }

  /** @returns faults */
  #keep(
    keyId: Uint8Array,
    shares: readonly DrilledShare[],
    known: readonly DrillFinding[] = [],
  ): readonly DrillFinding[] {
    const id = toHex(keyId)
    const before = this.#drilled.get(id)?.faults ?? []
    const faults = shares.flatMap(({ node, fault }): DrillFinding[] =>
      fault === undefined ? [] : [{ keyId: id, node, fault }],
    )
    const holders = shares.map(({ node }) => node).sort()
    const repaired = known.filter(({ node }) => !faults.some((one) => one.node === node))
    this.#drilled.set(id, { keyId: id, at: this.#options.now(), holders, faults, repaired })
    for (const { node, fault = 'good' } of shares) {
      const counts = this.#verdicts.get(node) ?? new Map<DrillVerdict, number>()
      this.#verdicts.set(node, counts.set(fault, (counts.get(fault) ?? 0) + 1))
    }
    for (const one of faults) {
      const isKnown = before.some(({ node, fault }) => node === one.node && fault === one.fault)
      if (!isKnown) this.#options.onFinding(one)
    }
    for (const { node } of before) {
      const isGood = !faults.some((one) => one.node === node)
      if (isGood) this.#options.onFinding({ keyId: id, node, fault: undefined })
    }
    return faults
  }
}
