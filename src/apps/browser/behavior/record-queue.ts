/**
 * Records that wait for the next batch, of bounded size: the oldest make room, and are counted.
 *
 * @module
 */
import {
  BEHAVIOR_BYTES_MAX,
  type BehaviorContext,
  type BehaviorRecord,
  type MarkRecord,
  type MissingMark,
} from '../../../wire/behavior-batch.ts'
import { writeBehaviorBody } from '../../../wire/behavior-batch-writer.ts'

/** No record but for its steps, and no step, is longer on the wire. */
const RECORD_BYTES = 24
const STEP_BYTES = 6
/** What is before the body, and before its records; and two records that count. */
const HEAD_BYTES = 128 + 2 * RECORD_BYTES
/** The same missing thing again within so long says nothing new. */
const SAME_MARK_MS = 2000

export class RecordQueue {
  #records: BehaviorRecord[] = []
  #bytes = 0
  #dropped = 0
  #synthetic = 0
  /** By mark and field: when it was last told. */
  readonly #marked = new Map<string, number>()

  get isEmpty(): boolean {
    return this.#records.length + this.#synthetic === 0
  }

  add(record: BehaviorRecord): void {
    this.#records.push(record)
    this.#bytes += bytesOf(record)
    while (this.#bytes > BEHAVIOR_BYTES_MAX - HEAD_BYTES) {
      const gone = this.#records.shift()
      if (gone === undefined) return
      this.#bytes -= bytesOf(gone)
      this.#dropped++
    }
  }

  mark(mark: MissingMark, atMs: number, field = 0, amount = 0): void {
    const key = `${mark} ${field}`
    const at = whole(atMs)
    if (amount === 0 && at - (this.#marked.get(key) ?? -SAME_MARK_MS) < SAME_MARK_MS) return
    this.#marked.set(key, at)
    this.add({ kind: 'mark', atMs: at, mark, field, amount })
  }

  /** An event that a script made. */
  synthetic(): void {
    this.#synthetic++
  }

  /**
   * The body of a batch of all there is; undefined: there is nothing. The queue is empty after it.
   *
   * @param withFields false: which field it was is not told
   */
  take(
    nowMs: number,
    context: BehaviorContext,
    place: number,
    withFields: boolean,
  ): Uint8Array<ArrayBuffer> | undefined {
    if (this.isEmpty) return undefined
    const now = whole(nowMs)
    const counted = [
      ...counts('synthetic', now, this.#synthetic),
      ...counts('dropped', now, this.#dropped),
    ]
    const sorted = [...this.#records, ...counted].sort((a, b) => a.atMs - b.atMs)
    const records = withFields ? sorted : sorted.map(withoutField)
    this.clear()
    const fromMs = records[0]?.atMs ?? now
    const untilMs = Math.max(now, records.at(-1)?.atMs ?? now)
    return writeBehaviorBody({ fromMs, lastedMs: untilMs - fromMs, context, place, records })
  }

  clear(): void {
    this.#records = []
    this.#bytes = 0
    this.#dropped = 0
    this.#synthetic = 0
    this.#marked.clear()
  }
}

/** A script can make events without end. */
const COUNT_MAX = 1e6

function counts(mark: MissingMark, atMs: number, amount: number): MarkRecord[] {
  if (amount === 0) return []
  return [{ kind: 'mark', atMs, mark, field: 0, amount: Math.min(amount, COUNT_MAX) }]
}

function withoutField(record: BehaviorRecord): BehaviorRecord {
  return 'field' in record ? { ...record, field: 0 } : record
}

function bytesOf(record: BehaviorRecord): number {
  return RECORD_BYTES + ('steps' in record ? STEP_BYTES * record.steps.length : 0)
}

/** A time as it is told. */
export function whole(ms: number): number {
  return Math.max(0, Math.round(ms))
}
