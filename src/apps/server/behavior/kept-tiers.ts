/**
 * What is remembered of tiers (`tier-memory.ts`) and of how scores went (`score-timeline.ts`), in a file that a restart finds again: sealed
 * under the record key, bounded, written whole or not at all. Tiers are of sessions, and sessions are of this edge: so it is a file of its own, in
 * Redis too.
 *
 * @module
 */
import { readFileSync, statSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import type { RecordSeal } from '../../../ports/record-seal.ts'
import type { KeptTimeline } from './score-timeline.ts'
import type { KeptTier } from './tier-memory.ts'

export interface RememberedTiers {
  readonly tiers: readonly KeptTier[]
  readonly timelines: readonly KeptTimeline[]
}

export interface TierFile {
  /** Nothing where there is no file, or none that can be opened. */
  read(): RememberedTiers
  /** Would survive the machine when it resolves. Rejects when it cannot be written. */
  write(remembered: RememberedTiers): Promise<void>
}

/** The newest: some 3 MB. */
export const KEPT_TIERS_MAX = 20_000
/** As many as are at hand, some 30 kB each at most (`score-timeline.ts`). */
export const KEPT_TIMELINES_MAX = 500
/** Three times what these are. */
const BYTES_MAX = 64 * 2 ** 20
const NAME = 'tiers'
const OWNER_ONLY = 0o600
const CHARS_MAX = 200
const REASONS_MAX = 16
const POINTS_MAX = 50

const text = z.string().max(CHARS_MAX)
const at = z.int().min(0)
const tier = z.union([z.literal(1), z.literal(2), z.literal(3)])
const point = {
  ...{ at, session: text, tier, score: z.number() },
  reasons: z.array(text).max(REASONS_MAX),
}
const keptTiers = z.strictObject({
  format: z.literal(1),
  tiers: z
    .array(
      z.strictObject({
        ...{ session: text, person: text, anchor: text, tier, until: at },
        origin: z.enum(['inherited', 'left']).exactOptional(),
      }),
    )
    .max(KEPT_TIERS_MAX),
  timelines: z
    .array(
      z.strictObject({
        person: text,
        points: z.array(z.strictObject(point)).max(POINTS_MAX),
        turns: z
          .array(
            z.strictObject({
              ...{ ...point, decision: text, before: tier },
              said: z.enum(['honest', 'attack', '']),
            }),
          )
          .max(POINTS_MAX),
      }),
    )
    .max(KEPT_TIMELINES_MAX),
})

/** @param onUnreadable there is a file, and it cannot be opened, or says nothing that makes sense */
export function openTierFile(path: string, seal: RecordSeal, onUnreadable: () => void): TierFile {
  return {
    read() {
      const bytes = bytesOf(path)
      if (bytes === 'none') return NOTHING
      const plain = bytes && seal.open(NAME, bytes)
      const read = plain && readRemembered(Buffer.from(plain).toString())
      if (read === undefined) onUnreadable()
      return read ?? NOTHING
    },
    async write({ tiers, timelines }) {
      const whole = { format: 1, tiers: tiers.slice(-KEPT_TIERS_MAX), timelines }
      const sealed = seal.seal(NAME, Buffer.from(JSON.stringify(whole)))
      const beside = `${path}.new`
      const file = await open(beside, 'w', OWNER_ONLY)
      try {
        await file.writeFile(sealed)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, path)
      // Else a power cut could bring back the file before, with somebody in it who was erased.
      const folder = await open(dirname(path))
      await folder.sync().finally(() => folder.close())
    },
  }
}

const NOTHING: RememberedTiers = { tiers: [], timelines: [] }

/** undefined when the text is nothing that was written here. Never throws. */
export function readRemembered(json: string): RememberedTiers | undefined {
  try {
    const read = keptTiers.safeParse(JSON.parse(json))
    return read.success ? { tiers: read.data.tiers, timelines: read.data.timelines } : undefined
  } catch {
    return undefined
  }
}

/** undefined: it cannot be read, or is longer than any that is written. */
function bytesOf(path: string): Uint8Array | 'none' | undefined {
  try {
    return statSync(path).size > BYTES_MAX ? undefined : readFileSync(path)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'none' : undefined
  }
}
