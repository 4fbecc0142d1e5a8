/**
 * Carries requests that workers have captured to the store and to whoever reads events: behind the requests' back, within bounds per
 * session, per day and in all. What is beyond them is counted by why, and its event is told all the same.
 *
 * @module
 */
import type { Log } from '../../../adapters/node/json-log.ts'
import type { LineOutput } from '../../../adapters/node/line-output.ts'
import type { Standing } from '../../../behavior/person/live-session.ts'
import type { Clock } from '../../../ground/clock.ts'
import type { Random } from '../../../ground/random.ts'
import { ulids } from '../../../ground/ulid.ts'
import type { DataPlane } from '../../../ports/data-plane.ts'
import type { Capture, CapturedRequest, CaptureStore } from '../../../ports/request-capture.ts'
import { eveAlert, eveHttp } from '../../../wire/eve-json.ts'
import { shownSession } from './shown-session.ts'

export interface CaptureFeedOptions {
  readonly plane: Pick<DataPlane, 'onBehavior'>
  readonly store: CaptureStore
  /** undefined: nobody reads events. */
  readonly eve: LineOutput | undefined
  readonly limits: {
    readonly sessionBytes: number
    readonly dayBytes: number
    readonly keepBytes: number
    readonly keepS: number
  }
  readonly people: {
    standing(session: string): Standing | undefined
    personOf(session: string): string | undefined
  }
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** `edge`: no room in a worker. `queue`: the store is too slow, or fails. */
export type CaptureLoss = 'edge' | 'session' | 'day' | 'queue'

export interface CaptureFigures {
  readonly kept: number
  readonly bytes: number
  /** Captures that are not on the disk yet. */
  readonly waiting: number
  /** Since start. */
  readonly dropped: Readonly<Record<CaptureLoss, number>>
  readonly eventsDropped: number
}

const WRITE_MS = 500
/** What is too old is looked for this often. */
const FORGET_MS = 60_000
const DAY_MS = 86_400_000
/** Waiting for the disk: as much as one worker holds. */
const WAITING_BYTES_MAX = 16 * 2 ** 20
/** Written at once. */
const BATCH_MAX = 100
/** Sessions whose octets are counted, and that had their alert; the oldest give way. */
const SESSIONS_MAX = 10_000
/** Beside a body. */
const ABOUT_BYTES = 512

export class CaptureFeed {
  readonly #options: CaptureFeedOptions
  readonly #nextId: (now: number) => string
  #waiting: Capture[] = []
  #waitingBytes = 0
  #writing: Promise<void> | undefined
  #hasFailed = false
  readonly #dropped: Record<CaptureLoss, number> = { edge: 0, session: 0, day: 0, queue: 0 }
  #day = 0
  #dayBytes = 0
  readonly #sessionBytes = new Map<string, number>()
  /** By session: why, as it was said. */
  readonly #alerted = new Map<string, string>()
  readonly #stop: () => void
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(options: CaptureFeedOptions) {
    this.#options = options
    this.#nextId = ulids(options.random)
    this.#stop = options.plane.onBehavior((met) => {
      for (const one of met) {
        if (one.kind !== 'captured') continue
        this.#dropped.edge += one.dropped
        for (const request of one.requests) this.#take(request)
      }
    })
    this.#timers = [
      setInterval(() => void this.#write(), WRITE_MS).unref(),
      setInterval(() => void this.#forget(), FORGET_MS).unref(),
    ]
    void this.#forget()
  }

  get(id: string): Capture | undefined {
    return this.#waiting.find((one) => one.id === id) ?? this.#options.store.get(id)
  }

  /** That are on the disk, the newest first. */
  list(options: { readonly limit: number; readonly before?: string }): readonly Capture[] {
    return this.#options.store.list(options)
  }

  /** All of a person, and of sessions that are known to be his. Rejects when the storage fails. */
  async erase(person: string, sessions: readonly string[]): Promise<number> {
    await this.#writing
    const before = this.#waiting.length
    this.#waiting = this.#waiting.filter(
      (one) => one.person !== person && !sessions.includes(one.session),
    )
    this.#waitingBytes = this.#waiting.reduce((sum, one) => sum + sizeOf(one), 0)
    return before - this.#waiting.length + (await this.#options.store.erase(person, sessions))
  }

  figures(): CaptureFigures {
    const { store, eve } = this.#options
    const { captures: kept, bytes } = store.standing()
    const waiting = this.#waiting.length
    return { kept, bytes, waiting, dropped: { ...this.#dropped }, eventsDropped: eve?.dropped ?? 0 }
  }

  /** Resolves when what was taken is on the disk, or cannot be. */
  async close(): Promise<void> {
    this.#stop()
    for (const timer of this.#timers) clearInterval(timer)
    await this.#writing
    await this.#write()
    await this.#options.eve?.close()
    await this.#options.store.close()
  }

  #take(request: CapturedRequest): void {
    const { people, clock } = this.#options
    const { session } = request
    const { score = 0, reasons = [] } = people.standing(session) ?? {}
    const codes = reasons.map(({ code }) => code)
    const person = people.personOf(session) ?? ''
    const id = this.#nextId(clock.now())
    const capture: Capture = { ...request, id, person, score, reasons: codes }
    this.#tell(capture)
    const bytes = sizeOf(request)
    const loss = this.#lossOf(session, bytes)
    if (loss !== undefined) {
      this.#dropped[loss]++
      return
    }
    this.#waiting.push(capture)
    this.#waitingBytes += bytes
  }

  #tell(capture: Capture): void {
    const { eve } = this.#options
    if (eve === undefined) return
    const { session, reasons } = capture
    const verdict = { ...capture, tier: 3, session: shownSession(session) }
    const why = reasons.toSorted().join(' ')
    if (this.#alerted.get(session) !== why) {
      put(this.#alerted, session, why)
      eve.write(eveAlert(capture, verdict))
    }
    eve.write(eveHttp(capture, verdict))
  }

  /** Counts it where it has room. */
  #lossOf(session: string, bytes: number): CaptureLoss | undefined {
    const { limits, clock } = this.#options
    const day = Math.floor(clock.now() / DAY_MS)
    if (day !== this.#day) {
      this.#day = day
      this.#dayBytes = 0
      this.#sessionBytes.clear()
    }
    const ofSession = (this.#sessionBytes.get(session) ?? 0) + bytes
    if (ofSession > limits.sessionBytes) return 'session'
    if (this.#dayBytes + bytes > limits.dayBytes) return 'day'
    if (this.#waitingBytes + bytes > WAITING_BYTES_MAX) return 'queue'
    this.#dayBytes += bytes
    put(this.#sessionBytes, session, ofSession)
    return undefined
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined
    })
    return this.#writing
  }

  /** What cannot be written waits. */
  async #writeAll(): Promise<void> {
    const { store, log } = this.#options
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH_MAX)
      try {
        await store.add(batch)
        this.#hasFailed = false
      } catch (error) {
        if (!this.#hasFailed) log.error({ err: error }, 'Cannot store captured requests')
        this.#hasFailed = true
        return
      }
      this.#waiting.splice(0, batch.length)
      this.#waitingBytes -= batch.reduce((sum, one) => sum + sizeOf(one), 0)
    }
  }

  async #forget(): Promise<void> {
    const { store, limits, clock, log } = this.#options
    try {
      await store.forget(clock.now() - limits.keepS * 1000, limits.keepBytes)
    } catch (error) {
      log.error({ err: error }, 'Cannot forget captured requests')
    }
  }
}

function sizeOf({ body, fields, target }: CapturedRequest): number {
  const characters = fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0)
  return ABOUT_BYTES + target.length + characters + body.length
}

function put<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  if (map.size >= SESSIONS_MAX) map.delete(map.keys().next().value ?? '')
  map.set(key, value)
}
