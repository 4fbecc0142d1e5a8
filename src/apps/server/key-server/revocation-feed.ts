/**
 * The feed of revocations as the key server keeps it (LSK/1 section 1.10): numbered without gaps, remembered for the
 * life of a ticket, on the disk before anybody is told, so that a restart revives no session and no generation.
 *
 * The file holds a line per entry but checkpoints: base64 of the sealed JSON. After the life of an entry it becomes the file
 * before, and a new one is begun: both together hold what matters. A revocation is on the disk when it is answered;
 * superseded generations come in streams, and are with the operating system by then, on the disk at the next checkpoint.
 *
 * @module
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs'
import { readPrivateFile, writePrivateFile } from '../../../adapters/node/private-file.ts'
import { LimenError } from '../../../ground/limen-error.ts'
import { FeedLog } from '../../../keys/session/feed-log.ts'
import {
  type FeedEntry,
  type NumberedEntry,
  Revocations,
} from '../../../keys/session/revocations.ts'
import type { RecordSeal } from '../../../ports/record-seal.ts'

export interface RevocationFeed {
  /** What the key server itself goes by. */
  readonly revocations: Revocations
  /** Keeps an entry, then tells. @throws LimenError `feed-full`, `feed-unwritable`: nothing is revoked then */
  append(
    entry: Exclude<FeedEntry, { readonly kind: 'checkpoint' | 'supersede' }>,
    now: number,
  ): NumberedEntry
  /** Tells, and remembers as long as it matters. When there are too many the oldest are forgotten. */
  supersede(entry: FeedEntry & { readonly kind: 'supersede' }, now: number): NumberedEntry
  /** Says that nothing is missing. */
  checkpoint(now: number): NumberedEntry
  /** What came after `seq` and still matters: all of it when that is no number of this start. */
  since(seq: number): readonly NumberedEntry[]
  /** Is it a number of this start, so that {@link since} goes on from it? */
  follows(seq: number): boolean
  readonly size: number
}

export interface RevocationFeedOptions {
  readonly path: string
  readonly seal: RecordSeal
  /** Entries are remembered this long, in seconds: the life of a ticket. */
  readonly keepS: number
  /** Told of each entry. */
  onEntry(entry: NumberedEntry): void
  /** A superseded generation is told, but would be forgotten by a restart. */
  onUnkept(error: unknown): void
}

/** About 30 MB; that many people are not logged out one by one: revoke their group. */
const ENTRIES_MAX = 100_000
/** Rotations of the last five minutes, of 200 000 sessions at the default of one in ten. */
export const SUPERSEDED_MAX = 100_000
const SEAL_NAME = 'session-feed'
const BEFORE = '.before'
/** More than are remembered: numbers of two starts, a second apart at least, never meet. */
const PER_SECOND = 2 ** 20

/** @param now seconds since 1970 */
export function openRevocationFeed(options: RevocationFeedOptions, now: number): RevocationFeed {
  const { path, seal, keepS } = options
  const revocations = new Revocations()
  // Of each start anew, above all of the starts before.
  const begin = Math.floor(now) * PER_SECOND
  const log = new FeedLog({ begin, keepS, supersededMax: SUPERSEDED_MAX })
  const take = (entry: FeedEntry, at: number): NumberedEntry => {
    const numbered = log.add(entry, at)
    revocations.take(numbered, at)
    return numbered
  }
  const lineOf = (entry: FeedEntry, at: number): string => {
    const plain = Buffer.from(JSON.stringify({ entry, at }))
    return `${Buffer.from(seal.seal(SEAL_NAME, plain)).toString('base64')}\n`
  }
  const before = `${path}${BEFORE}`
  const lately = [before, path]
    .flatMap((file) => readLines(file, seal))
    .filter(({ at }) => at + keepS >= now)
  for (const { entry, at } of lately) take(entry, at)
  writePrivateFile(before, lately.map(({ entry, at }) => lineOf(entry, at)).join(''))
  writePrivateFile(path, '')
  take({ kind: 'checkpoint' }, now)
  let begunAt = now
  let isUnsynced = false
  /** What the file before holds is over. */
  const turn = (at: number): void => {
    if (at - begunAt <= keepS) return
    if (existsSync(path)) renameSync(path, before)
    begunAt = at
  }

  const tell = (numbered: NumberedEntry): NumberedEntry => {
    options.onEntry(numbered)
    return numbered
  }
  return {
    revocations,
    get size() {
      return log.size
    },
    follows: (after) => log.follows(after),
    since: (after) => log.since(after),
    append(entry, at) {
      if (log.revocations >= ENTRIES_MAX) log.forget(at)
      if (log.revocations >= ENTRIES_MAX) {
        const text = 'Too many revocations of late: revoke a key group instead'
        throw new LimenError('feed-full', text, { side: 'operator', retry: true })
      }
      appendLine(path, lineOf(entry, at), true)
      return tell(take(entry, at))
    },
    supersede(entry, at) {
      try {
        appendLine(path, lineOf(entry, at), false)
        isUnsynced = true
      } catch (error) {
        options.onUnkept(error)
      }
      return tell(take(entry, at))
    },
    checkpoint(at) {
      try {
        if (isUnsynced) appendLine(path, '', true)
        isUnsynced = false
        turn(at)
      } catch (error) {
        options.onUnkept(error)
      }
      const numbered = take({ kind: 'checkpoint' }, at)
      log.forget(at)
      return tell(numbered)
    },
  }
}

/** @param toDisk wait until the disk has it, and all before it */
function appendLine(path: string, line: string, toDisk: boolean): void {
  try {
    const file = openSync(path, 'a', 0o600)
    try {
      writeSync(file, line)
      if (toDisk) fsyncSync(file)
    } finally {
      closeSync(file)
    }
  } catch (error) {
    const details = { side: 'operator', retry: true, cause: error } as const
    throw new LimenError('feed-unwritable', `Cannot write ${path}`, details)
  }
}

/** Lines that cannot be opened (torn by a crash, another `record.key`) are left out. */
function readLines(path: string, seal: RecordSeal): { entry: FeedEntry; at: number }[] {
  const text = readPrivateFile(path)?.toString('latin1') ?? ''
  return text.split('\n').flatMap((line) => {
    const plain = line === '' ? undefined : seal.open(SEAL_NAME, Buffer.from(line, 'base64'))
    return plain === undefined ? [] : [JSON.parse(Buffer.from(plain).toString())]
  })
}
