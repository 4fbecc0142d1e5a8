/**
 * How often keys were used, minute by minute, in a file, so that a restart forgets nothing: a line of JSON a minute, added when it is over. Figures by
 * ids of keys, no secret. A minute without a line is one that nobody counted in, which is not the same as one without use.
 *
 * @module
 */
import { appendFileSync } from 'node:fs'
import { z } from 'zod'
import { readPrivateFile, writePrivateFile } from '../../adapters/node/private-file.ts'
import { FORECASTER_DEFAULTS } from '../../forecast/forecaster.ts'
import { DEMANDED, type Demanded } from './operation-costs.ts'

export interface KeyUses {
  /** Hex. */
  readonly key: string
  readonly operation: Demanded
  readonly count: number
}

export interface UsedMinute {
  /** When it ended, seconds since 1970. */
  readonly endS: number
  readonly uses: readonly KeyUses[]
}

/** Three weeks of one key are 2.9 MiB; of two hundred that are used every minute half a day at least, read in three seconds (2026-11-22, a busy machine). */
const BYTES_MAX = 16 << 20
const KEPT_S = FORECASTER_DEFAULTS.historySteps * FORECASTER_DEFAULTS.stepS
/** A clock that was set back. */
const AHEAD_S_MAX = 60

const schema = z.strictObject({
  endS: z
    .int()
    .min(0)
    .max(2 ** 40),
  uses: z.record(
    z.string().regex(/^[0-9a-f]{32}$/),
    z.partialRecord(z.enum(DEMANDED), z.int().min(1).max(1e9)),
  ),
})

export class DemandHistory {
  readonly #path: string
  readonly #bytesMax: number
  #bytes = 0

  /** @param bytesMax less in tests */
  constructor(path: string, bytesMax = BYTES_MAX) {
    this.#path = path
    this.#bytesMax = bytesMax
  }

  /** The minutes of the last three weeks, in order. What is too old, torn or strange is left out, of the file too. */
  read(nowS: number): UsedMinute[] {
    const minutes: UsedMinute[] = []
    let before = nowS - KEPT_S
    for (const line of this.#lines()) {
      const minute = parseMinute(line)
      if (minute === undefined || minute.endS < before || minute.endS > nowS + AHEAD_S_MAX) continue
      before = minute.endS
      minutes.push(minute)
    }
    this.#write(minutes.map(writeMinute))
    return minutes
  }

  append(minute: UsedMinute): void {
    const line = `${writeMinute(minute)}\n`
    if (this.#bytes + line.length > this.#bytesMax) this.#write(newestHalf(this.#lines()))
    appendFileSync(this.#path, line, { mode: 0o600 })
    this.#bytes += line.length
  }

  #lines(): string[] {
    const text = readPrivateFile(this.#path)?.toString('latin1') ?? ''
    return text.slice(-this.#bytesMax).split('\n')
  }

  #write(lines: readonly string[]): void {
    const text = lines.map((line) => `${line}\n`).join('')
    writePrivateFile(this.#path, text)
    this.#bytes = text.length
  }
}

/** undefined for what is no such line. Never throws. */
export function parseMinute(line: string): UsedMinute | undefined {
  let read: ReturnType<typeof schema.safeParse>
  try {
    read = schema.safeParse(JSON.parse(line))
  } catch {
    return undefined
  }
  if (!read.success) return undefined
  const uses = Object.entries(read.data.uses).flatMap(([key, counts]) =>
    DEMANDED.flatMap((operation): KeyUses[] => {
      const count = counts[operation]
      return count === undefined ? [] : [{ key, operation, count }]
    }),
  )
  return { endS: read.data.endS, uses }
}

export function writeMinute({ endS, uses }: UsedMinute): string {
  const byKey = new Map<string, Record<string, number>>()
  for (const { key, operation, count } of uses) {
    byKey.set(key, { ...byKey.get(key), [operation]: count })
  }
  return JSON.stringify({ endS, uses: Object.fromEntries(byKey) })
}

/** By their length. */
function newestHalf(lines: readonly string[]): readonly string[] {
  const half = lines.reduce((sum, line) => sum + line.length + 1, 0) / 2
  let bytes = 0
  const from = lines.findLastIndex((line) => {
    bytes += line.length + 1
    return bytes > half
  })
  return lines.slice(from + 1).filter((line) => line !== '')
}
